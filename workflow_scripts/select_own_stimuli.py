"""Choose the stimuli in a folder of one's own, pack them and preprocess them as the training images were."""

from pathlib import Path

from job import job

with job(snakemake):
    import numpy as np

    from manyseeds.datasets import read_images
    from manyseeds.files import write_parquet
    from manyseeds.packing import write_npy
    from manyseeds.preprocessing import load_preprocessing, write_inputs
    from manyseeds.stimuli import stimuli_from_folder

    source, output = snakemake.params.stimuli, snakemake.output
    stimuli, paths = stimuli_from_folder(Path(source["root"]), source["per_category"], source["categories"])
    preprocessing = load_preprocessing(snakemake.input.preprocessing)
    size, _, channels = preprocessing.image_shape
    images = Path(output.images)
    write_npy(images, read_images(paths, size, channels), (len(paths), size, size, channels), np.uint8)
    write_inputs(preprocessing, np.load(images, mmap_mode="r"), Path(output.inputs))
    write_parquet(stimuli, output.stimuli)
