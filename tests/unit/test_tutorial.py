"""The tutorial: its code runs as it is, its outputs come from this code, and its text says what they show.

This command executes it again and keeps the new outputs: `.venv/bin/python tests/unit/test_tutorial.py`.
"""

import base64
import io
import os
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorial.ipynb"

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
MOST_BYTES = 300_000
ROUNDING = 0.0021
"""Largest difference of numbers with three decimals; other processors round sums differently."""

CLAIMS = """
import shutil
means = table.set_index(["architecture", "kind", "layer"])["mean"].sort_index()
assert (means["wide"] > means["narrow"]).all()
for name in ("narrow", "wide"):
    assert means[name, "exemplar", "fc3"] < means[name, "exemplar", "fc1"]
assert (means["narrow", "centroid"] <= means["narrow", "exemplar"]).all()
assert accuracy.min().min() > 0.85
assert accuracy["narrow"].max() - accuracy["narrow"].min() < 0.1
assert means["narrow", "exemplar"].max() < 0.8
assert (widths["pairs"] < widths["jackknife"]).all()
assert (widths.loc["exemplar", "stimuli"] < widths.loc["exemplar", "pairs"]).all()
assert (widths.loc["within_category", "stimuli"] > 2 * widths.loc["exemplar", "stimuli"]).all()
one_digit = categories[:, None] == categories
for seed in (0, 1):
    matrix = squareform(ms.rdm(activations["narrow"][seed]["fc3"]))
    assert matrix[one_digit].mean() < matrix[~one_digit].mean() / 2
shutil.copytree(folder, "written");
"""
"""The sentences of the tutorial about its numbers."""

HARMLESS = "Matplotlib is building the font cache"


def executed(notebook, folder):
    """Execute a notebook in a folder. Its kernel finds the package, and no settings of the user."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "workflow_scripts"),
        "IPYTHONDIR": str(folder),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",
    }
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=300,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute(env=environment)


def outputs(notebook):
    return [(cell.id, output) for cell in notebook.cells for output in cell.get("outputs", [])]


def words(notebook):
    """Return the words and numbers that cells print or show as text, by cell."""
    found = {}
    for cell, output in outputs(notebook):
        text = output["data"]["text/plain"] if "data" in output else output["text"]
        if output.get("name") != "stderr":
            found.setdefault(cell, []).extend(text.split())
    return found


def pictures(notebook):
    """Return the cells that show a picture."""
    return [cell for cell, output in outputs(notebook) if "image/png" in output.get("data", {})]


def warnings(notebook):
    texts = [output["text"] for _, output in outputs(notebook) if output.get("name") == "stderr"]
    return [text for text in texts if HARMLESS not in text]


def number(word):
    return float(word) if re.fullmatch(r"-?\d+\.\d+", word) else None


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(TUTORIAL, as_version=4)


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The tutorial executed now, and the folder in which it ran."""
    folder = tmp_path_factory.mktemp("tutorial")
    notebook = nbformat.read(TUTORIAL, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(CLAIMS))
    return executed(notebook, folder), folder


@pytest.mark.slow
@pytest.mark.xdist_group("tutorial")
def test_outputs_come_from_the_code(committed, again):
    notebook, _ = again
    assert warnings(notebook) == []
    old, new = words(committed), words(notebook)
    assert old.keys() == new.keys()
    assert len(old) > 5
    for cell in old:
        plain = [[word for word in text[cell] if number(word) is None] for text in (old, new)]
        numbers = [[number(word) for word in text[cell] if number(word) is not None] for text in (old, new)]
        assert plain[0] == plain[1], cell
        np.testing.assert_allclose(numbers[1], numbers[0], rtol=0, atol=ROUNDING, err_msg=f"{cell}: {__doc__}")
    assert pictures(notebook) == pictures(committed)


@pytest.mark.slow
@pytest.mark.xdist_group("tutorial")
def test_the_workflow_takes_the_folder(again):
    from manyseeds.exchange.user_activations import count_units, read_user_stimuli
    from manyseeds.study.user_folders import find_arrays

    folder = again[1] / "written"
    stimuli = read_user_stimuli(folder / "stimuli.csv")
    assert stimuli["category"].value_counts().tolist() == [12] * 10
    arrays = find_arrays(folder)
    assert len(arrays) == 12
    for by_epoch in arrays.values():
        assert [path.stem for path in by_epoch[0]] == ["fc1", "fc2", "fc3"]
        assert {count_units(path, len(stimuli)) for path in by_epoch[0]} <= {20, 100}


@pytest.mark.slow
def test_the_hook_of_the_text_copies_the_output_of_a_module(committed):
    torch = pytest.importorskip("torch")
    (cell,) = (cell for cell in committed.cells if cell.id == "frameworks-text")
    (code,) = re.findall(r"```python\n(.*?)```", cell.source, re.DOTALL)
    names = {"torch": torch}
    exec(code, names)
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(inplace=True), torch.nn.Linear(3, 2))
    images = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    kept = names["hidden_activations"](network, ["0", "2"], images)
    assert list(kept) == ["0", "2"]
    np.testing.assert_allclose(kept["0"], network[0](images).detach(), rtol=1e-6)
    np.testing.assert_allclose(kept["2"], network(images).detach(), rtol=1e-6)
    assert (kept["0"] < 0).any()
    assert not network[0]._forward_hooks


def test_the_file_is_small_and_has_nothing_that_changes_with_every_run(committed):
    assert TUTORIAL.stat().st_size < MOST_BYTES
    assert committed.metadata == METADATA
    assert all(set(cell.metadata) <= {"alt"} for cell in committed.cells)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert warnings(committed) == []
    assert [cell.id for cell in code if cell.metadata.get("alt")] == pictures(committed)


def smaller(png):
    """Return a picture in base64 with at most 256 colours."""
    picture, file = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def renew(folder):
    """Execute the tutorial, and write it with the new outputs."""
    notebook = executed(nbformat.read(TUTORIAL, as_version=4), folder)
    notebook.metadata = METADATA
    for _, output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            output["data"]["image/png"] = smaller(output["data"]["image/png"])
    if warnings(notebook):
        raise RuntimeError("\n".join(warnings(notebook)))
    nbformat.write(notebook, TUTORIAL)


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as temporary:
        renew(Path(temporary))
