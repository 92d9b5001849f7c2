"""The figures show exactly what their tables hold, in a style fit to print."""

import re
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.container import ErrorbarContainer
from synthetic_tables import MEASURES, study_tables

from manyseeds.errors import StudyError
from manyseeds.figures import catalogue, maps, selection, style
from manyseeds.figures.catalogue import FIGURES

ROOT = Path(__file__).parent.parent
LONG_NAMES = {"my_resnet": ["layer1.0.relu", "layer1.1.relu", "layer2.0.downsample_conv", "layer4.0.relu", "fc"]}
SIMULATIONS = ("supp5", "supp6")
"""Figures that show no networks."""
OF_ANY_NETWORKS = [name for name, entry in FIGURES.items() if not entry.networks]
ALEXNET = {"alexnet": ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]}
GROUP = selection.Group("all_cnn_c", "baseline", "All-CNN-C")


@pytest.fixture(scope="module")
def tables():
    return study_tables()


def draw(name, tables):
    """Draw with the tables that the catalogue names and no others."""
    with style.journal_style():
        figure = import_module(f"manyseeds.figures.{name}").draw({t: tables[t] for t in FIGURES[name].tables})
        style.lay_out(figure)
    return figure


@pytest.fixture(scope="module")
def drawn(tables):
    """Each figure of the default tables, drawn once."""
    return cache(lambda name: draw(name, tables))


def curves(axes):
    """Errorbar containers of a panel by label: x, y, low, high."""
    found = {}
    for container in axes.containers:
        assert isinstance(container, ErrorbarContainer)
        line, _, (bars,) = container.lines
        x, y = (np.asarray(values, float) for values in line.get_data())
        segments = np.array([s if len(s) else np.full((2, 2), np.nan) for s in bars.get_segments()])
        found[container.get_label()] = (x, y, segments[:, 0, 1], segments[:, 1, 1])
    return found


def summary_rows(tables, *, ci_method="pairs", normalisation="none", **equal):
    rows = tables["consistency_summary"].query("architecture == 'all_cnn_c'")
    for column, value in {"ci_method": ci_method, "normalisation": normalisation, **equal}.items():
        rows = rows[rows[column] == value]
    return rows.sort_values("layer_index")


def drawn_labels(axis):
    """Tick labels that are not beyond the limits."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [label for tick in ticks for label in (tick.label1, tick.label2) if label.get_visible()]


def written(figure):
    """Every piece of text of a figure that is drawn."""
    texts = [figure._supxlabel, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += drawn_labels(axes.xaxis) + drawn_labels(axes.yaxis)
    return [text for text in texts if text is not None and text.get_text()]


def notes(figure):
    return re.sub(r"\s+", " ", figure._supxlabel.get_text())


# --- every figure


@pytest.mark.parametrize("name", FIGURES)
def test_has_a_drawing_module_and_a_report_caption(name):
    assert callable(import_module(f"manyseeds.figures.{name}").draw)
    assert (ROOT / "rules" / "captions" / f"{name}.rst").read_text().strip()


@pytest.mark.parametrize("name", FIGURES)
def test_writes_the_same_pdf_and_png_each_time(name, tmp_path):
    tables = study_tables({"alexnet": ["conv1", "fc8"]}, n_networks=3, n_stimuli=30)
    contents = []
    for attempt in range(2):
        pdf, png = tmp_path / f"{attempt}.pdf", tmp_path / f"{attempt}.png"
        with style.journal_style():
            figure = import_module(f"manyseeds.figures.{name}").draw({t: tables[t] for t in FIGURES[name].tables})
            style.save(figure, pdf, png)
        contents.append((pdf.read_bytes(), png.read_bytes()))
    assert contents[0] == contents[1]
    written = contents[0][0]
    assert written.startswith(b"%PDF")
    assert b"/FontFile2" in written
    assert b"/Type3" not in written
    height, width, _ = matplotlib.image.imread(png).shape
    assert width == pytest.approx(figure.get_figwidth() * 300, abs=1)
    assert height == pytest.approx(figure.get_figheight() * 300, abs=1)
    assert width <= 300 * 183.5 / 25.4


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"layers": LONG_NAMES, "condition": "mine", "n_networks": 2, "n_collapsed": 0, "tested": False},
        {"layers": {"alexnet": ["conv1", "conv5", "fc6", "fc8"], "a": ["x"], "all_cnn_c": ["conv1", "conv9"]}},
    ],
    ids=["two architectures", "own activations of two networks", "three architectures"],
)
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_overlaps_its_neighbours(name, settings):
    settings = settings if name in OF_ANY_NETWORKS else settings | {"layers": ALEXNET}
    figure = draw(name, study_tables(**settings))
    page = figure.bbox.padded(2)  # pixels of a quarter of a millimetre
    for text in written(figure):
        box = text.get_window_extent()
        assert page.contains(box.x0, box.y0), text
        assert page.contains(box.x1, box.y1), text
    for axes in figure.axes:
        labels = [label.get_window_extent() for label in drawn_labels(axes.xaxis)]
        for left, right in pairwise(labels):
            assert left.x1 <= right.x0 + 0.5


@pytest.mark.parametrize("name", [name for name in OF_ANY_NETWORKS if name not in SIMULATIONS])
def test_states_how_many_networks_there_are_and_how_many_collapsed(name, drawn):
    text = notes(drawn(name))
    for title in ("All-CNN-C", "All-CNN-7"):
        assert re.search(rf"{title}: 6 networks.{{0,12}}, 1 more collapsed and left out", text)


@pytest.mark.parametrize("name", ["fig4", "fig5", "fig7", "supp7"])
def test_states_pairs_accuracy_and_what_the_error_bars_are(name, drawn):
    text = notes(drawn(name))
    assert "(15 pairs)" in text
    assert "test accuracy 95.1 % (93.4 % to 96.2 %)" in text
    assert "Error bars: 95 % confidence intervals, bootstrap over pairs of networks." in text


@pytest.mark.parametrize("name", ["fig3", "fig4", "fig5", "fig7", "supp2", "supp4", *SIMULATIONS, "supp7"])
def test_names_its_axes(name, drawn):
    for axes in drawn(name).axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel() or not axes.get_subplotspec().is_first_col()


@pytest.mark.parametrize("name", ["fig5", "fig7", "supp7"])
def test_curves_of_a_panel_differ_in_colour_and_marker(name, drawn):
    for axes in drawn(name).axes:
        lines = [container.lines[0] for container in axes.containers]
        assert len({line.get_color() for line in lines}) == len(lines)
        assert len({line.get_marker() for line in lines}) == len(lines)


@pytest.mark.parametrize("name", ["fig4", "fig5", "fig7", "supp7"])
def test_two_networks_have_no_error_bars_and_the_figure_says_so(name):
    figure = draw(name, study_tables(n_networks=2))
    assert "No error bars: too few networks for an interval." in notes(figure)
    for axes in figure.axes:
        for _, y, low, high in curves(axes).values():
            assert np.isfinite(y).all()
            assert np.isnan(low).all()
            assert np.isnan(high).all()


@pytest.mark.parametrize("name", [name for name, entry in FIGURES.items() if "accuracy" in "".join(entry.tables)])
def test_networks_that_were_not_tested_have_no_accuracy(name):
    assert "ccuracy" not in notes(draw(name, study_tables(ALEXNET, tested=False)))


# --- one by one


def test_fig4_shows_means_intervals_and_every_pair(tables, drawn):
    figure = drawn("fig4")
    axes = figure.axes[0]
    expected = summary_rows(tables, kind="exemplar", measure="correlation")
    ((x, y, low, high),) = curves(axes).values()
    np.testing.assert_array_equal(x, expected["layer_index"])
    np.testing.assert_array_equal(y, expected["mean"])
    np.testing.assert_allclose(low, expected["ci_low"])
    np.testing.assert_allclose(high, expected["ci_high"])
    dots = next(line for line in axes.lines if line.get_label() == "single pair")
    pairs = tables["consistency"].query(
        "architecture == 'all_cnn_c' and kind == 'exemplar' and measure == 'correlation' and normalisation == 'none'"
    )
    np.testing.assert_array_equal(np.round(dots.get_xdata()), pairs["layer_index"])
    np.testing.assert_array_equal(dots.get_ydata(), pairs["consistency"])
    assert [label.get_text() for label in axes.get_xticklabels()] == list("123456789")
    assert axes.get_xlabel() == "Convolutional layer"
    assert figure.get_figwidth() * 25.4 == pytest.approx(89)


def test_fig4_shows_the_last_epoch_without_dropout(tables):
    rows = tables["consistency_summary"]
    earlier = rows.query("layer == 'conv9'").assign(epoch=1, mean=0.0)
    sampled = rows.query("layer == 'conv9'").assign(dropout_samples=3, mean=0.0)
    more = tables | {"consistency_summary": pd.concat([earlier, rows, sampled])}
    ((_, y, *_),) = curves(draw("fig4", more).axes[0]).values()
    np.testing.assert_array_equal(y, summary_rows(tables, kind="exemplar", measure="correlation")["mean"])


def test_fig6_shows_alexnet_alone_with_its_layers_by_name():
    tables = study_tables({"all_cnn_c": ["conv1", "conv2"]} | ALEXNET)
    figure = draw("fig6", tables)
    (axes,) = figure.axes
    assert axes.get_title() == "AlexNet"
    assert [label.get_text() for label in axes.get_xticklabels()] == ALEXNET["alexnet"]
    expected = tables["consistency_summary"].query(
        "architecture == 'alexnet' and kind == 'exemplar' and measure == 'correlation' and normalisation == 'none'"
        " and ci_method == 'pairs'"
    )
    ((_, y, low, high),) = curves(axes).values()
    np.testing.assert_array_equal(y, expected["mean"])
    np.testing.assert_allclose([low, high], [expected["ci_low"], expected["ci_high"]])
    assert "AlexNet: 6 networks (15 pairs), 1 more collapsed and left out" in notes(figure)
    assert "All-CNN" not in notes(figure)


def test_fig6_is_a_figure_of_studies_with_alexnet(tables):
    assert "fig6" in catalogue.applicable(MEASURES, ["all_cnn_c", "alexnet"])
    assert "fig6" not in catalogue.applicable(MEASURES, ["all_cnn_c"])
    with pytest.raises(StudyError, match="fig6 needs a network called alexnet"):
        draw("fig6", tables)


def test_fig5_has_a_panel_for_each_kind_of_distance(tables, drawn):
    axes = drawn("fig5").axes
    assert [panel.get_title() for panel in axes[:3]] == [
        "All-CNN-C, cosine distance",
        "All-CNN-C, Euclidean distance",
        "All-CNN-C, norm difference",
    ]
    measures = {
        "cosine": "cosine",
        "Euclidean": "euclidean",
        "Euclidean, unit-length patterns": "unit_euclidean",
        "norm difference": "norm_difference",
    }
    shown = {label: curve for panel in axes[:3] for label, curve in curves(panel).items()}
    for label, measure in measures.items():
        expected = summary_rows(tables, kind="exemplar", measure=measure)
        np.testing.assert_array_equal(shown[label][1], expected["mean"])
        np.testing.assert_allclose(shown[label][2], expected["ci_low"])


def test_fig5_leaves_out_measures_that_were_not_taken():
    axes = draw("fig5", study_tables(measures=("correlation", "euclidean"))).axes
    assert [panel.get_title() for panel in axes] == ["All-CNN-C, Euclidean distance", "All-CNN-7, Euclidean distance"]


@pytest.mark.parametrize(("name", "measure"), [("fig5", "correlation"), ("supp7", "norm_difference")])
def test_a_figure_that_does_not_apply_says_why(name, measure):
    with pytest.raises(StudyError, match=f"measures: {name} needs"):
        draw(name, study_tables(measures=(measure,)))
    assert name not in catalogue.applicable([measure], ["all_cnn_c"])
    assert name in catalogue.applicable(MEASURES, ["all_cnn_c"])


def test_fig7_shows_levels_and_the_band_of_random_groups(tables, drawn):
    levels, control = drawn("fig7").axes[:2]
    shown = curves(levels)
    for label, kind in {
        "exemplars": "exemplar",
        "category centroids": "centroid",
        "within category": "within_category",
    }.items():
        np.testing.assert_array_equal(
            shown[label][1], summary_rows(tables, kind=kind, measure="correlation")["mean"], err_msg=label
        )
    bands = [band for band in control.collections if str(band.get_label()).startswith("random groups")]
    for band, method in zip(bands, ("partitions_pairs", "partitions"), strict=True):
        expected = summary_rows(tables, kind="random_centroid", measure="correlation", ci_method=method)
        vertices = band.get_paths()[0].vertices
        for index, low, high in expected[["layer_index", "ci_low", "ci_high"]].itertuples(index=False):
            at_layer = vertices[vertices[:, 0] == index, 1]
            assert at_layer.min() == pytest.approx(low)
            assert at_layer.max() == pytest.approx(high)


def test_supp7_compares_normalisations(tables, drawn):
    for panel, measure in zip(drawn("supp7").axes[:2], ("correlation", "cosine"), strict=True):
        for label, normalisation in {"no normalisation": "none", "cocktail blank": "cocktail"}.items():
            expected = summary_rows(tables, kind="exemplar", measure=measure, normalisation=normalisation)
            np.testing.assert_array_equal(curves(panel)[label][1], expected["mean"])


def test_supp4_places_layers_and_prints_the_relations_of_the_table(tables, drawn):
    figure = drawn("supp4")
    axes = figure.axes[0]
    (container,) = axes.containers
    x, y = container.lines[0].get_data()
    clustering = tables["clustering_summary"].query(
        "architecture == 'all_cnn_c' and measure == 'correlation' and normalisation == 'none'"
        " and ci_method == 'jackknife'"
    )
    np.testing.assert_array_equal(x, clustering["mean"])
    np.testing.assert_array_equal(y, summary_rows(tables, kind="exemplar", measure="correlation")["mean"])
    assert [text.get_text() for text in axes.texts] == list("123456789")
    expected = "Pearson r = −0.92 [−0.98, −0.66], p < 0.001; skipped Pearson r = −0.90 [−0.98, −0.66], p = 0.001;"
    assert expected in notes(figure)
    assert "percentage bend r = −0.88 [−0.98, −0.66], p = 0.021; over 9 layers." in notes(figure)


def test_supp4_has_no_relation_of_too_few_layers():
    assert "Too few layers, or too alike, for a correlation." in notes(
        draw("supp4", study_tables({"a": ["x", "y", "z"]}))
    )


def test_supp2_compares_neighbouring_layers_with_other_instances(tables, drawn):
    rows = tables["second_level"].query("architecture == 'all_cnn_c'")
    lines = {line.get_label(): line for line in drawn("supp2").axes[0].lines}
    across = lines["different instances, same layer"]
    within = lines["same instance, neighbouring layers"]
    for layer, value in zip(*across.get_data(), strict=True):
        values = [
            row.distance
            for row in rows.itertuples()
            if row.layer_index_a == row.layer_index_b == layer and row.seed_a != row.seed_b
        ]
        assert len(values) == 15
        assert value == pytest.approx(np.mean(values))
    np.testing.assert_array_equal(within.get_xdata(), np.arange(8) + 0.5)
    for halfway, value in zip(*within.get_data(), strict=True):
        values = [
            row.distance
            for row in rows.itertuples()
            if {row.layer_index_a, row.layer_index_b} == {halfway - 0.5, halfway + 0.5} and row.seed_a == row.seed_b
        ]
        assert len(values) == 6
        assert value == pytest.approx(np.mean(values))


def test_fig3_shows_every_distance_and_every_place(tables, drawn):
    matrix_axes, map_axes = drawn("fig3").axes[:2]
    matrix = np.asarray(matrix_axes.images[0].get_array())
    assert matrix.shape == (54, 54)
    np.testing.assert_array_equal(np.diagonal(matrix), 0)
    for row in tables["second_level"].query("architecture == 'all_cnn_c'").itertuples():
        a, b = row.layer_index_a * 6 + row.seed_a, row.layer_index_b * 6 + row.seed_b
        assert matrix[a, b] == matrix[b, a] == row.distance
    points = tables["mds"].query("architecture == 'all_cnn_c' and level == 'second_level'")
    placed = np.concatenate([dots.get_offsets() for dots in map_axes.collections if isinstance(dots, PathCollection)])
    np.testing.assert_allclose(np.sort(placed, axis=0), np.sort(points[["x", "y"]], axis=0))
    assert len(map_axes.lines) == 6
    first = points.query("seed == 0").sort_values("layer_index")
    np.testing.assert_array_equal(map_axes.lines[0].get_data(), first[["x", "y"]].T)


def test_fig2_marks_stimuli_by_category_and_leaves_undefined_ones_out(tables, drawn):
    figure = drawn("fig2")
    last = figure.axes[8]
    assert last.get_title() == "conv9"
    expected = tables["mds"].query("architecture == 'all_cnn_c' and seed == 0 and layer == 'conv9' and level == 'rdm'")
    assert expected["x"].isna().sum() == 1
    looks = set()
    drawn = []
    for category, line in enumerate(last.lines[:10]):
        members = expected.query(f"category == {category}").dropna(subset=["x"])
        np.testing.assert_array_equal(line.get_data(), members[["x", "y"]].T)
        looks.add((line.get_color(), line.get_marker()))
        drawn.append(len(members))
    assert len(looks) == 10
    assert sum(drawn) == 99
    assert "at most 1 in a map" in notes(figure)
    accuracy = tables["accuracy"].query("architecture == 'all_cnn_c' and epoch == 30")["accuracy"]
    assert f"seed 0 {100 * accuracy.iloc[0]:.1f} %, seed 1 {100 * accuracy.iloc[1]:.1f} %" in notes(figure)


def test_maps_have_equal_scales_on_both_axes(drawn):
    for axes in drawn("fig2").axes:
        box = axes.get_window_extent()
        width, height = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
        assert width / box.width == pytest.approx(height / box.height, rel=1e-6)


def test_a_layer_without_any_defined_dissimilarity_is_said_to_be_undefined(tables):
    mds = tables["mds"].copy()
    dead = (mds["layer"] == "conv9") & (mds["level"] == "rdm")
    mds.loc[dead, ["x", "y", "point_stress", "stress"]] = np.nan
    for name in ("fig2", "supp1"):
        figure = draw(name, tables | {"mds": mds})
        assert [text.get_text() for text in figure.axes[8].texts] == ["undefined"]


def test_supp1_colours_stimuli_by_their_stress(tables, drawn):
    axes = drawn("supp1").axes[0]
    expected = tables["mds"].query("architecture == 'all_cnn_c' and seed == 0 and layer == 'conv1' and level == 'rdm'")
    (dots,) = axes.collections
    np.testing.assert_array_equal(dots.get_array(), expected["point_stress"])
    np.testing.assert_allclose(dots.get_offsets(), expected[["x", "y"]])
    assert "0.20" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(("name", "about"), [("supp5", "centre"), ("supp6", "origin")])
def test_rotations_show_entries_and_every_rotation(tables, drawn, name, about):
    figure = drawn(name)
    panels = np.reshape(figure.axes, (3, 5))
    rotations, entries = (
        tables[table][tables[table]["about"] == about].set_index(["measure", "normalisation"]).sort_index()
        for table in ("rotations", "rotation_entries")
    )
    for measure, column in zip(MEASURES, panels.T, strict=True):
        title = column[0].get_title().replace("\n", " ")
        assert title.casefold().startswith(selection.MEASURE_NAMES[measure].casefold())
        shown = [line for line in column[2].lines if line.get_linestyle() == "None"]
        medians = [line for line in column[2].lines if line not in shown]
        for place, normalisation in enumerate(("none", "cocktail")):
            expected = entries.loc[(measure, normalisation)]
            equality, dots = column[place].lines
            assert equality.get_xydata().tolist() == [[0, 0], [column[place].get_xlim()[1]] * 2]
            np.testing.assert_array_equal(dots.get_data(), expected[["before", "after"]].T)
            every = rotations.loc[(measure, normalisation)].sort_values("rotation")
            assert f"r² = {every['consistency'].iloc[0]:.2f}" in column[place].get_title()
            np.testing.assert_array_equal(shown[place].get_ydata(), every["consistency"])
            assert set(medians[place].get_ydata()) == {every["consistency"].median()}
    assert "8 patterns of 5 units" in notes(figure)
    assert "all 28 entries" in notes(figure)
    assert "c: 6 rotations" in notes(figure)


def test_rotations_tell_what_changes_by_colour_and_marker(drawn):
    panels = np.reshape(drawn("supp5").axes, (3, 5))
    looks = [[(line.get_color(), line.get_marker()) for line in panels[0, column].lines[1:]] for column in range(5)]
    assert looks == [[(style.VERMILLION, "o")], *4 * [[(style.BLUE, "^")]]]
    legend = drawn("supp5").legends[0]
    named = {text.get_text(): handle for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)}
    assert named["changed by the rotation"].get_color() == style.VERMILLION


@pytest.mark.parametrize(("name", "smallest"), [("supp5", "0.12"), ("supp6", "−3.50")])
def test_rotations_state_whether_activations_stay_positive(drawn, name, smallest):
    assert f"Smallest activation after any rotation: {smallest}." in notes(drawn(name))


# --- what they are made of


def test_baselines_are_shown_where_there_are_any():
    table = pd.DataFrame(
        [("all_cnn_c", "dropout1"), ("all_cnn_c", "baseline"), ("mine", "x"), ("mine", "y"), ("z", "only")],
        columns=["architecture", "condition"],
    )
    assert [(g.architecture, g.condition, g.title) for g in selection.groups(table)] == [
        ("all_cnn_c", "baseline", "All-CNN-C"),
        ("mine", "x", "mine, x"),
        ("mine", "y", "mine, y"),
        ("z", "only", "z"),
    ]


def test_nothing_to_draw_is_a_clear_error(tables):
    with pytest.raises(StudyError, match="nothing to draw"):
        draw("fig4", tables | {"consistency_summary": tables["consistency_summary"].iloc[:0]})


@pytest.mark.parametrize(
    ("names", "labels", "axis"),
    [
        (["conv1", "conv2", "conv10"], ["1", "2", "10"], "Convolutional layer"),
        (["conv1", "fc6"], ["conv1", "fc6"], "Layer"),
        (["a_very_long_layer_name"], ["a_very…r_name"], "Layer"),
    ],
)
def test_layer_names_are_shortened(names, labels, axis):
    assert selection.short_layer_names(names) == (labels, axis)


@pytest.mark.parametrize(("longest", "expected"), [(0.73, 0.5), (0.5, 0.5), (0.49, 0.2), (0.0019, 0.001), (34.0, 20.0)])
def test_scale_bars_are_round(longest, expected):
    assert maps.round_length(longest) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["fig4", "fig5", "fig7", "supp2", "supp7"])
def test_no_point_lies_beyond_the_shared_axis(name):
    """The second architecture's values are larger than the first's, the one whose panel is drawn first."""
    tables = study_tables()
    for table in ("second_level", "consistency", "consistency_summary"):
        values = tables[table].select_dtypes("number").columns.intersection(["distance", "consistency", "mean"])
        first = tables[table]["architecture"] == tables[table]["architecture"].iloc[0]
        tables[table].loc[first, values] *= 0.5
    for axes in draw(name, tables).axes:
        low, high = axes.get_ylim()
        for line in axes.lines:
            heights = np.asarray(line.get_ydata(), float)
            assert ((heights >= low) & (heights <= high) | np.isnan(heights)).all()
