"""Choose the stimuli in the user's own folder, pack them, and preprocess them like training images."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np

    from manyseeds.data.image_folder import Remarks, Scaling, read_images
    from manyseeds.data.preprocessing import load_preprocessing, write_inputs
    from manyseeds.data.stimuli import stimuli_from_folder
    from manyseeds.io.files import write_parquet
    from manyseeds.io.npy import write_npy
    from manyseeds.representations import memory

    source, output, remarks = snakemake.params.stimuli, snakemake.output, Remarks()
    stimuli, paths = stimuli_from_folder(Path(source["root"]), source["per_category"], source["categories"], remarks)
    if note := memory.note(len(stimuli), snakemake.resources.n_networks):
        report.aloud(note)
    preprocessing = load_preprocessing(snakemake.input.preprocessing)
    size, _, channels = preprocessing.image_shape
    images = Path(output.images)
    squares = read_images(paths, size, channels, remarks, Scaling(**snakemake.params.scaling))
    write_npy(images, squares, (len(paths), size, size, channels), np.uint8)
    write_inputs(preprocessing, np.load(images, mmap_mode="r"), Path(output.inputs))
    write_parquet(stimuli, output.stimuli)
    for remark in remarks.sentences():
        report.aloud(remark)
