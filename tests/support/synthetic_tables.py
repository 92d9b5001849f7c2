"""Small tables with the shape of a study's, for the figures' tests: values are arbitrary but known."""

from functools import cache
from itertools import combinations, product

import numpy as np
import pandas as pd
from places import ROOT

from manyseeds.comparison.consistency import agreement
from manyseeds.comparison.outside import Compared
from manyseeds.comparison.pools import Pool
from manyseeds.io.tables import read_schema
from manyseeds.statistics import conserved, outside_summaries
from manyseeds.statistics.divergence import with_half_epoch
from manyseeds.statistics.group_summaries import plan_networks
from manyseeds.statistics.howmany import Plan
from manyseeds.statistics.sources import source_rows

SCHEMAS = ROOT / "workflow_scripts/manyseeds/schemas/tables"
LAYERS = {"all_cnn_c": [f"conv{k}" for k in range(1, 10)], "all_cnn_7": [f"conv{k}" for k in range(1, 8)]}
MEASURES = ("correlation", "cosine", "euclidean", "unit_euclidean", "norm_difference")
KIND_LEVEL = {"exemplar": 0.0, "centroid": 0.35, "within_category": -0.1}
LAST_EPOCH = 30
FOLLOWED = (1, 2, 3, 4, 10, 20, LAST_EPOCH)
HALVES = (("images_a", "images_b"), ("categories_a", "categories_b"))


def study_tables(layers: dict[str, list[str]] = LAYERS, **settings) -> dict[str, pd.DataFrame]:
    """All tables the figures read, for the given layers per architecture; `settings` are those of `_study_tables`.

    Tables are made once for equal settings, which takes seconds. Each call has copies of its own.
    """
    of_networks = tuple((architecture, tuple(names)) for architecture, names in layers.items())
    return {name: table.copy() for name, table in _study_tables(of_networks, **settings).items()}


@cache
def _study_tables(
    of_networks: tuple[tuple[str, tuple[str, ...]], ...],
    *,
    condition: str = "baseline",
    n_networks: int = 6,
    n_collapsed: int = 1,
    measures: tuple[str, ...] = MEASURES,
    tested: bool = True,
    n_stimuli: int = 100,
    n_categories: int = 10,
) -> dict[str, pd.DataFrame]:
    layers = {architecture: [*names] for architecture, names in of_networks}
    rng = np.random.default_rng(0)
    keys = [(architecture, condition) for architecture in layers]
    halves = [(architecture, half) for architecture in layers for pair in HALVES for half in pair]
    consistency = _consistency(rng, layers, condition, n_networks, measures)
    consistency = pd.concat([consistency, _before_training(consistency)], ignore_index=True)
    across = _across(layers, condition, n_networks, measures[:1])
    tables = {
        "instances": _instances([*keys, *halves], n_networks, n_collapsed),
        "accuracy": _accuracy(rng, keys, n_networks) if tested else _empty(ACCURACY),
        "accuracy_summary": _accuracy_summary(keys, n_networks, n_collapsed) if tested else _empty(ACCURACY_SUMMARY),
        "consistency": consistency,
        "consistency_summary": _summary(pd.concat([_trajectory(across), consistency]), n_networks, n_collapsed),
        "consistency_across": across,
        "consistency_across_summary": _halves_summary(layers, measures, n_networks, n_collapsed),
        "clustering_summary": _clustering(layers, condition, measures, n_networks, n_collapsed),
        "relations": _relations(layers, condition, measures),
        "second_level": _second_level(rng, layers, condition, n_networks),
        "comparators_summary": _comparators_summary(layers, condition, measures, n_networks, n_collapsed),
        "comparator_drop": _comparator_drop(layers, condition, measures, n_networks),
        "distorted_accuracy": _distorted_accuracy(layers, condition, n_networks),
        **_paradox(layers, condition),
        "merged": _merged(layers, condition),
        **_transfer(layers, condition),
        "kernel_relations": _kernel_relations(layers, condition, n_networks),
        "rotations": _rotations(rng),
        "rotation_entries": _rotation_entries(rng),
        "comparison": _comparison(),
        "claims": _claims(),
    }
    tables["howmany"], tables["howmany_answer"] = _howmany(consistency)
    tables["sources"], tables["source_pairs"] = _sources(rng, layers, measures)
    tables["divergence"] = _divergence(layers, measures[:1])
    tables |= _conserved(of_networks, condition, n_networks, measures[0])
    tables |= _outside(layers, condition, n_networks, measures[0])
    tables["mds"] = pd.concat(
        [
            _rdm_maps(rng, layers, condition, n_stimuli, n_categories),
            _second_level_maps(rng, layers, condition, n_networks),
        ],
        ignore_index=True,
    )
    return {name: table if name == PICTURES else _with_all_columns(name, table) for name, table in tables.items()}


PICTURES = "images"
"""The stimuli of the figure `conserved_images`, which are no table."""


def _with_all_columns(name, table):
    """Add the columns that no figure reads: null where they may be, else the least that the schema allows."""
    columns = read_schema(SCHEMAS / f"{name}.schema.json")["properties"]
    for column in columns.keys() - {*table.columns}:
        types, least = columns[column]["type"], columns[column].get("minimum", 0)
        texts = columns[column].get("enum", ["unknown"])
        values = {"integer": int(least), "number": float(least), "boolean": False, "string": texts[0]}
        table = table.assign(**{column: None if "null" in types else values[types]})
    return table[list(columns)]


LONG_CONDITIONS = ("trained_with_strong_augmentation", "trained_on_blurred_and_cropped")


@cache
def deep_tables(n_layers: int, n_networks: int = 3) -> dict[str, pd.DataFrame]:
    """The tables of a deep network in two conditions of long names, none of them the baseline."""
    names = [f"layer{1 + 4 * place // n_layers}.{place}.conv{1 + place % 2}" for place in range(n_layers)]
    few = {"n_networks": n_networks, "n_stimuli": 8, "n_categories": 3, "measures": MEASURES[:3]}
    parts = [study_tables({"all_cnn_c": names}, condition=condition, **few) for condition in LONG_CONDITIONS]
    tables = dict(parts[0])
    for name, table in tables.items():
        if {"condition", "condition_a"} & {*table.columns} and name != "claims":
            tables[name] = pd.concat([part[name] for part in parts], ignore_index=True).drop_duplicates()
    return tables


RATES = (0.0, 0.2, 0.4, 0.6)


def with_dropout_sweep(tables, rates=RATES, n_samples=3):
    """The tables of a study whose first condition has further ones like it, trained with dropout, and no others.

    Consistency rises with the rate and, above rate 0, with the number of samples averaged in the last layer.
    """
    tables, first = dict(tables), tables["instances"]["condition"].iloc[0]

    def swept(name, change):
        baseline = tables[name][tables[name]["condition"] == first]
        levels = [baseline]
        for rate in rates:
            if rate:
                levels.append(change(baseline.assign(condition=f"dropout{rate:g}"), rate))
        return pd.concat(levels, ignore_index=True)

    def raised(rows, by):
        return rows.assign(**{column: rows[column] + by for column in ("mean", "min", "max", "ci_low", "ci_high")})

    def less_accurate(rows, rate):
        test = rows[rows["split"] == "test"].assign(split="test_dropout")
        return pd.concat([raised(rows, -0.05 * rate), raised(test, -0.1 * rate)])

    def more_consistent(rows, rate):
        rows = raised(rows, 0.1 * rate)
        last = rows["layer_index"] == rows.groupby("architecture")["layer_index"].transform("max")
        sampled = rows[last & (rows["measure"] == rows["measure"].iloc[0]) & (rows["normalisation"] == "none")]
        samples = [raised(sampled, 0.01 * k).assign(dropout_samples=k) for k in range(1, n_samples + 1)]
        return pd.concat([rows, *samples])

    tables["instances"] = swept("instances", lambda rows, rate: rows.assign(dropout=rate))
    tables["accuracy_summary"] = swept("accuracy_summary", less_accurate)
    tables["consistency_summary"] = swept("consistency_summary", more_consistent)
    tables["clustering_summary"] = swept("clustering_summary", lambda rows, rate: raised(rows, 0.3 * rate))
    return tables


ACCURACY = ["architecture", "condition", "seed", "epoch", "split", "subset", "accuracy", "n_images"]
ACCURACY_SUMMARY = ["architecture", "condition", "epoch", "split", "subset", "n_networks", "n_collapsed"]
ACCURACY_SUMMARY += ["mean", "min", "max", "ci_low", "ci_high", "ci_method", "n_resamples"]


def _empty(columns):
    return pd.DataFrame({column: [] for column in columns})


def _instances(keys, n_networks, n_collapsed):
    return pd.DataFrame(
        [
            {
                "architecture": a,
                "condition": c,
                "seed": seed,
                "judged": True,
                "attempts": 1,
                "collapsed": seed >= n_networks,
            }
            | _training_set(c)
            for a, c in keys
            for seed in range(n_networks + n_collapsed)
        ]
    )


def _accuracy(rng, keys, n_networks):
    rows = []
    for a, c in keys:
        for seed in range(n_networks):
            for epoch in (0, LAST_EPOCH):
                value = 0.1 if epoch == 0 else 0.93 + 0.03 * rng.random()
                rows.append((a, c, seed, epoch, "test", "all", value, 1000))
    return pd.DataFrame(rows, columns=ACCURACY)


def _accuracy_summary(keys, n_networks, n_collapsed):
    last = (0.9512, 0.934, 0.962, 0.94, 0.963)
    means = {0: 0.1} | {epoch: 0.95 - 0.6 / epoch for epoch in FOLLOWED}
    by_epoch = {epoch: (m, m - 0.02, m + 0.02, m - 0.01, m + 0.01) for epoch, m in means.items()} | {LAST_EPOCH: last}
    rows = [
        (a, c, epoch, split, "all", n_networks, n_collapsed, *values, method, 1000)
        for a, c in keys
        for split, epoch, values in (
            ("train", LAST_EPOCH, (0.9987, 0.991, 1.0, 0.995, 1.0)),
            *(("test", epoch, values) for epoch, values in by_epoch.items()),
        )
        for method in ("jackknife", "instances")
    ]
    return pd.DataFrame(rows, columns=ACCURACY_SUMMARY)


def _consistency(rng, layers, condition, n_networks, measures):
    rows = []
    for architecture, names in layers.items():
        for index, layer in enumerate(names):
            key = (architecture, condition, LAST_EPOCH, layer, index)
            depth = index / max(len(names) - 1, 1)
            for place, measure in enumerate(measures):
                for normalisation in ("none", "cocktail"):
                    for kind, level in KIND_LEVEL.items():
                        base = 0.95 - (0.5 - level) * depth**1.3 + 0.02 * place + 0.03 * (normalisation == "cocktail")
                        for a, b in combinations(range(n_networks), 2):
                            value = float(np.clip(base + 0.03 * rng.standard_normal(), 0, 1))
                            rows.append((*key, measure, normalisation, 0, kind, a, b, 499500, 0, value**0.5, value))
    columns = ["architecture", "condition", "epoch", "layer", "layer_index", "measure", "normalisation"]
    columns += ["dropout_samples", "kind", "seed_a", "seed_b", "n_entries", "n_undefined", "r", "consistency"]
    return pd.DataFrame(rows, columns=columns)


def _before_training(consistency):
    """The first measure without blank, a little higher than after training."""
    first = consistency["measure"].iloc[:1].item()
    rows = consistency[(consistency["measure"] == first) & (consistency["normalisation"] == "none")]
    raised = 0.5 + 0.5 * rows["consistency"]
    return rows.assign(epoch=0, consistency=raised, r=raised**0.5)


def _summary(consistency, n_networks, n_collapsed):
    keys = ["architecture", "condition", "epoch", "layer", "layer_index", "measure", "normalisation"]
    keys += ["dropout_samples", "kind"]
    rows = []
    for key, members in consistency.groupby(keys, sort=False):
        values = members["consistency"]
        half = 2 * values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
        common = dict(zip(keys, key, strict=True)) | {
            "n_networks": n_networks,
            "n_network_pairs": len(values),
            "n_collapsed": n_collapsed,
            "n_stimuli": 1000,
            "mean": values.mean(),
            "min": values.min(),
            "max": values.max(),
            "n_resamples": 1000,
        }
        for method, factor in (("pairs", 1.0), ("jackknife", 1.8)):
            low, high = values.mean() - factor * half, values.mean() + factor * half
            rows.append(common | {"ci_method": method, "ci_low": low, "ci_high": high})
        if common["kind"] == "exemplar":
            middle = 0.8 * values.mean()
            for method, width in (("partitions", 0.08), ("partitions_pairs", 0.2)):
                band = {"ci_method": method, "mean": middle, "ci_low": middle - width, "ci_high": middle + width}
                rows.append(common | {"kind": "random_centroid"} | band)
    return pd.DataFrame(rows)


def _training_set(condition):
    what, _, half = condition.partition("_")
    categories = {"a": "0+1+2+3+4", "b": "5+6+7+8+9"}.get(half) if what == "categories" else None
    restriction = {"images": half if what == "images" else "all", "categories": categories}
    return {"vary": "init", "cross": None, "perturb": None, "dropout": 0.0} | restriction


def _across(layers, condition, n_networks, measures):
    """Trajectories of the last layer: a network resembles itself at near epochs, the more the later they are."""
    rng = np.random.default_rng(1)
    points = [(epoch, seed) for epoch in FOLLOWED for seed in range(n_networks)]
    rows = []
    for architecture, names in layers.items():
        key = (architecture, condition, condition)
        for (epoch_a, seed_a), (epoch_b, seed_b) in combinations(points, 2):
            for measure in measures:
                for kind in ("exemplar", "centroid"):
                    apart = 0.3 * (seed_a != seed_b) * (kind == "exemplar") + 0.1 * np.log(epoch_b / epoch_a)
                    value = 0.93 - apart - 0.05 * np.log(epoch_a) + 0.02 * rng.random()
                    place = (names[-1], len(names) - 1, measure, "none", 0, kind)
                    rows.append((*key, epoch_a, epoch_b, *place, seed_a, seed_b, 499500, 0, value**0.5, value))
    columns = ["architecture", "condition_a", "condition_b", "epoch_a", "epoch_b", "layer", "layer_index", "measure"]
    columns += ["normalisation", "dropout_samples", "kind", "seed_a", "seed_b", "n_entries", "n_undefined"]
    return pd.DataFrame(rows, columns=[*columns, "r", "consistency"])


def _trajectory(across):
    """The same pairs of networks at the same epoch before the last, as `consistency` has them."""
    same = across[(across["epoch_a"] == across["epoch_b"]) & (across["epoch_a"] < LAST_EPOCH)]
    names = {"condition_a": "condition", "epoch_a": "epoch"}
    return same.drop(columns=["condition_b", "epoch_b"]).rename(columns=names)


def _halves_summary(layers, measures, n_networks, n_collapsed):
    rng = np.random.default_rng(2)
    n_pairs = n_networks * (n_networks - 1)
    pairs = {
        ("within", "order"): (n_pairs, 0.0),
        ("same_seed", "init+order"): (n_networks, 0.1),
        ("different_seeds", "order"): (n_pairs, -0.05),
        ("between", "order"): (n_pairs, -0.05),
        ("between", "init+order"): (n_networks, 0.1),
    }
    rows = []
    for architecture, names in layers.items():
        for place, (first, second) in enumerate(HALVES):
            for index, layer in enumerate(names):
                for measure in measures:
                    for name, (n, level) in pairs.items():
                        mean = 0.95 - 0.5 * index / len(names) + level * (1 - 2 * place) * index / len(names)
                        mean += 0.01 * rng.random()
                        for method, half in (("pairs", 0.02), ("jackknife", 0.04)):
                            half = half if n_networks > 2 else np.nan
                            key = (architecture, first, second, LAST_EPOCH, layer, index, measure, "none", "exemplar")
                            counts = (*name, n_networks, n, n_collapsed, 1000)
                            ends = (mean - 0.03, mean + 0.03, mean - half, mean + half)
                            rows.append((*key, *counts, mean, *ends, method, 1000))
    columns = ["architecture", "condition_a", "condition_b", "epoch", "layer", "layer_index", "measure"]
    columns += ["normalisation", "kind", "pairs", "shared", "n_networks", "n_network_pairs", "n_collapsed"]
    return pd.DataFrame(
        rows, columns=[*columns, "n_stimuli", "mean", "min", "max", "ci_low", "ci_high", "ci_method", "n_resamples"]
    )


def _clustering(layers, condition, measures, n_networks, n_collapsed):
    rows = []
    for architecture, names in layers.items():
        for index, layer in enumerate(names):
            for measure in measures:
                for normalisation in ("none", "cocktail"):
                    mean = 0.02 + 0.6 * (index / max(len(names) - 1, 1)) ** 1.5
                    half = 0.02 if n_networks > 2 else np.nan
                    for method in ("jackknife", "instances"):
                        rows.append(
                            {
                                "architecture": architecture,
                                "condition": condition,
                                "epoch": LAST_EPOCH,
                                "layer": layer,
                                "layer_index": index,
                                "measure": measure,
                                "normalisation": normalisation,
                                "n_networks": n_networks,
                                "n_collapsed": n_collapsed,
                                "mean": mean,
                                "min": mean - 0.025,
                                "max": mean + 0.025,
                                "ci_low": mean - half,
                                "ci_high": mean + half,
                                "ci_method": method,
                                "n_resamples": 1000,
                            }
                        )
    return pd.DataFrame(rows)


COMPARATORS = ("r2", "spearman", "cka", "cka_debiased", "procrustes")
FALLING = COMPARATORS[:-1]
"""Comparators whose interval of the change with depth is below 0."""


def _similarity(comparator, epoch, depth):
    level = 0.95 - 0.05 * COMPARATORS.index(comparator) - 0.1 * (epoch == 0)
    return level - 0.4 * depth * (comparator in FALLING)


def _variant(comparator, measures):
    of_rdms = comparator in ("r2", "spearman")
    rows = [{"measure": measure, "normalisation": "none"} for measure in measures[:2]]
    return [{"comparator": comparator} | row for row in (rows if of_rdms else [dict.fromkeys(rows[0])])]


def _comparators_summary(layers, condition, measures, n_networks, n_collapsed):
    n_pairs = n_networks * (n_networks - 1) // 2
    rows = []
    for architecture, names in layers.items():
        for (index, layer), epoch in product(enumerate(names), (0, LAST_EPOCH)):
            for variant in (each for comparator in COMPARATORS for each in _variant(comparator, measures)):
                mean = _similarity(variant["comparator"], epoch, index / max(len(names) - 1, 1))
                mean -= 0.2 * (variant["measure"] not in (None, measures[0]))
                key = {"architecture": architecture, "condition": condition, "epoch": epoch, "layer": layer}
                key |= {"layer_index": index, "n_networks": n_networks, "n_network_pairs": n_pairs}
                key |= {"n_collapsed": n_collapsed, "n_stimuli": 1000, "mean": mean, "n_resamples": 1000}
                spread = 0.03 if n_pairs > 1 else 0.0
                key |= {"min": mean - spread, "max": mean + spread, "at_bound": False}
                for method, half in (("pairs", 0.02), ("jackknife", 0.04)):
                    half = half if n_networks > 2 else np.nan
                    rows.append(key | variant | {"ci_method": method, "ci_low": mean - half, "ci_high": mean + half})
    return pd.DataFrame(rows)


def _comparator_drop(layers, condition, measures, n_networks):
    rows = []
    for architecture, names in layers.items():
        key = {"architecture": architecture, "condition": condition, "n_networks": n_networks}
        key |= {"comparator_b": None, "layer": None, "layer_index": pd.NA, "ci_method": "jackknife"}
        for epoch in (0, LAST_EPOCH):
            for variant in (each for comparator in COMPARATORS for each in _variant(comparator, measures)):
                first, last = (_similarity(variant["comparator"], epoch, depth) for depth in (0, 1))
                half = 0.1 if n_networks > 2 else np.nan
                ends = {"value": last - first, "ci_low": last - first - half, "ci_high": last - first + half}
                rows.append(key | variant | {"epoch": epoch, "quantity": "last_minus_first"} | ends)
                if epoch > 0:
                    learned = {"layer": names[-1], "layer_index": len(names) - 1, "value": 0.1, "ci_low": 0.05}
                    learned |= {"epoch": epoch, "quantity": "trained_minus_untrained", "ci_high": 0.15}
                    rows.append(key | variant | learned)
            w = {"value": 0.8, "ci_low": 0.7, "ci_high": 0.9, "measure": measures[0], "normalisation": "none"}
            rows.append(key | {"epoch": epoch, "quantity": "concordance", "comparator": None, "n_comparators": 5} | w)
    return pd.DataFrame(rows)


STRENGTHS = {"none": [np.nan], "gamma": [0.5, 2.0], "blur": [0.5, 0.7, 0.9]}
SIMILARITIES = ("index", "greedy", "optimal", "propagated", "consistency")


def _distorted_accuracy(layers, condition, n_networks):
    """Accuracies fall with the place of the strength; networks trained further on blur are better with it."""
    rows = []
    for architecture, seed, variant in product(layers, range(n_networks), ("trained", "finetuned_blur_0.001")):
        for distortion, strengths in STRENGTHS.items():
            for place, strength in enumerate(strengths):
                tuned = 0.1 * (variant != "trained") * (distortion == "blur")
                accuracy = 0.8 - 0.01 * seed - 0.1 * (place + 1) * (distortion != "none") * (1 + 0.05 * seed) + tuned
                key = {"architecture": architecture, "condition": condition, "seed": seed, "epoch": LAST_EPOCH}
                key |= {"variant": variant, "distortion": distortion, "strength": strength}
                rows.append(key | {"accuracy": accuracy, "n_images": 1000, "at_floor": False})
    return pd.DataFrame(rows)


FRACTIONS = (0.0, 0.1, 0.5, 1.0)


def _merged(layers, condition):
    rows = []
    for architecture, seed, fraction, distortion in product(layers, range(3), FRACTIONS, ("none", "blur")):
        orders = [("similarity", None)] + [("random", draw) for draw in range(2) if 0 < fraction < 1]
        for order, draw in orders:
            key = {"architecture": architecture, "condition": condition, "seed": seed, "variant": TUNED[1]}
            key |= {"order": order, "draw": draw, "fraction": fraction, "n_kernels": int(100 * fraction)}
            accuracy = 0.5 + 0.01 * seed + 0.2 * fraction * (distortion == "blur") + 0.05 * (order == "random")
            rows.append(key | {"distortion": distortion, "accuracy": accuracy, "n_images": 500})
    return pd.DataFrame(rows)


def _transfer(layers, condition):
    """Five sources, three transfer seeds and three modes."""
    keys = {"condition": condition, "target": "categories_b"}
    accuracies, summary, relations = [], [], []
    for architecture, (m, mode) in product(layers, enumerate(("readout", "all", "scratch"))):
        key = {"architecture": architecture, **keys, "mode": mode}
        for seed, transfer_seed in product(range(5), range(3)):
            row = {"seed": seed, "transfer_seed": transfer_seed, "split": "test", "n_images": 500}
            accuracies.append(key | row | {"accuracy": 0.5 + 0.1 * m + 0.02 * seed - 0.01 * transfer_seed})
        for component, variance in (("source", 1e-3), ("transfer_seed", 2e-4), ("rest", -1e-5)):
            ends = {"variance": variance * (1 + m), "ci_low": variance - 1e-3, "ci_high": variance * (1 + m) + 2e-3}
            summary.append(key | {"component": component, "n_networks": 5, "n_transfer_seeds": 3} | ends)
        for x, y in product(("index", "greedy", "optimal", "propagated", "consistency"), ("abs_difference", "kappa")):
            place = {"layer": "conv2", "layer_index": 1} if x == "consistency" else {"layer": None, "layer_index": None}
            r = 0.1 * m + 0.2 * (y == "kappa") - 0.3 * (x == "greedy")
            relations.append(key | place | {"x": x, "y": y, "pearson": r, "ci_low": r - 0.3, "ci_high": r + 0.3})
    frames = {"transfer": accuracies, "transfer_summary": summary, "transfer_relations": relations}
    return {name: pd.DataFrame(rows) for name, rows in frames.items()}


TUNED = ("finetuned_none_0.001", "finetuned_blur_0.001")


def _paradox(layers, condition):
    """Kernels, errors and counts of pairs of three networks, and of each with two variants."""
    pairs = [("seeds", a, b, "trained") for a, b in combinations(range(3), 2)]
    pairs += [("finetuned", seed, seed, variant) for seed in range(3) for variant in TUNED]
    kernels, errors, counts = [], [], []
    for architecture, (kind, a, b, variant) in product(layers, pairs):
        pair = {"architecture": architecture, "pair_kind": kind, "seed_a": a, "seed_b": b, "variant_b": variant}
        pair |= {"condition_a": condition, "condition_b": condition, "variant_a": "trained"}
        levels = {"chance_mean": 0.15, "chance_high": 0.17}
        for matching in ("index", "greedy"):
            r = 1 - 1e-4 * (1 + a) if kind == "finetuned" else 0.16 * (matching == "greedy")
            kernels.append(pair | levels | {"layer": None, "matching": matching, "similarity": r})
        for distortion, strengths in STRENGTHS.items():
            for strength in strengths:
                difference = 0.1 * (variant == TUNED[1]) * (distortion == "blur") - 0.01 * (1 + a)
                errors.append(pair | {"distortion": distortion, "strength": strength, "difference": difference})
    keys = [("seeds", "trained"), *(("finetuned", variant) for variant in TUNED)]
    for architecture, (kind, variant), distortion in product(layers, keys, STRENGTHS):
        key = {"architecture": architecture, "condition": condition, "pair_kind": kind, "variant_b": variant}
        tuned = kind == "finetuned"
        numbers = {"n_pairs": 3, "n_similar": 3 * tuned, "n_similar_yet_different": 2 * (variant == TUNED[1])}
        numbers |= {"n_different": 3 * (not tuned), "n_different_yet_similar": int(not tuned), "can_qualify": True}
        counts.append(key | numbers | {"distortion": distortion, "seeds_high": 0.04})
    return {"kernels": pd.DataFrame(kernels), "error_agreement": pd.DataFrame(errors), "paradox": pd.DataFrame(counts)}


def _kernel_relations(layers, condition, n_networks):
    rows = []
    for architecture, names in layers.items():
        for y, distortion, (place, x) in product(
            ("abs_difference", "kappa", "agreement"), [*STRENGTHS, None], enumerate(SIMILARITIES)
        ):
            key = {"architecture": architecture, "condition": condition, "y": y, "distortion": distortion, "x": x}
            key |= {"n_networks": n_networks, "n_pairs": n_networks * (n_networks - 1) // 2, "n_permutations": 119}
            for number, layer in enumerate(names if x == "consistency" else [None, *names]):
                r = 0.1 * place - 0.2 + 0.01 * number
                half = 0.3 if n_networks >= 5 else np.nan
                ends = {"pearson": r, "ci_low": r - half, "ci_high": r + half, "spearman": r, "p_permutation": 0.5}
                index = None if layer is None else names.index(layer)
                scatter = {"x_sd": 0.01, "chance_sd": None if x == "consistency" else 0.012, "p_holm": 1.0}
                rows.append(key | {"layer": layer, "layer_index": index} | ends | scatter)
    return pd.DataFrame(rows)


def _relations(layers, condition, measures):
    rows = []
    for architecture, names in layers.items():
        for measure in measures:
            key = {"architecture": architecture, "condition": condition, "measure": measure, "normalisation": "none"}
            over_layers = {"relation": "cci_consistency_over_layers", "epoch": LAST_EPOCH, "kind": "exemplar"}
            rows.append(key | over_layers | _correlations(len(names)))
            for kind in ("exemplar", "centroid"):
                over_epochs = {"relation": "consistency_accuracy_over_epochs", "layer": names[-1], "kind": kind}
                rows.append(key | over_epochs | _correlations(len(FOLLOWED)))
    return pd.DataFrame(rows)


def _correlations(n):
    row = {"n": n}
    defined = n >= 5
    for k, name in enumerate(("pearson", "skipped", "percentage_bend")):
        row[name] = -0.92 + 0.02 * k if defined else np.nan
        row[f"{name}_p"] = (0.0004, 0.0012, 0.021)[k] if defined else np.nan
        row[f"{name}_ci_low"] = -0.98 if defined else np.nan
        row[f"{name}_ci_high"] = -0.66 if defined else np.nan
    return row


def _second_level(rng, layers, condition, n_networks):
    rows = []
    for architecture, names in layers.items():
        points = [(index, layer, seed) for index, layer in enumerate(names) for seed in range(n_networks)]
        for (ia, la, sa), (ib, lb, sb) in combinations(points, 2):
            distance = 0.08 * abs(ia - ib) + (sa != sb) * 0.03 * (ia + ib) / 2 + 0.01 * rng.random()
            rows.append((architecture, condition, LAST_EPOCH, "correlation", la, ia, sa, lb, ib, sb, distance))
    columns = ["architecture", "condition", "epoch", "measure", "layer_a", "layer_index_a", "seed_a"]
    return pd.DataFrame(rows, columns=[*columns, "layer_b", "layer_index_b", "seed_b", "distance"])


def _rdm_maps(rng, layers, condition, n_stimuli, n_categories):
    frames = []
    for architecture, names in layers.items():
        for seed in (0, 1):
            for index, layer in enumerate(names):
                category = np.arange(n_stimuli) * n_categories // n_stimuli
                angle = 2 * np.pi * category / n_categories
                spread = 0.4 * index / len(names)
                xy = spread * np.column_stack([np.cos(angle), np.sin(angle)])
                xy += 0.15 * rng.standard_normal((n_stimuli, 2))
                n_dropped = 1 if index == len(names) - 1 else 0
                xy[:n_dropped] = np.nan
                frames.append(
                    pd.DataFrame(
                        {
                            "architecture": architecture,
                            "condition": condition,
                            "epoch": LAST_EPOCH,
                            "level": "rdm",
                            "measure": "correlation",
                            "layer": layer,
                            "layer_index": index,
                            "seed": seed,
                            "stimulus": np.arange(n_stimuli),
                            "category": category,
                            "category_name": [f"category {c}" for c in category],
                            "x": xy[:, 0],
                            "y": xy[:, 1],
                            "point_stress": np.where(np.isnan(xy[:, 0]), np.nan, 0.1 + 0.3 * rng.random(n_stimuli)),
                            "stress": 0.2,
                            "n_dropped": n_dropped,
                        }
                    )
                )
    return pd.concat(frames, ignore_index=True)


def _second_level_maps(rng, layers, condition, n_networks):
    rows = []
    for architecture, names in layers.items():
        for index, layer in enumerate(names):
            for seed in range(n_networks):
                angle = 2 * np.pi * seed / n_networks
                x = 0.1 * index + 0.02 * index * np.cos(angle)
                y = 0.05 * index * np.sin(angle) + 0.005 * rng.random()
                rows.append(
                    {
                        "architecture": architecture,
                        "condition": condition,
                        "epoch": LAST_EPOCH,
                        "level": "second_level",
                        "measure": "correlation",
                        "layer": layer,
                        "layer_index": index,
                        "seed": seed,
                        "x": x,
                        "y": y,
                        "point_stress": 0.1,
                        "stress": 0.08,
                        "n_dropped": 0,
                    }
                )
    return pd.DataFrame(rows)


PUBLISHED = ROOT / "data/mehrer2020_values.csv"
CLAIMS = ROOT / "data/claims.csv"


def _comparison():
    """All published values, ours a little lower; AlexNet is not in the study."""
    table = pd.read_csv(PUBLISHED).rename(columns={"value": "published"})
    table = table.rename(columns={f"ci_{end}": f"published_ci_{end}" for end in ("low", "high")})
    middle = table[["published_ci_low", "published_ci_high"]].mean(axis=1)
    in_study = table["architecture"] != "alexnet"
    ours = (0.9 * table["published"].fillna(middle)).where(in_study)
    difference = ours - table["published"]
    has_interval = table["published_ci_low"].notna()
    return table.assign(
        study="synthetic",
        ours=ours,
        ours_ci_low=ours - 0.03,
        ours_ci_high=ours + 0.03,
        ours_layer=table["layer"].fillna("conv6"),
        ci_method=table["figure"].map({"text": "range", "fig7b": "partitions"}).fillna("jackknife").where(in_study),
        n_networks=pd.Series(6, index=table.index, dtype="Int64").where(in_study),
        difference=difference,
        difference_low=(difference - 0.05).where(has_interval),
        difference_high=(difference + 0.06).where(has_interval),
        status=np.where(in_study, None, "not in this study: architecture alexnet"),
        departures=np.where(in_study, "width 0.25 (paper: 1); epochs 8 (paper: 350)", None),
    )


def _howmany(consistency):
    """What these networks say about other numbers; in the first group stimuli were resampled too."""
    plan = Plan(half_width=0.02, networks=[3, 5, 10, 30, 100], stimuli=[100, 1000], subsets=50, seed=0)
    found = [plan_networks(rows, None, plan) for _, rows in consistency.groupby("architecture", sort=False)]
    howmany, answers = (pd.concat([tables[place] for tables in found], ignore_index=True) for place in (0, 1))
    resampled = howmany[howmany["architecture"] == howmany["architecture"].min()]
    more = [
        resampled.assign(
            n_stimuli=n, half_width=resampled["half_width"] + 3 / n, subsets_sd=np.nan, predicted_sd=np.nan
        )
        for n in (100, 1000)
    ]
    return pd.concat([howmany, *more], ignore_index=True).astype({"n_stimuli": "Int64"}), answers


SEEDS_OF_STREAMS = {"init": 3, "order": 4}


def _sources(rng, layers, measures):
    """Pools of 3 x 4 networks, one of which is missing, in which the part of init grows with depth."""
    levels = np.array(list(product(range(3), range(4))))[1:]
    cells = tuple(("crossed", seed) for seed in range(1, 12))
    pool = Pool(cells, ("init", "order"), levels, 1)
    frames = []
    for architecture, names in layers.items():
        found = []
        for index, (measure, kind) in product(range(len(names)), product(measures, KIND_LEVEL)):
            parts = rng.standard_normal((4, 300))[np.array([levels[:, 0], levels[:, 1]])]
            init, order = parts * [[[0.1 * (index + 1)]], [[0.3]]]
            vectors = rng.standard_normal(300) + init + order + 0.3 * rng.standard_normal((11, 300))
            keys = {"epoch": LAST_EPOCH, "layer": names[index], "layer_index": index, "normalisation": "none"}
            found.append((keys | {"measure": measure, "kind": kind}, agreement(vectors)))
        components, pairs = source_rows(pool, found)
        both = components.assign(equivalent=0.02), pairs
        frames.append([rows.assign(architecture=architecture, conditions="crossed") for rows in both])
    return [pd.concat(rows, ignore_index=True) for rows in zip(*frames, strict=True)]


N_PICTURES = 12


@cache
def _conserved(layers, condition, n_networks, measure):
    """Tables of what networks have in common, less with depth, and pictures of twelve stimuli of three categories.

    Parameters
    ----------
    layers
        Pairs of an architecture and its layers.
    """
    rng = np.random.default_rng(1)
    categories, names = np.repeat(["cat", "dog", "ship"], 4), [str(place) for place in range(N_PICTURES)]
    parts = {name: [] for name in conserved.TABLES}
    for architecture, of_network in layers:
        for index, layer in enumerate(of_network):
            shared = rng.standard_normal((N_PICTURES, 20))
            patterns = [shared + 0.1 * (index + 1) * rng.standard_normal(shared.shape) for _ in range(n_networks)]
            distances = [((each[:, None] - each) ** 2).sum(axis=-1) for each in patterns]
            vectors = np.sqrt([each[np.triu_indices(N_PICTURES, 1)] for each in distances])
            plan = conserved.Plan(splits=4, min_reliability=0.3, dimensions=6, seed=0)
            found = conserved.agreement_tables(vectors, categories, names, plan)
            found["conserved_dimensions"] = conserved.dimension_rows(distances, categories, plan)
            keys = {"architecture": architecture, "condition": condition, "epoch": LAST_EPOCH, "layer": layer}
            for name, rows in found.items():
                of_rdms = {} if name == "conserved_dimensions" else {"measure": measure, "normalisation": "none"}
                parts[name].append(rows.assign(**keys, layer_index=index, n_networks=n_networks, **of_rdms))
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    tables["stimulus_agreement"] = tables["stimulus_agreement"].assign(correct_share=0.75, centroid_distance=1.0)
    images = pd.DataFrame({"image": list(rng.integers(0, 255, (N_PICTURES, 8, 8, 1)).astype(np.uint8))})
    images.attrs["n_shown"] = 3
    return tables | {"images": images}


def _outside(layers, condition, n_networks, measure):
    """Agreement with a brain of four subjects and with pixels: the first rises with depth, the second falls."""
    rng, rows = np.random.default_rng(2), {"outside": [], "outside_summary": [], "outside_conclusions": []}
    groups, ceilings = {}, {("brain", "spearman"): (0.7, 0.8), ("pixels", "spearman"): (np.nan, np.nan)}
    for architecture, names in layers.items():
        compared = []
        for (file, kind, n_subjects), (index, layer) in product(
            (("brain", "brain", 4), ("pixels", "model", 1)), enumerate(names)
        ):
            keys = {"file": file, "kind": kind, "comparison": "spearman", "layer": layer, "layer_index": index}
            depth = (index + 1) / len(names)
            level = 0.2 + 0.4 * (depth if file == "brain" else 1 - depth)
            values = level + 0.05 * rng.standard_normal((n_networks, n_subjects))
            draws = level + 0.02 * rng.standard_normal(20)
            known = {"measure": measure, "normalisation": "none"}
            compared.append(Compared(keys | known, values, values.mean(axis=0) + 0.05, draws, 50, 1225, 0))
        group = {"architecture": architecture, "condition": condition, "epoch": LAST_EPOCH}
        subjects = {"brain": ("a", "b", "c", "d"), "pixels": ("",)}
        of_values = outside_summaries.value_rows(compared, range(n_networks), subjects)
        rows["outside"] += [group | row for row in of_values]
        rows["outside_summary"] += [group | row for row in outside_summaries.summary_rows(compared, ceilings)]
        for each in compared:
            member = outside_summaries.GroupOfNetworks(architecture, condition, each)
            groups.setdefault(each.keys["file"], []).append(member)
    for members in groups.values():
        rows["outside_conclusions"] += list(outside_summaries.conclusion_rows(members))
    return {name: pd.DataFrame(found) for name, found in rows.items()}


def _divergence(layers, measures):
    """Networks drift apart, those that share init the latest; perturbed ones follow from epoch 4 on."""
    rows = []
    lines = [("none", None, 0.6), ("init", None, 0.1), ("order", None, 0.5), (None, "ulp", 0.05)]
    for (architecture, names), measure, epoch in product(layers.items(), measures, (0, *FOLLOWED)):
        places = range(len(names)) if epoch == LAST_EPOCH else (0, len(names) - 1)
        for index, (shared, perturbation, apart) in product(places, lines):
            r = 1 - apart * (1 - 1 / (1 + epoch / 4))
            keys = {"architecture": architecture, "epoch": epoch, "layer": names[index], "layer_index": index}
            known = {"measure": measure, "normalisation": "none", "kind": "exemplar", "r": r, "consistency": r**2}
            ends = {"ci_low": r - 0.02, "ci_high": r + 0.02, "ci_method": "two_way", "n_pairs": 12}
            weights = {"agreement": 1 - apart / 2, "weight_distance": apart * epoch, "changes_forward": None}
            rows.append({"shared": shared, "perturbation": perturbation, **keys, **known, **ends, **weights})
    return with_half_epoch(pd.DataFrame(rows))


def _claims():
    """All declared rows: gates passed, and estimates from -0.9 upwards, confirmed or not in turn."""
    table = pd.read_csv(CLAIMS, dtype={"claim": str}).rename(columns={"layers": "layer"})
    is_gate = (table["kind"] == "gate").to_numpy()
    estimate = np.where(is_gate, [10, 0.995, 0.98, 0.81] + [0.0] * (len(table) - 4), np.linspace(-1.1, 0.9, len(table)))
    outcome = np.where(is_gate, "confirmed", np.resize(["confirmed", "refuted", "undecided"], len(table)))
    has_interval = ~is_gate & table["scale"].notna()
    ends = {
        f"ci_{end}{level}": np.where(has_interval, estimate + sign * half, np.nan)
        for end, sign in (("low", -1), ("high", 1))
        for level, half in (("", 0.09), ("_95", 0.05))
    }
    p = np.where(table["statistic"] == "centroid_above_random_grouping", 0.001, np.nan)
    return table.drop(columns=["combine", "comparison", "scale", "description"]).assign(
        architecture="all_cnn_c",
        condition="baseline",
        kind=table["comparison"],
        estimate=estimate,
        **ends,
        p=p,
        n_networks=10,
        gate="passed",
        outcome=outcome,
        verdict=outcome,
    )


def _rotated():
    """Keys of the rotations' tables, and whether the rotation is to change the dissimilarities."""
    for about in ("centre", "origin"):
        for measure in MEASURES:
            for normalisation in ("none", "cocktail"):
                keys = {"about": about, "measure": measure, "normalisation": normalisation}
                yield keys, measure == "correlation"


def _rotations(rng):
    settings = {"n_points": 8, "n_dimensions": 5, "n_entries": 28, "largest_entry": 2.0}
    rows = []
    for rotation in range(6):
        for keys, changed in _rotated():
            r = 0.3 + 0.5 * rng.random() if changed else 1.0
            smallest = {"centre": 0.125, "origin": -3.5}[keys["about"]] + 0.01 * rotation
            change = {"r": r, "consistency": r**2, "largest_change": 0.5 if changed else 1e-15}
            rows.append({"rotation": rotation} | keys | settings | change | {"smallest_coordinate": smallest})
    return pd.DataFrame(rows)


def _rotation_entries(rng):
    point_a, point_b = np.triu_indices(8, 1)
    frames = []
    for keys, changed in _rotated():
        before = 2 * rng.random(28)
        after = before + changed * 0.25 * rng.random(28)
        entries = {"point_a": point_a, "point_b": point_b, "before": before, "after": after}
        frames.append(pd.DataFrame({"rotation": 0} | keys | entries))
    return pd.concat(frames, ignore_index=True)
