"""The figures show exactly what their tables hold, in a style fit to print."""

import re
from functools import cache
from importlib import import_module
from itertools import combinations, islice, pairwise
from string import ascii_lowercase

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from places import ROOT
from synthetic_tables import (
    COMPARATORS,
    FALLING,
    FOLLOWED,
    LAST_EPOCH,
    MEASURES,
    PICTURES,
    RATES,
    SCHEMAS,
    SIMILARITIES,
    STRENGTHS,
    deep_tables,
    study_tables,
    with_dropout_sweep,
)

from manyseeds.errors import StudyError
from manyseeds.figures import (
    catalogue,
    claims,
    comparators,
    drawing,
    fig8,
    maps,
    merge,
    paradox1,
    selection,
    style,
    trajectories,
)
from manyseeds.figures import howmany as howmany_figure
from manyseeds.figures.catalogue import FIGURES
from manyseeds.io.tables import conform, read_schema

LONG_NAMES = {"my_resnet": ["layer1.0.relu", "layer1.1.relu", "layer2.0.downsample_conv", "layer4.0.relu", "fc"]}
SIMULATIONS = catalogue.SIMULATIONS
OF_ANY_NETWORKS = [name for name, entry in FIGURES.items() if catalogue.ALEXNET not in entry.requires]
ALEXNET = {"alexnet": ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]}
GROUP = selection.Group("all_cnn_c", "baseline", "All-CNN-C")


@pytest.fixture(scope="module")
def tables():
    return study_tables()


def draw(name, tables, change=lambda tables: tables):
    """Draw with the tables that the catalogue names and no others; a figure of dropout with a sweep in them."""
    if catalogue.DROPOUT_SWEEP in FIGURES[name].requires:
        tables = with_dropout_sweep(tables)
    tables = change(tables)
    with style.journal_style():
        named = [*FIGURES[name].tables, *(["images"] if FIGURES[name].shows_stimuli else [])]
        figure = drawing.draw(f"manyseeds.figures.{name}", {name: tables[name] for name in named})
        style.lay_out(figure)
    return figure


def test_the_tables_of_these_tests_have_the_schemas_of_a_study(tables):
    for name in tables.keys() - {PICTURES}:
        conform(tables[name], read_schema(SCHEMAS / f"{name}.schema.json"))


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


def summary_rows(tables, *, ci_method="jackknife", normalisation="none", **equal):
    rows = tables["consistency_summary"].query(f"architecture == 'all_cnn_c' and epoch == {LAST_EPOCH}")
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


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_writes_the_same_pdf_and_png_each_time(name, tmp_path):
    tables = study_tables({"alexnet": ["conv1", "fc8"]}, n_networks=3, n_stimuli=30)
    contents = []
    for attempt in range(2):
        pdf, png, svg = (tmp_path / f"{attempt}.{suffix}" for suffix in ("pdf", "png", "svg"))
        figure = draw(name, tables)
        with style.journal_style():
            style.save(figure, pdf, png, svg)
        contents.append((pdf.read_bytes(), png.read_bytes(), svg.read_bytes()))
    assert contents[0] == contents[1]
    written = contents[0][0]
    assert written.startswith(b"%PDF")
    assert b"<svg" in contents[0][2]
    assert b"/FontFile2" in written
    assert b"/Type3" not in written
    height, width, _ = matplotlib.image.imread(png).shape
    assert width == pytest.approx(figure.get_figwidth() * 300, abs=1)
    assert height == pytest.approx(figure.get_figheight() * 300, abs=1)
    assert width <= 300 * 183.5 / 25.4


@pytest.mark.slow
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
    check_text(draw(name, study_tables(**settings)))


def check_text(figure):
    """No text or legend leaves the page, and no names below an axis and no titles overlap."""
    page = figure.bbox.padded(2)  # pixels of a quarter of a millimetre
    legends = [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]
    for artist in [*written(figure), *legends]:
        box = artist.get_window_extent()
        assert page.contains(box.x0, box.y0), artist
        assert page.contains(box.x1, box.y1), artist
    for axes in figure.axes:
        labels = [label.get_window_extent() for label in drawn_labels(axes.xaxis)]
        for left, right in pairwise(labels):
            assert left.x1 <= right.x0 + 0.5
    titles = [axes.title for axes in figure.axes if axes.get_title()]
    for one, other in combinations(titles, 2):
        assert not one.get_window_extent().overlaps(other.get_window_extent()), (one, other)


OF_LAYERS = [
    name
    for name in OF_ANY_NETWORKS
    if not {"claims", "comparison", "rotations", "merged", "paradox", "distorted_accuracy", "kernel_relations"}
    & {*FIGURES[name].tables}
]
"""Figures whose size or names follow from layers and conditions."""


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_LAYERS)
def test_text_of_fifty_layers_and_two_conditions_of_long_names_fits(name):
    check_text(draw(name, deep_tables(50)))


@pytest.mark.parametrize("n_layers", [3, 18, 50])
def test_consistency_in_any_number_of_layers_fits(n_layers):
    figure = draw("fig4", deep_tables(n_layers))
    check_text(figure)
    rows = deep_tables(n_layers)["consistency_summary"].drop_duplicates("layer").sort_values("layer_index")
    short = [selection.shortened(name) for name in rows["layer"]]
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == {3: short, 18: short[::2], 50: ["layer1", "layer2", "layer3", "layer4"]}[n_layers]


LABELS = {
    "architecture": {"all_cnn_c": "My network"},
    "condition": {"trained_with_strong_augmentation": "strong", "trained_on_blurred_and_cropped": "blurred"},
}


@pytest.mark.parametrize("name", OF_LAYERS)
def test_labels_name_networks_in_every_figure_and_notes_can_be_beside_it(name):
    tables = deep_tables(3, n_networks=5)
    named = [*FIGURES[name].tables, *(["images"] if FIGURES[name].shows_stimuli else [])]
    tables = with_dropout_sweep(tables) if catalogue.DROPOUT_SWEEP in FIGURES[name].requires else tables
    with style.journal_style(), style.chosen(notes="beside") as beside:
        figure = drawing.draw(f"manyseeds.figures.{name}", {each: tables[each] for each in named}, labels=LABELS)
    words = "\n".join(text.get_text() for text in written(figure))
    assert "My network" in words
    assert not {"All-CNN-C", "trained_with_strong"} & set(re.split(r"[\s,]", words))
    assert figure.get_supxlabel() == ""
    assert beside


@pytest.mark.parametrize("name", ["fig4"])
def test_conditions_share_a_panel_if_they_are_overlaid(name):
    tables = deep_tables(3)
    named = {each: tables[each] for each in FIGURES[name].tables}
    with style.journal_style():
        figure = drawing.draw(f"manyseeds.figures.{name}", named, overlay=True, labels=LABELS)
        style.lay_out(figure)
    (panel,) = figure.axes
    assert panel.get_title() == "My network"
    for condition, label in LABELS["condition"].items():
        rows = summary_rows(named, condition=condition, kind="exemplar", measure="correlation")
        np.testing.assert_allclose(curves(panel)[label][1], rows["mean"].to_numpy(float))
    looks = [(line.get_color(), line.get_marker()) for line, _, _ in (c.lines for c in panel.containers)]
    assert len({*looks}) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["strong", "blurred"]
    alone = drawing.draw(f"manyseeds.figures.{name}", study_tables({"all_cnn_c": ["conv1"]}), overlay=True)
    assert "single pair" in [line.get_label() for line in alone.axes[0].lines]


def test_a_font_is_one_that_is_installed():
    with style.chosen(font="DejaVu Serif"), style.journal_style():
        figure = style.only_words("words")
        style.lay_out(figure)
        assert figure.texts[0].get_fontname() == "DejaVu Serif"
    with (
        pytest.raises(
            StudyError, match=r"figures\.font: found 'DejaVu Serief', expected an installed font, such as De"
        ),
        style.chosen(font="DejaVu Serief"),
    ):
        pass


def test_long_entries_of_a_legend_are_broken_and_stay_in_the_page():
    with style.journal_style():
        figure = style.new_figure(style.COLUMN_MM, 40)
        (line,) = figure.subplots().plot([0, 1])
        style.legend_of(figure, {"a very long entry of a legend " * 6: line, "short": line})
        style.lay_out(figure)
        box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    assert box.y1 <= figure.bbox.height


def test_long_names_are_not_cut_off_in_the_file(tmp_path):
    """They are wider at the resolution of the file than on a screen."""
    with style.journal_style():
        figure = style.new_figure(style.PAGE_MM, 40)
        axes = figure.subplots()
        axes.set_yticks([0, 1], ["All-CNN-C conv9, category centroids, Euclidean (fig7a)", "short"])
        style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png")
        figure.set_dpi(style.PNG_DPI)
        figure.draw_without_rendering()
        assert axes.get_yticklabels()[0].get_window_extent().x0 >= 0


def test_conditions_that_are_not_shown_are_named_in_the_note():
    tables = study_tables({"all_cnn_c": ["conv1"]}, n_networks=3)
    groups = [("all_cnn_c", "mine"), ("all_cnn_c", "dropout0.2"), ("net", "mine")]
    figure = drawing.draw("manyseeds.figures.fig4", tables, left_out=groups)
    assert notes(figure).endswith("Conditions not shown here: All-CNN-C, mine, dropout0.2; net, mine.")
    assert "not shown here" not in notes(drawing.draw("manyseeds.figures.fig4", tables))


FORMULAS = ["a$b$", "$\\nothing{$", "100 $"]


@pytest.mark.parametrize(("name", "expected"), [("fig2", "$x^$ or $y"), ("fig3", FORMULAS[1]), ("fig4", FORMULAS[1])])
def test_names_that_look_like_formulas_are_written_as_they_are(name, expected):
    tables = study_tables({"net": FORMULAS}, condition="mine", n_networks=2, n_stimuli=20)
    tables["mds"]["category_name"] = tables["mds"]["category_name"].replace("category 1", "$x^$ or $y")
    assert expected in [text.get_text() for text in written(draw(name, tables))]


NOT_BY_GROUP = (*SIMULATIONS, "supp3", "claims", "sources", "divergence")
"""Figures that count no networks of each group, or count them in other words."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OF_ANY_NETWORKS if name not in NOT_BY_GROUP])
def test_states_how_many_networks_there_are_and_how_many_collapsed(name, drawn):
    text = notes(drawn(name))
    for title in ("All-CNN-C", "All-CNN-7"):
        assert re.search(rf"{title}: 6 networks.{{0,12}}, 1 more collapsed and left out", text)


@pytest.mark.parametrize("name", ["fig4", "fig5", "fig7", "supp7"])
def test_states_pairs_accuracy_and_what_the_error_bars_are(name, drawn):
    text = notes(drawn(name))
    assert "(15 pairs)" in text
    assert "test accuracy 95.1 % (93.4 % to 96.2 %)" in text
    assert (
        "Error bars: 95 % jackknife intervals over networks; ticks inside: 95 % bootstrap over pairs (1,000 resamples)."
        in text
    )


AXES_NAMED = [
    "comparators",
    "merge",
    "transfer",
    "paradox1",
    "paradox2",
    "fig3",
    "fig4",
    "fig5",
    "fig7",
    "fig8",
    "fig9",
    "supp2",
    "supp3",
    "supp4",
    *SIMULATIONS,
    "supp7",
    "supp8",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", AXES_NAMED)
def test_names_its_axes(name, drawn):
    for axes in drawn(name).axes:
        is_colour_bar = axes.get_label() == "<colorbar>"
        assert axes.get_xlabel() or is_colour_bar
        assert axes.get_ylabel() or not (is_colour_bar or axes.get_subplotspec().is_first_col())


@pytest.mark.parametrize("name", ["comparators", "fig5", "fig7", "supp3", "supp7"])
def test_curves_of_a_panel_differ_in_colour_and_marker(name, drawn):
    for axes in drawn(name).axes:
        lines = [container.lines[0] for container in axes.containers]
        assert len({line.get_color() for line in lines}) == len(lines)
        assert len({line.get_marker() for line in lines}) == len(lines)


@pytest.mark.parametrize("name", ["fig4", "fig5", "fig7", "supp3", "supp7"])
def test_two_networks_have_no_error_bars_and_the_figure_says_so(name):
    figure = draw(name, study_tables(n_networks=2))
    # Halves have two pairs of two networks each, so supp3 has ranges.
    words = "Grey bars: range of the pairs" if name == "supp3" else "No error bars: too few networks for an interval."
    assert words in notes(figure)
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
        f" and epoch == {LAST_EPOCH}"
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


def untrained_lines(axes):
    """Data of the lines of networks before training in a panel."""
    return [line.get_data() for line in axes.lines if line.get_label() == "untrained"]


def test_fig4_shows_networks_before_training_as_a_thin_line(tables, drawn):
    figure = drawn("fig4")
    expected = tables["consistency_summary"].query(
        "architecture == 'all_cnn_c' and kind == 'exemplar' and epoch == 0 and ci_method == 'jackknife'"
    )
    ((x, y),) = untrained_lines(figure.axes[0])
    np.testing.assert_array_equal(x, range(9))
    np.testing.assert_array_equal(y, expected["mean"])
    assert "Thin grey line: the same networks before training." in notes(figure)
    assert "untrained" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_fig5_shows_networks_before_training_by_the_measures_that_the_study_compares(drawn):
    assert not any(untrained_lines(axes) for axes in drawn("fig5").axes)  # by correlation only
    assert "before training" not in notes(drawn("fig5"))
    euclidean = study_tables(measures=("euclidean", "unit_euclidean"))
    other = euclidean["consistency_summary"].query("epoch == 0").assign(measure="unit_euclidean")
    other = other.assign(mean=other["mean"] / 2)
    both = euclidean | {"consistency_summary": pd.concat([euclidean["consistency_summary"], other])}
    figure = draw("fig5", both)
    one, half = untrained_lines(figure.axes[0])
    np.testing.assert_allclose(one[1], 2 * half[1])
    assert "Thin grey line: the same networks before training." in notes(figure)


@pytest.mark.parametrize("epoch", [0, LAST_EPOCH])
def test_layers_that_a_trajectory_has_at_epoch_0_make_no_line(tables, epoch):
    """Nor do networks from elsewhere, whose only epoch is called 0; then the figure says what is not known."""
    summary, pairs = (
        tables[name].query("epoch > 0 or layer == 'conv9'") for name in ("consistency_summary", "consistency")
    )
    if epoch == 0:
        summary, pairs = (table.query(f"epoch == {LAST_EPOCH}").assign(epoch=0) for table in (summary, pairs))
    foreign = {"instances": tables["instances"].assign(vary=None)} if epoch == 0 else {}
    figure = draw("fig4", tables | {"consistency_summary": summary, "consistency": pairs} | foreign)
    assert not any(untrained_lines(axes) for axes in figure.axes)
    unknown = "Networks before training are not shown, because their initial weights are not known."
    assert (unknown in notes(figure)) == (epoch == 0)


def test_fig6_shows_alexnet_alone_with_its_layers_by_name():
    tables = study_tables({"all_cnn_c": ["conv1", "conv2"]} | ALEXNET)
    figure = draw("fig6", tables)
    (axes,) = figure.axes
    assert axes.get_title() == "AlexNet"
    assert [label.get_text() for label in axes.get_xticklabels()] == ALEXNET["alexnet"]
    expected = tables["consistency_summary"].query(
        "architecture == 'alexnet' and kind == 'exemplar' and measure == 'correlation' and normalisation == 'none'"
        f" and ci_method == 'jackknife' and epoch == {LAST_EPOCH}"
    )
    ((_, y, low, high),) = curves(axes).values()
    np.testing.assert_array_equal(y, expected["mean"])
    np.testing.assert_allclose([low, high], [expected["ci_low"], expected["ci_high"]])
    assert "AlexNet: 6 networks (15 pairs), 1 more collapsed and left out" in notes(figure)
    assert "All-CNN" not in notes(figure)


def test_fig6_without_alexnet_says_why(tables):
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


def test_fig8_needs_a_sweep():
    tables = study_tables()
    with pytest.raises(StudyError, match=r"fig8 needs .* set the config key dropout.rates"):
        fig8.draw(tables)
    own = tables | {"instances": tables["instances"].assign(vary=None, dropout=np.nan, images=None)}
    with pytest.raises(StudyError, match="fig8 needs"):
        fig8.draw(own)


SIDEWAYS = 0.021 * RATES[-1]
"""How far points of fig8 may stand beside their rates."""


def swept(tables, table, **equal):
    """Rows of All-CNN-C's sweep, one per rate."""
    rows = with_dropout_sweep(tables)[table]
    for column, value in {"architecture": "all_cnn_c", "epoch": LAST_EPOCH, **equal}.items():
        rows = rows[rows[column] == value]
    return rows.set_index(rows["condition"].map({"baseline": 0.0} | {f"dropout{rate:g}": rate for rate in RATES}))


def test_fig8_shows_accuracies_clustering_and_consistency_against_the_rate(tables, drawn):
    accuracy, _, clustering, levels = drawn("fig8").axes[:4]
    shown = curves(accuracy) | curves(clustering) | curves(levels)
    tested = {"subset": "all", "ci_method": "jackknife"}
    layer = {"measure": "correlation", "normalisation": "none"}
    pairs = layer | {"layer": "conv9", "ci_method": "jackknife", "dropout_samples": 0}
    expected = {
        "a: training images": swept(tables, "accuracy_summary", split="train", **tested),
        "a: test images": swept(tables, "accuracy_summary", split="test", **tested),
        "clustering": swept(tables, "clustering_summary", layer="conv8", ci_method="jackknife", **layer),
        "d: exemplars": swept(tables, "consistency_summary", kind="exemplar", **pairs),
        "d: category centroids": swept(tables, "consistency_summary", kind="centroid", **pairs),
    }
    for label, rows in expected.items():
        x, y, low, high = shown[label]
        np.testing.assert_allclose(x, RATES, atol=SIDEWAYS, err_msg=label)
        np.testing.assert_array_equal(y, rows["mean"], err_msg=label)
        np.testing.assert_allclose(low, rows["ci_low"])
        np.testing.assert_allclose(high, rows["ci_high"])


def test_fig8_takes_the_test_without_dropout_at_rate_0(tables, drawn):
    x, y, *_ = curves(drawn("fig8").axes[0])["a: test images, dropout on"]
    tested = {"subset": "all", "ci_method": "jackknife"}
    with_dropout = swept(tables, "accuracy_summary", split="test_dropout", **tested)["mean"]
    assert 0.0 not in with_dropout.index
    without = swept(tables, "accuracy_summary", split="test", **tested)["mean"]
    np.testing.assert_allclose(x, RATES, atol=SIDEWAYS)
    np.testing.assert_array_equal(y, [without[0.0], *with_dropout[list(RATES[1:])]])


def test_fig8_maps_rates_and_samples_and_rate_0_is_the_same_for_all_of_these(tables, drawn):
    axes = drawn("fig8").axes[1]
    keys = {"kind": "exemplar", "measure": "correlation", "normalisation": "none", "ci_method": "jackknife"}
    means = swept(tables, "consistency_summary", layer="conv9", **keys)
    values = np.asarray(axes.images[0].get_array())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3", "off"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "0.2", "0.4", "0.6"]
    for row, rate in enumerate(RATES):
        for column, k in enumerate((1, 2, 3, 0)):
            expected = means[means["dropout_samples"] == (k if rate else 0)]["mean"][rate]
            assert values[row, column] == expected
    assert axes.images[0].origin == "lower"
    (frame,) = axes.patches
    assert frame.get_xy() == (1.5, 2.5)  # three samples at 0.6
    highest = means["mean"].max()
    assert f"b, framed: highest, {highest:.3f} (p = 0.6, 3 RDM samples)." in notes(drawn("fig8"))


def test_fig8_says_which_rates_lost_networks(tables):
    swept = with_dropout_sweep(tables)
    lost = swept["instances"]["condition"].eq("dropout0.6") & swept["instances"]["seed"].eq(0)
    swept["instances"].loc[lost, "collapsed"] = True
    text = notes(fig8.draw(swept))
    assert "6 networks, 1 more collapsed and left out at p = 0 to 0.4; 5 networks, 2 more" in text.replace("\xa0", " ")


def test_fig8_leaves_a_rate_without_networks_undefined(tables):
    swept = with_dropout_sweep(tables)
    for name in ("consistency_summary", "clustering_summary"):
        swept[name] = swept[name][swept[name]["condition"] != "dropout0.4"]
    figure = fig8.draw(swept)
    assert np.isnan(np.asarray(figure.axes[1].images[0].get_array(), float)[2]).all()
    np.testing.assert_allclose(curves(figure.axes[3])["d: exemplars"][0], [0, 0.2, 0.6], atol=SIDEWAYS)


def test_fig8_leaves_out_an_architecture_of_which_nothing_could_be_compared(tables):
    swept = with_dropout_sweep(tables)
    for name in ("consistency_summary", "clustering_summary"):
        swept[name] = swept[name][swept[name]["architecture"] != "all_cnn_c"]
    assert fig8.draw(swept).axes[0].get_title() == "All-CNN-7"


def test_fig8_leaves_out_conditions_that_differ_in_more_than_dropout(tables):
    swept = with_dropout_sweep(tables)
    other = swept["instances"]["condition"] == "dropout0.4"
    swept["instances"].loc[other, "vary"] = "init+order"
    (sweep, _) = fig8.find_sweeps(swept["instances"])
    assert sweep.rates == {"baseline": 0.0, "dropout0.2": 0.2, "dropout0.6": 0.6}


def test_fig8_without_samples_shows_dropout_in_training_alone(tables):
    axes = fig8.draw(with_dropout_sweep(tables, n_samples=0)).axes[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["off"]
    assert axes.get_title() == "conv9"


def test_fig8_frames_the_baseline_where_dropout_lowers_consistency(tables):
    swept = with_dropout_sweep(tables)
    summary = swept["consistency_summary"]
    summary.loc[summary["condition"] != "baseline", "mean"] /= 2
    figure = fig8.draw(swept)
    assert figure.axes[1].patches[0].get_xy() == (2.5, -0.5)
    assert re.search(r"framed: highest, 0\.\d{3} \(p = 0\)\.", notes(figure))


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
    (line,) = (line for line in control.lines if line.get_label() == "random groups, mean")
    np.testing.assert_array_equal(line.get_ydata(), expected["mean"])


def test_comparators_show_each_comparator_by_one_measure_and_before_training(tables, drawn):
    figure, main = drawn("comparators"), tables["comparators_summary"]["measure"].dropna().iloc[0]
    summary = tables["comparators_summary"].query("architecture == 'all_cnn_c' and ci_method == 'jackknife'")
    panels = {axes.get_title(): axes for axes in figure.axes}
    for comparator in COMPARATORS:
        axes = panels[f"All-CNN-C, {comparators.NAMES[comparator]}"]
        rows = summary[(summary["comparator"] == comparator) & summary["measure"].isin([main, None])]
        last, before = (rows[rows["epoch"] == epoch].sort_values("layer_index") for epoch in (LAST_EPOCH, 0))
        x, y, low, high = curves(axes)["mean over pairs of networks"]
        np.testing.assert_allclose([x, y, low, high], last[["layer_index", "mean", "ci_low", "ci_high"]].to_numpy().T)
        (line,) = (line for line in axes.lines if line.get_label() == "untrained")
        np.testing.assert_allclose(line.get_ydata(), before["mean"])
    assert len({axes.get_ylim() for title, axes in panels.items() if "change" not in title}) == 1


def test_paradox1_says_where_accuracy_is_at_the_floor(tables):
    accuracy, paradox = tables["distorted_accuracy"], tables["paradox"]
    at_floor = accuracy["at_floor"].astype(bool) | (accuracy["distortion"] == "blur")
    left = paradox[paradox["distortion"] == "none"]
    lost = {"distorted_accuracy": accuracy.assign(at_floor=at_floor), "paradox": left}
    figure = draw("paradox1", tables | lost)
    assert "at the floor with all strengths" in [text.get_text() for axes in figure.axes for text in axes.texts]


def test_paradox1_shows_a_mark_for_each_pair_and_counts_them(tables, drawn):
    figure = drawn("paradox1")
    left, right = (axes for axes in figure.axes if axes.get_title() == "All-CNN-C, blur")
    kernels, errors = (tables[name].query("architecture == 'all_cnn_c'") for name in ("kernels", "error_agreement"))
    keys = ["pair_kind", "seed_a", "seed_b", "variant_b"]
    similarity = kernels.pivot_table(index=keys, columns="matching", values="similarity").reset_index()
    blurred = errors[errors["distortion"] == "blur"].assign(y=lambda frame: frame["difference"].abs())
    both = blurred.groupby(keys)[["y"]].mean().reset_index().merge(similarity, on=keys)
    labels = {"other seeds": "trained", "trained further on this distortion": "finetuned_blur_0.001"}
    labels["trained further on images as they are"] = "finetuned_none_0.001"
    for axes, x in ((left, 1 - both["index"]), (right, both["greedy"])):
        marks = {line.get_label(): line for line in axes.lines}
        for label, variant in labels.items():
            chosen = both["variant_b"] == variant
            np.testing.assert_allclose(sorted(marks[label].get_xdata()), sorted(x[chosen]))
            np.testing.assert_allclose(sorted(marks[label].get_ydata()), sorted(both["y"][chosen]))
        np.testing.assert_allclose(marks["97.5 % of pairs of seeds"].get_ydata(), 0.04)
    assert "of 3 pairs trained further, with the distortion of their training, 3 are similar and 2" in notes(figure)
    assert "Of 3 pairs of seeds 3 are different, and 1 of these perform alike" in notes(figure)


def test_merge_shows_means_over_networks_and_orders_from_one_network_to_the_other(tables, drawn):
    axes = next(axes for axes in drawn("merge").axes if axes.get_title() == "All-CNN-C, blur, 0.001")
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    merged = tables["merged"].query("architecture == 'all_cnn_c' and distortion == 'blur'")
    means = merged.groupby(["order", "fraction"])["accuracy"].mean()
    np.testing.assert_allclose(lines["with the distortion, most changed kernels first"], means["similarity"])
    random = [means["similarity"][0.0], *means["random"], means["similarity"][1.0]]
    np.testing.assert_allclose(lines["with the distortion, kernels at random"], random)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.1", "0.5", "1"]
    assert not axes.texts[1:]  # beside the letter of the panel


def test_letters_go_on_after_z():
    found = list(islice(style.letters(), 26 + 26**2 + 1))
    assert "".join(found[:26]) == ascii_lowercase
    assert (found[26:29], found[51:53], found[-2:]) == (["aa", "ab", "ac"], ["az", "ba"], ["zz", "aaa"])


def test_as_many_panels_and_lines_as_a_study_has_are_drawn(tables):
    """13 variants and rows of panels, and seven numbers of stimuli: more than there were letters and colours."""
    one = {
        name: table.query("architecture == 'all_cnn_7'") for name, table in tables.items() if "architecture" in table
    }
    numbers = [*map(str, range(1, 14))]
    variants = pd.concat([one["merged"].assign(variant=f"finetuned_blur_{number}") for number in numbers])
    assert [axes.get_title().split()[-1] for axes in merge.draw(one | {"merged": variants}).axes] == numbers
    stimuli = [one["howmany"].assign(n_stimuli=number, half_width=1 / number) for number in range(10, 80, 10)]
    lines = howmany_figure.draw(one | {"howmany": pd.concat(stimuli)}).axes[2].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 7
    nets = {
        name: pd.concat([one[name].assign(architecture=f"net{number}") for number in numbers])
        for name in ("paradox", "kernels", "error_agreement")
    }
    titles = [axes.get_title() for axes in paradox1.draw(one | nets).axes]
    assert titles == [f"net{number}, blur" for number in numbers for _ in range(2)]


def test_merge_says_that_a_distortion_is_at_the_floor_with_all_strengths(tables):
    merged = tables["merged"]
    null = {"merged": merged.assign(accuracy=merged["accuracy"].where(merged["distortion"] == "none"))}
    axes = next(axes for axes in draw("merge", tables | null).axes if axes.get_title() == "All-CNN-C, blur, 0.001")
    assert "distortion: at the floor with all strengths" in [text.get_text() for text in axes.texts]
    shown = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert np.isfinite(shown["images as they are, most changed kernels first"]).all()


def test_transfer_shows_accuracies_components_and_relations_by_mode(tables, drawn):
    panels = {axes.get_title(): axes for axes in drawn("transfer").axes}
    rows = tables["transfer"].query("architecture == 'all_cnn_c'")
    lines = [line.get_ydata() for line in panels["All-CNN-C, accuracy"].lines]
    expected = [group["accuracy"] for _, group in rows.groupby(["mode", "transfer_seed"], sort=False)]
    np.testing.assert_allclose(sorted(map(tuple, lines)), sorted(map(tuple, expected)))
    of_source = next(each for each in panels["All-CNN-C, its variance"].containers if each.get_label() == "source")
    np.testing.assert_allclose(of_source.lines[0].get_ydata(), [10, 20, 30])
    greedy = next(each for each in panels["All-CNN-C, similarity"].containers if "greedy" in each.get_label())
    np.testing.assert_allclose(greedy.lines[0].get_ydata(), [-0.1, 0.0, 0.1], atol=1e-12)


def test_paradox2_shows_each_network_at_each_strength_and_those_trained_further(tables, drawn):
    figure, accuracy = drawn("paradox2"), tables["distorted_accuracy"].query("architecture == 'all_cnn_c'")
    panels = {axes.get_title(): axes for axes in figure.axes}
    for distortion in ("gamma", "blur"):
        lines = [line for line in panels[f"All-CNN-C, {distortion}"].lines if len(line.get_xdata()) > 1]
        dashed = [line for line in lines if line.get_linestyle() == "--"]
        rows = accuracy[accuracy["distortion"] == distortion]
        for variant in ("trained", f"finetuned_{distortion}_0.001"):
            found = [line for line in lines if (line in dashed) == (variant != "trained")]
            chosen = rows[rows["variant"] == variant].groupby("seed")
            expected = [list(network.sort_values("strength")["accuracy"]) for _, network in chosen]
            assert [list(line.get_ydata()) for line in found] == expected
        labels = [label.get_text() for label in panels[f"All-CNN-C, {distortion}"].get_xticklabels()]
        assert labels == ["none", *(f"{strength:g}" for strength in STRENGTHS[distortion])]
    clean = accuracy.query("distortion == 'none' and variant == 'trained'")["accuracy"]
    assert f"SD over networks {100 * clean.std(ddof=1):.1f} points without distortion" in notes(figure)
    assert "with blur of strength 0.9" in notes(figure)


def test_paradox3_shows_relations_of_networks_and_of_the_last_layer(tables, drawn):
    figure, relations = drawn("paradox3"), tables["kernel_relations"].query("architecture == 'all_cnn_c'")
    axes = next(axes for axes in figure.axes if axes.get_title() == "All-CNN-C, kappa of errors")
    first = figure.axes[0]
    assert [label.get_text() for label in first.get_yticklabels()] == ["all distortions", "none", "gamma", "blur"]
    for container, x in zip(axes.containers, SIMILARITIES, strict=True):
        rows = relations[(relations["x"] == x) & (relations["y"] == "kappa")]
        last = rows["layer_index"] == rows["layer_index"].max()
        rows = rows[last] if x == "consistency" else rows[rows["layer"].isna()]
        np.testing.assert_allclose(container.lines[0].get_xdata(), rows["pearson"].astype(float))
    assert "kernels, greedy 0.0100 (0.0120)" in notes(figure)
    few = draw("paradox3", study_tables(n_networks=4))
    bars = [segment for line in few.axes[0].containers[0].lines[2] for segment in line.get_segments()]
    assert not any(len(segment) > 1 and np.isfinite(segment).all() for segment in bars)


def test_comparators_show_the_change_with_depth_and_count_those_by_which_it_holds(tables, drawn):
    axes = next(axes for axes in drawn("comparators").axes if axes.get_title() == "All-CNN-C, change with depth")
    drops = tables["comparator_drop"].query("architecture == 'all_cnn_c' and quantity == 'last_minus_first'")
    for container, epoch in zip(axes.containers, (0, LAST_EPOCH), strict=True):
        rows = drops[(drops["epoch"] == epoch) & drops["measure"].isin(["correlation", None])]
        line, _, (spans,) = container.lines
        np.testing.assert_allclose(line.get_xdata(), rows["value"])
        np.testing.assert_allclose([span[:, 0] for span in spans.get_segments()], rows[["ci_low", "ci_high"]])
    text = notes(drawn("comparators"))
    assert f"holds for {len(FALLING)} of {len(COMPARATORS)} comparators; they agree on the order of layers" in text
    assert "Kendall's W = 0.80; untrained networks agree more in the last layer by 0 of 5." in text


def test_comparators_without_intervals_claim_nothing(tables):
    figure = draw("comparators", study_tables(n_networks=2))
    assert "holds for" not in notes(figure)
    assert "No error bars: too few networks for an interval." in notes(figure)
    few = draw("comparators", study_tables(n_networks=4))
    assert "holds for" not in notes(few)
    assert "Grey bars: range of the pairs of networks" in notes(few)


def test_grey_bars_of_some_panels_say_of_which():
    few = notes(draw("fig9", study_tables(n_networks=4)))
    assert "Grey bars in b, and vertically in d: range of the pairs of networks" in few
    assert "Grey bars in c, and horizontally in d: range of the networks" in few


def test_comparators_can_be_negative_and_untrained_networks_unknown(tables):
    summary = tables["comparators_summary"]
    lower = summary.assign(mean=summary["mean"] - 1, ci_low=summary["ci_low"] - 1, ci_high=summary["ci_high"] - 1)
    trained = {name: tables[name][tables[name]["epoch"] > 0] for name in ("comparator_drop",)}
    figure = draw("comparators", tables | trained | {"comparators_summary": lower[lower["epoch"] > 0]})
    shown = lower[(lower["epoch"] > 0) & (lower["ci_method"] == "jackknife")]
    lowest = shown.loc[shown["measure"].isin(["correlation", None]), "ci_low"].min()
    assert figure.axes[0].get_ylim()[0] < lowest
    assert not any(line.get_label() == "untrained" for axes in figure.axes for line in axes.lines)
    assert len(figure.axes[5].containers[0].lines[0].get_xdata()) == 0


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
    assert "percentage bend r = −0.88 [−0.98, −0.66], p = 0.021; over 9 layers, as if these were independent." in notes(
        figure
    )


def test_findings_opposite_to_the_paper_are_said(tables, drawn):
    assert "Unlike in the paper" not in notes(drawn("fig7")) + notes(drawn("fig9"))
    summary = tables["consistency_summary"]
    lowered = summary.assign(mean=summary["mean"].where(summary["kind"] != "centroid", 0.1))
    text = notes(draw("fig7", tables | {"consistency_summary": lowered}))
    assert "centroids agree less than exemplars in the last layer: All-CNN-C, All-CNN-7." in text
    rising = tables["relations"].assign(pearson=0.4)
    assert "unlike in the paper, consistency does not fall" in notes(draw("fig9", tables | {"relations": rising}))


def letters_of(figure):
    return [
        text.get_text() for axes in figure.axes for text in axes.texts if re.fullmatch(r"[a-z]\d*", text.get_text())
    ]


def test_every_panel_has_a_letter_of_its_own(drawn):
    assert sorted(letters_of(drawn("fig8"))) == ["a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"]
    column = style.new_figure(100, 100)
    style.letter_rows(column.subplots(3, 1, squeeze=False))
    assert letters_of(column) == ["a", "b", "c"]
    assert letters_of(draw("fig8", study_tables({"all_cnn_c": ["conv1", "conv2", "conv9"]}))) == ["a", "b", "c", "d"]


def test_axes_of_accuracies_and_clustering_begin_at_zero(drawn):
    accuracy, _, clustering = drawn("fig8").axes[:3]
    assert accuracy.get_ylim()[0] == clustering.get_ylim()[0] == 0


@pytest.mark.parametrize("name", ["fig4", "fig5", "fig7", "fig8", "fig9", "supp3", "supp4", "supp7", "supp8"])
def test_the_note_states_the_number_of_stimuli(drawn, name):
    assert re.search(r"RDMs( of category centroids)? of 1,000 stimuli[,.] ", notes(drawn(name)))


def test_maps_state_the_number_of_stimuli(drawn):
    assert "categories of the 100 stimuli" in notes(drawn("fig2"))


def test_supp4_prints_the_jackknife_over_networks_where_the_table_has_it(tables):
    ends = {"jackknife_low": -0.99, "jackknife_high": -0.5}
    columns = {
        f"{name}_{end}": value for name in ("pearson", "skipped", "percentage_bend") for end, value in ends.items()
    }
    text = notes(draw("supp4", tables | {"relations": tables["relations"].assign(**columns)}))
    assert "Pearson r = −0.92 [−0.99, −0.50], p < 0.001; skipped Pearson r = −0.90 [−0.99, −0.50]" in text
    assert "brackets: jackknife over networks; p-values as if layers were independent." in text


def test_supp4_has_no_relation_of_too_few_layers():
    assert "No correlation: too few layers, or values that do not vary." in notes(
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


@pytest.mark.parametrize(("name", "kind"), [("fig9", "exemplar"), ("supp8", "centroid")])
def test_trajectories_show_every_pair_of_epochs_and_instances(tables, drawn, name, kind):
    early, whole = drawn(name).axes[:2]
    rows = tables["consistency_across"].query(f"architecture == 'all_cnn_c' and kind == '{kind}'")
    titles = {"All-CNN-C, conv9: early epochs": [1, 2, 3, 4], "All-CNN-C, conv9: whole training": [1, 10, 20, 30]}
    assert [early.get_title(), whole.get_title()] == list(titles)
    for axes, epochs in zip((early, whole), titles.values(), strict=True):
        matrix = np.asarray(axes.images[0].get_array())
        assert [label.get_text() for label in axes.get_xticklabels()] == [str(epoch) for epoch in epochs]
        np.testing.assert_array_equal(np.diagonal(matrix), 1)
        shown = rows[rows["epoch_a"].isin(epochs) & rows["epoch_b"].isin(epochs)]
        assert len(shown) == 24 * 23 // 2
        for row in shown.itertuples():
            a, b = (epochs.index(e) * 6 + s for e, s in ((row.epoch_a, row.seed_a), (row.epoch_b, row.seed_b)))
            assert matrix[a, b] == matrix[b, a] == row.consistency


@pytest.mark.parametrize(("name", "kind"), [("fig9", "exemplar"), ("supp8", "centroid")])
def test_trajectories_show_consistency_accuracy_and_their_relation(tables, drawn, name, kind):
    figure = drawn(name)
    consistency, accuracy, relation = figure.axes[2:5]
    summary = tables["consistency_summary"].query(
        f"architecture == 'all_cnn_c' and layer == 'conv9' and kind == '{kind}' and measure == 'correlation'"
        " and normalisation == 'none' and ci_method == 'jackknife'"
    )
    tested = tables["accuracy_summary"].query(
        "architecture == 'all_cnn_c' and split == 'test' and ci_method == 'jackknife'"
    )
    for axes, expected in ((consistency, summary.sort_values("epoch")), (accuracy, tested.sort_values("epoch"))):
        ((x, y, low, high),) = curves(axes).values()
        np.testing.assert_array_equal(x, [0, *FOLLOWED])
        np.testing.assert_array_equal(y, expected["mean"])
        np.testing.assert_allclose(low, expected["ci_low"])
        np.testing.assert_allclose(high, expected["ci_high"])
    x, y = relation.containers[0].lines[0].get_data()
    np.testing.assert_array_equal(x, tested.query("epoch > 0").sort_values("epoch")["mean"])
    np.testing.assert_array_equal(y, summary.query("epoch > 0").sort_values("epoch")["mean"])
    assert "Epoch 0, before training, is in b and c only." in notes(figure)
    assert [text.get_text() for text in relation.texts] == ["epoch 1", "epoch 30", "d1"]
    assert "d: Pearson r = −0.92 [−0.98, −0.66], p < 0.001; skipped Pearson" in notes(figure)
    assert "over 7 epochs, as if these were independent." in notes(figure)


def test_trajectories_of_untested_networks_have_no_accuracy():
    figure = draw("fig9", study_tables({"a": ["x", "y"]}, tested=False))
    assert [axes.get_title() for axes in figure.axes] == ["a, y: early epochs", "a, y: whole training", "a, y"]


@pytest.mark.parametrize(
    ("epochs", "parts"),
    [
        ([0, 1, 2, 3, 10, 50], {"early epochs": [1, 2, 3], "whole training": [1, 10, 50]}),
        ([1, 5, 20], {"whole training": [1, 5, 20]}),
        ([2, 3], {"whole training": [2, 3]}),
        ([0, 7], {}),
        ([0], {}),
    ],
)
def test_training_has_early_epochs_and_a_whole(epochs, parts):
    assert trajectories.parts_of_training(epochs) == parts


def test_a_training_that_was_not_followed_has_nothing_to_draw(tables):
    last = tables["consistency_across"].query(f"epoch_a == {LAST_EPOCH} and epoch_b == {LAST_EPOCH}")
    summary = tables["consistency_summary"].query(f"epoch == {LAST_EPOCH}")
    figure = draw("fig9", tables | {"consistency_across": last, "consistency_summary": summary})
    assert not figure.axes
    assert figure.get_suptitle().startswith("Nothing to draw: ")


def test_crowded_epochs_are_not_all_named():
    epochs = [1.0, 2.0, 3.0, 350.0, 351.0]
    assert trajectories.named_epochs(epochs, np.log(epochs)) == [1.0, 3.0, 351.0]
    assert trajectories.named_epochs([5.0], [0.0]) == [5.0]


def test_supp3_shows_pairs_within_and_between_halves(tables, drawn):
    figure = drawn("supp3")
    titles = ["All-CNN-C, disjoint images", "All-CNN-C, disjoint categories"]
    assert [axes.get_title() for axes in figure.axes[:2]] == titles
    labels = {
        "within": "same half, different seeds",
        "same_seed": "different halves, same seed",
        "different_seeds": "different halves, different seeds",
    }
    for axes, half in zip(figure.axes[:2], ("images_a", "categories_a"), strict=True):
        for pairs, label in labels.items():
            expected = tables["consistency_across_summary"].query(
                f"architecture == 'all_cnn_c' and condition_a == '{half}' and measure == 'correlation'"
                f" and pairs == '{pairs}' and ci_method == 'jackknife'"
            )
            x, y, low, high = curves(axes)[label]
            np.testing.assert_array_equal(np.round(x), expected["layer_index"])
            np.testing.assert_array_equal(y, expected["mean"])
            np.testing.assert_allclose(low, expected["ci_low"])
            np.testing.assert_allclose(high, expected["ci_high"])
    expected = (
        "All-CNN-7, disjoint images: 6 networks in each half, 2 more collapsed and left out; 30 pairs within halves"
    )
    assert f"{expected}, 6 pairs between halves of the same seed, 30 pairs of different seeds." in notes(figure)
    shared = "order within halves, init+order at the same seed, order at different seeds"
    assert f"Random streams that both networks share: {shared}." in notes(figure)


@pytest.mark.parametrize(("shared", "note"), [(None, None), ("several", "differing ones within halves")])
def test_supp3_says_which_streams_are_shared_as_far_as_it_is_known(tables, shared, note):
    summary = tables["consistency_across_summary"].assign(shared=shared)
    text = notes(draw("supp3", tables | {"consistency_across_summary": summary}))
    assert note in text if note else "Random streams" not in text


def test_supp3_names_halves_of_other_kinds_by_their_conditions(tables):
    instances = tables["instances"].assign(images="all", categories=None)
    figure = draw("supp3", tables | {"instances": instances})
    assert figure.axes[0].get_title() == "All-CNN-C, images_a and images_b"
    assert "same condition, different seeds" in curves(figure.axes[0])
    assert "6 networks in each condition" in notes(figure)


def test_supp3_counts_the_networks_of_unequal_halves(tables):
    instances = tables["instances"]
    chosen = (instances["condition"] == "images_b") & (instances["seed"] == 0)
    figure = draw("supp3", tables | {"instances": instances.assign(collapsed=instances["collapsed"] | chosen)})
    assert "All-CNN-7, disjoint images: 6 networks in the first half, 5 in the second, 3 more collapsed" in notes(
        figure
    )


def test_networks_that_were_redrawn_are_stated(tables):
    instances = tables["instances"].copy()
    of_one = (instances["architecture"] == "all_cnn_7") & (instances["condition"] == "baseline")
    instances.loc[of_one & instances["seed"].isin([1, 4]), "attempts"] = 3
    text = notes(draw("fig4", tables | {"instances": instances}))
    assert (
        "All-CNN-7: 6 networks (15 pairs), 2 of these redrawn after a collapse, 1 more collapsed and left out" in text
    )
    assert "All-CNN-C: 6 networks (15 pairs), 1 more collapsed and left out; test accuracy" in text
    rows = instances[of_one & (instances["seed"] < 5)]
    assert selection.collapsed_note(rows) == ", 2 of these redrawn after a collapse"
    assert selection.collapsed_note(rows.assign(attempts=1)) == ", none collapsed"


@pytest.mark.parametrize("name", ["fig2", "fig3", "fig4", "supp1", "supp2", "supp4"])
def test_networks_that_no_rule_judged_are_not_said_to_be_free_of_collapse(name):
    tables = study_tables({"all_cnn_c": ["conv1", "conv9"]}, n_networks=3, n_collapsed=0)
    assert "All-CNN-C: 3 networks" in notes(draw(name, tables))
    assert "none collapsed" in notes(draw(name, tables))
    for judged in (False, pd.NA):  # collapse.enabled is false; trained elsewhere
        tables["instances"]["judged"] = judged
        assert "collapse" not in notes(draw(name, tables))


def test_accuracy_on_lossless_images_is_stated_where_others_are_re_encoded(tables):
    accuracy = tables["accuracy_summary"]
    lossless = accuracy[(accuracy["split"] == "test") & (accuracy["architecture"] == "all_cnn_c")]
    lossless = lossless.assign(subset="lossless", mean=0.987)
    text = notes(draw("fig4", tables | {"accuracy_summary": pd.concat([lossless, accuracy])})).replace("\xa0", " ")
    assert "test accuracy 95.1 % (93.4 % to 96.2 %), 98.7 % on lossless images." in text
    assert text.count("lossless") == 1


@pytest.mark.parametrize("name", ["fig4", "fig8"])
def test_bars_of_fewer_than_five_networks_are_grey_ranges_and_no_interval(name):
    for n_networks in (4, 5):
        tables = study_tables(n_networks=n_networks)
        text = notes(draw(name, tables))
        assert ("95 % jackknife" in text) == (n_networks == 5)
        assert ("range of the pairs of networks, for fewer than 5 networks" in text) == (n_networks == 4)
    figure = draw("fig4", study_tables(n_networks=4))
    ((_, _, low, _),) = curves(figure.axes[0]).values()
    assert np.isnan(low).all()
    expected = summary_rows(study_tables(n_networks=4), kind="exemplar", measure="correlation")
    grey = next(item for item in figure.axes[0].collections if len(item.get_segments()) == len(expected) > 1)
    np.testing.assert_allclose([part[:, 1] for part in grey.get_segments()], expected[["min", "max"]])


@pytest.mark.parametrize(
    ("interval", "words"), [("jackknife", "over networks."), ("pairs", "ignores that pairs share")]
)
def test_the_config_chooses_the_bars(tables, interval, words):
    figure = drawing.draw("manyseeds.figures.fig4", tables, interval)
    assert words in notes(figure)
    assert "ticks inside" not in notes(figure)
    ((_, _, low, high),) = curves(figure.axes[0]).values()
    expected = summary_rows(tables, kind="exemplar", measure="correlation", ci_method=interval)
    np.testing.assert_allclose([low, high], expected[["ci_low", "ci_high"]].T)


def test_numbers_of_networks_that_differ_between_layers_are_stated_as_a_range(tables):
    summary = tables["consistency_summary"].copy()
    silent = (summary["layer"] == "conv2") & (summary["architecture"] == "all_cnn_c")
    summary.loc[silent, ["n_networks", "n_network_pairs"]] = [5, 10]
    figure = draw("fig4", tables | {"consistency_summary": summary})
    assert "All-CNN-C: 5 to 6 networks (10 to 15 pairs), 1 more collapsed" in notes(figure)


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


def collapsed(tables, chosen):
    """The tables of a study in which all networks of the chosen rows of `instances` have collapsed."""
    instances = tables["instances"].assign(collapsed=lambda rows: rows["collapsed"] | chosen(rows))
    lost = pd.MultiIndex.from_frame(instances.loc[chosen, ["architecture", "condition"]])
    left = {}
    for name, table in tables.items():
        for condition in {"condition", "condition_a", "condition_b"} & set(table):
            table = table[~pd.MultiIndex.from_frame(table[["architecture", condition]]).isin(lost)]
        left[name] = table
    nothing = {"comparison": tables["comparison"].assign(ours=np.nan), "claims": tables["claims"].assign(gate="failed")}
    if chosen(instances).all():
        nothing |= {name: tables[name].iloc[:0] for name in ("sources", "source_pairs", "divergence")}
    return left | {"instances": instances} | nothing


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FIGURES if name not in SIMULATIONS])
def test_where_all_networks_collapsed_the_figure_says_so(name, tmp_path):
    tables = study_tables({"alexnet": ["conv1", "fc8"]}, n_networks=2, n_stimuli=20)
    figure = draw(name, tables, lambda tables: collapsed(tables, lambda rows: rows["seed"] >= 0))
    assert not figure.axes
    sentences = "(Nothing to draw: |.*: no value to compare with|.*: the declared claims are not tested)"
    assert re.match(sentences, figure.get_suptitle())
    assert "Fewer than two accepted networks, so nothing to compare: AlexNet (0 of 3)" in notes(figure)
    style.save(figure, tmp_path / "words.pdf", tmp_path / "words.png")
    assert matplotlib.image.imread(tmp_path / "words.png").min() < 0.5  # there is ink


@pytest.mark.slow
@pytest.mark.parametrize("name", ["comparators", "fig2", "fig4", "fig7", "fig9", "supp2", "supp4"])
def test_a_group_that_collapsed_is_missing_and_named(name):
    tables = study_tables(n_networks=3, n_stimuli=20, measures=("correlation",))
    figure = draw(name, collapsed(tables, lambda rows: rows["architecture"] == "all_cnn_7"))
    assert "All-CNN-7" not in "".join(axes.get_title() for axes in figure.axes)
    note = "Fewer than two accepted networks, so nothing to compare: All-CNN-7 (0 of 4)"
    assert note in notes(figure)
    assert notes(figure).index(note) > 50  # after what the figure itself has to say
    assert note not in notes(draw(name, tables))


def test_a_single_accepted_network_is_counted():
    rows = [("mine", "dropout0.8", seed, seed > 0) for seed in range(3)] + [("mine", "x", s, False) for s in (0, 1)]
    instances = pd.DataFrame(rows, columns=["architecture", "condition", "seed", "collapsed"])
    assert drawing.lonely_note(instances).endswith("nothing to compare: mine dropout 0.8 (1 of 3).")


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


# --- conserved


def test_conserved_draws_shares_between_ceilings_and_says_what_is_common(tables, drawn):
    rows = tables["conserved"].query("architecture == 'all_cnn_c'")
    shares = drawn("conserved").axes[0]
    of_quantity = {name: rows[rows["quantity"] == name].sort_values("layer_index") for name in ("share", "consistency")}
    for label, name in (("conserved share (r)", "share"), ("consistency (r²)", "consistency")):
        expected = of_quantity[name][["layer_index", "value", "ci_low", "ci_high"]].to_numpy(float).T
        np.testing.assert_allclose(curves(shares)[label], expected)
    (band,) = shares.collections[:1]
    heights = band.get_paths()[0].vertices[:, 1]
    ceilings = rows[rows["quantity"].isin(["lower", "upper"])]["value"]
    assert (heights.min(), heights.max()) == pytest.approx((ceilings.min(), ceilings.max()))
    share, r2 = (of_quantity[name]["value"].iloc[-1] for name in ("share", "consistency"))
    words = notes(drawn("conserved"))
    assert (
        f"All-CNN-C, conv9: {100 * share:.0f} % of the RDM variance of a network is common to all (r² {r2:.2f})"
        in words
    )
    assert re.search(
        r"a second component replicates with \|cos\| 0\.\d\d \(chance 0\.\d\d\); reliability: agreement of", words
    )


def test_conserved_draws_categories_in_order_of_agreement_and_dimensions_of_three_layers(tables, drawn):
    _, categories, dimensions = drawn("conserved").axes[:3]
    rows = tables["category_agreement"].query("architecture == 'all_cnn_c' and layer == 'conv9'")
    within = rows[rows["category_a"] == rows["category_b"]].sort_values("agreement")
    np.testing.assert_allclose(curves(categories)["pairs within a category"][1], within["agreement"])
    assert [text.get_text() for text in categories.get_xticklabels()] == within["category_a"].tolist()
    first = within["category_a"].iloc[0]
    others = rows[(rows["category_a"] != rows["category_b"]) & rows[["category_a", "category_b"]].eq(first).any(axis=1)]
    across = next(line for line in categories.lines if line.get_label() == "pairs with other categories")
    assert across.get_ydata()[0] == pytest.approx(others["agreement"].mean())
    lines = {line.get_label(): line.get_ydata() for line in dimensions.lines}
    assert list(lines) == ["ratio, conv1", "ratio, conv5", "ratio, conv9", "categories' share of a dimension"]
    own = tables["conserved_dimensions"].query("architecture == 'all_cnn_c' and layer == 'conv5'").sort_values("q")
    np.testing.assert_allclose(lines["ratio, conv5"], own["ratio"])


def test_conserved_of_three_networks_has_no_dimensions_and_no_intervals():
    figure = draw("conserved", study_tables({"all_cnn_c": ["conv1", "conv2"]}, n_networks=3))
    assert "needs four networks" in [text.get_text() for text in figure.axes[2].texts]
    assert np.isnan(curves(figure.axes[0])["conserved share (r)"][2]).all()


def test_conserved_images_shows_stimuli_chosen_in_one_half_with_the_value_of_the_other(tables, drawn):
    figure = drawn("conserved_images")
    rows = tables["stimulus_agreement"].query("architecture == 'all_cnn_c' and scope == 'all' and layer == 'conv5'")
    ordered = rows.sort_values("agreement_a", ascending=False)
    for strip, chosen in ((2, ordered.head(3)), (3, ordered.tail(3)[::-1])):
        panels = figure.axes[3 * strip : 3 * strip + 3]
        for axes, row in zip(panels, chosen.itertuples(), strict=True):
            np.testing.assert_array_equal(axes.images[0].get_array(), tables["images"]["image"][row.position].squeeze())
            assert axes.get_title() == f"{row.agreement_b:.2f}, 75 %"
    label = figure.axes[6].texts[0].get_text()
    assert label == "All-CNN-C\nconv5, most"


def test_conserved_images_of_three_networks_says_what_it_needs():
    figure = draw("conserved_images", study_tables({"all_cnn_c": ["conv1", "conv2"]}, n_networks=3))
    assert "at least four networks are needed" in figure.get_suptitle()


# --- outside


def test_outside_draws_networks_their_mean_and_the_ceiling_and_says_what_single_networks_would(tables, drawn):
    figure = drawn("outside")
    rows = tables["outside_summary"].query("architecture == 'all_cnn_c' and file == 'brain' and ci_method == 'all'")
    panel = figure.axes[0]
    expected = rows[["layer_index", "mean", "ci_low", "ci_high"]].to_numpy(float).T
    np.testing.assert_allclose(curves(panel)["mean over networks"], expected)
    single = tables["outside"].query("architecture == 'all_cnn_c' and file == 'brain' and seed == 3 and subject.isna()")
    assert any(np.array_equal(line.get_ydata(), single["value"]) for line in panel.lines)
    (band,) = [patch for patch in panel.patches if patch.get_label() == "noise ceiling"]
    (legend,) = figure.legends
    assert "noise ceiling" in [label.get_text() for label in legend.get_texts()]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.7, 0.8))
    assert not [patch for patch in figure.axes[3].patches if patch.get_label() == "noise ceiling"]  # of pixels
    conclusions = tables["outside_conclusions"].query("file == 'brain' and k == 1")
    of_pair = conclusions[
        conclusions["group_a"].isin(best := ["all_cnn_c/baseline/conv9", "all_cnn_7/baseline/conv7"])
        & conclusions["group_b"].isin(best)
    ].iloc[0]
    words = re.sub(r"\s+", " ", notes(figure))
    assert f"Single networks say the opposite in {100 * of_pair['flip']:.0f} % of pairs" in words
    share = 1 - rows["best_share"].iloc[-1]
    assert f"agreement is highest in conv9 ({rows['mean'].iloc[-1]:.3f}, 95 % interval" in words
    assert f"{100 * share:.0f} % of single networks have another best layer" in words
    matrix = np.asarray(figure.axes[2].images[0].get_array().filled(np.nan))
    assert matrix.shape == (16, 16)
    assert matrix[8, 15] == matrix[15, 8] == of_pair["flip"]
    assert np.isnan(np.diag(matrix)).all()


def test_outside_names_the_ceiling_that_only_a_later_row_has(tables):
    summary = tables["outside_summary"]
    last = tables | {
        "outside_summary": pd.concat([summary[summary["file"] != "brain"], summary.query("file == 'brain'")])
    }
    (legend,) = draw("outside", last).legends
    assert "noise ceiling" in [label.get_text() for label in legend.get_texts()]


def test_outside_of_few_networks_or_without_draws_has_the_intervals_that_there_are():
    few = study_tables({"all_cnn_c": ["conv1", "conv2"]}, n_networks=3)
    assert np.isnan(curves(draw("outside", few).axes[0])["mean over networks"][2]).all()
    tables = study_tables({"all_cnn_c": ["conv1", "conv2"]}, n_networks=6)
    summary = tables["outside_summary"]
    summary.loc[summary["ci_method"].isin(["all", "stimuli"]), ["ci_low", "ci_high"]] = np.nan
    figure = draw("outside", tables)
    expected = summary.query("file == 'brain' and ci_method == 'networks'")["ci_low"]
    np.testing.assert_allclose(curves(figure.axes[0])["mean over networks"][2], expected)
    assert "95 % intervals for new networks." in notes(figure)


# --- sources


def test_sources_stacks_the_components_of_its_table(tables, drawn):
    rows = tables["sources"].query("architecture == 'all_cnn_c' and measure == 'correlation'")
    for axes, kind in zip(drawn("sources").axes, ("exemplar", "centroid"), strict=False):
        own = rows[rows["kind"] == kind]
        containers = {container.get_label(): container for container in axes.containers}
        assert list(containers) == ["common to all", "initialisation", "order", "initialisation + order"]
        for name, container in zip(("common", "init", "order", "init+order"), containers.values(), strict=True):
            values = own[own["component"] == name].sort_values("layer_index")["value"]
            np.testing.assert_allclose([bar.get_height() for bar in container], values)
        tops = [bar.get_y() + bar.get_height() for bar in containers["initialisation + order"]]
        if (own["value"] >= 0).all():
            np.testing.assert_allclose(tops, 1.0)


def test_sources_draws_differences_with_intervals_the_range_of_none_and_classes(tables, drawn):
    rows = tables["sources"].query("architecture == 'all_cnn_c' and measure == 'correlation'")
    _, _, difference, classes = drawn("sources").axes[:4]
    found = curves(difference)
    for kind in ("exemplar", "centroid"):
        own = rows[(rows["kind"] == kind) & (rows["component"] == "difference")].sort_values("layer_index")
        _, y, low, high = found[f"difference, {kind}s"]
        np.testing.assert_allclose([y, low, high], own[["value", "ci_low", "ci_high"]].to_numpy(float).T)
    (band,) = difference.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((-0.02, 0.04))
    pairs = tables["source_pairs"].query(
        "architecture == 'all_cnn_c' and measure == 'correlation' and kind == 'exemplar'"
    )
    names = {"none": "share nothing", "init": "share initialisation", "order": "share order"}
    for shared, label in names.items():
        own = pairs[pairs["shared"] == shared].sort_values("layer_index")
        np.testing.assert_allclose(curves(classes)[label][1], own["r"])


def test_sources_answers_in_words_for_the_first_and_last_layer(tables, drawn):
    words = notes(drawn("sources"))
    assert "All-CNN-C: 11 networks (init3+order4), 1 more collapsed and missing; conv1: sharing init instead" in words
    assert "conv9: sharing init instead of order changes r by +" in words
    assert "initialisation constrains more. All-CNN-7" in words


def test_sources_of_stimuli_without_categories_leaves_out_centroids(tables):
    figure = draw("sources", tables, lambda all: all | {"sources": all["sources"].query("kind == 'exemplar'")})
    assert "stimuli have no categories" in [text.get_text() for text in figure.axes[1].texts]


# --- divergence


def test_divergence_draws_what_is_missing_to_one_against_epochs_in_the_first_and_last_layer(tables, drawn):
    rows = tables["divergence"].query("architecture == 'all_cnn_c'")
    lines = {"share nothing": "none", "share initialisation": "init", "share order": "order"}
    for axes, layer in zip(drawn("divergence").axes, ("conv1", "conv9"), strict=False):
        found = curves(axes)
        assert set(found) == {*lines, "share all, ulp"}
        for label, shared in lines.items():
            own = rows[(rows["layer"] == layer) & (rows["shared"] == shared)].sort_values("epoch")
            np.testing.assert_allclose(found[label][:2], [own["epoch"], 1 - own["r"]])
            np.testing.assert_allclose(found[label][2:], [1 - own["ci_high"], 1 - own["ci_low"]])
        copies = rows[(rows["layer"] == layer) & (rows["perturbation"] == "ulp")].sort_values("epoch")
        np.testing.assert_allclose(found["share all, ulp"][1], 1 - copies["r"])


def test_divergence_draws_predictions_and_weights_and_names_half_epochs(tables, drawn):
    rows = tables["divergence"].query("architecture == 'all_cnn_c' and layer == 'conv9'").sort_values("epoch")
    predictions, weights = drawn("divergence").axes[2:4]
    of_init = rows[rows["shared"] == "init"]
    np.testing.assert_allclose(curves(predictions)["share initialisation"][1], 1 - of_init["agreement"])
    np.testing.assert_allclose(curves(weights)["share initialisation"][1], of_init["weight_distance"])
    words = notes(drawn("divergence"))
    assert (
        "All-CNN-C, conv9, first epoch with more than half of the difference: share initialisation: none; share order: "
        "1; share all, ulp: none." in words
    )


def test_divergence_of_exported_networks_has_no_weights(tables):
    unknown = tables["divergence"].assign(agreement=np.nan, weight_distance=np.nan, changes_forward=False)
    figure = draw("divergence", tables, lambda all: all | {"divergence": unknown})
    for axes in figure.axes[2:4]:
        assert "weights are not known" in [text.get_text() for text in axes.texts]
    assert "In bf16 these change no weight that is multiplied at first: ulp." in notes(figure)


# --- howmany


def test_howmany_draws_the_half_widths_of_the_first_and_last_layer(tables, drawn):
    first, check, stimuli = drawn("howmany").axes[:3]
    rows = tables["howmany"].query(
        "architecture == 'all_cnn_c' and kind == 'exemplar' and measure == 'correlation' and normalisation == 'none'"
    )
    rows = rows[rows["n_stimuli"].isna() & rows["contrast"].isna()]
    lines = {line.get_label(): line for line in first.lines}
    for label, layer in (("first layer", "conv1"), ("last layer", "conv9")):
        expected = rows[rows["layer"] == layer]
        np.testing.assert_allclose(lines[label].get_xdata(), expected["n_networks"])
        np.testing.assert_allclose(lines[label].get_ydata(), expected["half_width"])
        dots = [line for line in check.lines if line.get_color() == lines[label].get_color()][1]
        np.testing.assert_allclose(dots.get_ydata(), expected["subsets_sd"].dropna().astype(float))
    assert [text.get_text() for text in stimuli.texts] == ["stimuli were not resampled", "c1"]
    assert [line.get_label() for line in drawn("howmany").axes[5].lines] == ["100 stimuli", "1,000 stimuli"]


def test_howmany_says_how_many_networks_are_needed_with_the_range(tables, drawn):
    rows = tables["howmany_answer"].query(
        "architecture == 'all_cnn_c' and kind == 'exemplar' and measure == 'correlation' and normalisation == 'none' "
        "and layer == 'conv9'"
    )
    (row,) = rows[rows["contrast"].isna()].to_dict("records")
    assert (
        f"All-CNN-C: in conv9, {row['n_needed']:.0f} networks give ± 0.02 (between {row['n_low']:.0f} and "
    ) in notes(drawn("howmany"))


# --- claims


def test_claims_shades_where_the_interval_must_be():
    assert claims.regions("upper < -0.2", np.nan) == [(-1, -0.2)]
    assert claims.regions("interval outside -0.15 0.15", np.nan) == [(-1, -0.15), (0.15, 1)]
    assert claims.regions("lower > 0 and upper < 0.15", np.nan) == [(0, 0.15)]
    assert claims.regions("estimate within 0.10 of published and interval inside 0.29 0.59", 0.443) == [
        (pytest.approx(0.343), pytest.approx(0.543))
    ]
    assert claims.regions("p <= 0.025", np.nan) == claims.regions(None, np.nan) == []


def test_claims_draws_every_statement_with_its_intervals_and_outcome(tables, drawn):
    (axes,) = drawn("claims").axes
    stated = tables["claims"].query("claim != 'gates'")
    assert [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"] == list(stated["estimate"])
    segments = [segment for lines in axes.collections for segment in lines.get_segments()]
    bars = [segment[:, 0].tolist() for segment in segments if len(segment)]
    expected = [
        ends
        for row in stated.itertuples()
        for ends in ([row.ci_low_95, row.ci_high_95], [row.ci_low, row.ci_high])
        if np.isfinite(ends).all()
    ]
    assert [ends for ends in bars if np.isfinite(ends).all()] == expected
    words = [text.get_text() for text in axes.texts]
    assert [text.split()[-1] for text in words] == list(stated["outcome"])
    assert words[3] == "−0.36, p = 0.001  refuted"
    assert [label.get_text()[0] for label in axes.get_yticklabels()] == list("1223455556778–––")


def test_claims_name_the_gates_and_the_verdicts(tables, drawn):
    text = notes(drawn("claims"))
    assert "median training accuracy 0.995 (passed; asked: ≥ 0.99)" in text
    assert re.search(r"Claims: 1 \w+, 2 \w+, .*8 \w+\. Thin bars .* 99\.375 %", text)
    undertrained = tables["claims"].assign(gate="undertrained")
    assert "Claims (undertrained): 1 " in notes(draw("claims", tables | {"claims": undertrained}))


def test_claims_are_not_drawn_if_a_gate_failed(tables):
    failed = tables["claims"].assign(gate="failed")
    failed.loc[failed["statistic"] == "lowest_training_accuracy", ["estimate", "outcome"]] = [0.935, "refuted"]
    figure = draw("claims", tables | {"claims": failed})
    assert not figure.axes
    assert "lowest training accuracy 0.935 (failed; asked: ≥ 0.95)" in notes(figure)


# --- comparison


def lines_of(figure, which):
    """Values of one series of all panels of the comparison, from above."""
    return np.concatenate(
        [line.get_xdata() for axes in figure.axes for line in axes.lines if line.get_label() == which]
    )


def line_names(figure):
    return [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]


def test_comparison_shows_every_value_that_the_study_has_beside_the_published_one(tables, drawn):
    figure = drawn("comparison")
    shown = tables["comparison"].dropna(subset=["ours"])
    by_unit = pd.concat([shown[shown["unit"] == unit] for unit in ("fraction", "r2", "pearson_r")])
    np.testing.assert_array_equal(lines_of(figure, "published"), by_unit["published"])
    np.testing.assert_array_equal(lines_of(figure, "ours"), by_unit["ours"])
    units = ["Test accuracy (%)", "Consistency (r²)", "Correlation r over layers (supp4) or epochs (fig9)"]
    assert [axes.get_xlabel() for axes in figure.axes] == units
    assert len(line_names(figure)) == len(set(line_names(figure))) == 13
    assert "AlexNet" not in " ".join(line_names(figure))
    assert "fig6 (2); the table comparison says why" in notes(figure)


def test_comparison_prints_the_numbers_of_its_table(drawn):
    accuracy, consistency, relation = (
        [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in axes.texts] for axes in drawn("comparison").axes
    )
    assert accuracy[0] == "(84.4 to 85.9)"
    assert accuracy[2] == "76.6 (73.6 to 79.6)"  # nine tenths of the middle, and 3 % either way
    assert "0.44 [0.43, 0.46]" in consistency
    assert "0.40 [0.37, 0.43]" in consistency
    assert "(0.14 to 0.81)" in consistency
    assert relation[0] == "−0.92"
    assert "−0.83 [−0.86, −0.80]" in relation
    assert "−0.04 [−0.09, 0.02]" in consistency
    assert "0.09" in relation  # a difference without an interval


def test_comparison_shows_intervals_of_few_networks_in_grey(tables):
    few = tables["comparison"].assign(n_networks=4)
    figure = draw("comparison", tables | {"comparison": few})
    assert "Grey bars: intervals of fewer than 5 networks." in notes(figure)
    grey = [to_hex(colour) for axes in figure.axes for bars in axes.collections for colour in bars.get_colors()]
    is_interval = few.dropna(subset=["ours"])["ci_method"] == "jackknife"
    assert grey.count(style.GREY.lower()) == is_interval.sum() > 0
    assert "Grey bars" not in notes(draw("comparison", tables))


def test_comparison_is_titled_with_what_the_study_is(tables, drawn):
    title = re.sub(r"\s+", " ", drawn("comparison").get_suptitle())
    assert title == (
        "Study synthetic: not the paper's full-size study. All-CNN-C, All-CNN-7, All-CNN-C dropout 0.6, "
        "All-CNN-C dropout 0.8: width 0.25 (paper: 1); epochs 8 (paper: 350)."
    )
    full = tables | {"comparison": tables["comparison"].assign(departures=None)}
    assert draw("comparison", full).get_suptitle() == "Study synthetic, by the protocol of the paper's full-size study"


@pytest.mark.parametrize("n_values", [1, 3, 15])
def test_comparison_keeps_the_height_of_a_line_however_many_there_are(tables, n_values):
    table = tables["comparison"].assign(ours=tables["comparison"]["ours"].fillna(0.5)).iloc[-n_values:]
    figure = draw("comparison", tables | {"comparison": table})
    assert len(line_names(figure)) == n_values
    for axes in figure.axes:
        height = axes.get_window_extent().height / figure.dpi * 25.4 / len(axes.get_yticks())
        assert 3.5 < height < 8.0


def test_comparison_with_nothing_to_compare_says_so(tables):
    nothing = tables["comparison"].assign(ours=np.nan)
    figure = draw("comparison", tables | {"comparison": nothing})
    assert figure.get_suptitle() == "Study synthetic: no value to compare with the published ones."
    assert "fig8b (2)" in notes(figure)
