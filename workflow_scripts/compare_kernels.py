"""Compare the kernels of a group's networks and of their variants, with chance levels."""

import json
from pathlib import Path

from _job import job

with job(snakemake) as report:
    import pandas as pd

    from manyseeds.io import tables
    from manyseeds.kernels import comparison, pairs, sources
    from manyseeds.models import initialisation
    from manyseeds.models.spec import Network

    params, inputs, wildcards = snakemake.params, snakemake.input, snakemake.wildcards
    attempts = [pd.read_parquet(path) for path in inputs.attempts]
    seeds = tables.accepted_seeds(params.seeds, attempts)
    variants = sources.listed(params.variants)
    files = {kind: inputs.get(kind) for kind in params.kinds}
    initial = dict(zip(params.seeds, inputs.initial, strict=True)) if inputs.initial else {}
    if params.draws is not None:
        card, last = json.loads(Path(inputs.card).read_text()), tables.attempt_numbers(attempts)
        described = Network.from_config(params.network), tuple(card["image_shape"])
        n_categories = len(params.categories or card["categories"])
        initial = {
            seed: initialisation.drawn_again(*described, n_categories, draw=draw, attempt=last[seed])
            for seed, draw in zip(params.seeds, params.draws, strict=True)
        }
    known = sources.Sources(
        variants, sources.files_by_variant(variants, files), params.is_chain, params.kernels["seed"], initial
    )
    schema = tables.read_schema(inputs.schema)
    rows = pd.DataFrame()
    if len(seeds) > 1:
        example = known.trained(seeds[0])
        layers = comparison.chosen_layers(example, params.kernels["layers"], wildcards.architecture)
        options = {"restarts": params.kernels["restarts"], "draws": params.kernels["null_draws"]}
        comparer = comparison.Comparer(
            example, layers, is_chain=params.is_chain, seed=params.kernels["seed"], **options
        )
        chosen = pairs.pairs({seed: variants[seed] for seed in seeds}, params.epoch, untrained=bool(initial))
        rows = comparison.compare(chosen, known.weights, comparer, report)
    group = {"architecture": wildcards.architecture} | {f"condition_{side}": wildcards.condition for side in "ab"}
    tables.write_table(tables.filled(rows.assign(**group), schema), schema, snakemake.output.table)
