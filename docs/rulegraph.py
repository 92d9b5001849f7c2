"""Draw docs/figures/rulegraph.svg: every rule of the workflow, and what it waits for.

Run by `make rulegraph` after a rule was added or renamed; needs Graphviz (`dot`). A test says when a rule is missing.
Snakemake draws the rules of one study. So this script asks for the graphs of six small studies, which have all rules
between them, and joins these graphs. Figures are one box, and paths that longer paths imply are left out.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import networkx as nx
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from manyseeds.figures.catalogue import FIGURES  # noqa: E402

PICTURE = ROOT / "docs/figures/rulegraph.svg"

RULE = re.compile(r"^\s*(?:use )?(?:rule|checkpoint) (\w+)(?: as (\w+))?", re.MULTILINE)
NAMED = re.compile(r"^\s*name:\s*\"(\w+)\"", re.MULTILINE)
"""Name of a rule that is made in a loop."""

NUMBERED = re.compile(r"_\d+$")
"""End of the names of rules that are one, but for the seeds and epochs of their outputs."""

TARGETS = ("all", "networks", "rdms", "tables", "figures", "explorer", "export", "rsatoolbox")
"""Rules without an output of their own."""

DRAW_FIGURES = "one rule a figure: fig2 … supp8, comparison"

COLOURS = {
    ("own_networks", "own_activations", "pretrained"): "#f6d5c0",  # brought by the user
    ("datasets",): "#dbe9f6",
    ("networks", "evaluation"): "#fbe9b7",
    ("recording", "representations"): "#d5ecd9",
    ("kernels", "consistency", "untrained", "comparators", "conserved", "outside", "across", "sources"): "#e5dcf2",
    ("maps", "rotations"): "#e5dcf2",
    ("tables", "figures", "explorer", "report"): "#e8e8e8",
    ("export", "rsatoolbox"): "#f3f3d0",
}
"""Fill of the boxes, by the files of rules/ (their stems)."""

STYLE = """digraph rules {
graph [rankdir=TB, nodesep=0.18, ranksep=0.38, margin=0.05];
node [shape=box, style="rounded,filled", color="#8a8a8a", fontname="Helvetica,Arial,sans-serif", fontsize=13,
      height=0.34, margin="0.1,0.04"];
edge [color="#7a7a7a", arrowsize=0.6];
"""


def rules() -> dict[str, str]:
    """Return each rule that makes a file, with the stem of its file in rules/."""
    found = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        text = path.read_text(encoding="utf-8")
        for name, renamed in [*RULE.findall(text), *((name, "") for name in NAMED.findall(text))]:
            found[renamed or name] = path.stem
    return {name: stem for name, stem in found.items() if name not in TARGETS}


def studies(folder: Path) -> Iterator[list[str]]:
    """Write what small studies need into a folder, and yield the arguments of Snakemake that name each of them."""
    yield ["all", "explorer", "export", "rsatoolbox", "--configfile", str(ROOT / "studies/digits.yaml")]
    yield ["all", "--configfile", str(ROOT / "studies/digits_sources.yaml")]
    yield ["paradox1", "merge", "--configfile", str(ROOT / "studies/digits_paradox.yaml")]
    for place in ("train/0", "train/1", "val/0", "val/1"):
        _touch(folder / "images" / place / "0.png")
    others = ["--config", "study=moved", "transfer={target: {root: images}}"]
    for config in ([], others):
        yield ["transfer", "--configfile", str(ROOT / "studies/digits_transfer.yaml"), *config]
    for name in ("0", "1"):
        (folder / "stimuli" / name).mkdir(parents=True)
    _touch(folder / "w.pth")
    begun = "networks=[{architecture: resnet18, weights: w.pth}]"
    yield ["all", "--config", "study=own_stimuli", "stimuli={root: stimuli}", begun]
    _write_export(folder / "export")
    yield ["all", "--config", "study=pretrained", "pretrained_dir=export"]
    for seed in ("seed0", "seed1"):
        _touch(folder / f"networks/all_cnn_c/baseline/{seed}.safetensors")
        layer = folder / f"activations/all_cnn_c/baseline/{seed}/conv9.npy"
        layer.parent.mkdir(parents=True)
        np.save(layer, np.zeros((4, 1)))
    (folder / "activations/stimuli.csv").write_text("stimulus,category\n1,a\n2,a\n3,b\n4,b\n")
    names = [f"0/{place}" for place in range(5)]
    rows = [",".join([name, *(str(int(name != other)) for other in names)]) for name in names]
    (folder / "brain.csv").write_text("\n".join([",".join(["", *names]), *rows]))
    brain = "outside={files: [{name: brain, path: brain.csv}]}"
    yield ["all", "--config", "study=own_networks", "networks_dir=networks", brain]
    yield ["all", "--config", "study=own_activations", "activations_dir=activations"]


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _write_export(folder: Path) -> None:
    """Copy the networks that come with manyseeds, as if activations of an earlier epoch were among them."""
    shutil.copytree(ROOT / "data/networks/cifar10_small", folder)
    study = folder / "study.yaml"
    study.write_text(study.read_text().replace("  epochs: []\n", "  epochs: [1]\n"))
    for path in folder.rglob("card.json"):
        path.write_text(
            json.dumps(json.loads(path.read_text()) | {"recorded": {"epochs": [1, 6], "layers": ["conv9"]}})
        )
        _touch(path.with_name("activations.npz"))


def graph_of(arguments: Iterable[str], folder: Path) -> nx.DiGraph:
    """Return Snakemake's graph of the rules of one study."""
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), *arguments, "--rulegraph", "dot"]
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"Snakemake drew no graph for {' '.join(arguments)}:\n{done.stderr}")
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', done.stdout))
    names = {number: NUMBERED.sub("", name) for number, name in names.items()}
    return nx.DiGraph((names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", done.stdout))


def joined(graphs: Iterable[nx.DiGraph]) -> nx.DiGraph:
    """Return one graph without targets and implied paths, with one node for all figures."""
    graph = nx.compose_all(list(graphs))
    graph.remove_nodes_from(TARGETS)
    graph = nx.relabel_nodes(graph, dict.fromkeys(FIGURES, DRAW_FIGURES))
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return nx.transitive_reduction(graph)


def drawing(graph: nx.DiGraph) -> str:
    """Return the graph in Graphviz's language, boxes filled by stage."""
    fills = {stem: colour for stems, colour in COLOURS.items() for stem in stems}
    stems = rules() | {DRAW_FIGURES: "figures"}
    boxes = [f'"{name}" [fillcolor="{fills[stems[name]]}"];' for name in sorted(graph)]
    arrows = [f'"{a}" -> "{b}";' for a, b in sorted(graph.edges)]
    return STYLE + "\n".join([*boxes, *arrows, "}\n"])


if __name__ == "__main__":
    if shutil.which("dot") is None:
        sys.exit(
            "Graphviz is missing: install it (apt-get install graphviz, brew install graphviz) and run this again."
        )
    with tempfile.TemporaryDirectory() as name:
        whole = joined([graph_of(arguments, Path(name)) for arguments in studies(Path(name))])
    if missing := set(rules()) - set(whole):
        sys.exit(f"No study of docs/rulegraph.py has the rules {', '.join(sorted(missing))}: add one to `studies`.")
    svg = subprocess.run(["dot", "-Tsvg"], input=drawing(whole), capture_output=True, text=True, check=True).stdout
    PICTURE.write_text(svg[svg.index("<svg") :], encoding="utf-8")
