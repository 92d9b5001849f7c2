"""The pages of the report: numbers of the first page against the tables, and tables in a browser."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from configs import study
from own_folders import own_activations, own_networks
from places import ROOT
from synthetic_tables import study_tables

from manyseeds.explorer import packing
from manyseeds.figures import catalogue, drawing
from manyseeds.report import contents, origin, overview, settings, tables

FOLDER = ROOT / "workflow_scripts/manyseeds"
ASSETS = packing.read_assets(
    [
        *(FOLDER / "explorer/assets" / name for name in contents.SHARED),
        *(FOLDER / "report/assets" / name for name in contents.ASSETS),
    ]
)
SCHEMA = {
    "title": "example",
    "description": "An <example>.",
    "properties": {name: {"description": f"About {name}."} for name in ("layer", "mean", "at_bound", "unknown")},
}
TABLE = pd.DataFrame(
    {
        "layer": [f"conv{k}" for k in range(300)],
        "mean": [np.nan, *np.linspace(1, 0, 299)],
        "at_bound": pd.array([None, True, *[False] * 298], dtype="boolean"),
        "unknown": pd.array([None] * 300, dtype="Int64"),
    }
)


@pytest.fixture(scope="module")
def found():
    return study_tables(n_networks=6, n_collapsed=1)


@pytest.fixture
def facts(tmp_path):
    records = tmp_path / ".provenance/networks"
    records.mkdir(parents=True)
    for k, torch in enumerate(("2.12.0", "2.13.0", "2.13.0")):
        record = {"software": {"torch": torch}, "device": f"cpu {k % 2}", "finished": f"2026-01-0{k + 1}T00:00:00+0000"}
        record |= {"gpu": {"seconds": 60.0 * k, "utilisation": 0.3 * k, "peak_memory": k * 2**30}} if k else {}
        for output in ("a", "b"):  # of one job
            (records / f"{k}{output}.json").write_text(json.dumps(record))
    for name, seconds in (("train/a/b.tsv", 20.5), ("train/a/c.tsv", 1.5), ("mds.tsv", 3)):
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tcpu_time\n99\t{seconds}\n")
    chosen = json.loads(json.dumps({"seed": 0, "measures": ["correlation"], "instances": 6}))
    chosen |= {"networks": [{"name": None, "architecture": "all_cnn_c"}], "conditions": [{"name": "<baseline>"}]}
    chosen |= {"data": {"dataset": "digits", "preprocessing": "gcn"}, "stimuli": {"per_category": 50}}
    chosen["training"] = {"epochs": 8, "batch_size": 32, "learning_rate": 0.02, "precision": "fp32"}
    chosen["dropout"] = {"rates": []}
    seconds = origin.seconds_by_rule(tmp_path / "benchmarks")
    return overview.Facts(
        "small", chosen, "9 of 3 categories", ["Left out: x."], origin.origin_of(tmp_path), "abc123", seconds
    )


def test_the_first_page_has_numbers_losses_settings_and_origin(facts, found):
    page = overview.page(ASSETS, found, facts, b"png")
    summary = found["consistency_summary"].query(
        "architecture == 'all_cnn_7' and epoch == 30 and kind == 'exemplar' and measure == 'correlation' "
        "and normalisation == 'none' and ci_method == 'jackknife' and layer == 'conv7'"
    )
    row = summary.iloc[0]
    assert f"<td>conv7: {row['mean']:.3f} ({row['ci_low']:.3f} to {row['ci_high']:.3f})</td>" in page
    for words in (
        "<td>All-CNN-7</td>",
        "6 networks, 1 more collapsed and left out",
        "test accuracy 95.1\N{NO-BREAK SPACE}%",
        "Collapsed and left out: ",
        "<li>Left out: x.</li>",
        "<td>training.epochs</td>",
        "<td>9 of 3 categories</td>",
        "&lt;baseline&gt;",
        "<td>2.12.0, 2.13.0</td>",
        "<td>cpu 0; cpu 1</td>",
        "2026-01-01T00:00:00+0000 to 2026-01-03T00:00:00+0000",
        "<td>abc123</td>",
        "<td>GPU: claimed for 180.0 s, computing in 50% of them, 2.00 GiB of memory at most</td>",
        "<td>25</td>",  # processor seconds of all jobs
        "<td>22.0</td>",  # of trainings
        "data:image/png;base64,cG5n",
        "networks give",
    ):
        assert words in page, words
    assert "<baseline>" not in page
    assert page.count("<!--") == 2  # BEGIN and END, by which Snakemake's first page finds the text


def test_keys_that_determine_nothing_are_not_shown(facts, tmp_path):
    shown = settings.shown(study(**own_activations(tmp_path / "arrays"), conditions=[{"name": "b"}]))
    keys = overview.main_settings(replace(facts, settings=shown)).set_index("key")["value"]
    assert keys.index.tolist() == ["networks", "conditions", "stimuli", "activations_dir", "measures"]
    assert keys[["networks", "conditions", "activations_dir"]].tolist() == [
        *("all_cnn_c", "baseline", str(tmp_path / "arrays"))
    ]
    assert shown["networks"] == [{"name": "all_cnn_c", "label": None}]
    assert not shown.keys() & {"data", "stimuli", "training", "instances", "seed"}
    shown = settings.shown(study(**own_networks(tmp_path / "weights")))
    keys = overview.main_settings(replace(facts, settings=shown))["key"].tolist()
    assert keys == [
        *("networks", "conditions", "stimuli", "networks_dir", "data.dataset", "stimuli.per_category", "measures"),
        "data.preprocessing",
    ]
    assert [entry["architecture"] for entry in shown["networks"]] == ["all_cnn_c"]  # all_cnn_7 is not in the folder
    assert settings.shown(study()) == study().portable_config


@pytest.mark.parametrize(("names", "words"), [("aab", "3 of 2 categories"), (("", ""), "2 without categories")])
def test_stimuli_and_categories_are_counted(names, words):
    stimuli = pd.DataFrame({"category": pd.factorize(np.array([*names]))[0], "category_name": [*names]})
    assert overview.stimulus_counts(stimuli) == words


def test_a_study_without_comparisons_has_a_first_page_too(facts, found):
    found = {"instances": found["instances"], "consistency_summary": found["consistency_summary"].iloc[:0]}
    page = overview.page(ASSETS, found, facts, None)
    assert "No networks were compared." in page
    assert "<img" not in page


def test_the_commit_is_that_of_the_repository(tmp_path):
    assert origin.commit_of(tmp_path) is None
    assert origin.commit_of(tmp_path / "missing") is None


def test_every_category_of_a_figure_has_its_number_in_the_order_of_the_paper():
    numbers = [contents.numbered(entry.category) for entry in catalogue.FIGURES.values()]
    assert {"2 Representational geometry", "3 Consistency", "7 The published results"} <= set(numbers)
    assert contents.FIRST_FIGURE in catalogue.FIGURES


@pytest.mark.parametrize("figure", catalogue.FIGURES)
def test_the_caption_of_a_figure_links_to_its_pdf(figure):
    caption = (ROOT / f"rules/captions/{figure}.rst").read_text(encoding="utf-8")
    assert f"\n\n`PDF <figures/{figure}.pdf>`__ " in caption


def test_figures_of_the_report_have_less_than_half_the_side_and_nearly_the_colours(tmp_path):
    from PIL import Image

    image = Image.new("RGB", (300, 200), "white")
    image.paste((0, 114, 178), (50, 50, 250, 150))
    image.save(tmp_path / "large.png")
    drawing.for_report(tmp_path / "large.png", tmp_path / "small.png")
    with Image.open(tmp_path / "small.png") as small:
        assert (small.size, small.mode) == ((135, 90), "P")
        found = small.convert("RGB")
    for place in ((5, 5), (67, 45)):
        expected = image.getpixel((int(place[0] / 0.45), int(place[1] / 0.45)))
        assert max(abs(a - b) for a, b in zip(found.getpixel(place), expected, strict=True)) < 4


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium, as Debian and Ubuntu have it (apt-get install chromium)")
    path, told = tmp_path_factory.mktemp("table") / "example.html", []
    path.write_text(tables.page(TABLE, SCHEMA, ASSETS))
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.on("console", lambda message: told.append(message.text))
        tab.on("pageerror", lambda problem: told.append(str(problem)))
        # As in Snakemake's report: the page is a data URI in a frame.
        address = packing.base64.b64encode(path.read_bytes()).decode()
        tab.set_content(f'<iframe src="data:text/html;base64,{address}" width="900" height="600"></iframe>')
        frame = tab.frames[1]
        frame.wait_for_selector("body[data-ready]")
        yield frame
        assert told == []
        browser.close()


def column(frame, place: int) -> list[str]:
    return frame.locator(f"#body tr td:nth-child({place + 1})").all_inner_texts()


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_a_table_is_sorted_and_filtered(opened):
    assert opened.inner_text("#count") == "300 rows, the first 200 are shown."
    assert opened.inner_text("h1 + p") == "An <example>."
    opened.click("#head button >> text=mean")
    assert float(column(opened, 1)[0]) == 0.0
    assert opened.get_attribute("th[data-column=mean]", "aria-sort") == "ascending"
    opened.click("#more")
    assert column(opened, 1)[-1] == ""  # undefined values are last
    opened.click("#head button >> text=mean")
    assert column(opened, 1)[0] == "1"
    opened.click("#head button >> text=layer")
    assert column(opened, 0)[:3] == ["conv0", "conv1", "conv2"]
    opened.fill("input[data-column=mean]", "< 0.5")
    opened.fill("input[data-column=layer]", "= conv299")
    assert opened.inner_text("#count") == "1 of 300 rows."
    assert column(opened, 0) == ["conv299"]
    opened.fill("input[data-column=layer]", "")
    opened.fill("input[data-column=mean]", "")
    opened.fill("input[data-column=at_bound]", "true")
    assert column(opened, 0) == ["conv1"]
    assert column(opened, 3) == [""]
