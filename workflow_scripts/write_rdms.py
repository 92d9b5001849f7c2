"""Write the kept RDMs of one instance at all analysed epochs, raw and cocktail-blank: layers x pairs, float32."""

from job import job

with job(snakemake):
    import numpy as np

    from manyseeds import geometry
    from manyseeds.files import atomic_path

    measures = snakemake.params.measures
    outputs = iter(snakemake.output)
    for path in snakemake.input.geometries:
        raw = [geometry.load_geometry(path, layer) for layer in geometry.layer_names(path)]
        for geometries in (raw, [geometry.cocktail_blank(layer) for layer in raw]):
            for measure in measures:
                rdms = np.stack([geometry.rdm(layer, measure) for layer in geometries])
                with atomic_path(next(outputs)) as file:
                    np.save(file, rdms.astype(np.float32))
