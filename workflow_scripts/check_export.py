"""Compare the study's images with those that exported networks were trained on and probed with."""

from pathlib import Path

from job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds import exports
    from manyseeds.datasets import read_card

    source = snakemake.input
    images, labels = (np.load(path, mmap_mode="r") for path in (source.train_images, source.train_labels))
    found = exports.about_data(read_card(source.card), images, labels)
    exports.check_data(found, exports.read_about(Path(source.about)), Path(source.about))
    if snakemake.params.followed:
        recorded = exports.read_stimuli(Path(source.recorded))
        stimuli = exports.with_pixels(pd.read_parquet(source.stimuli), np.load(source.images, mmap_mode="r"))
        places = exports.places(recorded, stimuli)
        n_others = (recorded["sha256"].to_numpy()[places] != stimuli["sha256"].to_numpy()).sum()
        report(f"{n_others} of {len(stimuli)} stimuli have other pixels than when activations were recorded")
