"""Random streams: addressed, reproducible, independent."""

import numpy as np
import pytest

from manyseeds import streams

KNOWN = [1497991041, 267183032, 2648951540]

ADDRESSES = [
    {},
    {"root_seed": 1},
    {"purpose": "order"},
    {"seed": 1},
    {"attempt": 1},
    {"epoch": 1},
    {"step": 1},
]


def draw(**changes):
    address = {"root_seed": 0, "purpose": "init", "seed": 0, "attempt": 0, "epoch": 0, "step": 0} | changes
    return streams.generator(**address).random(1000)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_always_gives_the_same_draws(address):
    np.testing.assert_array_equal(draw(**address), draw(**address))


def test_every_part_of_an_address_matters_and_draws_do_not_overlap():
    draws = np.concatenate([draw(**address) for address in ADDRESSES])
    assert len(np.unique(draws)) == len(draws)


def test_streams_of_neighbouring_addresses_are_uncorrelated():
    draws = np.array([draw(seed=seed, epoch=epoch) for seed in range(10) for epoch in range(10)])
    correlations = np.corrcoef(draws)[np.triu_indices(100, 1)]
    assert abs(correlations.mean()) < 3 / np.sqrt(1000 * len(correlations))
    assert abs(correlations).max() < 5 / np.sqrt(1000)


def test_known_answer():
    """The seeds of every published study depend on this: the draws must never change."""
    first = streams.generator(0, "init", 0).integers(2**32, size=3)
    np.testing.assert_array_equal(first, KNOWN)


def test_torch_seeds_differ_between_steps():
    seeds = {streams.torch_seed(0, "dropout", 0, epoch=epoch, step=step) for epoch in range(5) for step in range(50)}
    assert len(seeds) == 250
    assert all(0 <= seed < 2**63 for seed in seeds)
