"""The folder of this workflow, and its config where another workflow uses it as a module."""

from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

# Not `workflow.basedir`, which is the folder of the outer workflow.
HOME = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]


def fill_in(config, paths):
    """Add keys from config files to a config that does not have them. Later files overlay earlier ones."""
    filled = {}
    for path in paths:
        update_config(filled, load_configfile(path))
    update_config(filled, config)
    config.update(filled)


# Snakemake skips `configfile` in a module that is given a config.
if not workflow.modifier.is_main_snakefile():
    is_default = config.get("study", "digits") == "digits"
    fill_in(config, [f"{HOME}/config.yaml", *([f"{HOME}/studies/digits.yaml"] if is_default else [])])
