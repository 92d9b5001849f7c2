"""Groups compared by several comparators, from files, against single comparisons and explicit loops."""

from itertools import combinations

import numpy as np
import pytest

from manyseeds.comparison import by_comparators, comparators
from manyseeds.comparison.by_comparators import Variant, compare_epochs, correspondence, variants
from manyseeds.comparison.comparators import similarities
from manyseeds.errors import StudyError
from manyseeds.representations.geometry import measure_geometry
from manyseeds.representations.geometry_files import save_geometries

SEEDS, LAYERS, N = (0, 2, 5), ("conv1", "conv2", "fc"), 16


@pytest.fixture(scope="module")
def geometries():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(N, 9))
    shared = {layer: common + 0.3 * rng.normal(size=(N, 9)) for layer in LAYERS}
    return {  # so noisy that layers do not always correspond, and often in one direction alone
        seed: {layer: measure_geometry(a + 0.4 * rng.normal(size=a.shape), name=layer) for layer, a in shared.items()}
        for seed in SEEDS
    }


@pytest.fixture(scope="module")
def files(geometries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("geometry")
    for seed, layers in geometries.items():
        save_geometries(folder / f"{seed}.npz", layers)
    return {seed: folder / f"{seed}.npz" for seed in SEEDS}


def compare(files, *, layers=None, names=comparators.COMPARATORS, measures=("correlation",)):
    lines = []
    return compare_epochs(files, layers, variants(names, measures), lines.append) | {"lines": lines}


def test_values_are_those_of_single_comparisons(geometries, files):
    found = compare({0: files, 7: files}, measures=("correlation", "euclidean"))
    rows = found["comparators"]
    n_variants = 4 * 2 + 4
    assert len(rows) == 2 * n_variants * len(LAYERS) * 3
    assert len(found["lines"]) == 2 * n_variants
    assert rows["comparator"].drop_duplicates().tolist() == list(comparators.COMPARATORS)
    for row in rows[rows["epoch"] == 7].itertuples():
        pair = [geometries[seed][row.layer] for seed in (row.seed_a, row.seed_b)]
        assert row.value == pytest.approx(similarities(pair, row.comparator, row.measure).values[0, 1], rel=1e-9)
        assert row.layer_index == LAYERS.index(row.layer)
        assert row.n_stimuli == N
    of_rdms = rows["comparator"].isin(comparators.OF_RDMS)
    assert (rows["measure"].notna() == of_rdms).all()
    assert (rows["normalisation"].notna() == of_rdms).all()
    is_procrustes = rows["comparator"] == "procrustes"
    np.testing.assert_allclose(np.cos(rows.loc[is_procrustes, "angle"]), rows.loc[is_procrustes, "value"])
    assert rows.loc[~is_procrustes, "angle"].isna().all()


@pytest.mark.parametrize("comparator", ["spearman", "cka_debiased"])
def test_layers_correspond_if_the_same_layer_is_the_most_similar(geometries, files, comparator):
    rows = compare({7: files}, names=[comparator])["correspondence"].set_index(["layer", "seed_a", "seed_b"])["share"]
    assert (rows == 0.5).any()
    shares = []
    for a, b in combinations(SEEDS, 2):
        for layer in LAYERS:
            both = []
            for first, second in ((a, b), (b, a)):
                values = [
                    similarities([geometries[first][layer], geometries[second][other]], comparator).values[0, 1]
                    for other in LAYERS
                ]
                both.append(LAYERS[int(np.argmax(values))] == layer)
            assert rows[layer, a, b] == np.mean(both)
            shares.append(np.mean(both))
    assert rows[rows.index.get_level_values("layer").isna()].mean() == pytest.approx(np.mean(shares))


def test_ties_are_shared_and_undefined_similarities_left_out():
    similarity = np.full((4, 4), 0.5)  # two layers of two networks, layer by layer
    similarity[0, 3] = similarity[3, 0] = 0.2
    similarity[1, 2] = similarity[2, 1] = np.nan
    similarity[2, 3] = similarity[3, 2] = 0.5
    shares = correspondence(similarity, 2)
    assert shares[0, 0, 1] == 1  # layer 0 of network 0: 0.5 to the same layer, 0.2 to the other
    assert shares[0, 1, 0] == 1  # the other layer is undefined
    similarity[0, 3] = 0.5
    assert correspondence(similarity, 2)[0, 0, 1] == 0.5
    similarity[0, 1] = np.nan
    assert np.isnan(correspondence(similarity, 2)[0, 0, 1])


def test_procrustes_does_not_compare_layers(files):
    assert compare({7: files}, names=["procrustes"])["correspondence"].empty


def test_chosen_layers_alone_are_compared(files):
    found = compare({7: files}, layers=["fc", "conv1", "elsewhere"], names=["cka"])
    assert found["comparators"]["layer"].unique().tolist() == ["conv1", "fc"]
    assert found["comparators"]["layer_index"].unique().tolist() == [0, 2]
    assert found["correspondence"]["chance"].eq(0.5).all()
    with pytest.raises(StudyError, match=r"comparators\.layers: found conv9, .*one layer of .*conv1, conv2, fc"):
        compare({7: files}, layers=["conv9"], names=["cka"])


def test_one_network_has_nothing_to_compare(files):
    found = compare({7: {0: files[0]}})
    assert found["comparators"].empty
    assert found["correspondence"].empty


def test_variants_have_a_measure_if_they_compare_rdms():
    assert variants(["cka", "r"], ["cosine", "euclidean"]) == [
        Variant("cka", None, None),
        Variant("r", "cosine", "none"),
        Variant("r", "euclidean", "none"),
    ]
    assert by_comparators.variants(["r2"], []) == []
