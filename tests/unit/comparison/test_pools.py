"""Pools of networks of several conditions: each network once, and complete entries."""

import numpy as np
import pandas as pd
import pytest
from configs import study

from manyseeds.comparison.pools import agreements, of_conditions, of_defined_entries, pool_networks
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.geometry_files import save_geometries
from manyseeds.study.tasks import random_draws

CONDITIONS = [
    {"name": "star_init", "vary": ["init"], "instances": 3},
    {"name": "star_order", "vary": ["order"], "instances": 3},
    {"name": "crossed", "cross": {"init": 2, "order": 2}},
]


def pooled(outcomes=None, numbers=None):
    """The pool of the three conditions; `outcomes` and `numbers` of last attempts by condition and seed."""
    expanded = study(conditions=CONDITIONS, networks=[{"architecture": "all_cnn_c"}])
    conditions, attempts = [], []
    for condition in ("star_init", "star_order", "crossed"):
        seeds = expanded.seeds("all_cnn_c", condition)
        draws = random_draws(expanded, "all_cnn_c", condition)
        conditions.append({"name": condition, "seeds": list(seeds), "draws": draws})
        for seed in seeds:
            outcome = (outcomes or {}).get((condition, seed), "accepted")
            row = {"condition": condition, "seed": seed, "attempt": (numbers or {}).get((condition, seed), 0)}
            attempts.append(pd.DataFrame([row | {"outcome": outcome}]))
    return pool_networks(*of_conditions(conditions, attempts))


def test_networks_of_several_conditions_are_pooled_once():
    pool = pooled()
    assert pool.factors == ("init", "order")
    assert [*zip(pool.cells, map(tuple, pool.levels.tolist()), strict=True)] == [
        (("star_init", 0), (0, 0)),  # seed 0 of both stars and of the crossing
        (("star_init", 1), (1, 0)),  # seed 2 of the crossing
        (("star_init", 2), (2, 0)),
        (("star_order", 1), (0, 1)),  # seed 1 of the crossing
        (("star_order", 2), (0, 2)),
        (("crossed", 3), (1, 1)),
    ]
    assert pool.n_missing == 0
    assert pool.described_levels == "init3+order3"


def test_collapsed_networks_are_missing_and_redrawn_ones_have_other_draws():
    collapsed = pooled({("crossed", 3): "dead", ("star_order", 2): "dead"})
    assert len(collapsed.cells) == 4
    assert collapsed.n_missing == 2
    assert collapsed.described_levels == "init3+order2"
    redrawn = pooled(numbers={("star_init", 1): 1})
    assert ("crossed", 2) in redrawn.cells  # no longer the network of star_init's seed 1
    assert redrawn.described_levels == "init4+order3"


def test_entries_that_any_network_does_not_define_are_left_out_for_all():
    vectors = np.random.default_rng(0).standard_normal((4, 30))
    vectors[1, 3] = vectors[2, [3, 7]] = np.nan
    found = of_defined_entries(vectors)
    kept = np.delete(vectors, [3, 7], axis=1)
    np.testing.assert_allclose(found.r, np.corrcoef(kept)[np.triu_indices(4, 1)])
    assert found.n_entries == 30
    assert set(found.n_undefined) == {2}


@pytest.mark.parametrize(("categories", "kinds"), [([0, 0, 0, 1, 1, 1, 2, 2], 3), ([0] * 8, 1)])
def test_all_kinds_of_entries_are_compared(tmp_path, categories, kinds):
    rng, files = np.random.default_rng(1), []
    for seed in range(3):
        files.append(tmp_path / f"{seed}.npz")
        save_geometries(
            files[-1], {"conv1": measure_geometry(rng.standard_normal((8, 20)), name="conv1")}, {"conv1": 0}
        )
    found = list(agreements(files, "conv1", categories, ["correlation", "euclidean"]))
    assert len(found) == 2 * kinds
    assert [each.n_entries for _, _, each in found][:kinds] == [28, 3, 7][:kinds]
