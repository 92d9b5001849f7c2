"""From images at their source to what networks are trained on and probed with."""


rule build_dataset:
    output:
        train_images=f"{R}/dataset/train_images.npy",
        train_labels=f"{R}/dataset/train_labels.npy",
        test_images=f"{R}/dataset/test_images.npy",
        test_labels=f"{R}/dataset/test_labels.npy",
        index=f"{R}/dataset/index.parquet",
        card=f"{R}/dataset/card.json",
    log:
        f"{R}/logs/build_dataset.log",
    benchmark:
        f"{R}/benchmarks/build_dataset.tsv"
    localrule: True
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=720,
        # Not in params, because a permission to download changes no image.
        download=int(STUDY.config["data"]["download"]),
    params:
        data=cfg("data.dataset", "data.root", "data.image_size", "data.resize", "data.interpolation")["data"],
        held_out=held_out_per_category(),
        needs_training=STUDY.needs_training_images,
        code=code_of("build_dataset"),
    message:
        "Packing the images of {params.data[dataset]}"
    script:
        "../workflow_scripts/build_dataset.py"


rule fit_preprocessing:
    input:
        train_images=rules.build_dataset.output.train_images,
    output:
        preprocessing=f"{R}/dataset/preprocessing.safetensors",
    log:
        f"{R}/logs/fit_preprocessing.log",
    benchmark:
        f"{R}/benchmarks/fit_preprocessing.tsv"
    conda:
        "../envs/manyseeds.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        chosen=STUDY.config["data"]["preprocessing"],
        # What the networks of timm state is compared with how images are scaled.
        stated=stated_by_timm(),
        code=code_of("fit_preprocessing"),
    message:
        "Fitting the preprocessing to the training images" if STUDY.fits_preprocessing else "Writing the preprocessing"
    script:
        "../workflow_scripts/fit_preprocessing.py"


if STUDY.stores_inputs:

    rule preprocess:
        input:
            preprocessing=rules.fit_preprocessing.output.preprocessing,
            train_images=rules.build_dataset.output.train_images,
            test_images=rules.build_dataset.output.test_images,
        output:
            train_inputs=f"{R}/dataset/train_inputs.npy",
            test_inputs=f"{R}/dataset/test_inputs.npy",
        log:
            f"{R}/logs/preprocess.log",
        benchmark:
            f"{R}/benchmarks/preprocess.tsv"
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=120,
        params:
            code=code_of("preprocess"),
        message:
            "Preprocessing the images"
        script:
            "../workflow_scripts/preprocess.py"


if STUDY.config["stimuli"]["root"] is None:

    rule select_stimuli:
        input:
            index=rules.build_dataset.output.index,
            card=rules.build_dataset.output.card,
            test_images=rules.build_dataset.output.test_images,
            test_inputs=inputs_of("test"),
            preprocessing=rules.fit_preprocessing.output.preprocessing,
        output:
            stimuli=f"{R}/stimuli/stimuli.parquet",
            images=f"{R}/stimuli/images.npy",
            inputs=f"{R}/stimuli/inputs.npy",
        log:
            f"{R}/logs/select_stimuli.log",
        localrule: True
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
            # Not in params, because more networks change no stimulus.
            n_networks=largest_group(),
        params:
            per_category=STUDY.config["stimuli"]["per_category"],
            code=code_of("select_stimuli"),
        message:
            "Selecting {params.per_category} stimuli of each category"
        script:
            "../workflow_scripts/select_stimuli.py"

else:

    rule select_own_stimuli:
        input:
            preprocessing=rules.fit_preprocessing.output.preprocessing,
        output:
            stimuli=f"{R}/stimuli/stimuli.parquet",
            images=f"{R}/stimuli/images.npy",
            inputs=f"{R}/stimuli/inputs.npy",
        log:
            f"{R}/logs/select_own_stimuli.log",
        localrule: True
        conda:
            "../envs/manyseeds.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=30,
            # Not in params, because more networks change no stimulus.
            n_networks=largest_group(),
        params:
            stimuli=STUDY.config["stimuli"],
            scaling=cfg("data.resize", "data.interpolation")["data"],
            code=code_of("select_own_stimuli"),
        message:
            "Selecting {params.stimuli[per_category]} stimuli of each category in {params.stimuli[root]}"
        script:
            "../workflow_scripts/select_own_stimuli.py"
