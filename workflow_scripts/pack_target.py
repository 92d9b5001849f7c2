"""Pack the images of a folder that networks learn, scaled and preprocessed like those of the study."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np

    from manyseeds.data.dataset import write_dataset
    from manyseeds.data.image_folder import Scaling, load_image_folder
    from manyseeds.data.preprocessing import load_preprocessing, write_inputs

    params, output = snakemake.params, {name: Path(path) for name, path in snakemake.output.items()}
    preprocessing = load_preprocessing(snakemake.input.preprocessing)
    size, _, channels = preprocessing.image_shape
    dataset = load_image_folder(
        Path(params.target["root"]),
        size,
        Scaling(**params.scaling),
        channels=channels,
        key="Config key transfer.target.root",
    )
    inputs = {name: output.pop(name) for name in ("train_inputs", "test_inputs") if name in output}
    write_dataset(dataset, **output)
    for name, path in inputs.items():
        write_inputs(preprocessing, np.load(output[name.replace("inputs", "images")], mmap_mode="r"), path)
    for note in dataset.notes:
        report(note)
    for remark in dataset.remarks():
        report.aloud(remark)
