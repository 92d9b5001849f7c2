"""Write the page that describes the exported networks to readers."""

from pathlib import Path

from _job import job

with job(snakemake):
    from manyseeds.exchange import readme
    from manyseeds.io.files import atomic_path
    from manyseeds.study.instances import Instance

    params, paths = snakemake.params, map(Path, snakemake.input.cards)
    folders = {Instance(*names): path.parent for names, path in zip(params.instances, paths, strict=True)}
    with atomic_path(snakemake.output.page) as path:
        path.write_text(readme.page(params.study, folders), encoding="utf-8")
