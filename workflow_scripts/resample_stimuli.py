"""Compute a group's consistencies on resampled stimuli, in every layer at the last epoch."""

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.representations import geometry_files
    from manyseeds.statistics import stimulus_resampling

    inputs, params = snakemake.input, snakemake.params
    seeds = tables.accepted_seeds(params.seeds, [pd.read_parquet(path) for path in inputs.attempts])
    files = dict(zip(params.seeds, inputs.geometries, strict=True))
    categories = pd.read_parquet(inputs.stimuli)["category"].to_numpy()
    weights = stimulus_resampling.draws(categories, params.resampling["stimuli_n"], params.resampling["seed"])
    compared = len(seeds) > 1 and len(weights) > 0
    if not compared:
        report("Nothing to resample: that needs two accepted networks, and two stimuli of each category.")

    def resample():
        """Yield resampled consistencies layer by layer: those of many networks in all layers can exceed memory."""
        for layer in geometry_files.stored_layers(files[seeds[0]]) if compared else []:
            geometries = [geometry_files.load_geometry(files[seed], layer) for seed in seeds]
            resamples = stimulus_resampling.resample_stimuli(geometries, categories, params.measures, weights)
            yield from (((measure, kind, layer), drawn) for (measure, kind), drawn in resamples.items())
            report(f"{layer}: {len(weights)} resamples of {len(categories)} stimuli, {len(geometries)} networks")

    stimulus_resampling.save_resamples(snakemake.output.resamples, params.epoch, seeds, len(categories), resample())
