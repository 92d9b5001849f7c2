"""Files of the named targets."""


def network_files():
    """Return the weights and accuracies of all instances."""
    if STUDY.mode == OWN_ACTIVATIONS:
        return []
    weights = per_instance("networks/{instance}/epoch{epoch}.safetensors", STUDY.weight_epochs)
    return weights + instance_parts("accuracy", STUDY.instances)


def rdm_files():
    """Return the kept RDMs of all instances, raw and after the cocktail blank."""
    return [
        path.format(**instance._asdict())
        for instance in STUDY.instances
        for path in kept_rdm_files(STUDY.epochs_of(*instance[:2]))
    ]


def activation_folders():
    """Return the activations of all instances, if they are kept."""
    return per_instance("activations/{instance}") if STUDY.config["keep_activations"] else []


def table_files():
    """Return all tables that the study fills, in both formats."""
    unfilled = STUDY.unfilled_tables | ({"comparison"} - set(FIGURES))
    tables = [table for table in TABLES if table not in unfilled]
    return expand(f"{R}/tables/{{table}}.{{suffix}}", table=tables, suffix=["parquet", "csv"])


def tables_of(figure):
    """Return an input function: the parts of a figure's tables that hold the groups it shows.

    So a figure of the baseline trains no network of another condition. If the study lacks something that the figure
    needs, Snakemake stops with one sentence.
    """

    def parts(wildcards):
        reason = catalogue.why_not(figure, STUDY)
        if reason is not None:
            sys.exit(reason)  # Snakemake would print a traceback for any other exception
        entry = catalogue.FIGURES[figure]
        return {table: parts_of(table, entry.groups(STUDY)) for table in entry.tables}

    return parts


def figure_files():
    """Return all figures of the study in both formats."""
    return expand(f"{R}/figures/{{figure}}.{{suffix}}", figure=catalogue.by_default(STUDY), suffix=["pdf", "png"])


def reported_tables():
    """Return the names of the tables in the report, as far as the study fills them."""
    filled = {Path(path).stem for path in table_files()}
    return [table for table in [*REPORTED_TABLES, "rotations", *CLAIM_TABLES, "comparison"] if table in filled]


def report_files():
    """Return the pages of the report that are not figures."""
    return expand(f"{R}/report/{{page}}.html", page=["overview", *reported_tables()])


def overview_tables():
    """Return the names of the tables whose numbers are on the first page of the report."""
    shown = ("instances", "consistency_summary", "accuracy_summary", "howmany_answer")
    return [table for table in shown if table in reported_tables()]


def first_figure():
    """Return the picture on the first page of the report, or nothing if the study does not draw it."""
    figure = report_contents.FIRST_FIGURE
    return f"{R}/report/{figure}.png" if figure in catalogue.by_default(STUDY) else []


def explored_tables():
    """Return the names of the tables that the explorer shows, as far as the study fills them."""
    return [table for table in contents.TABLES if table not in STUDY.unfilled_tables]


def nothing_to_export(wildcards):
    """Refuse in one sentence to export networks that were not trained here."""
    sys.exit(f"{STUDY.name}: this study trains no networks, so it has nothing to export.")
