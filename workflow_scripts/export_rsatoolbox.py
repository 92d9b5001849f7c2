"""Write the RDMs of a group's accepted networks, at all analysed epochs, as files of rsatoolbox."""

from itertools import product
from pathlib import Path

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.exchange import rsatoolbox_files
    from manyseeds.io import tables
    from manyseeds.representations import geometry_files
    from manyseeds.representations.geometry import NORMALISATIONS
    from manyseeds.representations.measures import rdm

    inputs, params = snakemake.input, snakemake.params
    accepted = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    files = dict(zip(product(params.seeds, params.epochs), inputs.geometries, strict=True))
    points = [
        {"seed": seed, "epoch": epoch, "layer": layer, "layer_index": place, "dropout_samples": 0}
        for seed, epoch in product(accepted, params.epochs)
        for layer, place in geometry_files.layer_indices(files[seed, epoch]).items()
    ]
    patterns = rsatoolbox_files.pattern_descriptors(pd.read_parquet(inputs.stimuli))
    variants = product(NORMALISATIONS.items(), params.measures)
    for path, ((normalisation, normalise), measure) in zip(snakemake.output, variants, strict=True):
        loaded = (geometry_files.load_geometry(files[each["seed"], each["epoch"]], each["layer"]) for each in points)
        rdms = (rdm(normalise(geometry), measure) for geometry in loaded)
        descriptors = {**params.descriptors, **snakemake.wildcards, "normalisation": normalisation}
        columns = ["seed", "epoch", "layer", "layer_index", "dropout_samples"]
        table = pd.DataFrame(points, columns=columns)
        rsatoolbox_files.write_rdms(Path(path), rdms, table, patterns, descriptors, measure)
        report(f"{path}: {len(points)} RDMs")
