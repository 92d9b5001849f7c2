"""Text that is broken or thinned where it would overlap."""

import numpy as np
import pytest

from manyseeds.figures import fitting, style
from manyseeds.figures.selection import evenly, layer_naming


@pytest.mark.parametrize(
    ("words", "most", "lines"),
    [
        ("short", 10, ["short"]),
        ("All-CNN-C, a long condition", 14, ["All-CNN-C, a", "long condition"]),
        ("trained_with_strong_words", 14, ["trained_with_", "strong_words"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
    ],
)
def test_lines_are_broken_at_spaces_or_marks_or_anywhere(words, most, lines):
    assert fitting.broken(words, most) == lines


def two_panels(title, labels):
    figure = style.new_figure(style.COLUMN_MM, 50)
    panels = figure.subplots(1, 2)
    for axes in panels:
        axes.set_title(title)
        axes.set_xticks(np.arange(len(labels)), labels)
    return figure


@style.journal_style()
def test_what_fits_stays_and_what_does_not_is_broken_and_thinned():
    figure = two_panels("All-CNN-C", ["1", "2", "3"])
    figure.draw_without_rendering()
    height = figure.get_figheight()
    assert not fitting.fit(figure)
    figure = two_panels("a title of very many words that has no room", [f"name{k}" for k in range(30)])
    style.lay_out(figure)
    one, other = (axes.title.get_window_extent() for axes in figure.axes)
    assert one.x1 < other.x0
    assert figure.get_figheight() > height
    shown = [k for k, tick in enumerate(figure.axes[0].xaxis.get_major_ticks()) if tick.label1.get_visible()]
    assert 1 < len(shown) < 15
    assert len({*np.diff(shown)}) == 1
    assert not fitting.fit(figure)


@style.journal_style()
def test_a_title_that_is_broken_again_is_broken_as_a_whole():
    figure = two_panels("one title of several words", ["1"])
    axes = figure.axes[0]
    figure.draw_without_rendering()
    for room, lines in ((90.0, 2), (45.0, 4)):
        figure.draw_without_rendering()
        fitting._break(axes.title, room, horizontal=True)
        assert axes.get_title().count("\n") + 1 >= lines
        assert axes.get_title().replace("\n", " ") == "one title of several words"


def test_many_layers_are_named_by_their_stages_if_they_have_any():
    names = ["conv1", *(f"layer{stage}.{block}.conv1" for stage in range(1, 5) for block in range(6)), "fc"]
    naming = layer_naming(names)
    assert naming.labels == ("conv1", "layer1", "layer2", "layer3", "layer4", "fc")
    assert naming.places == (0.0, 3.5, 9.5, 15.5, 21.5, 25.0)
    assert naming.edges == (-0.5, 0.5, 6.5, 12.5, 18.5, 24.5, 25.5)
    assert naming.axis_label == "Stage"
    assert layer_naming(names[:18]).labels[1] == "layer1.0.conv1"
    assert layer_naming([f"conv{k}" for k in range(1, 51)]).labels == tuple(str(k) for k in range(1, 51))


def test_some_of_many_are_evenly_spaced_with_both_ends():
    assert evenly(5, 9) == [0, 1, 2, 3, 4]
    assert evenly(100, 4) == [0, 33, 66, 99]
