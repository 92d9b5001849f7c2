"""Measure the geometry of one instance's recorded layers at all analysed epochs, and write kept RDMs."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.io import parts, tables
    from manyseeds.representations import geometry, geometry_files, rdm_files

    folder, epochs, rdms = Path(snakemake.input.folder), snakemake.params.epochs, snakemake.output.rdms
    is_collapsed = tables.is_collapsed([pd.read_parquet(path) for path in snakemake.input.attempts])
    indices = {epoch: pd.read_parquet(folder / f"epoch{epoch}" / "index.parquet") for epoch in epochs}
    # A layer's place is that among all layers, and earlier epochs record only some.
    places = {layer: place for place, layer in enumerate(indices[epochs[-1]].sort_values("layer_index")["layer"])}
    for number, (epoch, path) in enumerate(zip(epochs, snakemake.output.geometries, strict=True)):
        geometries = {}
        for layer in sorted(indices[epoch]["layer"], key=places.__getitem__):
            file = folder / f"epoch{epoch}" / f"{layer}.npy"
            array = np.load(file, mmap_mode="r")
            geometries[layer] = geometry.measure_geometry(array, name=str(file), is_collapsed=is_collapsed)
            report(f"epoch {epoch}, {layer}: {geometries[layer].n_units} units")
        geometry_files.save_geometries(path, geometries, places)
        of_epoch = parts.part_of(rdms, number, len(epochs))
        rdm_files.save_rdms(of_epoch, geometries, snakemake.params.measures, str(folder / f"epoch{epoch}"))
