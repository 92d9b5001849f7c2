# The user's networks, in place of training.


rule import_network:
    input:
        checkpoint=lambda wildcards: str(STUDY.own_checkpoints[instance_of(wildcards)]),
        card=f"{R}/dataset/card.json",
    output:
        weights=f"{R}/networks/{{architecture}}/{{condition}}/seed{{seed}}/epoch0.safetensors",
    log:
        f"{R}/logs/import_network/{{architecture}}/{{condition}}/seed{{seed}}.log",
    # All networks are checked before anything is computed.
    priority: 10
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        network=network_of,
        code=code_with_network("import_network"),
    message:
        "Checking the weights of {wildcards.architecture}, {wildcards.condition}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/import_network.py"
