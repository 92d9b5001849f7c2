"""Compare the study's images with those that exported networks were trained on and probed with."""

import sys
from pathlib import Path

from job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds import exports
    from manyseeds.datasets import read_card

    source, params = snakemake.input, snakemake.params
    images, labels = (np.load(path, mmap_mode="r") for path in (source.train_images, source.train_labels))
    found = exports.about_data(read_card(source.card), images, labels)
    about, recorded = exports.read_about(Path(source.about)), exports.read_stimuli(Path(source.recorded))
    exports.check_data(found, about, Path(source.about))
    exports.check_images(exports.about_images(about, recorded), params.cards, followed=params.followed)
    stimuli = exports.with_pixels(pd.read_parquet(source.stimuli), np.load(source.images, mmap_mode="r"))
    if params.followed:
        exports.places(recorded, stimuli)
    if note := exports.about_pixels(recorded, stimuli):
        report(note)
        print(f"\nNote: {note}\n", file=sys.__stderr__, flush=True)
