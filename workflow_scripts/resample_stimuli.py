"""Compare the instances of a group on resampled stimuli: their consistencies in every layer, at the last epoch."""

from job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds import geometry, stimulus_resampling, tables
    from manyseeds.streams import generator

    inputs, params = snakemake.input, snakemake.params
    attempts = [pd.read_parquet(path) for path in inputs.attempts]
    instances = tables.with_attempts(pd.DataFrame(params.instances), attempts).assign(file=list(inputs.geometries))
    compared = instances[~instances["collapsed"]].sort_values("seed")
    categories = pd.read_parquet(inputs.stimuli)["category"].to_numpy()
    # The same draws for all groups: differences between them are paired over stimuli.
    rng = generator(params.resampling["seed"], "resampling/stimuli", 0)
    weights = stimulus_resampling.stimulus_weights(categories, params.resampling["stimuli_n"], rng)

    values = {}
    for layer in geometry.layer_names(inputs.geometries[0]) if len(compared) > 1 else []:
        geometries = [geometry.load_geometry(file, layer) for file in compared["file"]]
        resamples = stimulus_resampling.resample_stimuli(geometries, categories, params.measures, weights)
        values |= {(measure, kind, layer): consistency for (measure, kind), consistency in resamples.items()}
        report(f"{layer}: {len(weights)} resamples of {len(categories)} stimuli, {len(geometries)} networks")
    stimulus_resampling.save_resamples(
        snakemake.output.resamples,
        stimulus_resampling.StimulusResamples(params.epoch, tuple(compared["seed"]), len(categories), values),
    )
