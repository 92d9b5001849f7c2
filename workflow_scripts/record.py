"""Measure the geometry of a block of networks at all analysed epochs and under dropout masks; write kept RDMs."""

from pathlib import Path

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.devices import claim_device
    from manyseeds.io import parts, tables
    from manyseeds.representations import activations, geometry_files, rdm_files, recording
    from manyseeds.representations.dropout_sampling import Dropout

    params, inputs, output = snakemake.params, snakemake.input, snakemake.output
    stimuli = np.load(inputs.stimuli, mmap_mode="r")
    prepared = activations.prepare(params.network, stimuli.shape[1:], inputs.card, params.categories)
    recorder = recording.Recorder(*prepared, stimuli, claim_device(report), params.followed)
    for place, seed in enumerate(params.seeds):
        weights, geometries, rdms, samples, kept = (
            parts.part_of(files, place, len(params.seeds))
            for files in (inputs.weights, output.geometries, output.rdms, output.samples, output.activations)
        )
        attempts = parts.part_of(inputs.attempts, place, len(params.seeds))
        is_collapsed = tables.is_collapsed([pd.read_parquet(path) for path in attempts])
        last = params.epochs[-1]
        for number, (epoch, path) in enumerate(zip(params.epochs, weights, strict=True)):
            recorder.load(path)
            if not geometries:
                continue
            folder = Path(kept[0], f"epoch{epoch}") if kept else None
            measured = recorder.record(path, is_last=epoch == last, is_collapsed=is_collapsed, folder=folder)
            geometry_files.save_geometries(geometries[number], measured, recorder.places)
            kept_rdms = parts.part_of(rdms, number, len(params.epochs))
            rdm_files.save_rdms(kept_rdms, measured, params.measures, path)
            report(f"seed {seed}, epoch {epoch}: {', '.join(measured)}")
        for sample, path in enumerate(samples, start=1):
            options = {"layers": params.dropout_layers, "sample": sample, "is_collapsed": is_collapsed}
            measured = recorder.sample(Dropout(**params.dropout), **options)
            geometry_files.save_geometries(path, measured, recorder.places)
            report(f"seed {seed}, dropout sample {sample}: {', '.join(measured)}")
