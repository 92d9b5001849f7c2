"""Of tables: the parts that each is gathered from."""


def seeds_of(condition):
    """Return a param: the seeds of the group of which a wildcard names the condition."""
    return lambda wildcards: list(STUDY.seeds(wildcards.architecture, wildcards[condition]))


group_seeds = seeds_of("condition")


def group_parts(table, condition="condition"):
    """Return an input function: the parts of an instance table in the group that the wildcards name, if there are any."""

    return lambda wildcards: instance_parts(table, instances_of_group(wildcards, condition))


def instance_rows(wildcards):
    """Return one row an instance of the group that the wildcards name: what its condition sets, where it is trained here."""
    return [instance._asdict() | STUDY.settings(instance) for instance in instances_of_group(wildcards)]


def reported_table(file, name):
    """Mark a table as part of the report."""
    return report(file, caption="captions/table.rst", category="Tables", labels={"table": name})


def groups_with(table):
    """Return the groups that have a part of a group table."""
    if table == "consistency_across":
        return STUDY.followed_groups
    return STUDY.shown_groups if table in MAPS else STUDY.groups


def parts_of_pairs(table, groups):
    """Return the parts of a table that are made from two conditions, both of some groups."""
    pairs = [
        f"{R}/tables/parts/{architecture}/pairs/{first}/{second}/{table}.parquet"
        for architecture, first, second in STUDY.compared_conditions
        if (architecture, first) in groups and (architecture, second) in groups
    ]
    sweep = [group for group in STUDY.dropout_sweep if group in groups and table == "contrasts"]
    return pairs + per_group("tables/parts/{architecture}/{condition}/dropout_minus_none.parquet", sweep)


def parts_of(table, groups):
    """Return the parts of a table that tell of some groups; of one that is not gathered from parts, the table itself."""
    parts = []
    if table in INSTANCE_TABLES:
        parts += instance_parts(table, [instance for instance in STUDY.instances if instance[:2] in groups])
    if table in GROUP_TABLES:
        pattern = f"tables/parts/{{architecture}}/{{condition}}/{table}.parquet"
        parts += per_group(pattern, [group for group in groups_with(table) if group in groups])
    if table in PAIR_TABLES:
        parts += parts_of_pairs(table, groups)
    return parts if table in (*INSTANCE_TABLES, *GROUP_TABLES, *PAIR_TABLES) else [f"{R}/tables/{table}.parquet"]


def table_parts(wildcards):
    """Return the parts that a table is gathered from."""
    return parts_of(wildcards.table, STUDY.groups)
