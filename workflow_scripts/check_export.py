"""Compare the study's images with the images that trained and probed exported networks."""

import sys
from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.data.dataset import read_dataset_card
    from manyseeds.exchange import export

    source, params = snakemake.input, snakemake.params
    images, labels = (np.load(path, mmap_mode="r") for path in (source.train_images, source.train_labels))
    found = export.about_data(read_dataset_card(source.card), images, labels)
    about, recorded = export.read_about(Path(source.about)), export.read_recorded_stimuli(Path(source.recorded))
    export.check_data(found, about, Path(source.about))
    export.check_images(export.about_images(about, recorded), params.cards, followed=params.followed)
    stimuli = export.with_pixels(pd.read_parquet(source.stimuli), np.load(source.images, mmap_mode="r"))
    if params.followed:
        export.places(recorded, stimuli)
    if note := export.about_pixels(recorded, stimuli):
        report(note)
        print(f"\nNote: {note}\n", file=sys.__stderr__, flush=True)
