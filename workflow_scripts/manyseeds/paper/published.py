"""Our results beside the values that Mehrer et al. (2020) published, one by one.

Published values come from ``data/mehrer2020_values.csv``. Our values come from the tables of the study, at the last
epoch without cocktail blank. A published value without a counterpart in the study stays in the table, with the reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import special

Tables = Mapping[str, pd.DataFrame]

GROUP = ["architecture", "condition"]
RENAMED = {"value": "published", "ci_low": "published_ci_low", "ci_high": "published_ci_high"}
"""Columns of the published values, and their names in the table."""

INTERVAL = "jackknife"
"""Method of our intervals (methods 5). The paper's intervals appear to be a bootstrap over pairs of networks."""

UPPER_TAIL = 0.975
"""Quantile at the upper end of 95 % intervals."""


class _NotInStudy(Exception):
    """The reason why a study has no counterpart of a published value."""


@dataclass(frozen=True)
class Ours:
    """A study's counterpart of a published value. Without one, only `status` is not null.

    `ours_ci_low` and `ours_ci_high` are the ends of an interval (`INTERVAL`), range or band of the kind `ci_method`.
    """

    ours: float = np.nan
    ours_ci_low: float = np.nan
    ours_ci_high: float = np.nan
    ci_method: str | None = None
    ours_layer: str | None = None
    n_networks: int | None = None
    status: str | None = None


def compare_with_published(
    published: pd.DataFrame, tables: Tables, *, study: str, departures: Mapping[str, str | None]
) -> pd.DataFrame:
    """Put the results of a study beside the published ones.

    Parameters
    ----------
    published
        One row per published value: figure, quantity, architecture, layer, measure, kind, condition, value, ci_low,
        ci_high, unit.
    tables
        `instances`, `accuracy_summary`, `consistency_summary` and `relations` of the study.
    study
        Name of the study.
    departures
        Departures from the paper's protocol, by ``architecture/condition`` (`protocol.departures`).

    Returns
    -------
    DataFrame
        One row per published value, in the same order, with the columns of the schema `comparison`.
    """
    rows = [asdict(find_ours(row, tables)) for _, row in published.iterrows()]
    table = pd.concat([published.rename(columns=RENAMED), pd.DataFrame(rows, index=published.index)], axis=1)
    ends = table["published_ci_low"], table["published_ci_high"], table["ours_ci_low"], table["ours_ci_high"]
    return table.assign(
        study=study,
        **differences(table),
        intervals_overlap=overlap(*ends),
        choices=[choices(row) for _, row in published.iterrows()],
        departures=[  # pyright: ignore[reportArgumentType] pandas-stubs allow no missing texts
            _departures(row, tables, departures) for _, row in published.iterrows()
        ],
    )


def _departures(published: pd.Series, tables: Tables, departures: Mapping[str, str | None]) -> str | None:
    """Return the study's departures for a published value, re-encoded test images included."""
    found = [departures.get("/".join(published[GROUP]))]
    accuracy = tables["accuracy_summary"]
    if len(accuracy) and ((accuracy[GROUP] == published[GROUP]).all(axis=1) & (accuracy["subset"] == "lossless")).any():
        found.append("test images partly re-encoded (paper: original files)")
    return "; ".join(filter(None, found)) or None


def differences(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return ours minus published, with the ends of a 95 % interval (methods 5).

    The interval has the standard errors of both values: 1.96 times the root of the sum of their squares. A published
    standard error is the width of the published interval over 3.92, since that interval is a bootstrap. Ours is half
    the width of our jackknife interval over the quantile of t for N - 1 degrees of freedom. Ranges and bands have no
    standard error, so the ends are null.

    Parameters
    ----------
    table
        Columns published, ours, their ends (suffixes _ci_low and _ci_high), ci_method and n_networks.
    """
    difference = table["ours"] - table["published"]
    half_width = special.ndtri(UPPER_TAIL) * np.hypot(_published_error(table), _our_error(table))
    return {
        "difference": difference,
        "difference_low": difference - half_width,
        "difference_high": difference + half_width,
    }


def _published_error(table: pd.DataFrame) -> pd.Series:
    """Return the standard errors of the published values; NaN if the paper gives no interval."""
    return (table["published_ci_high"] - table["published_ci_low"]) / (2 * special.ndtri(UPPER_TAIL))


def _our_error(table: pd.DataFrame) -> pd.Series:
    """Return the standard errors of our values; NaN unless they have a jackknife interval."""
    is_interval = table["ci_method"] == INTERVAL
    n_networks = table["n_networks"].astype("float64").where(is_interval)
    quantile = pd.Series(special.stdtrit(n_networks - 1, UPPER_TAIL), index=table.index)
    return (table["ours_ci_high"] - table["ours_ci_low"]) / (2 * quantile)


def overlap(low_a: pd.Series, high_a: pd.Series, low_b: pd.Series, high_b: pd.Series) -> pd.Series:
    """Return whether two intervals have a point in common; null if either has no ends.

    This is not a test: two values with overlapping intervals can differ.
    """
    common = ((low_a <= high_b) & (low_b <= high_a)).astype("boolean")
    return common.mask(pd.concat([low_a, high_a, low_b, high_b], axis=1).isna().any(axis=1))


def find_ours(published: pd.Series, tables: Tables) -> Ours:
    """Return the study's counterpart of a published value, or the reason why it has none."""
    try:
        of_group = {column: published[column] for column in GROUP}
        instances = narrowed(tables["instances"], **of_group)
        n_accepted = int((~instances["collapsed"].astype(bool)).sum())
        ours = QUANTITIES[published["quantity"]](published, tables, n_accepted)
    except _NotInStudy as reason:
        return Ours(status=str(reason))
    return ours


def narrowed(table: pd.DataFrame, **equal: object) -> pd.DataFrame:
    """Return the rows of a table with the given values.

    Raises
    ------
    _NotInStudy
        If there are none. It names the first column without a row of its value.
    """
    for column, value in equal.items():
        table = table[table[column] == value]
        if table.empty:
            raise _NotInStudy(f"not in this study: {column.replace('_', ' ')} {value}")
    return table


# one function per quantity: (published, tables, number of accepted networks) -> Ours


def accuracy_range(published: pd.Series, tables: Tables, n_accepted: int) -> Ours:
    """Return the mean of the final test accuracies, and the lowest and highest."""
    rows = narrowed(tables["accuracy_summary"], split="test", subset="all", **{c: published[c] for c in GROUP})
    row = _last_epoch(rows).iloc[0]
    return _checked(Ours(row["mean"], row["min"], row["max"], "range", n_networks=int(row["n_networks"])), n_accepted)


def mean_consistency(published: pd.Series, tables: Tables, n_accepted: int, samples: int = 0) -> Ours:
    """Return the mean over pairs of networks in the published layer.

    RDMs are averaged over so many dropout masks (`samples`; 0: dropout off).
    """
    rows = _consistency(published, tables, n_accepted, samples)
    return _of_summary(narrowed(rows, layer=published["layer"], ci_method=INTERVAL).iloc[0], n_accepted)


def sampled_consistency(published: pd.Series, tables: Tables, n_accepted: int) -> Ours:
    """Return the mean over pairs of networks with dropout on, RDMs averaged over ten masks."""
    return mean_consistency(published, tables, n_accepted, samples=10)


def lowest_consistency(published: pd.Series, tables: Tables, n_accepted: int) -> Ours:
    """Return the lowest mean of all layers, with its layer."""
    rows = narrowed(_consistency(published, tables, n_accepted), ci_method=INTERVAL).dropna(subset=["mean"])
    if rows.empty:
        raise _NotInStudy(_too_few(n_accepted))
    return _of_summary(rows.iloc[rows["mean"].argmin()], n_accepted)


def random_grouping_band(published: pd.Series, tables: Tables, n_accepted: int) -> Ours:
    """Return the mean of the random-grouping control, and its band over partitions."""
    rows = _consistency(published, tables, n_accepted)
    return _of_summary(narrowed(rows, layer=published["layer"], ci_method="partitions").iloc[0], n_accepted)


def relation_over_layers(published: pd.Series, tables: Tables, n_accepted: int) -> Ours:
    """Return the skipped correlation of clustering index and consistency over layers at the last epoch."""
    rows = _relation(published, tables, "cci_consistency_over_layers", n_accepted)
    return _of_relation(_last_epoch(rows).iloc[0])


def relation_over_epochs(published: pd.Series, tables: Tables, n_accepted: int) -> Ours:
    """Return the skipped correlation of a layer's consistency and test accuracy over the analysed epochs."""
    rows = _relation(published, tables, "consistency_accuracy_over_epochs", n_accepted)
    return _of_relation(narrowed(rows, layer=published["layer"]).iloc[0])


QUANTITIES: dict[str, Callable[[pd.Series, Tables, int], Ours]] = {
    "top-1 test accuracy range": accuracy_range,
    "mean consistency": mean_consistency,
    "mean consistency dropout in training only": mean_consistency,
    "mean consistency dropout in training and 10 RDM samples at test": sampled_consistency,
    "lowest mean consistency": lowest_consistency,
    "random-grouping centroid consistency 95% band": random_grouping_band,
    "correlation of CCI and consistency over layers": relation_over_layers,
    "correlation of consistency and test accuracy over epochs": relation_over_epochs,
}
"""The function that finds our value, by published quantity."""


def _consistency(published: pd.Series, tables: Tables, n_accepted: int, samples: int = 0) -> pd.DataFrame:
    """Return the rows of `consistency_summary` for a published value, of all layers and interval methods."""
    if n_accepted < 2:
        raise _NotInStudy(_too_few(n_accepted))
    rows = _last_epoch(narrowed(tables["consistency_summary"], **{column: published[column] for column in GROUP}))
    keys = {column: published[column] for column in ("measure", "kind")}
    return narrowed(rows, normalisation="none", dropout_samples=samples, **keys)


def _relation(published: pd.Series, tables: Tables, relation: str, n_accepted: int) -> pd.DataFrame:
    if n_accepted < 2:
        raise _NotInStudy(_too_few(n_accepted))
    keys = {column: published[column] for column in (*GROUP, "measure", "kind")}
    return narrowed(tables["relations"], relation=relation, normalisation="none", **keys)


def _last_epoch(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["epoch"] == rows["epoch"].max()]


def _of_summary(row: pd.Series, n_accepted: int) -> Ours:
    interval = row["ci_low"], row["ci_high"], row["ci_method"]
    return _checked(Ours(row["mean"], *interval, row["layer"], int(row["n_networks"])), n_accepted)


def _of_relation(row: pd.Series) -> Ours:
    """Return the skipped Pearson correlation, our best guess for the paper's robust one (methods 6)."""
    if pd.isna(row["skipped"]):
        raise _NotInStudy(f"undefined: a skipped correlation over {row['n']} points")
    interval = row["skipped_jackknife_low"], row["skipped_jackknife_high"], INTERVAL
    return Ours(row["skipped"], *interval, None, int(row["n_networks"]))


def _checked(ours: Ours, n_accepted: int) -> Ours:
    if pd.isna(ours.ours):
        raise _NotInStudy(_too_few(n_accepted))
    return ours


def _too_few(n_accepted: int) -> str:
    return f"too few networks: {n_accepted} accepted"


# the choices that are ours

TRAINING = (
    "padding of the convolutions and rectified readout",
    "untruncated initial weights",
    "short last minibatch",
    "penalty without biases",
    "clipping of the gradient",
    "centring before whitening",
    "rule for collapsed runs",
)
"""Our choices, among those that docs/methods.md lists, that affect every All-CNN."""

CHOICES_BY_NETWORK = {
    "all_cnn_c": TRAINING,
    "all_cnn_7": ("all layers of All-CNN-7", *TRAINING),
    "alexnet": ("the recipe of the training", "rule for collapsed runs"),
}
NETWORKS = "jackknife interval over networks, the paper's appears to be a bootstrap over pairs"
ROBUST = "skipped Pearson correlation, the paper does not say which robust correlation"
STIMULI = "which images are stimuli"
DROPOUT = "which layers dropout follows"
CHOICES_BY_QUANTITY = {
    "mean consistency": (STIMULI, NETWORKS),
    "mean consistency dropout in training only": (DROPOUT, STIMULI, NETWORKS),
    "mean consistency dropout in training and 10 RDM samples at test": (
        "one mask for all stimuli and instances in each sample",
        DROPOUT,
        STIMULI,
        NETWORKS,
    ),
    "lowest mean consistency": (STIMULI, NETWORKS),
    "random-grouping centroid consistency 95% band": (
        "number of random groupings, and the band over them of the mean over pairs",
        STIMULI,
    ),
    "correlation of CCI and consistency over layers": (ROBUST, STIMULI),
    "correlation of consistency and test accuracy over epochs": (
        ROBUST,
        "which epochs are analysed",
        STIMULI,
    ),
}


def choices(published: pd.Series) -> str:
    """Return our choices, where the paper leaves one open, that can change a value, the closest first."""
    of_condition = (DROPOUT,) if published["condition"].startswith("dropout") else ()
    of_quantity = CHOICES_BY_QUANTITY.get(published["quantity"], ())
    return "; ".join(dict.fromkeys((*of_quantity, *of_condition, *CHOICES_BY_NETWORK[published["architecture"]])))
