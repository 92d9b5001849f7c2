"""Accuracies of networks between two, as means over the strengths of a distortion that are not at the floor."""

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from manyseeds.io.tables import conform, filled, read_schema
from manyseeds.kernels.merging import all_merged
from manyseeds.kernels.predictions import conditions_of
from manyseeds.statistics import merged

RANDOM = np.random.default_rng(0)
PARENT = {"conv1.weight": RANDOM.standard_normal((4, 1, 3, 3)), "conv1.bias": RANDOM.standard_normal(4)}
TUNED = {name: array + 0.3 * RANDOM.standard_normal(array.shape) for name, array in PARENT.items()}
FOUND = list(all_merged(PARENT, TUNED, [0, 0.5, 1], 2, root_seed=0, seed=0))
LABELS = RANDOM.integers(0, 4, 100)
STRENGTHS = [0.1, 0.5, 0.9]
SCHEMA = read_schema(ROOT / "workflow_scripts/manyseeds/schemas/tables/merged.schema.json")


@pytest.mark.parametrize("kept", [[0, 1, 2, 3], [0, 1, 3], [0]])
def test_accuracies_are_means_over_strengths_that_are_not_at_the_floor(kept):
    """The last case has all strengths at the floor."""
    conditions = [conditions_of({"blur": STRENGTHS})[place] for place in kept]
    answered = {number: RANDOM.integers(0, 4, (len(kept), 100)) for number in range(len(FOUND))}
    rows = pd.DataFrame(merged.accuracies(FOUND, answered, LABELS, conditions, "blur", len(STRENGTHS)))
    keys = {"architecture": "net", "condition": "baseline", "seed": 0, "variant": "finetuned_blur_0.001"}
    table = conform(filled(rows.assign(**keys), SCHEMA), SCHEMA)
    for number, each in enumerate(FOUND):
        shares = [np.mean(row == LABELS) for row in answered[number]]
        clean, distorted = (table[table["distortion"] == name].iloc[number] for name in ("none", "blur"))
        assert (clean["order"], clean["fraction"]) == (each.keys["order"], each.keys["fraction"])
        assert (clean["accuracy"], clean["n_at_floor"]) == (shares[0], 0)
        assert distorted["n_at_floor"] == 4 - len(kept)
        if len(kept) == 1:
            assert pd.isna(distorted["accuracy"])
        else:
            assert distorted["accuracy"] == pytest.approx(sum(shares[1:]) / (len(kept) - 1))
