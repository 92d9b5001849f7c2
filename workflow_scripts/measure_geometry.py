"""Measure the geometry of one instance's recorded layers at all analysed epochs, and write kept RDMs.

The RDMs are raw and cocktail-blank, layers x pairs, float32.
"""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.io.files import atomic_path
    from manyseeds.representations import geometry, geometry_files, measures

    folder, epochs = Path(snakemake.input.folder), snakemake.params.epochs
    is_collapsed = tables.is_collapsed([pd.read_parquet(path) for path in snakemake.input.attempts])
    indices = {epoch: pd.read_parquet(folder / f"epoch{epoch}" / "index.parquet") for epoch in epochs}
    # A layer's place is that among all layers, and earlier epochs record only some.
    places = {layer: place for place, layer in enumerate(indices[epochs[-1]].sort_values("layer_index")["layer"])}
    rdm_files = iter(snakemake.output.rdms)
    for epoch, path in zip(epochs, snakemake.output.geometries, strict=True):
        geometries = {}
        for layer in sorted(indices[epoch]["layer"], key=places.__getitem__):
            file = folder / f"epoch{epoch}" / f"{layer}.npy"
            array = np.load(file, mmap_mode="r")
            geometries[layer] = geometry.measure_geometry(array, name=str(file), is_collapsed=is_collapsed)
            report(f"epoch {epoch}, {layer}: {geometries[layer].n_units} units")
        geometry_files.save_geometries(path, geometries, places)
        for normalise in geometry.NORMALISATIONS.values():
            normalised = [normalise(raw) for raw in geometries.values()]
            for measure in snakemake.params.measures:
                rdms = np.stack([measures.rdm(layer, measure) for layer in normalised])
                with atomic_path(next(rdm_files)) as file:
                    np.save(file, rdms.astype(np.float32))
