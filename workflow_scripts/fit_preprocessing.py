"""Fit the preprocessing to the training images, or write a fixed one."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np

    from manyseeds.data.preprocessing import fit_preprocessing, save_preprocessing

    train_images = np.load(snakemake.input.train_images, mmap_mode="r")
    chosen, stated = snakemake.params.chosen, snakemake.params.stated
    if stated is not None:
        from manyseeds.models.timm_preprocessing import agreed, difference  # loads torch

        chosen = agreed(stated["networks"])
        if note := difference(chosen, stated):
            report.aloud(note)
    report(f"{chosen}, {len(train_images):,} training images")
    save_preprocessing(fit_preprocessing(chosen, train_images), Path(snakemake.output.preprocessing))
