"""Follow how far pooled networks of one architecture, and perturbed copies of them, are apart over training."""

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.comparison import divergence, pools
    from manyseeds.devices import claim_device
    from manyseeds.io import tables, tensors
    from manyseeds.models.perturbations import recorded_change
    from manyseeds.representations import activations
    from manyseeds.statistics.divergence import summarise_divergence

    inputs, params = snakemake.input, snakemake.params
    attempts = [pd.read_parquet(path) for path in inputs.attempts]
    draws, accepted = pools.of_conditions(params.conditions, attempts)
    pool = pools.pool_networks(draws, accepted)
    geometries, weights = (
        {((condition, seed), epoch): path for (condition, seed, epoch), path in zip(keys, files, strict=True)}
        for keys, files in ((params.geometries, inputs.geometries), (params.weights, inputs.weights))
    )
    pairs, copies, changes = divergence.pairs_of(pool), [], {}
    for condition in params.perturbed:
        name = condition["perturbation"]
        found = divergence.copies_of(pool, draws, *pools.of_conditions([condition], attempts), name)
        report(f"{condition['name']}: {len(found)} of {len(condition['seeds'])} networks have one without perturbation")
        copies += found
        last = [weights[pair.second, params.last] for pair in found if (pair.second, params.last) in weights]
        changes[name] = recorded_change(tensors.read_metadata(last[0])) if last else None
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    _, module = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    device, of_weights = claim_device(report), []
    cells = dict.fromkeys([*pool.cells, *(cell for pair in copies for cell in (pair.first, pair.second))])
    for epoch in params.epochs:
        files = {cell: weights[cell, epoch] for cell in cells if (cell, epoch) in weights}
        networks = divergence.snapshots(files, module, stimuli, device)
        of_weights.append(divergence.compare_snapshots([*pairs, *copies], networks).assign(epoch=epoch))
        report(f"epoch {epoch}: weights of {len(networks)} networks")
    of_copies = divergence.correlate_copies(copies, geometries, params.layers, params.measures)
    rows = summarise_divergence(
        pd.read_parquet(inputs.source_pairs), pd.DataFrame(of_copies), pd.concat(of_weights), changes
    )
    schema = tables.read_schema(inputs.schema)
    rows = tables.filled(rows.assign(architecture=snakemake.wildcards.architecture), schema)
    tables.write_table(rows, schema, snakemake.output.table)
