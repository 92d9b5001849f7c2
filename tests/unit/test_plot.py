"""Plots for notebooks."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

import manyseeds as ms

matplotlib.use("Agg")


def table(layers=("conv1", "conv2", "fc"), **changes):
    frame = pd.DataFrame(
        {
            "layer": layers,
            "layer_index": range(len(layers)),
            "measure": "correlation",
            "normalisation": "none",
            "kind": "exemplar",
            "mean": np.linspace(0.9, 0.4, len(layers)),
            "ci_low": np.linspace(0.8, 0.3, len(layers)),
            "ci_high": np.linspace(0.95, 0.6, len(layers)),
            "ci_method": "jackknife",
        }
    )
    return frame.assign(**changes)


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def drawn(axes):
    """Means of each curve, by its label."""
    return {container.get_label(): container.lines[0].get_ydata() for container in axes.containers}


def test_a_curve_has_the_means_and_the_names_of_the_layers():
    axes = ms.plot.depth(table())
    (means,) = drawn(axes).values()
    np.testing.assert_allclose(means, [0.9, 0.65, 0.4])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["conv1", "conv2", "fc"]
    bars = axes.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], table()[["ci_low", "ci_high"]])


def test_names_of_layers_that_look_like_formulas_are_written_as_they_are():
    axes = ms.plot.depth(table(layers=("a$b^$", "$x_$")))
    axes.figure.draw_without_rendering()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a$b^$", "$x_$"]


def test_a_column_gives_a_curve_for_each_value():
    both = pd.concat([table(), table(kind="centroid", mean=0.95)])
    assert set(drawn(ms.plot.depth(both, by="kind"))) == {"exemplar", "centroid"}
    assert len(drawn(ms.plot.depth(both))) == 1
    assert ms.plot.depth(both, kind="centroid").containers[0].lines[0].get_ydata().tolist() == [0.95] * 3


def test_curves_stand_beside_each_other_and_name_their_interval():
    axes = ms.plot.depth(pd.concat([table(), table(kind="centroid")]), by="kind")
    first, second = (container.lines[0].get_xdata() for container in axes.containers)
    assert (first < second).all()
    assert np.round(first).tolist() == np.round(second).tolist() == [0, 1, 2]
    assert "95 % intervals: jackknife" in [text.get_text() for text in axes.texts]


def test_layers_of_other_networks_are_numbered():
    both = pd.concat([table().assign(net="a"), table(("x", "y")).assign(net="b")])
    axes = ms.plot.depth(both, by="net")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    assert axes.get_xlabel() == "Layer, from the input"


def test_curves_are_added_to_axes_of_one_s_own():
    _, axes = pyplot.subplots()
    assert ms.plot.depth(table(), axes=axes) is axes


def test_null_intervals_are_points_without_bars():
    axes = ms.plot.depth(table(ci_low=np.nan, ci_high=np.nan))
    (means,) = drawn(axes).values()
    np.testing.assert_allclose(means, [0.9, 0.65, 0.4])
    assert "no intervals: too few networks" in [text.get_text() for text in axes.texts]


def test_no_two_of_many_curves_look_alike():
    many = pd.concat([table(net=net) for net in range(9)])
    axes = ms.plot.depth(many[many["net"] < 8], by="net")
    looks = {(line.get_color(), line.get_marker()) for line in (each.lines[0] for each in axes.containers)}
    assert len(looks) == 8
    with pytest.raises(ms.StudyError, match="found 9 values of net, expected at most 8"):
        ms.plot.depth(many, by="net")


def test_curves_need_a_value_in_each_row():
    with pytest.raises(ms.StudyError, match="found no column net"):
        ms.plot.depth(table(), by="net")
    with pytest.raises(ms.StudyError, match="rows without a value in column net"):
        ms.plot.depth(pd.concat([table(net="a"), table()]), by="net")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (table().drop(columns="ci_low"), "found no column ci_low"),
        (table(kind="centroid"), "found no rows with kind exemplar"),
        (pd.concat([table(), table(ci_method="pairs")]), "several rows for one layer"),
    ],
)
def test_other_tables_are_refused(frame, words):
    with pytest.raises(ms.StudyError, match=words):
        ms.plot.depth(frame)
