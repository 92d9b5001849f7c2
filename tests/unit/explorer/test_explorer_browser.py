"""The explorer in a real browser: Debian's chromium, without a screen."""

import re
import shutil
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from explored import activations, row_correlations, write_page

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)")
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs chromium, as Debian and Ubuntu have it (apt-get install chromium)"
    ),
]

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
CONTROLS = "select:enabled, input:checked:enabled, button, summary, canvas, .plot > svg, .readout a"
"""Elements that the tab key must reach. Of radio buttons it reaches the chosen one, and arrows the others."""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        # Root has no sandbox in a container.
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The page of a whole study."""
    return write_page(tmp_path_factory.mktemp("study"))


@contextmanager
def opened(browser, path, size=DESKTOP, address=""):
    """Open a page; whatever it says on the console or asks for fails the test."""
    tab, told, asked = browser.new_page(viewport=size), [], []
    tab.on("console", lambda message: told.append(message.text))
    tab.on("pageerror", lambda problem: told.append(str(problem)))
    tab.on("request", lambda request: asked.append(request.url))
    try:
        tab.goto(f"{path.as_uri()}{address}")
        tab.wait_for_selector("body[data-ready]", timeout=10_000)
        yield tab
        assert told == []
        assert {url.split(":")[0] for url in asked[1:]} <= {"data"}
    finally:
        tab.close()


@pytest.fixture
def tab(browser, study):
    with opened(browser, study) as found:
        yield found


def words(tab, readout: str) -> str:
    return tab.inner_text(f"#{readout}")


def picture(tab, selector: str) -> str:
    """What a canvas or a figure shows now."""
    return tab.evaluate(
        "e => { const found = document.querySelector(e); return found.toDataURL?.() ?? found.innerHTML }", selector
    )


def is_in_csv(study, tab, readout: str, **expected) -> None:
    """The table's line that a readout names has these values."""
    table, line = re.search(r"tables/(\w+)\.csv, line (\d+)", words(tab, readout).replace("\n", "")).groups()
    row = pd.read_csv(study.parent / f"tables/{table}.csv").iloc[int(line) - 2]
    assert {name: row[name] for name in expected} == expected


def test_pointing_at_a_curve_shows_the_values_of_the_table(tab, study):
    summary = pd.read_csv(study.parent / "tables/consistency_summary.csv")
    rows = summary.query("epoch == 30 and kind == 'exemplar' and measure == 'correlation' and normalisation == 'none'")
    marks = tab.locator("#depth > svg circle.point")
    assert marks.count() == 3
    for place, row in enumerate(rows.query("ci_method == 'jackknife'").itertuples()):
        marks.nth(place).hover()
        text = words(tab, "depth-readout")
        assert f"All-CNN-C, {row.layer}: {row.mean:.3f} (95 %: {row.ci_low:.3f} to {row.ci_high:.3f}" in text
        assert f"{row.n_networks} networks, {row.n_network_pairs} pairs" in text
        is_in_csv(study, tab, "depth-readout", layer=row.layer, mean=row.mean, ci_high=row.ci_high, epoch=30)


@pytest.mark.parametrize(
    ("menu", "option", "shown"),
    [
        ("layer", "conv2", ["#rdm0", "#rdm2", "#map0", "#map1", "#least", "#depth"]),
        ("first", "seed 3", ["#rdm0", "#rdm2", "#map0", "#least", "#second-level"]),
        ("second", "seed 4", ["#rdm1", "#rdm2", "#map1", "#most", "#second-level"]),
        ("comparator", "CKA", ["#depth"]),
        ("kind", "pairs of category centroids", ["#depth"]),
        ("measure", "Euclidean distance", ["#depth"]),
        ("normalisation", "cocktail blank: mean pattern subtracted", ["#depth"]),
        ("method", "bootstrap of pairs", ["#depth"]),
        ("beside", "All-CNN-C images_a", []),
        ("stimulus", "dog, stimulus 4", ["#map0", "#map1"]),
        ("course", "test accuracy", ["#training"]),
    ],
)
def test_a_menu_changes_what_is_drawn(tab, menu, option, shown):
    before = {each: picture(tab, each) for each in shown}
    tab.select_option(f"#{menu}", label=option)
    assert {each for each in shown if picture(tab, each) == before[each]} == set()


def test_stimuli_are_in_the_order_of_their_agreement(tab):
    tab.select_option("#layer", label="conv2")
    tab.select_option("#second", label="seed 3")
    agreement = row_correlations(activations(), "conv2")[0, 3]
    order = np.argsort(agreement)
    for strip, expected in (("least", order[:8]), ("most", order[::-1][:8])):
        buttons = tab.locator(f"#{strip} button")
        assert [int(each.get_attribute("data-stimulus")) for each in buttons.all()] == expected.tolist()
        shown = [float(each.inner_text().split()[1].replace("−", "-")) for each in buttons.all()]
        assert shown == pytest.approx(agreement[expected], abs=6e-4)  # four decimal places are stored


def test_a_chosen_stimulus_is_marked_and_named_with_the_tables_value(tab, study):
    before = picture(tab, "#map1")
    button = tab.locator("#least button").first
    button.click()
    assert picture(tab, "#map1") != before
    assert button.get_attribute("aria-pressed") == "true"
    text, stimulus = words(tab, "maps-readout"), int(button.get_attribute("data-stimulus"))
    rows = pd.read_csv(study.parent / "tables/stimulus_agreement.csv").query("layer == 'conv3' and scope == 'all'")
    mean = rows.set_index("position").loc[stimulus, "agreement"]
    assert f"mean over all pairs of networks: {mean:.3f}" in text
    assert "seed 0 predicts" in text
    is_in_csv(study, tab, "maps-readout", position=stimulus, layer="conv3", agreement=mean)


def test_an_entry_of_a_matrix_shows_both_networks(tab):
    box = tab.locator("#rdm1").bounding_box()
    tab.hover("#rdm1", position={"x": box["width"] * 2.5 / 20, "y": box["height"] * 17.5 / 20})
    by_category = [*range(0, 24, 3), *range(1, 24, 3), *range(2, 24, 3)]
    pictured = [by_category[k] for k in np.unique(np.linspace(0, 23, 20).round().astype(int))]
    a, b = pictured[17], pictured[2]
    patterns, text = activations(), words(tab, "rdms-readout")
    assert f"stimulus {a}, and cat, stimulus {b}: " in text
    found = [float(value) for value in re.findall(r"seed \d ([\d.]+)", text)]
    expected = [1 - np.corrcoef(patterns[seed]["conv3"][[a, b]])[0, 1] for seed in (0, 1)]
    assert found == pytest.approx(expected, abs=0.006)


def test_keys_reach_points_and_choose_a_layer(tab):
    tab.focus("#depth > svg")
    for key in ("ArrowRight", "ArrowRight"):
        tab.keyboard.press(key)
    assert "conv2: 0." in words(tab, "shown")
    tab.keyboard.press("Enter")
    assert words(tab, "shown") == "All-CNN-C, conv2: seed 0 and seed 1."
    assert tab.input_value("#layer") == "1"
    for canvas, readout in (("rdm0", "rdms-readout"), ("map0", "maps-readout")):
        tab.focus(f"#{canvas}")
        tab.keyboard.press("ArrowRight")
        first = words(tab, readout)
        tab.keyboard.press("ArrowRight")
        assert words(tab, readout) != first
        assert words(tab, "shown").split(":")[0] in words(tab, readout)


def test_the_tab_key_reaches_every_control_and_each_has_a_name(tab):
    wanted = tab.evaluate(
        """selector => [...document.querySelectorAll(selector)].filter(e => e.checkVisibility()).map((e, k) => {
        e.dataset.k = k;
        const name = e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText;
        return name ? k : `${e.outerHTML.slice(0, 80)} has no name`; })""",
        CONTROLS,
    )
    assert wanted == list(range(len(wanted)))
    assert len(wanted) > 30
    reached = set()
    tab.focus("body")
    for _ in range(len(wanted) + 10):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.dataset.k"))
    assert {int(each) for each in reached if each is not None} == set(wanted)


def test_an_address_keeps_the_choice(browser, study, tab):
    tab.select_option("#layer", label="conv1")
    tab.select_option("#second", label="seed 2")
    with opened(browser, study, address="#" + tab.url.split("#")[1]) as other:
        assert words(other, "shown") == "All-CNN-C, conv1: seed 0 and seed 2."


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "mean over pairs, conv3"),
        (
            {"n_networks": 2, "categories": False, "images": False, "trained": False},
            "With fewer than four networks, nothing",
        ),
        ({"n_networks": 1}, "There are no two accepted networks to compare."),
        ({"n_networks": 0}, "None of these networks was accepted, so there is nothing to show."),
    ],
    ids=["whole", "least", "one", "none"],
)
def test_studies_of_all_kinds_open_at_all_widths(browser, tmp_path, options, says, size):
    with opened(browser, write_page(tmp_path, **options), size) as found:
        assert found.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert says in found.inner_text("body")
        assert found.is_visible("#marks") == options.get("images", True)
