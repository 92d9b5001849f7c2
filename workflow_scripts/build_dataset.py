"""Check the study's images at their source and pack them."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    from manyseeds.data.dataset import write_dataset
    from manyseeds.data.image_folder import Scaling
    from manyseeds.data.sources import load_dataset

    data = snakemake.params.data
    dataset = load_dataset(
        data["dataset"],
        root=Path(data["root"]),
        download=bool(snakemake.resources.download),
        image_size=data["image_size"],
        held_out=snakemake.params.held_out,
        scaling=Scaling(data["resize"], data["interpolation"]),
        needs_training=snakemake.params.needs_training,
        report=report,
    )
    write_dataset(dataset, **{name: Path(path) for name, path in snakemake.output.items()})
    for note in dataset.notes:
        report(note)
    for remark in dataset.remarks():
        report.aloud(remark)
