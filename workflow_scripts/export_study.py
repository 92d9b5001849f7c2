"""Write the study that trained the exported networks, for the users who analyse them."""

from _job import job

with job(snakemake):
    import yaml

    from manyseeds.io.files import atomic_path

    with atomic_path(snakemake.output.study) as path:
        path.write_text(yaml.safe_dump(snakemake.params.config, sort_keys=False, default_flow_style=None, width=120))
