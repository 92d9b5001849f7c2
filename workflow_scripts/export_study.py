"""Export a study's config, and the record of the images that its networks were trained on and probed with."""

import json

from _job import job

with job(snakemake):
    import numpy as np
    import pandas as pd
    import yaml

    from manyseeds.data.dataset import read_dataset_card
    from manyseeds.exchange import export
    from manyseeds.io.files import atomic_path, write_parquet

    source, output = snakemake.input, snakemake.output
    with atomic_path(output.study) as path:
        path.write_text(yaml.safe_dump(snakemake.params.config, sort_keys=False, default_flow_style=None, width=120))
    arrays = {name: np.load(source[name], mmap_mode="r") for name in ("train_images", "train_labels", "images")}
    about = export.about_data(read_dataset_card(source.card), arrays["train_images"], arrays["train_labels"])
    write_parquet(export.with_pixels(pd.read_parquet(source.stimuli), arrays["images"]), output.stimuli)
    with atomic_path(output.data) as path:
        path.write_text(json.dumps(about, indent=1) + "\n")
