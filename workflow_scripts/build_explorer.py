"""Write the explorer: a page that shows a study in a browser and loads nothing from elsewhere."""

from _job import job

with job(snakemake) as report:
    import numpy as np
    import pandas as pd

    from manyseeds.explorer import packing, page, parts, pictures
    from manyseeds.figures import selection
    from manyseeds.io.files import atomic_path

    inputs, params, output = snakemake.input, snakemake.params, snakemake.output
    with selection.labelled(params.labels):
        text = page.page(
            params.study,
            packing.read_assets(inputs.assets),
            params.measure,
            {name: pd.read_parquet(path) for name, path in zip(params.tables, inputs.tables, strict=True)},
            {tuple(group): parts.load(path) for group, path in zip(params.groups, inputs.parts, strict=True)},
            pd.read_parquet(inputs.stimuli),
            pictures.sheet(np.load(inputs.images, mmap_mode="r")) if inputs.images else None,
        )
    with atomic_path(output.page) as path:
        path.write_text(text, encoding="utf-8")
    report.aloud(f"{output.page} has {len(text.encode()) / 1e6:.1f} MB. Open it in a browser.")
