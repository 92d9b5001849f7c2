"""What the named targets ask for."""


def network_files():
    """Return the weights and accuracies of all instances."""
    if STUDY.mode == OWN_ACTIVATIONS:
        return []
    weights = per_instance("networks/{instance}/epoch{epoch}.safetensors", STUDY.weight_epochs)
    return weights + instance_parts("accuracy", STUDY.instances)


def rdm_files():
    """Return the RDMs that are kept of all instances, raw and cocktail-blank."""
    return [
        path.format(**instance._asdict())
        for instance in STUDY.instances
        for path in kept_rdm_files(STUDY.epochs_of(*instance[:2]))
    ]


def activation_folders():
    """Return the activations of all instances, where they are kept."""
    return per_instance("activations/{instance}") if STUDY.config["keep_activations"] else []


def table_files():
    """Return all tables in both formats."""
    return expand(f"{R}/tables/{{table}}.{{suffix}}", table=TABLES, suffix=["parquet", "csv"])


def tables_of(figure):
    """Return an input function: the tables that a figure is drawn from, of each the parts that tell of the groups that it shows.

    So a figure of the baseline waits for no network of another condition. One sentence where the study has no such figure.
    """

    def files(wildcards):
        reason = catalogue.why_not(figure, STUDY)
        if reason is not None:
            sys.exit(reason)  # any other exception would be reported with a traceback
        entry = catalogue.FIGURES[figure]
        return {table: parts_of(table, entry.groups(STUDY)) for table in entry.tables}

    return files


def figure_files():
    """Return all figures that the study has, in both formats."""
    return expand(f"{R}/figures/{{figure}}.{{suffix}}", figure=FIGURES, suffix=["pdf", "png"])
