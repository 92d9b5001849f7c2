"""Table of the kernel similarities of a group's pairs of networks, with chance levels (methods 11)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from manyseeds.errors import StudyError
from manyseeds.kernels import matching, similarity, variants
from manyseeds.kernels.pairs import NULL, Pair
from manyseeds.kernels.similarity import PROPAGATED, SINGLE
from manyseeds.kernels.variants import Weights
from manyseeds.study import variants as named
from manyseeds.study.variants import Variant

PROPAGATED_DRAWS = 20
"""Largest number of pairs of random networks for the chance level of matching whole networks, which takes long."""

Row = dict[str, Any]


def made(weights: Weights, variant: Variant, *, is_chain: bool, root_seed: int, seed: int) -> Weights:
    """Return the weights of a variant that is made from those of a trained instance.

    Parameters
    ----------
    is_chain
        Whether all layers are convolutions of which each takes the outputs of the one before. The last one is then the
        readout, and the others are hidden; else all convolutions are hidden.
    root_seed, seed
        `kernels.seed` of the config, and the seed of the instance.
    """
    layers = variants.convolutions(weights)
    address = {"root_seed": root_seed, "seed": seed}
    if variant.kind == named.NOISE:
        return variants.noisy(weights, cast(float, variant.value), **address)
    if variant.kind == named.RESCALED:
        hidden = layers[:-1] if is_chain else layers
        return variants.rescaled(weights, cast(float, variant.value), hidden, **address)
    if variant.kind == named.PERMUTED:
        return variants.permuted(weights, layers, **address)
    return weights


def chosen_layers(weights: Weights, wanted: Sequence[str] | None, source: str) -> dict[str, int]:
    """Return the places of the wanted convolutions (None: all) among those of a network.

    Raises
    ------
    StudyError
        If the network has none of them.
    """
    places = {layer: place for place, layer in enumerate(variants.convolutions(weights))}
    chosen = {layer: place for layer, place in places.items() if wanted is None or layer in wanted}
    if not chosen:
        raise StudyError(
            f"Config key kernels.layers: found {', '.join(wanted or ['all'])}, expected at least one convolution of "
            f"{source}: {', '.join(places) or 'it has none; set kernels.conditions to []'}."
        )
    return chosen


class Comparer:
    """Compares pairs of sets of weights of one architecture, layer by layer, and knows the chance levels."""

    def __init__(
        self, example: Weights, layers: Mapping[str, int], *, is_chain: bool, restarts: int, draws: int, seed: int
    ) -> None:
        """Compute the chance levels from random kernels.

        Parameters
        ----------
        example
            Weights of any network of the architecture.
        layers
            Places of the compared layers.
        is_chain
            As in `made`. Only chains are matched as whole networks.
        restarts, draws, seed
            `kernels.restarts`, `kernels.null_draws` and `kernels.seed` of the config.
        """
        self.layers, self.is_chain = layers, is_chain
        self.all_layers = variants.convolutions(example)
        self.options = {"restarts": restarts, "seed": seed}
        shapes = {layer: example[f"{layer}.weight"].shape for layer in self.all_layers}
        compared = {layer: shapes[layer] for layer in layers}
        values = similarity.chance_values(compared, draws, seed)
        self.chance = {name: _levels(each, similarity.quantile_chance) for name, each in values.items()}
        if is_chain:
            values[PROPAGATED] = self._propagated_chance(shapes, min(draws, PROPAGATED_DRAWS), seed)
            self.chance[PROPAGATED] = _levels(values[PROPAGATED], similarity.normal_chance)
        self.chance_sd = {name: _with_mean(each).std(axis=0, ddof=1) for name, each in values.items()}

    def shares_a_layer(self, a: Weights, b: Weights) -> bool:
        """Return whether two sets of weights have equal kernels in a compared layer."""
        return any(np.array_equal(a[f"{layer}.weight"], b[f"{layer}.weight"]) for layer in self.layers)

    def _propagated_chance(self, shapes: Mapping[str, tuple[int, ...]], draws: int, seed: int) -> np.ndarray:
        """Return the similarity (draws, layers) of random networks that are matched as a whole."""
        random = [similarity.gaussian_kernels(dict(shapes), seed, draw) for draw in range(draws)]
        chains = [[[matching.Layer(kernels) for kernels in side.values()] for side in pair] for pair in random]
        return np.array([[row["similarity"] for row in self._propagated(*pair)] for pair in chains])

    def rows(self, pair: Pair, a: Weights, b: Weights) -> list[Row]:
        """Return the rows of a pair: of each layer and of the whole network, by each matching."""
        kernels = [variants.kernels_of(each, list(self.layers)) for each in (a, b)]
        by_layer = [self._of_layer(kernels[0][each], kernels[1][each]) for each in self.layers]
        found = {name: [rows[name] for rows in by_layer] for name in SINGLE}
        if self.is_chain:
            found[PROPAGATED] = self._propagated(*(variants.chain(each, self.all_layers) for each in (a, b)))
        counts = [_counted(kernels[0][layer], kernels[1][layer]) for layer in self.layers]
        return [
            pair.columns | place | count | row | self._chance_columns(name, number)
            for name, rows in found.items()
            for number, (place, count, row) in enumerate(
                zip([*self._places(), _NETWORK], [*counts, _total(counts)], [*rows, _mean(rows)], strict=True)
            )
        ]

    def _places(self) -> list[Row]:
        return [{"layer": layer, "layer_index": place} for layer, place in self.layers.items()]

    def _of_layer(self, a: np.ndarray, b: np.ndarray) -> dict[str, Row]:
        """Return the readings of one layer by each matching that takes it by itself."""
        r, rows = similarity.correlations(a, b), {}
        for name, match in SINGLE.items():
            matched = match(r)
            mean, forth, back = similarity.similarities(r, name, matched)
            directions = {"similarity_ab": forth, "similarity_ba": back}
            whole = similarity.whole_layer(a, b, matched.order)
            rows[name] = _readings(name, mean, matched.r.min(), whole) | directions
        return rows

    def _propagated(self, a: matching.Chain, b: matching.Chain) -> list[Row]:
        """Return the readings of each compared layer after both networks are matched as a whole."""
        after = matching.permute(b, matching.match(a, b, **self.options))
        rows = []
        for layer in self.layers:
            x, y = (chain[self.all_layers.index(layer)].kernels for chain in (a, after))
            r = similarity.index(similarity.correlations(x, y)).r
            whole = similarity.whole_layer(x, y, np.arange(len(x)))
            directions = {"similarity_ab": float(r.mean()), "similarity_ba": float(r.mean())}
            rows.append(_readings(PROPAGATED, float(r.mean()), r.min(), whole) | directions)
        return rows

    def _chance_columns(self, name: str, number: int) -> Row:
        chance = self.chance[name][number]
        return {"chance_mean": chance.mean, "chance_high": chance.high, "chance_sd": self.chance_sd[name][number]}


_NETWORK: Row = {"layer": None, "layer_index": None}
"""Place of the value of a whole network."""


def _readings(name: str, mean: float, minimum: float, whole: float) -> Row:
    return {"matching": name, "similarity": mean, "minimum": float(minimum), "flattened": whole}


def _mean(rows: Sequence[Row]) -> Row:
    """Return the value of a network: the mean over its layers, and the minimum over all kernels."""
    columns = ("similarity", "flattened", "similarity_ab", "similarity_ba")
    means = {column: float(np.mean([row[column] for row in rows])) for column in columns}
    return {"matching": rows[0]["matching"], "minimum": min(row["minimum"] for row in rows)} | means


def _counted(a: np.ndarray, b: np.ndarray) -> Row:
    n_constant = sum(int(similarity.is_constant(similarity.flattened(each)).sum()) for each in (a, b))
    return {"n_kernels": len(a), "n_constant": n_constant}


def _total(counts: Sequence[Row]) -> Row:
    return {column: sum(count[column] for count in counts) for column in ("n_kernels", "n_constant")}


def _with_mean(values: np.ndarray) -> np.ndarray:
    """Return values (draws, layers) with their mean over layers as a last column."""
    return np.column_stack([values, values.mean(axis=1)])


def _levels(values: np.ndarray, level: Callable[[np.ndarray], similarity.Chance]) -> list[similarity.Chance]:
    """Return the chance level of each layer and of the network."""
    return [level(column) for column in _with_mean(values).T]


def compare(
    pairs: Sequence[Pair],
    weights: Callable[[int, str], Weights | None],
    comparer: Comparer,
    report: Callable[[str], None],
) -> pd.DataFrame:
    """Return the rows of the table `kernels` of a group, without the keys of the group.

    Parameters
    ----------
    weights
        Returns the weights of a seed's variant, or None. Pairs without weights, as of a failed variant, are left out.
        So are pairs before training that were not drawn apart, and have equal kernels in a compared layer.
    """
    rows: list[Row] = []
    counted: dict[str, int] = {}
    for pair in pairs:
        a, b = (weights(side.seed, side.variant) for side in (pair.a, pair.b))
        if a is not None and b is not None and not (pair.kind == NULL and comparer.shares_a_layer(a, b)):
            rows += comparer.rows(pair, a, b)
            counted[pair.kind] = counted.get(pair.kind, 0) + 1
    report("Pairs: " + ", ".join(f"{number} of {kind}" for kind, number in counted.items()))
    return pd.DataFrame(rows)
