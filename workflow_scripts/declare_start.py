"""Write the digest of the file of weights with which the training of one instance begins."""

import json
from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.io import provenance
    from manyseeds.io.files import atomic_path

    source = Path(snakemake.input.weights)
    with atomic_path(snakemake.output.start) as path:
        path.write_text(json.dumps({"file": str(source), "sha256": provenance.digest(source)}, indent=1))
