"""Of activations, dissimilarities and their comparison: which layers, epochs, samples and measures."""


def followed_layers(wildcards):
    """Return the layers of an architecture that are compared along training."""
    return STUDY.followed_layers(wildcards.architecture)


def kept_or_temporary(output):
    """Mark an output as temporary, unless the study keeps its activations."""
    return output if STUDY.config["keep_activations"] else temp(output)


def groups_not_followed():
    """Return the groups that are analysed at the last epoch alone."""
    return [group for group in STUDY.groups if group not in STUDY.followed_groups]


def geometry_files(epochs):
    """Return the geometries of one instance at some epochs."""
    return [f"{R}/geometry/{{architecture}}/{{condition}}/seed{{seed}}/epoch{epoch}.npz" for epoch in epochs]


def kept_rdm_files(epochs):
    """Return the RDMs of one instance that are kept at some epochs, in the order in which they are written."""
    return [
        f"{R}/rdms/{{architecture}}/{{condition}}/seed{{seed}}/epoch{epoch}/{measure}{suffix}.npy"
        for epoch in epochs
        for suffix in ("", "_cocktail")
        for measure in STUDY.config["rdms"]["keep"]
    ]


def dropout_samples(wildcards):
    """Return the numbers of the dropout samples of the group that the wildcards name: 1, 2, ...; without dropout none."""
    group = (wildcards.architecture, wildcards.condition)
    return list(range(1, STUDY.config["dropout"]["samples"] + 1)) if group in STUDY.dropout_groups else []


def dropout_measures(wildcards):
    """Return the measures of the RDMs that are averaged over dropout samples, where the group has any."""
    return measures_for("dropout")(wildcards) if dropout_samples(wildcards) else []


def dropout_geometries(wildcards):
    """Return the geometries with dropout on of the group that the wildcards name: by sample, then by instance."""
    return [
        file
        for sample in dropout_samples(wildcards)
        for file in of_group(f"geometry/{{instance}}/epoch{STUDY.last_epoch}_dropout{sample}.npz")(wildcards)
    ]


def measures_for(*keys):
    """Return an input function or param: the measures that the config lists for an analysis, of those that the study has.

    `keys` lead to the analysis in the config. In a condition that it does not list there are none.
    """
    analysis = STUDY.config
    for key in keys:
        analysis = analysis[key]

    def measures(wildcards):
        conditions = analysis.get("conditions")
        listed = conditions is None or wildcards.condition in conditions
        return [measure for measure in analysis["measures"] if listed and measure in STUDY.measures]

    return measures


def stimulus_resamples(wildcards):
    """Return the consistencies on resampled stimuli of the group that the wildcards name, where it has any."""
    has_any = measures_for("resampling", "stimuli_for")(wildcards)
    return f"{R}/tables/parts/{{architecture}}/{{condition}}/stimulus_resamples.npz" if has_any else []
