"""Groups most of whose networks were rejected are named at the end of a run."""

import pandas as pd
import pytest

from manyseeds.training.outcomes import mostly_rejected

GROUP = ("all_cnn_c", "baseline")


@pytest.fixture
def attempts(tmp_path):
    """Files of attempts of networks, from their outcomes in order."""

    def write(*networks):
        paths = {}
        for seed, outcomes in enumerate(networks):
            paths[seed] = tmp_path / f"{seed}.parquet"
            rows = [{"seed": seed, "attempt": place, "outcome": outcome} for place, outcome in enumerate(outcomes)]
            columns = {"architecture": GROUP[0], "condition": GROUP[1]}
            pd.DataFrame(rows).assign(**columns).to_parquet(paths[seed])
        return {GROUP: paths | {99: tmp_path / "missing.parquet"}}

    return write


def test_a_group_with_more_rejected_than_accepted_networks_is_named(attempts):
    (sentence,) = mostly_rejected(attempts(["dead", "dead"], ["dead", "underfit"], ["dead", "accepted"]))
    assert sentence.startswith("all_cnn_c, baseline: only 1 of 3 networks were accepted")
    assert all(words in sentence for words in ("1 dead", "1 underfit", "1 accepted"))


@pytest.mark.parametrize("networks", [[["accepted"], ["dead"]], [["dead", "accepted"], ["accepted"], ["dead"]], []])
def test_other_groups_are_not(attempts, networks):
    assert mostly_rejected(attempts(*networks)) == []
