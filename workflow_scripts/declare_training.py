"""Write the settings that the trainings of a group share, once the data are known to have their categories."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.data import subsets
    from manyseeds.io.files import atomic_path

    settings = dict(snakemake.params.items())
    card = json.loads(Path(snakemake.input.card).read_text())
    subsets.check_categories(settings["training_set"]["categories"], card["categories"])
    with atomic_path(snakemake.output.settings) as path:
        path.write_text(json.dumps(settings, indent=1, sort_keys=True))
