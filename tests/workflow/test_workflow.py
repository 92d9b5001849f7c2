"""The workflow as users run it: real calls of Snakemake in a copy of the repository."""

import csv
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from libraries import timm
from PIL import Image
from real_runs import WORKFLOW, copied, copy_workflow, snakemake
from rsatoolbox.rdm import RDMs, compare, load_rdm
from safetensors.numpy import load_file
from safetensors.torch import save_file
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr

import manyseeds as ms
from manyseeds.data.preprocessing import load_preprocessing
from manyseeds.io import tables, tensors
from manyseeds.models import build
from manyseeds.models.spec import Network
from manyseeds.representations import geometry, geometry_files, measures

FIGURES = (
    *(f"fig{n}" for n in range(2, 10)),
    *(f"supp{n}" for n in range(1, 9)),
    "comparators",
    "howmany",
    "conserved",
    "conserved_images",
    "outside",
    "sources",
    "divergence",
    "paradox1",
    "paradox2",
    "paradox3",
    "merge",
    "transfer",
    "claims",
    "comparison",
)
OF_DISTORTIONS = {"paradox1", "paradox2", "paradox3", "merge"}
OF_TINY = set(FIGURES) - {
    "fig6",
    "claims",
    "howmany",
    "conserved_images",
    "sources",
    "divergence",
    "paradox3",
    "transfer",
}
OF_BASELINES_ALONE = {"fig6", "fig8", "supp3", "comparators", "conserved", "conserved_images", "outside", "comparison"}
"""Figures that studies of crossed networks lack."""
TRAINING = {"declare_training", "train_cohort", "train"}
N_BASELINE, N_HALVES, N_SWEPT = 3, 4, 2
"""Instances of the tiny study: baseline, on half of the images, with dropout."""
N_INSTANCES = N_BASELINE + N_HALVES + N_SWEPT
N_GROUPS = 4  # each is one block of seeds
NO_DISTORTIONS = ("distortions={names: [], strengths: null}", "finetune={distortions: []}")

# One worker runs all of them: they share one finished study.
pytestmark = pytest.mark.xdist_group("workflow")


def planned(folder: Path, *targets: str, **options) -> dict[str, int]:
    """Number of jobs of each rule that a dry run announces; rules such as record and record_2 count as one."""
    run = snakemake(folder, *targets, "-n", **options)
    assert run.returncode == 0, run.stdout
    table = re.search(r"Job stats:\njob +count\n[-  ]+\n(.*?)\ntotal", run.stdout, re.DOTALL)
    jobs: Counter[str] = Counter()
    for rule, count in map(str.split, table[1].splitlines() if table else ()):
        jobs[re.sub(r"^(record|train_cohort)_\d+$", r"\1", rule)] += int(count)
    return dict(jobs)


def test_one_worker_runs_all_of_these(request, worker_id):
    """Else each would make the study anew: pytest-xdist 3.8.0 does not know the groups of pytest 9.2.0."""
    assert worker_id == "master" or request.node.nodeid.endswith("@workflow")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A copy of the workflow in which nothing has been run."""
    return copy_workflow(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A copy of the workflow in which the tiny study has been run, all of it."""
    folder = copy_workflow(tmp_path_factory.mktemp("finished"))
    run = snakemake(folder, "--cores", "2")
    assert run.returncode == 0, run.stdout
    return folder


@pytest.fixture
def changed(finished):
    """Change files of the finished copy for the time of one test."""
    originals: dict[Path, str] = {}

    def change(name: str, old: str, new: str) -> None:
        path = finished / name
        originals[path] = text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    yield change
    for path, text in originals.items():
        path.write_text(text)


@pytest.mark.parametrize(
    ("study", "n_instances", "n_blocks", "left_out"),
    [
        (None, 21, 7, {"fig6", "claims", "sources", "divergence"}),
        ("studies/cifar10_small.yaml", 16, 16, {"fig6", "supp3", "sources", "divergence"}),
        ("studies/mehrer2020.yaml", 140, 28, {"fig6", "sources", "divergence"}),
        (
            "studies/mehrer2020_pilots.yaml",
            12,
            4,
            {"fig6", "supp3", "howmany", "conserved_images", "sources", "divergence"},
        ),
        (
            "studies/mehrer2020_alexnet.yaml",
            10,
            10,
            {"fig8", "fig9", "supp3", "supp8", "claims", "sources", "divergence"},
        ),
        ("studies/compressed.yaml", 10, 10, {"fig6", "fig8", "supp3", "sources", "divergence"}),
        ("studies/compressed_quarter.yaml", 10, 10, {"fig6", "fig8", "supp3", "sources", "divergence"}),
        ("studies/compressed_quarter_70.yaml", 10, 10, {"fig6", "fig8", "supp3", "sources", "divergence"}),
        ("studies/cifar10_resnet.yaml", 10, 10, {"fig6", "fig8", "fig9", "supp3", "supp8", "sources", "divergence"}),
        ("studies/parity.yaml", 10, 10, {"fig5", "fig6", "fig8", "fig9", "supp3", "supp8", "sources", "divergence"}),
        (
            "studies/tinyimagenet_alexnet.yaml",
            3,
            1,
            {"fig8", "fig9", "supp3", "supp8", "claims", "howmany", "conserved_images", "sources", "divergence"},
        ),
        (
            "studies/digits_sources.yaml",
            22,
            4,
            {"fig5", "claims", *OF_BASELINES_ALONE},
        ),
        (
            "studies/cifar10_sources.yaml",
            31,
            31,
            {"claims", *OF_BASELINES_ALONE},
        ),
        (
            "studies/mehrer2020_sources.yaml",
            35,
            7,
            {"claims", *OF_BASELINES_ALONE},
        ),
    ],
)
def test_a_dry_run_of_each_study_plans_its_instances_and_figures(fresh, study, n_instances, n_blocks, left_out):
    jobs = planned(fresh, study=study)
    assert jobs["train"] == n_instances
    assert jobs["record"] == jobs["evaluate"] == n_blocks
    assert {figure for figure in FIGURES if jobs.get(figure) == 1} == set(FIGURES) - left_out - OF_DISTORTIONS - {
        "transfer"
    }


def test_a_dry_run_counts_jobs_and_lists_them_if_it_is_verbose(fresh):
    summary, listed = (snakemake(fresh, "-n", *options).stdout for options in ((), ("--verbose",)))
    assert summary.count("Job stats:") == 1
    assert len(summary.splitlines()) < 100
    assert "Job 1: " not in summary
    assert "Declaring the training of all_cnn_7, baseline" in listed


@pytest.mark.parametrize(
    ("target", "expected", "unexpected"),
    [
        ("networks", {"train", "evaluate"}, {"record"}),
        ("rdms", {"record"}, {"evaluate", "compare_instances"}),
        ("fig4", {"fig4", "summarise"}, {"fig3", "mds"}),
    ],
)
def test_targets_by_name_run_what_they_need(fresh, target, expected, unexpected):
    jobs = planned(fresh, target).keys()
    assert expected <= jobs
    assert not unexpected & jobs


@pytest.mark.parametrize(
    ("figure", "n_instances"), [("fig4", 20), ("fig8", 90), ("fig9", 10), ("supp3", 40), ("comparison", 140)]
)
def test_a_figure_waits_for_no_network_that_it_does_not_show(fresh, figure, n_instances):
    assert planned(fresh, figure, study="studies/mehrer2020.yaml")["train"] == n_instances


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (["instanses=3"], "Unknown config key 'instanses': did you mean 'instances'?"),
        (["instances=1"], "Config key instances: found 1, expected at least 2."),
        (["study=../../elsewhere"], 'Config key study: found "../../elsewhere", expected'),
        (["training={checkpoints: [9]}"], "Config key training.checkpoints: found epoch 9, expected one of 0 to 2"),
        ([], "nameless.yaml: the key study is missing; expected the study's name."),
    ],
)
def test_a_wrong_config_stops_with_one_sentence(fresh, config, sentence):
    (fresh / "nameless.yaml").write_text("instances: 3\n")
    run = snakemake(fresh, "-n", config=config, study="studies/tiny.yaml" if config else "nameless.yaml")
    (fresh / "nameless.yaml").unlink()
    assert run.returncode == 1
    assert sentence in run.stdout
    assert "Traceback" not in run.stdout
    assert not (fresh / "results").exists()


@pytest.mark.parametrize("target", ["fig5", "results/tiny/figures/fig5.pdf"])
def test_a_figure_that_a_study_has_not_stops_with_one_sentence(fresh, target):
    run = snakemake(fresh, target, "--cores", "1", config=("measures=[correlation]",))
    assert run.returncode == 1
    assert "Building DAG of jobs...\nfig5 is not part of this study: it needs" in run.stdout
    assert run.stdout.rstrip().endswith("add one to `measures`.")
    assert "fig5" not in planned(fresh, config=("measures=[correlation]",))


def test_more_stimuli_than_the_data_have_stop_before_training(tmp_path):
    run = snakemake(copy_workflow(tmp_path), "--cores", "1", config=("stimuli={per_category: 500}",))
    assert run.returncode == 1
    assert re.search(r"stimuli.per_category is 500, but .* expected at most", run.stdout)
    assert "build_dataset: stimuli.per_category is 500, but" in "\n".join(run.stdout.splitlines()[-5:])
    assert "Traceback" not in run.stdout
    assert not list(tmp_path.glob("results/tiny/networks/*/*/*/*"))


OWN_MODULE = """
from torch import nn

class Small(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.first, self.readout = nn.Conv2d(1, 4, 3), nn.Linear(4, num_classes)

    def forward(self, images):
        return self.readout(self.first(images).relu().mean(dim=(2, 3)))
"""


def test_layers_that_a_network_has_not_stop_before_training(tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(OWN_MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = copy_workflow(tmp_path)
    for layers, trajectory, sentence in (
        ("[first, lost]", "epochs: []", "nets.Small has no layer 'lost'; it has first, readout."),
        ("null", "epochs: [1]", "trajectory.layers: found conv7, expected at least one of first, readout; or name in"),
    ):
        network = f"networks=[{{architecture: nets.Small, name: all_cnn_7, layers: {layers}}}]"
        config = (network, f"trajectory={{{trajectory}}}", "dropout={rates: []}")
        run = snakemake(folder, "networks", "--cores", "2", config=config)
        assert run.returncode == 1
        assert sentence in run.stdout
        assert "Traceback" not in run.stdout
    assert not list(folder.glob("results/tiny/logs/train_cohort/**/*.log"))


DIVERGING = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, stride=4)
        self.readout = nn.Linear(4, num_classes)
        self.register_buffer("scale", torch.tensor(3e38 if torch.rand(()) < 0.5 else 1.0))  # drawn as weights are

    def forward(self, images):
        return self.readout(self.scale * self.scale.sqrt() * self.first(images).relu().mean((2, 3)))
"""


def test_diverged_networks_are_left_out_and_stop_nothing(tmp_path, monkeypatch):
    """One of three networks, trained and sampled with dropout, ends with weights that are no numbers."""
    folder = copy_workflow(tmp_path)
    (folder / "diverging.py").write_text(DIVERGING)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    config = (
        "seed=5",  # of which the second network diverges
        "networks=[{architecture: diverging.Net, name: net, initialisation: own, layers: [first, readout]}]",
        "instances=3",
        "conditions=[{name: baseline, dropout: 0.5}]",
        "condition_pairs=[]",
        "collapse={max_attempts: 1}",
        "dropout={rates: [], samples: 1, after: [first], layers: [readout]}",
        "trajectory={epochs: []}",
    )
    results = folder / "results/tiny"
    table = "tables/parts/net/baseline/consistency.parquet"
    run = snakemake(folder, f"results/tiny/{table}", "--cores", "2", config=config)
    assert run.returncode == 0, run.stdout
    for seed, outcome in enumerate(["accepted", "not_finite", "accepted"]):
        (attempt,) = pd.read_parquet(results / f"networks/net/baseline/seed{seed}/attempts.parquet").to_dict("records")
        assert attempt["outcome"] == outcome
        rdms = np.load(results / f"rdms/net/baseline/seed{seed}/epoch2/correlation.npy")
        assert np.isnan(rdms[1]).all() if outcome == "not_finite" else np.isfinite(rdms[1]).any()
    consistency = pd.read_parquet(results / table)
    assert set(zip(consistency["seed_a"], consistency["seed_b"], strict=True)) == {(0, 2)}
    assert set(consistency["dropout_samples"]) == {0, 1}
    own = folder / "diverging.py"
    own.write_text(f"# a comment\n{DIVERGING}")
    assert planned(folder, f"results/tiny/{table}", config=config) == {}
    own.write_text(DIVERGING.replace("stride=4", "stride=3"))
    jobs = planned(folder, f"results/tiny/{table}", config=config)
    assert jobs["train"] == 3
    assert jobs["declare_training"] == jobs["record"] == jobs["check_layers"] == jobs["train_cohort"] == 1


def test_trainings_begin_from_weights_of_a_file_and_draw_a_readout_that_does_not_fit(tmp_path):
    folder = copy_workflow(tmp_path)
    network = Network("all_cnn_7", width=0.04, readout_relu=False)
    path = folder / "given.safetensors"
    config = (
        "networks=[{architecture: all_cnn_7, width: 0.04, readout_relu: false, weights: given.safetensors}]",
        "instances=2",
        "conditions=[{name: baseline}]",
        "condition_pairs=[]",
        "dropout={rates: []}",
        "finetune={distortions: []}",
        "trajectory={epochs: []}",
    )
    missing = snakemake(folder, "networks", "-n", config=config)
    assert "networks: no file of starting weights at given.safetensors, expected one." in missing.stdout
    save_file(build.build(network, (32, 32, 1), 10).state_dict(), path)
    alike = snakemake(folder, "networks", "--cores", "2", config=config)
    assert alike.returncode == 1
    assert (
        "given.safetensors has all weights of all_cnn_7, so all networks of condition baseline would be one"
        in alike.stdout
    )
    assert not list(folder.glob("results/tiny/logs/train_cohort/**/*.log"))
    given = build.build(network, (32, 32, 1), 7).state_dict()
    save_file(given, path)
    run = snakemake(folder, "export", "--cores", "2", config=config)
    assert run.returncode == 0, run.stdout
    readouts = []
    for seed in (0, 1):
        weights, _ = tensors.read(folder / f"results/tiny/networks/all_cnn_7/baseline/seed{seed}/init.safetensors")
        readouts.append(weights["conv7.weight"])
        for name in ("conv1.weight", "conv6.bias"):
            assert weights[name].tobytes() == given[name].numpy().tobytes()
    assert readouts[0].shape[0] == 10
    assert not np.array_equal(*readouts)
    assert planned(folder, "export", config=config) == {}
    save_file({name: tensor + 1 for name, tensor in given.items()}, path)
    assert planned(folder, "networks", config=config)["train"] == 2
    assert planned(folder, "networks", config=(*config, "instances=3"))["train"] == 3
    # An export does not hold these weights, so its networks have no beginning.
    path.unlink()
    (folder / "results/tiny/export").rename(folder / "theirs")
    jobs = planned(folder, study=None, config=("pretrained_dir=theirs", "study=again"))
    assert jobs["compare_kernels"] == 1
    assert "measure_untrained" not in jobs


CROSSED = (
    "conditions=[{name: baseline, cross: {init: 2, order: 2}}, {name: ulp, instances: 2, perturb: {kind: ulp}}]",
    "condition_pairs=[]",
    "dropout={rates: []}",
    "trajectory={epochs: [0, 1], conditions: null}",
    "untrained={conditions: []}",
)


def test_crossed_and_perturbed_networks_are_split_and_followed(tmp_path):
    folder = copy_workflow(tmp_path)
    run = snakemake(folder, "sources", "divergence", "--cores", "2", config=CROSSED)
    assert run.returncode == 0, run.stdout
    assert "Networks of baseline share random streams" in run.stdout
    networks, parts = (folder / "results/tiny" / name for name in ("networks/all_cnn_7", "tables/parts/all_cnn_7"))
    start, changed = (load_file(networks / name / "epoch0.safetensors") for name in ("baseline/seed2", "ulp/seed1"))
    bits = {name: (start[name].view(np.int32), changed[name].view(np.int32)) for name in start}
    steps = {name: np.abs(one - other).sum() for name, (one, other) in bits.items() if (one != other).any()}
    assert steps == {"conv1.weight": 1}
    sources = pd.read_parquet(parts / "sources.parquet").query("kind == 'exemplar' and measure == 'correlation'")
    assert {*sources["epoch"]} == {0, 1, 2}
    for _, rows in sources.groupby(["epoch", "layer"]):
        parts_of_one = rows.set_index("component")["value"].drop("difference")
        assert parts_of_one.sum() == pytest.approx(1.0)
    before = sources.query("epoch == 0").set_index("component")["value"]
    assert before["order"] == pytest.approx(0.0, abs=1e-9)  # networks have not seen any image
    assert before["init+order"] == pytest.approx(0.0, abs=1e-9)
    divergence = pd.read_parquet(parts / "divergence.parquet").query("layer == 'conv7' and measure == 'correlation'")
    copies = divergence[divergence["perturbation"] == "ulp"].set_index("epoch")
    assert copies["n_pairs"].to_dict() == {0: 2, 1: 2, 2: 2}
    assert 0 < copies["weight_distance"][0] < 1e-7
    assert copies["weight_distance"].is_monotonic_increasing
    assert copies["changes_forward"].all()
    assert divergence["agreement"].notna().all()


def test_a_study_makes_every_table_and_figure(finished):
    results = finished / "results/tiny"
    schemas = sorted((finished / "workflow_scripts/manyseeds/schemas/tables").glob("*.schema.json"))
    for path in schemas:
        schema = tables.read_schema(path)
        if schema["title"] in (
            "claims",
            "howmany",
            "howmany_answer",
            "sources",
            "source_pairs",
            "divergence",
            "pair_agreement",
            "conserved_dimensions",
            "transfer",
            "transfer_history",
            "transfer_relations",
            "transfer_summary",
        ):  # of other or more networks
            continue
        table = pd.read_parquet(results / "tables" / f"{schema['title']}.parquet")
        pd.testing.assert_frame_equal(table, tables.conform(table, schema))
        with open(results / "tables" / f"{schema['title']}.csv", newline="") as file:
            assert len(list(csv.reader(file))) == len(table) + 1
        assert len(table) > 0, schema["title"]
    assert {path.name for path in (results / "figures").iterdir()} == {
        f"{f}.{s}" for f in OF_TINY for s in ("pdf", "png", "svg")
    }
    assert all(path.stat().st_size > 2000 for path in (results / "figures").iterdir())


def test_kept_rdms_and_averages_over_dropout_samples_are_those_of_the_geometries(finished):
    """Names of files against what is in them: scripts pair them by their order."""
    results = finished / "results/tiny"
    folder = results / "geometry/all_cnn_7/baseline/seed1"
    for epoch in (1, 2):
        layers = [
            geometry_files.load_geometry(folder / f"epoch{epoch}.npz", name) for name in ("conv1", "conv7")[epoch % 2 :]
        ]
        for suffix, normalise in (("", lambda layer: layer), ("_cocktail", geometry.cocktail_blank)):
            kept = np.load(results / f"rdms/all_cnn_7/baseline/seed1/epoch{epoch}/correlation{suffix}.npy")
            for layer, row in zip(layers, (0, -1)[epoch % 2 :], strict=True):
                np.testing.assert_array_equal(kept[row], measures.rdm(normalise(layer), "correlation").astype("f4"))
    consistency = pd.read_parquet(results / "tables/consistency.parquet").query(
        "condition == 'dropout0.5' and kind == 'exemplar' and measure == 'correlation' and dropout_samples > 0"
    )
    folder = results / "geometry/all_cnn_7/dropout0.5"
    samples = [
        [geometry_files.load_geometry(folder / f"seed{seed}/epoch2_dropout{sample}.npz", "conv7") for seed in (0, 1)]
        for sample in (1, 2)
    ]
    rdms = np.array([[measures.rdm(layer, "correlation") for layer in networks] for networks in samples])
    for n_samples, windows in ((1, [[0], [1]]), (2, [[0, 1]])):
        (row,) = consistency.query(f"dropout_samples == {n_samples}").to_dict("records")
        r = [np.corrcoef(rdms[window].mean(axis=0))[0, 1] for window in windows]
        assert row["r"] == pytest.approx(np.mean(r))


def test_agreement_with_pixels_and_categories_is_that_of_rsatoolbox(finished):
    results = finished / "results/tiny"
    rows = pd.read_parquet(results / "tables/outside.parquet").query("condition == 'baseline' and layer == 'conv7'")
    images = np.load(results / "stimuli/images.npy")
    categories = pd.read_parquet(results / "stimuli/stimuli.parquet")["category"].to_numpy()
    theirs = {
        "pixels": pdist(images.reshape(len(images), -1).astype(float)),
        "categories": squareform((categories[:, None] != categories).astype(float)),
    }
    files = [results / f"geometry/all_cnn_7/baseline/seed{seed}/epoch2.npz" for seed in range(N_BASELINE)]
    ours = np.stack([measures.rdm(geometry_files.load_geometry(path, "conv7"), "correlation") for path in files])
    ours = np.concatenate([ours, ours.mean(axis=0, keepdims=True)])  # the mean RDM is last
    names = {"spearman": "spearman", "pearson": "corr", "rho_a": "rho-a"}
    for (file, comparison), found in rows.groupby(["file", "comparison"]):
        expected = compare(RDMs(ours), RDMs(theirs[file][None]), method=names[comparison])[:, 0]
        np.testing.assert_allclose(found.sort_values("seed", na_position="last")["value"], expected, atol=1e-10)
    assert {*zip(rows["file"], rows["comparison"], strict=True)} == {
        ("pixels", "spearman"),
        ("pixels", "pearson"),
        ("categories", "rho_a"),
    }
    summary = pd.read_parquet(results / "tables/outside_summary.parquet")
    mean = rows.query("file == 'pixels' and comparison == 'pearson' and seed.notna()")["value"].mean()
    same = summary.query("file == 'pixels' and comparison == 'pearson' and layer == 'conv7'")
    np.testing.assert_allclose(same["mean"], mean)
    assert same.set_index("ci_method").loc["all", "n_resamples"] == 200


def test_training_images_are_reported_at_the_last_epoch_and_test_images_at_every_checkpoint(finished):
    accuracy = pd.read_parquet(finished / "results/tiny/tables/accuracy.parquet").query("subset == 'all'")
    epochs = accuracy.groupby("split")["epoch"].unique().map(sorted).to_dict()
    assert epochs == {"train": [2], "test": [0, 1, 2], "test_dropout": [0, 1, 2]}
    assert set(accuracy.query("split == 'train'")["n_images"]) == {1747, 876, 871}  # all, and the two halves


def test_networks_with_dropout_are_tested_and_compared_with_it(finished):
    results = finished / "results/tiny/tables"
    accuracy = pd.read_parquet(results / "accuracy.parquet").query("split == 'test_dropout'")
    assert set(accuracy["condition"]) == {"dropout0.5"}
    assert len(accuracy) == N_SWEPT * 3  # epochs 0, 1 and 2
    rows = pd.read_parquet(results / "consistency.parquet").query("dropout_samples > 0")
    expected = {("dropout0.5", 2, "conv7", 6, "correlation", "none")}
    keys = ["condition", "epoch", "layer", "layer_index", "measure", "normalisation"]
    assert set(rows[keys].itertuples(index=False, name=None)) == expected
    assert sorted(zip(rows["dropout_samples"], rows["kind"], strict=True)) == [
        (k, kind) for k in (1, 2) for kind in ("centroid", "exemplar")
    ]
    summary = pd.read_parquet(results / "consistency_summary.parquet").query("dropout_samples == 2")
    methods = {"pairs", "jackknife", "jackknife_simultaneous", "components", "instances"}
    assert set(summary["ci_method"]) == methods


def test_more_dropout_samples_retrain_nothing(finished):
    jobs = planned(finished, config=("dropout={samples: 3}",))
    assert jobs["record"] == jobs["compare_instances"] == 1
    assert not {*TRAINING, "evaluate"} & jobs.keys()


STATISTIC = ["layer", "measure", "kind", "seed_a", "seed_b"]


def test_blocks_of_one_epoch_are_the_consistencies_of_that_epoch(finished):
    read = finished / "results/tiny/tables"
    across, consistency = (pd.read_parquet(read / f"{name}.parquet") for name in ("consistency_across", "consistency"))
    followed = across[across["condition_a"] == across["condition_b"]]
    assert set(followed["condition_a"]) == {"baseline"}
    for epoch in (1, 2):
        block = followed[(followed["epoch_a"] == epoch) & (followed["epoch_b"] == epoch)].set_index(STATISTIC)
        rows = consistency.query(f"condition == 'baseline' and epoch == {epoch} and normalisation == 'none'")
        expected = rows.set_index(STATISTIC)["consistency"][block.index]
        assert len(block) == 2 * 3  # kinds, pairs of instances
        np.testing.assert_allclose(block["consistency"], expected, rtol=1e-9)


ALL_CNN_7 = {"conv1": (1, 1), "conv2": (2, 1), "conv3": (1, 1), "conv4": (2, 1), "conv5": (1, 0), "conv6": (1, 0)}
"""Stride and padding of the layers before the readout, from methods 3."""


def answers_before_training(path: Path, stimuli: np.ndarray) -> dict[str, np.ndarray]:
    """Return the activations of all layers of an All-CNN-7 with the weights in a file, stimuli by units."""
    weights = {name: torch.from_numpy(array) for name, array in load_file(path).items()}
    maps, answers = torch.from_numpy(stimuli).permute(0, 3, 1, 2), {}
    for layer, (stride, padding) in (ALL_CNN_7 | {"conv7": (1, 0)}).items():
        parameters = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        maps = torch.conv2d(maps, *parameters, stride=stride, padding=padding)
        maps = maps.relu() if layer in ALL_CNN_7 else maps  # the tiny study's readout is linear
        answers[layer] = maps.flatten(1).numpy()
    return answers


def test_untrained_networks_agree_as_their_initial_weights_say(finished):
    results = finished / "results/tiny"
    stimuli = np.load(results / "stimuli/inputs.npy")
    categories = pd.read_parquet(results / "stimuli/stimuli.parquet")["category"].to_numpy()
    answers = [
        answers_before_training(results / f"networks/all_cnn_7/baseline/seed{seed}/init.safetensors", stimuli)
        for seed in range(N_BASELINE)
    ]
    rows = pd.read_parquet(results / "tables/consistency.parquet").query("epoch == 0")
    assert set(rows["condition"]) == {"baseline"}
    assert set(rows["normalisation"]) == {"none"}
    kinds = {"exemplar", "centroid", "within_category", "within_category_mean"}
    assert set(rows["kind"]) == kinds
    assert len(rows) == len(kinds) * len(answers[0]) * 3
    for row in rows[rows["kind"].isin(["exemplar", "centroid"])].itertuples():
        patterns = [answers[seed][row.layer].astype(float) for seed in (row.seed_a, row.seed_b)]
        if row.kind == "centroid":
            patterns = [np.array([each[categories == c].mean(axis=0) for c in range(10)]) for each in patterns]
        expected = pearsonr(*(pdist(each, "correlation") for each in patterns)).statistic
        assert row.r == pytest.approx(expected, abs=1e-4)
        assert row.consistency == pytest.approx(expected**2, abs=1e-4)
    summary = pd.read_parquet(results / "tables/consistency_summary.parquet").query("epoch == 0")
    keys = ["layer", "kind"]
    means = summary[summary["ci_method"] == "pairs"].set_index(keys)["mean"]
    expected = rows.groupby(keys)["consistency"].mean()
    pd.testing.assert_series_equal(means.sort_index(), expected.sort_index(), check_names=False)
    for table in ("clustering", "contrasts", "relations", "consistency_across"):
        frame = pd.read_parquet(results / f"tables/{table}.parquet")
        assert not (frame[[column for column in frame if column.startswith("epoch")]] == 0).any(axis=None)
    assert not list(results.glob("activations/*/*/*/epoch0"))


def test_comparators_are_applied_to_trained_and_untrained_networks(finished):
    tables = finished / "results/tiny/tables"
    rows = pd.read_parquet(tables / "comparators.parquet")
    assert set(rows["condition"]) == {"baseline"}
    assert set(rows["epoch"]) == {0, 2}
    keys = [
        "architecture",
        "condition",
        "epoch",
        "layer",
        "layer_index",
        "measure",
        "normalisation",
        "seed_a",
        "seed_b",
    ]
    r2 = rows[rows["comparator"] == "r2"]
    consistency = pd.read_parquet(tables / "consistency.parquet").query("kind == 'exemplar' and dropout_samples == 0")
    both = r2.merge(consistency, on=keys)
    assert len(both) == len(r2) == 2 * 7 * 3  # epochs, layers, pairs
    np.testing.assert_allclose(both["value"], both["consistency"])
    assert set(pd.read_parquet(tables / "comparators_summary.parquet")["epoch"]) == {0, 2}
    drops = pd.read_parquet(tables / "comparator_drop.parquet")
    assert (drops["quantity"] == "trained_minus_untrained").sum() == 5 * 7  # comparators, layers
    assert set(pd.read_parquet(tables / "correspondence.parquet")["chance"]) == {1 / 7}


def test_kernels_and_errors_are_those_of_the_networks(finished):
    tables = finished / "results/tiny/tables"
    kernels, errors = (pd.read_parquet(tables / f"{name}.parquet") for name in ("kernels", "error_agreement"))
    per_network = dict.fromkeys(("epochs", "permuted", "noise", "rescaled"), 3)
    counts = kernels[kernels["layer"].isna() & (kernels["matching"] == "index")]["pair_kind"].value_counts()
    assert counts.to_dict() == {"seeds": 3, "null": 3, "finetuned": 4, "siblings": 2} | per_network
    copies = kernels[(kernels["pair_kind"] == "permuted") & (kernels["matching"] == "propagated")]
    np.testing.assert_allclose(copies["minimum"], 1, atol=1e-9)
    assert set(errors.loc[errors["pair_kind"] == "permuted", "agreement"]) == {1.0}
    tested = pd.read_parquet(tables / "accuracy.parquet").query("split == 'test' and subset == 'all'")
    keys = ["architecture", "condition", "seed", "epoch"]
    found = pd.read_parquet(tables / "distorted_accuracy.parquet").query("distortion == 'none'")
    both = found[found["variant"].isin(["trained", "epoch1"])].merge(tested, on=keys, suffixes=("", "_tested"))
    assert len(both) == 6
    pd.testing.assert_series_equal(both["accuracy"], both["accuracy_tested"], check_names=False, check_exact=True)
    assert len(pd.read_parquet(tables / "distorted_accuracy.parquet")) == (3 * 5 + 2 * 2) * 3  # variants, conditions
    assert set(pd.read_parquet(tables / "paradox.parquet")["pair_kind"]) == set(counts.index) - {"null"}
    assert not (finished / "results/tiny/.finetuning").exists()
    assert_merged_networks_begin_with_the_trained_ones(tables)


def assert_merged_networks_begin_with_the_trained_ones(tables):
    """Without a copied kernel they have the accuracies of the trained networks; null with a strength at the floor."""
    merged = pd.read_parquet(tables / "merged.parquet").query("fraction == 0")
    trained = pd.read_parquet(tables / "distorted_accuracy.parquet").query("variant == 'trained'")
    both = merged.merge(trained, on=["architecture", "condition", "seed", "distortion"], suffixes=("", "_trained"))
    left_out = both["at_floor"] & (both["distortion"] != "none")
    assert len(both) == len(merged) == 4
    expected = both["accuracy_trained"].mask(left_out)
    pd.testing.assert_series_equal(both["accuracy"], expected, check_names=False, check_exact=True)
    assert (both["n_at_floor"] == left_out).all()


def test_other_strengths_test_again_and_train_nothing(finished):
    jobs = planned(finished, config=("distortions={strengths: {contrast: [0.6]}}",))
    assert jobs["predict"] == jobs["compare_errors"] == 1
    assert not (TRAINING | {"record", "finetune", "compare_kernels", "compare_instances"}) & jobs.keys()
    assert planned(finished, config=("distortions={strengths: {blur: [0.8]}}",))["finetune"] == 1
    without = planned(finished, config=(*NO_DISTORTIONS, "kernels={noise: []}"))
    assert not (TRAINING | {"record"}) & without.keys()


def test_another_learning_rate_of_further_training_trains_nothing_else_again(finished, tmp_path):
    folder = copied(finished, tmp_path)
    variants = folder / "results/tiny/variants/all_cnn_7/baseline"
    before = {path: path.read_bytes() for path in variants.rglob("*.safetensors")}
    assert len(before) == 4
    target = str(variants.relative_to(folder) / "seed0/finetuned_blur_0.002.safetensors")
    run = snakemake(folder, target, "--cores", "1", config=("finetune={learning_rates: [1.0e-3, 2.0e-3]}",))
    assert run.returncode == 0, run.stdout
    (log,) = (folder / "results/tiny/logs/finetune").rglob("*.log")
    assert log.read_text().count("weights exist already") == 4
    assert {path: path.read_bytes() for path in before} == before
    (history,) = (folder / "results/tiny/tables/parts").rglob("finetune_history*.parquet")
    rows = pd.read_parquet(history).groupby(["seed", "variant"])["learning_rate"].agg(["size", "first"])
    assert rows["size"].to_list() == 8 * [1]
    assert set(rows.xs("finetuned_blur_0.002", level="variant")["first"]) == {2e-3}


@pytest.mark.parametrize("figure", sorted(OF_DISTORTIONS))
def test_a_study_without_distortions_says_what_their_figures_need(fresh, figure):
    run = snakemake(fresh, figure, "-n", config=NO_DISTORTIONS)
    assert run.returncode == 1
    assert f"{figure} is not part of this study: it needs predictions for distorted images: name" in run.stdout


TRANSFER = """
study: moved
stimuli: {per_category: 20}
networks: [{architecture: all_cnn_7, width: 0.1, readout_relu: false}]
conditions:
  - {name: first, categories: [0, 1, 2, 3, 4], instances: 3}
  - {name: second, categories: [5, 6, 7, 8, 9], instances: 2}
training: {epochs: 1, precision: fp32, checkpoints: []}
collapse: {enabled: false}
measures: [correlation]
resampling: {n: 100, partitions: 20, stimuli_n: 20}
kernels: {conditions: []}
transfer: {source: first, target: second, modes: [readout, all], epochs: 1, seeds: 2}
"""


def test_networks_learn_other_categories_and_those_of_one_source_keep_its_hidden_layers(fresh, tmp_path):
    without = snakemake(fresh, "transfer", "-n")
    assert without.returncode == 1
    assert "transfer is not part of this study: it needs networks that learn other categories: name" in without.stdout
    folder = copy_workflow(tmp_path)
    (folder / "moved.yaml").write_text(TRANSFER)
    run = snakemake(folder, "transfer", "--cores", "2", study="moved.yaml")
    assert run.returncode == 0, run.stdout
    parts = folder / "results/moved/tables/parts/all_cnn_7/first"
    rows = pd.read_parquet(parts / "transfer.parquet")
    assert len(rows) == 3 * 2 * 2
    assert set(rows["target"]) == {"second"}
    assert set(rows["n_images"]) == {5 * 20}
    assert rows["accuracy"].between(0, 1).all()
    summary = pd.read_parquet(parts / "transfer_summary.parquet")
    y = rows[rows["mode"] == "all"].pivot(index="seed", columns="transfer_seed", values="accuracy")
    mean = summary[(summary["mode"] == "all")]["mean"].unique()
    np.testing.assert_allclose(mean, y.to_numpy().mean())
    assert set(pd.read_parquet(parts / "transfer_relations.parquet")["x"]) == {"consistency"}
    assert not (folder / "results/moved/.transfer").exists()
    assert planned(folder, "transfer", study="moved.yaml") == {}
    table = str(parts.relative_to(folder) / "transfer.parquet")
    more = snakemake(folder, table, "--cores", "2", study="moved.yaml", config=("transfer={seeds: 3}",))
    assert more.returncode == 0, more.stdout
    jobs = set(re.findall(r"^(\w+) +\d+$", more.stdout, re.MULTILINE))
    assert jobs == {"transfer_networks", "compare_transfers", "total"}
    (log,) = (folder / "results/moved/logs/transfer_networks").rglob("*.log")
    assert "18 trainings, of which 12 were there already" in log.read_text()
    kept = pd.read_parquet(parts / "transfer.parquet").query("transfer_seed < 2").reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, rows)
    history = pd.read_parquet(parts / "transfer_history.parquet")
    assert history.groupby(["mode", "seed", "transfer_seed"]).size().to_list() == 18 * [1]
    assert_they_learn_images_of_a_folder(folder, parts / "transfer.parquet")


def assert_they_learn_images_of_a_folder(folder, table):
    absent = snakemake(folder, "transfer", "-n", study="moved.yaml", config=("transfer={target: {root: shapes}}",))
    assert "Config key transfer.target.root: shapes is not an image folder; expected train/<cat" in absent.stdout
    random, names = np.random.default_rng(0), ("low", "middle", "high")
    for number, (split, n) in product(range(3), (("train", 9), ("val", 4))):
        place = folder / "shapes" / split / names[number]
        place.mkdir(parents=True)
        for image in range(n):
            pixels = random.integers(80 * number, 80 * number + 90, (50, 41, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{image}.png")
    config = ("transfer={target: {root: shapes}, epochs: 20}",)
    run = snakemake(folder, str(table.relative_to(folder)), "--cores", "2", study="moved.yaml", config=config)
    assert run.returncode == 0, run.stdout
    rows = pd.read_parquet(table)
    assert set(rows["target"]) == {"shapes"}
    assert set(rows["n_images"]) == {3 * 4}
    assert rows[rows["mode"] == "all"]["accuracy"].mean() > 0.6  # 1/3 by chance
    packed = folder / "results/moved/dataset/transfer"
    fitted = load_preprocessing(folder / "results/moved/dataset/preprocessing.safetensors")
    images = np.load(packed / "test_images.npy")
    assert images.shape == (12, 32, 32, 1)
    np.testing.assert_array_equal(np.load(packed / "test_inputs.npy"), fitted.apply(images))


def test_other_comparators_compare_again_and_nothing_else(finished):
    jobs = planned(finished, "tables", config=("comparators={names: [cka]}",))
    assert jobs["apply_comparators"] == 1
    assert jobs.keys() <= {"apply_comparators", "gather_table", "tables", "total"}


def test_comparing_untrained_networks_of_more_conditions_retrains_nothing(finished):
    jobs = planned(finished, config=("untrained={conditions: [baseline, images_a]}",))
    assert jobs["measure_untrained_2"] == jobs["compare_untrained"] == 1
    others = {"measure_untrained", "record", "compare_instances", "summarise", "apply_comparators"}
    assert not (TRAINING | others) & jobs.keys()
    without = planned(finished, config=("untrained={conditions: []}",))
    assert not (TRAINING | others | {"compare_untrained"}) & (without.keys() - {"apply_comparators"})


def test_a_trajectory_from_epoch_0_is_not_in_the_tables_twice(finished, tmp_path):
    folder = copied(finished, tmp_path / "copy")
    group = "results/tiny/tables/parts/all_cnn_7/baseline"
    parts = [f"{group}/{table}.parquet" for table in ("consistency", "untrained_consistency")]
    config = ("trajectory={epochs: [0, 1], layers: [conv7], conditions: [baseline]}",)
    run = snakemake(folder, *parts, "--cores", "2", config=config)
    assert run.returncode == 0, run.stdout
    rows = [pd.read_parquet(folder / part).query("epoch == 0") for part in parts]
    assert [set(part["layer"]) for part in rows] == [{"conv7"}, set(ALL_CNN_7)]
    measured = [geometry_files.stored_layers(path) for path in sorted(folder.rglob("seed1/epoch0*.npz"))]
    assert measured == [["conv7"], [*ALL_CNN_7, "conv7"]]


def test_halves_of_the_images_are_compared_within_and_between(finished):
    read = finished / "results/tiny/tables"
    summary, across, consistency, contrasts = (
        pd.read_parquet(read / f"{name}.parquet").query("layer == 'conv6' and measure == 'euclidean'")
        for name in ("consistency_across_summary", "consistency_across", "consistency", "contrasts")
    )
    one = "kind == 'within_category' and normalisation == 'none'"
    means = summary.query(f"{one} and ci_method == 'jackknife' and pairs != 'between'").set_index("pairs")["mean"]
    between = across.query(one)
    same = between["seed_a"] == between["seed_b"]
    halves = consistency.query(f"{one} and condition in ['images_a', 'images_b']")
    assert (len(between), len(halves)) == (4, 2)
    assert set(between["shared"].where(same, "-")) == {"init+order", "-"}
    assert set(between.loc[~same, "shared"]) == {"order"}
    by_streams = summary.query(f"{one} and ci_method == 'pairs' and pairs == 'between'").set_index("shared")["mean"]
    assert by_streams["init+order"] == pytest.approx(between.loc[same, "consistency"].mean())
    assert by_streams["order"] == pytest.approx(between.loc[~same, "consistency"].mean())
    assert means["same_seed"] == pytest.approx(between.loc[same, "consistency"].mean())
    assert means["different_seeds"] == pytest.approx(between.loc[~same, "consistency"].mean())
    assert means["within"] == pytest.approx(halves["consistency"].mean())
    rows = contrasts.query(f"{one} and condition_b == 'images_b' and ci_method == 'pairs'").set_index("contrast")
    for pairs in ("same_seed", "different_seeds"):
        mean = rows.loc[f"between_minus_within_{pairs}", "mean"]
        assert mean == pytest.approx(means[pairs] - means["within"])


def test_dropout_is_contrasted_with_the_followed_epoch_of_nearest_accuracy(finished):
    """Two networks with dropout make one pair, (0, 1); without dropout epochs 1 and 2 are analysed."""
    read = finished / "results/tiny/tables"
    history, consistency, contrasts = (
        pd.read_parquet(read / f"{name}.parquet") for name in ("history", "consistency", "contrasts")
    )
    accuracy = history.query("seed < 2").groupby(["condition", "epoch"])["accuracy"].mean()
    differences = (accuracy["baseline"] - accuracy["dropout0.5", 2]).abs()
    epoch = 1 if differences[1] < differences[2] else 2
    rows = contrasts.query("contrast == 'dropout_minus_matched' and ci_method == 'pairs'").set_index(
        ["measure", "kind"]
    )
    assert set(rows["layer"]) == {"conv7"}
    assert set(rows["matched_epoch"]) == {epoch}
    assert rows["accuracy_difference"].iloc[0] == pytest.approx(accuracy["dropout0.5", 2] - accuracy["baseline", epoch])
    pair = consistency.query(
        "layer == 'conv7' and normalisation == 'none' and dropout_samples == 0 and seed_a == 0 and seed_b == 1"
    ).set_index(["condition", "epoch", "measure", "kind"])["consistency"]
    assert len(rows) == 2 * 3
    for measure, kind in rows.index:
        expected = pair["dropout0.5", 2, measure, kind] - pair["baseline", epoch, measure, kind]
        assert rows.loc[(measure, kind), "mean"] == pytest.approx(expected)


def test_the_report_holds_every_figure_with_its_caption(finished):
    run = snakemake(finished, "--report", "report.html")
    assert run.returncode == 0, run.stdout
    report = (finished / "report.html").read_text()
    (finished / "report.html").unlink()
    assert "How far do networks agree" in report
    pictures = re.findall(r'"results/tiny/report/(\w+)\.png"', report)
    assert set(pictures) == OF_TINY
    assert set(re.findall(r'"results/tiny/report/(\w+)\.html"', report)) >= {"overview", "instances", "rotations"}
    assert "<h2>Main numbers</h2>" in report  # the first page
    assert '"1 Overview"' in report
    assert "figures/fig4.pdf" in report


def test_a_run_on_a_terminal_shows_bars_and_a_piped_one_does_not(finished, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    command = [sys.executable, "-m", "snakemake", "fig4", "--force", "--cores", "1"]
    command += ["--configfile", "studies/tiny.yaml"]
    shown = []

    def keep(descriptor):
        shown.append(os.read(descriptor, 4096))
        return shown[-1]

    monkeypatch.chdir(finished)
    assert pty.spawn(command, keep) == 0
    text = b"".join(shown).decode()
    assert re.search(r"jobs  [█░]+  \d of \d, ", text)
    assert "Drawing fig4" not in text
    assert "Select jobs" not in text
    assert "\r\x1b[JFigures are in results/tiny/figures/" in text
    piped = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert "Drawing fig4" in piped.stdout
    assert "█" not in piped.stdout
    assert "\x1b[J" not in piped.stdout


def test_the_explorer_is_one_page_of_the_whole_study(finished):
    run = snakemake(finished, "explorer", "--cores", "2")
    assert run.returncode == 0, run.stdout
    page = finished / "results/tiny/explorer.html"
    assert f"{page.relative_to(finished)} has {page.stat().st_size / 1e6:.1f} MB. Open it in a browser." in run.stdout
    assert 'id="sheet"' in page.read_text()
    with np.load(finished / "results/tiny/explorer/all_cnn_7/baseline.npz") as part:
        assert part["maps"].shape == (7, N_BASELINE, 50, 2)
        assert (part["predicted"] >= 0).all()
    assert planned(finished, "explorer") == {}
    fewer = planned(finished, "explorer", config=("explorer={stimuli: 20}",))
    assert fewer == {"explore_group": 1, "build_explorer": 1, "explorer": 1}


def test_a_finished_study_opens_in_a_notebook(finished):
    study = ms.open_study(finished / "results/tiny")
    assert repr(study) == f"<study tiny: {len(study.tables)} tables, {N_INSTANCES} instances>"
    assert study.instances[0] == ("all_cnn_7", "baseline", 0)
    consistency = study.table("consistency")
    pd.testing.assert_frame_equal(consistency, pd.read_parquet(finished / "results/tiny/tables/consistency.parquet"))
    assert study.epochs("all_cnn_7", "baseline", 0) == [0, 1, 2]

    rdms = study.rdms("all_cnn_7", "baseline", seed=1)
    kept = np.load(finished / "results/tiny/rdms/all_cnn_7/baseline/seed1/epoch2/correlation.npy")
    np.testing.assert_allclose([squareform(matrix) for matrix in rdms.values()], kept, rtol=1e-6)

    network = study.network("all_cnn_7", "baseline", seed=1)
    assert not network.training
    images = np.load(finished / "results/tiny/dataset/test_inputs.npy")
    labels = np.load(finished / "results/tiny/dataset/test_labels.npy")
    with torch.no_grad():
        predicted = network(torch.from_numpy(images).permute(0, 3, 1, 2)).argmax(dim=1).numpy()
    accuracy = study.table("accuracy").query(
        "condition == 'baseline' and seed == 1 and epoch == 2 and split == 'test' and subset == 'all'"
    )
    assert accuracy["accuracy"].item() == pytest.approx(np.mean(predicted == labels), abs=0.002)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda study: study.table("consistancy"), "found no table 'consistancy', expected one of accuracy"),
        (lambda study: study.rdms("all_cnn_7", "baseline", seed=9), "expected one of: all_cnn_7, baseline, seed 0"),
        (lambda study: study.rdms("all_cnn_7", "baseline", seed=0, epoch=7), r"found epochs \[0, 1, 2\], expected 7"),
        (lambda study: study.rdms("all_cnn_7", "baseline", seed=0, measure="l2"), "expected one of euclidean"),
    ],
)
def test_results_that_are_not_there_are_named(finished, ask, words):
    with pytest.raises(ms.StudyError, match=words):
        ask(ms.open_study(finished / "results/tiny"))


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ms.StudyError, match="found no results of a study"):
        ms.open_study(tmp_path)


def test_activations_are_gone_and_nothing_lies_outside_the_study(finished):
    results = finished / "results"
    assert [path.name for path in results.iterdir()] == ["tiny"]
    assert not list(results.glob("tiny/activations/**/*.npy"))
    assert {path.name for path in finished.iterdir()} == {*WORKFLOW, "data", "results", ".snakemake"}


def test_a_finished_study_reruns_nothing(finished):
    assert planned(finished) == {}


def test_keys_that_determine_nothing_rerun_nothing(finished):
    config = ("training={checkpoint_minutes: 1, cohort_size: 2, cuda_graphs: false}",)
    assert planned(finished, config=config) == {}


def test_comments_docstrings_and_logging_rerun_nothing(finished, changed):
    changed("workflow_scripts/manyseeds/training/engine.py", '"""', '"""Changed. ')
    changed("workflow_scripts/train.py", "from _job import job", "# changed\nfrom   _job   import   job")
    changed("workflow_scripts/manyseeds/representations/geometry.py", "\n\n\n", "\n\n\n# changed\n")
    changed("workflow_scripts/_job.py", "%H:%M:%S", "%H:%M")
    assert planned(finished) == {}


def test_a_changed_module_reruns_what_imports_it_and_retrains_nothing(finished, changed):
    path = "workflow_scripts/manyseeds/comparison/consistency.py"
    changed(path, "\n\n\n", "\n\n\nCHANGED = True\n\n\n")
    jobs = planned(finished)
    assert {"compare_instances", "summarise", "fig4"} <= jobs.keys()
    assert not TRAINING & jobs.keys()
    assert "record" not in jobs


def test_a_changed_figure_redraws_that_figure(finished, changed):
    changed("workflow_scripts/manyseeds/figures/fig4.py", "\n\n\n", "\n\n\nCHANGED = True\n\n\n")
    assert planned(finished) == {"all": 1, "fig4": 1, "report_overview": 1}  # the first page shows fig4


def test_more_seeds_train_only_those(finished):
    jobs = planned(finished, config=("instances=5",))
    assert jobs["train"] == 2
    assert "declare_training" not in jobs
    assert jobs["train_cohort"] == jobs["evaluate"] == jobs["record"] == 1


def test_an_unrelated_key_retrains_nothing(finished):
    jobs = planned(finished, config=("resampling={n: 60}",))
    assert "summarise" in jobs
    assert not {*TRAINING, "evaluate", "record", "compare_instances"} & jobs.keys()


def test_keeping_activations_later_retrains_nothing(finished):
    jobs = planned(finished, config=("keep_activations=true",))
    assert jobs["record"] == N_GROUPS
    assert not TRAINING & jobs.keys()


def test_another_step_size_retrains_all(finished):
    jobs = planned(finished, config=("training={learning_rate: 0.02}",))
    assert jobs["train"] == N_INSTANCES
    assert jobs["record"] == jobs["evaluate"] == N_GROUPS


def test_changed_training_code_retrains_all(finished, changed):
    changed("workflow_scripts/manyseeds/training/engine.py", "\n\n\n", "\n\n\nCHANGED = True\n\n\n")
    assert planned(finished)["train"] == N_INSTANCES


def test_a_change_beside_more_seeds_is_not_missed(finished):
    jobs = planned(finished, config=("instances=4", "training={learning_rate: 0.02}"))
    assert jobs["train"] == N_INSTANCES + 1


def test_a_lost_network_is_trained_again_to_the_same_bits(finished):
    weights = finished / "results/tiny/networks/all_cnn_7/baseline/seed1/epoch2.safetensors"
    before = load_file(weights)
    weights.unlink()
    jobs = planned(finished, "networks")
    assert jobs["train"] == 1
    assert not {"declare_training", "train_cohort"} & jobs.keys()
    assert snakemake(finished, "networks", "--cores", "1").returncode == 0
    again = load_file(weights)
    assert before.keys() == again.keys()
    assert all(before[name].tobytes() == again[name].tobytes() for name in before)


def test_photographs_are_trained_on_and_probed_with_as_pixels(tmp_path):
    """An image folder, its channels standardised: no preprocessed copy of it is written, and stimuli fit to it."""
    folder, draw = copy_workflow(tmp_path), np.random.default_rng(0)
    for split, category, number in product(("train", "val"), ("dark", "light"), range(6)):
        path = folder / "photographs" / split / category / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 128, (20, 24, 3), np.uint8) + (category == "light") * 100).save(path)
    data = "data={dataset: image_folder, root: photographs, preprocessing: channel_mean_sd}"
    run = snakemake(folder, "networks", "results/tiny/stimuli/inputs.npy", "--cores", "2", config=(data, "instances=2"))
    assert run.returncode == 0, run.stdout
    results = folder / "results/tiny"
    assert sorted(path.name for path in (results / "dataset").glob("*.npy")) == [
        f"{split}_{content}.npy" for split in ("test", "train") for content in ("images", "labels")
    ]
    pixels, train = (np.load(results / name) for name in ("stimuli/images.npy", "dataset/train_images.npy"))
    expected = (pixels - train.mean(axis=(0, 1, 2))) / train.std(axis=(0, 1, 2))
    np.testing.assert_allclose(np.load(results / "stimuli/inputs.npy"), expected, rtol=1e-5, atol=1e-6)
    accuracy = pd.read_parquet(results / "tables/parts/all_cnn_7/baseline/accuracy0.parquet")
    assert accuracy.groupby("split")["n_images"].unique().map(list).to_dict() == {"train": [12], "test": [12]}


def last_epoch(results: Path, table: str, condition: str) -> pd.DataFrame:
    """Rows of a condition's last epoch, without the columns that tell where the networks come from."""
    rows = pd.read_parquet(results / "tables" / f"{table}.parquet")
    rows = rows[rows["condition"] == condition]
    return rows[rows["epoch"] == rows["epoch"].max()].drop(columns=["condition", "epoch"]).reset_index(drop=True)


def test_own_networks_give_the_tables_of_the_study_that_trained_them(finished, tmp_path):
    folder = copy_workflow(tmp_path)
    trained = finished / "results/tiny"
    own = tmp_path / "own/all_cnn_7/baseline"
    own.mkdir(parents=True)
    for seed in range(3):
        source = trained / f"networks/all_cnn_7/baseline/seed{seed}/epoch2.safetensors"
        shutil.copy(source, own / f"seed{seed}.safetensors")
    doubtful = tmp_path / "own/all_cnn_7/doubtful"
    doubtful.mkdir()
    shutil.copy(trained / "networks/all_cnn_7/baseline/seed0/init.safetensors", doubtful / "seed0.safetensors")
    for seed in (1, 2):
        shutil.copy(own / "seed1.safetensors", doubtful / f"seed{seed}.safetensors")
    config = ("study=own", "networks_dir=own", "trajectory={epochs: []}", "finetune={distortions: []}")
    names = ("accuracy", "consistency", "clustering", "layers")
    targets = [
        f"results/own/tables/{table}.parquet" for table in (*names, "history", "instances")
    ]  # not all: that takes its time
    run = snakemake(folder, *targets, "--cores", "2", config=config)
    assert run.returncode == 0, run.stdout
    for table in names:
        pd.testing.assert_frame_equal(
            last_epoch(folder / "results/own", table, "baseline"),
            last_epoch(trained, table, "baseline"),
            check_exact=True,
        )
    assert len(pd.read_parquet(folder / "results/own/tables/history.parquet")) == 0
    instances = pd.read_parquet(folder / "results/own/tables/instances.parquet").set_index(["condition", "seed"])
    untrained, same = instances["doubts"]["doubtful", 0], instances["doubts"]["doubtful", 2]
    assert untrained.startswith("its weights are distributed as before training; its test accuracy is 0.")
    assert same.startswith("it has the weights of seed 1")
    assert not instances["doubts"].drop([("doubtful", 0), ("doubtful", 2)]).fillna("").str.contains("weights").any()
    told = "Networks of all_cnn_7/doubtful to look at: seed 0 (its weights are distributed as before training; "
    assert told in run.stdout
    assert "seed 2 (it has the weights of seed 1" in run.stdout
    assert "own/all_cnn_7/doubtful/seed0.safetensors: its weights are distributed as before training." in run.stdout
    assert planned(folder, *targets, config=config) == {}


FOREIGN = """
study: foreign
networks_dir: own
data:
  {dataset: image_folder, root: images, image_size: 32, resize: 36, preprocessing: {mean: [0.4, 0.5, 0.6], sd: [0.2]}}
stimuli: {per_category: 6}
networks:
  - {architecture: "timm:test_resnet", outputs: 7, layers: no_shortcuts, kwargs: {drop_rate: 0.1}}
  - {architecture: all_cnn_7, width: 0.1}
distortions: {names: [], strengths: null}
trajectory: {epochs: []}
finetune: {distortions: []}
"""


def test_foreign_networks_are_analysed_without_training_images_and_categories_of_their_own(tmp_path):
    folder = copy_workflow(tmp_path)
    (folder / "foreign.yaml").write_text(FOREIGN)
    draw = np.random.default_rng(0)
    pixels = {}
    for category in ("cat", "dog"):
        (folder / "images/val" / category).mkdir(parents=True)
        for number in range(6):
            pixels[category, number] = draw.integers(0, 256, (48, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels[category, number]).save(folder / f"images/val/{category}/{number}.png")
    modules = [timm().create_model("test_resnet", num_classes=7) for _ in range(2)]
    own = Network("all_cnn_7", width=0.1)
    for seed, module in enumerate(modules):
        for name, weights in (
            ("test_resnet", module.state_dict()),
            ("all_cnn_7", build.build(own, (32, 32, 3), 2).state_dict()),
        ):
            (folder / f"own/{name}/mine").mkdir(parents=True, exist_ok=True)
            torch.save(weights, folder / f"own/{name}/mine/seed{seed}.pth")
    targets = [f"results/foreign/tables/{table}.parquet" for table in ("accuracy", "consistency")]
    run = snakemake(folder, *targets, "--cores", "2", study="foreign.yaml")  # not all: that takes its time
    assert run.returncode == 0, run.stdout
    results = folder / "results/foreign"
    accuracy = pd.read_parquet(results / "tables/accuracy.parquet")
    assert accuracy.groupby("architecture")["split"].unique().map(list).to_dict() == {"all_cnn_7": ["test"]}
    jobs = planned(folder, study="foreign.yaml")
    assert jobs["compare_kernels"] == jobs["find_conserved"] == 2
    assert jobs["compare_errors"] == jobs["predict"] == 1  # of the networks that classify
    # The same by torchvision's transforms, and by hand.
    from torchvision import transforms

    prepare = transforms.Compose(
        [
            transforms.Resize(36),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize([0.4, 0.5, 0.6], [0.2, 0.2, 0.2]),
        ]
    )
    images = torch.stack([prepare(Image.fromarray(image)) for image in pixels.values()])
    with torch.no_grad():
        outputs = [module.eval()(images).double().numpy() for module in modules]
    first, second = (1 - np.corrcoef(output)[np.triu_indices(12, 1)] for output in outputs)
    rows = pd.read_parquet(results / "tables/consistency.parquet")
    chosen = (rows["architecture"] == "test_resnet") & (rows["kind"] == "exemplar") & (rows["normalisation"] == "none")
    rows = rows[chosen & (rows["measure"] == "correlation")]
    assert list(rows["layer"])[-1] == "fc"
    assert not [layer for layer in rows["layer"] if "downsample" in layer]
    np.testing.assert_allclose(rows["consistency"].iloc[-1], np.corrcoef(first, second)[0, 1] ** 2, rtol=1e-4)


@pytest.fixture(scope="module")
def exported(finished) -> Path:
    """The folder into which the tiny study has exported its networks."""
    run = snakemake(finished, "export", "--cores", "2")
    assert run.returncode == 0, run.stdout
    return finished / "results/tiny/export"


EXACT = ("accuracy", "history", "attempts", "instances", "parts/all_cnn_7/baseline/untrained_consistency")
NOT_EXACT = {"history": ["seconds"], "instances": ["doubts"]}
"""Columns that may differ: another test trains a network again, and only imported networks are doubted."""

ROUNDED = {
    "parts/all_cnn_7/baseline/consistency": ("r", "consistency"),
    "parts/all_cnn_7/baseline/consistency_across": ("r", "consistency"),
    "parts/all_cnn_7/baseline/clustering": ("across", "within", "cci"),
    "parts/all_cnn_7/dropout0.5/consistency": ("r", "consistency"),
}
"""Tables that come from activations, and the columns that the rounding of the weights moves."""


def test_exported_networks_give_the_tables_of_the_study_that_trained_them(finished, exported, tmp_path):
    folder = copy_workflow(tmp_path)
    shutil.copytree(exported, folder / "theirs")
    options = {"study": None, "config": ("study=mine", "pretrained_dir=theirs")}
    jobs = planned(folder, **options)
    assert jobs["import_pretrained"] == N_INSTANCES
    assert jobs["restore_activations"] == N_BASELINE
    assert {figure for figure in FIGURES if jobs.get(figure) == 1} == OF_TINY
    assert not (TRAINING | {"evaluate"}) & jobs.keys()
    targets = [f"results/mine/tables/{table}.parquet" for table in (*EXACT, *ROUNDED)]  # not all: that takes its time
    run = snakemake(folder, *targets, "--cores", "2", **options)
    assert run.returncode == 0, run.stdout
    for table in (*EXACT, *ROUNDED):
        results = (folder / "results/mine", finished / "results/tiny")
        found, expected = (pd.read_parquet(path / f"tables/{table}.parquet") for path in results)
        moved = [column for column in ROUNDED.get(table, ()) if column in expected]
        others = [*moved, *NOT_EXACT.get(table, ())]
        pd.testing.assert_frame_equal(found.drop(columns=others), expected.drop(columns=others), check_exact=True)
        for column in moved:
            np.testing.assert_allclose(found[column], expected[column], rtol=0.01, atol=0.01)
    log = (folder / "results/mine/logs/restore_activations/all_cnn_7/baseline/seed1.log").read_text()
    assert float(re.search(r"correlation with the recorded activations (.*)", log)[1]) > 0.9999
    assert planned(folder, *targets, **options) == {}
    instances = pd.read_parquet(folder / "results/mine/tables/instances.parquet")
    accuracy = pd.read_parquet(folder / "results/mine/tables/accuracy.parquet")
    tested = accuracy[(accuracy["epoch"] == accuracy["epoch"].max()) & (accuracy["split"] == "test")]
    tested = tested.set_index(["architecture", "condition", "seed"])
    for row in instances.to_dict("records"):
        p, n, z = *tested.loc[row["architecture"], row["condition"], row["seed"]][["accuracy", "n_images"]], 1.959964
        low = (p + z**2 / (2 * n) - z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))) / (1 + z**2 / n)  # Wilson
        assert ("its test accuracy is" in str(row["doubts"])) == (low <= 0.1)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("training={epochs: 3}", "trained with training.epochs 2, but the study says 3."),
        ("trajectory={epochs: [0, 1]}", "trajectory.epochs: found 0, but "),
    ],
)
def test_exported_networks_of_another_training_stop_with_one_sentence(finished, exported, config, sentence):
    run = snakemake(finished, "-n", study=None, config=("study=mine", f"pretrained_dir={exported}", config))
    assert run.returncode == 1
    assert sentence in run.stdout
    assert "Traceback" not in run.stdout


def test_networks_that_were_exported_are_not_exported_again(finished, exported):
    run = snakemake(finished, "export", "-n", study=None, config=("study=mine", f"pretrained_dir={exported}"))
    assert run.returncode == 1
    assert "mine: this study trains no networks, so it has nothing to export." in run.stdout
    assert "Exception" not in run.stdout


def test_damaged_exports_and_other_images_are_named(exported, tmp_path):
    folder = copy_workflow(tmp_path)
    shutil.copytree(exported, folder / "theirs")
    path = folder / "theirs/all_cnn_7/images_a/seed1/weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    study = folder / "theirs/study.yaml"
    study.write_text(
        f"__use_yte__: true\n__definitions__:\n- open({str(folder / 'executed')!r}, 'w')\n{study.read_text()}"
    )
    target = "results/mine/networks/all_cnn_7/images_a/seed1/epoch2.safetensors"
    options = {"study": None, "config": ("study=mine", "pretrained_dir=theirs/")}
    run = snakemake(folder, target, "--cores", "1", **options)
    assert run.returncode == 1
    assert "Unknown config key '__use_yte__'" in run.stdout
    assert not (folder / "executed").exists()
    shutil.copy(exported / "study.yaml", study)
    run = snakemake(folder, target, "--cores", "1", **options)
    assert run.returncode == 1
    assert "double '/'" not in run.stdout
    assert "weights.safetensors: its contents have changed since it was exported; fetch it again." in run.stdout
    assert not (folder / target).exists()
    shutil.copy(exported / "all_cnn_7/images_a/seed1/weights.safetensors", path)
    run = snakemake(folder, target, "--cores", "1", **options)
    assert run.returncode == 0, run.stdout
    # Another network in its place, with older dates, as what copies folders may keep them.
    other = exported / "all_cnn_7/images_a/seed0"
    for name in ("card.json", "weights.safetensors"):
        shutil.copy(other / name, path.with_name(name))
        os.utime(path.with_name(name), (0, 0))
    card = json.loads(path.with_name("card.json").read_text())
    card["settings"]["stream_seeds"]["init"] = 1
    path.with_name("card.json").write_text(json.dumps(card))
    os.utime(path.with_name("card.json"), (0, 0))
    assert planned(folder, target, **options)["import_pretrained"] == 1
    (folder / "theirs/data.json").write_text((exported / "data.json").read_text().replace('"0"', '"zero"'))
    run = snakemake(folder, target, "--cores", "1", **options)
    assert run.returncode == 1
    assert (
        "theirs/data.json: the networks were trained on other images than the study has: expected categories"
        in run.stdout
    )


PAYLOAD = """
from pathlib import Path

(Path(__file__).parent / "executed").touch()


def Net(num_classes):
    raise RuntimeError
"""


def test_an_export_cannot_choose_code_to_run(exported, tmp_path, monkeypatch):
    """A module lies beside an export whose study and cards name it as the architecture."""
    folder = copy_workflow(tmp_path)
    shutil.copytree(exported, folder / "theirs")
    (folder / "payload.py").write_text(PAYLOAD)
    study = folder / "theirs/study.yaml"
    config = yaml.safe_load(study.read_text())
    of_any_network = {"width": 1.0, "readout_relu": True, "last_3x3": "valid"}
    config["networks"][0] |= {"architecture": "payload.Net", "name": "all_cnn_7"} | of_any_network
    study.write_text(yaml.safe_dump(config))
    for path in folder.glob("theirs/*/*/*/card.json"):
        card = json.loads(path.read_text())
        card["settings"]["network"]["architecture"] = "payload.Net"
        path.write_text(json.dumps(card))
    monkeypatch.setenv("PYTHONPATH", ".")
    target = "results/mine/networks/all_cnn_7/images_a/seed1/epoch2.safetensors"
    for mode in (["-n"], ["--cores", "1"]):
        run = snakemake(folder, target, *mode, study=None, config=("study=mine", "pretrained_dir=theirs"))
        assert not (folder / "executed").exists()
        assert run.returncode == 1
        assert "theirs/study.yaml: found the architecture payload.Net, whose import would run code" in run.stdout
        assert "Traceback" not in run.stdout


@pytest.fixture
def own_activations(tmp_path) -> Path:
    """Activations of three instances at two epochs, two layers, nine stimuli of three categories."""
    draw = np.random.default_rng(0)
    shared = draw.random((9, 2, 2, 5))
    for seed in range(3):
        for epoch, layer in ((5, "conv10"), (10, "conv2"), (10, "conv10")):
            path = tmp_path / f"own/net/mine/seed{seed}/epoch{epoch}/{layer}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, shared + draw.random(shared.shape))
    rows = "".join(f"image{n},category{n // 3}\n" for n in range(9))
    (tmp_path / "own/stimuli.csv").write_text("stimulus,category\n" + rows)
    return tmp_path / "own"


OWN_ACTIVATIONS = ("study=own", "activations_dir=own", "trajectory={conditions: null}", *NO_DISTORTIONS)


def test_own_activations_give_tables_and_figures_without_training(own_activations):
    folder = copy_workflow(own_activations.parent)
    before = {path: path.read_bytes() for path in own_activations.rglob("*.npy")}
    shown = np.random.default_rng(1).permutation(9)[:8]  # stimuli of the brain, in an order of its own
    brain = np.stack([pdist(np.random.default_rng(seed).random((9, 3)))[:28] for seed in range(4)])
    np.save(folder / "brain.npy", brain)
    (folder / "brain.csv").write_text("\n".join(["stimulus", *(f"image{n}" for n in shown)]))
    config = (
        *OWN_ACTIVATIONS,
        "outside={files: [{name: brain, path: brain.npy}]}",
        "figures={notes: beside}",
        "conditions=[{name: mine, label: My condition}]",
        "networks=[{architecture: all_cnn_c, name: net, label: My network}]",
    )
    run = snakemake(folder, "--cores", "2", config=config)
    assert run.returncode == 0, run.stdout
    missing = next(n for n in range(9) if n not in shown)
    assert f"brain.npy: stimuli without a match: 1 of the study (image{missing})." in run.stdout
    values = pd.read_parquet(folder / "results/own/tables/outside.parquet").query("file == 'brain' and seed == 1")
    arrays = np.load(own_activations / "net/mine/seed1/epoch10/conv10.npy")[shown].reshape(8, -1)
    expected = compare(RDMs(pdist(arrays, "correlation")[None]), RDMs(brain), method="spearman")[0]
    found = values.query("layer == 'conv10' and comparison == 'spearman'").set_index("subject", drop=False)["value"]
    np.testing.assert_allclose(found[["0", "1", "2", "3"]], expected, atol=1e-9)
    rows = pd.read_parquet(folder / "results/own/tables/consistency.parquet")
    rows = rows.query("measure == 'correlation' and normalisation == 'none' and kind == 'exemplar'")
    assert rows.groupby("layer_index")["layer"].unique().map(list).to_dict() == {0: ["conv2"], 1: ["conv10"]}
    assert (folder / "results/own/figures/fig9.pdf").exists()
    assert (folder / "results/own/figures/fig4.txt").read_text().startswith("My network: 3 networks (3 pairs)")
    assert "Figures are in results/own/figures/, tables are in results/own/tables/." in run.stdout
    assert re.search(
        r"Consistency in the last layer \(95 % jackknife\)\. net, conv10: 0\.\d+ \(\S+ to \S+\)\.", run.stdout
    )
    assert "networks collapsed" not in run.stdout  # nobody judged them
    unfilled = (
        "tables/accuracy.csv",
        "tables/history.csv",
        "tables/comparison.csv",
        "tables/rotations.csv",
        "figures/supp5.pdf",
    )
    assert not [name for name in unfilled if (folder / "results/own" / name).exists()]
    assert (
        "Left out of condition_pairs[0], because these conditions have no networks: images_a, images_b." in run.stdout
    )
    across = pd.read_parquet(folder / "results/own/tables/consistency_across.parquet")
    assert set(across["layer"]) == {"conv10"}  # the one that is there at both epochs, whatever trajectory.layers names
    for row in rows.itertuples():
        paths = [f"net/mine/seed{seed}/epoch{row.epoch}/{row.layer}.npy" for seed in (row.seed_a, row.seed_b)]
        arrays = [np.load(own_activations / path) for path in paths]
        expected = pearsonr(*(pdist(array.reshape(9, -1), "correlation") for array in arrays)).statistic
        assert row.r == pytest.approx(expected, abs=1e-9)
    assert {path: path.read_bytes() for path in own_activations.rglob("*.npy")} == before
    assert not (folder / "results/own/networks").exists()
    assert planned(folder, config=config) == {}
    assert snakemake(folder, "rsatoolbox", "--cores", "1", config=OWN_ACTIVATIONS).returncode == 0
    theirs = load_rdm(str(folder / "results/own/export/rsatoolbox/net_mine_correlation_cocktail.hdf5"))
    last = ms.open_study(folder / "results/own").rsatoolbox("net", "mine", normalisation="cocktail")
    written = theirs.subset("epoch", 10)
    np.testing.assert_array_equal(written.dissimilarities, last.dissimilarities)
    for name in ("seed", "layer", "layer_index", "epoch"):
        assert list(written.rdm_descriptors[name]) == list(last.rdm_descriptors[name])
    assert theirs.pattern_descriptors["stimulus"] == [f"image{n}" for n in range(9)]
    assert theirs.n_rdm == 3 * 3  # conv10 at two epochs, conv2 at the last one


def test_what_own_activations_leave_out_and_ignore_is_told_while_planning(own_activations):
    folder = copy_workflow(own_activations.parent)
    for seed in range(3):
        shutil.copy(
            own_activations / f"net/mine/seed{seed}/epoch10/conv2.npy", own_activations / f"net/mine/seed{seed}/"
        )
        shutil.copy(
            own_activations / f"net/mine/seed{seed}/epoch10/conv2.npy",
            own_activations / f"net/mine/seed{seed}/epoch10/fc.npy",
        )
    run = snakemake(folder, "-n", config=(*OWN_ACTIVATIONS, "instances=3"))
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("determine nothing with activations_dir: ") == 1
    assert run.stdout.count("own: not read, though it looks like data: net/mine/seed0/conv2.npy, net/") == 1
    assert (
        run.stdout.count("net: without layers.csv, the order of its layers is that of their names: conv2, conv10, fc.")
        == 1
    )


def test_own_activations_need_no_categories(own_activations):
    folder = copy_workflow(own_activations.parent)
    stimuli = pd.read_csv(own_activations / "stimuli.csv")
    stimuli[["stimulus"]].to_csv(own_activations / "stimuli.csv", index=False)
    shutil.rmtree(own_activations / "net/mine/seed2")
    shutil.copytree(own_activations / "net/mine/seed1", own_activations / "net/mine/seed2")
    config = (*OWN_ACTIVATIONS, "resampling={stimuli_for: {conditions: [mine]}}")
    run = snakemake(folder, "all", "explorer", "--cores", "2", config=config)
    assert run.returncode == 0, run.stdout
    assert 'id="sheet"' not in (folder / "results/own/explorer.html").read_text()  # own activations have no pictures
    assert "own/stimuli.csv: without the column category, whole RDMs are compared; centroids and" in run.stdout
    same = "seed 2 (it has the dissimilarities of seed 1 in all layers)"
    assert f"Networks of net/mine to look at: {same}." in run.stdout
    tables = {path.stem: pd.read_parquet(path) for path in folder.glob("results/own/tables/*.parquet")}
    assert tables["instances"].set_index("seed")["doubts"].dropna().index.tolist() == [2]
    assert not tables.keys() & {"clustering", "clustering_summary", "random_grouping"}
    for table in ("consistency", "consistency_summary", "consistency_across", "howmany"):
        assert set(tables[table]["kind"]) <= {"exemplar"}, table
    arrays = [np.load(own_activations / f"net/mine/seed{seed}/epoch10/conv2.npy").reshape(9, -1) for seed in (0, 1)]
    expected = pearsonr(*(pdist(array, "correlation") for array in arrays)).statistic
    row = tables["consistency"].query(
        "layer == 'conv2' and measure == 'correlation' and normalisation == 'none' and seed_a == 0 and seed_b == 1"
    )
    assert row["r"].tolist() == [pytest.approx(expected, abs=1e-9)]
    resampled = tables["consistency_summary"].query("ci_method == 'stimuli' and normalisation == 'none'")
    assert resampled["ci_low"].notna().any()
    drawn = {path.stem for path in folder.glob("results/own/figures/*.pdf")}
    assert {"fig2", "fig4", "fig9"} <= drawn
    assert not drawn & {"fig7", "supp4", "supp8"}
    refused = snakemake(folder, "fig7", "-n", config=OWN_ACTIVATIONS)
    assert "fig7 is not part of this study: it needs categories of the stimuli: add the column" in refused.stdout


def test_own_activations_that_are_wrong_stop_before_anything_is_compared(own_activations):
    folder = copy_workflow(own_activations.parent)
    one, other = (own_activations / f"net/mine/seed{seed}/epoch10/conv10.npy" for seed in (1, 2))
    right = np.load(other)
    np.save(other, right[:8])
    np.save(one, right.astype(complex))
    dry_run = snakemake(folder, "tables", "-n", config=OWN_ACTIVATIONS)
    np.save(one, np.ones(right.shape, dtype=np.uint8))
    np.save(other, np.full_like(right, np.nan))
    run = snakemake(folder, "tables", "--cores", "2", config=OWN_ACTIVATIONS)
    for done, sentence in (
        (dry_run, "net/mine/seed1/epoch10/conv10.npy: found values of type complex128, expected"),
        (dry_run, "net/mine/seed2/epoch10/conv10.npy: found 8 rows, expected 9, one for each row of stimuli.csv."),
        (run, "own: arrays of uint8 (1) are read as float64, without loss."),
        (run, "own/net/mine/seed2/epoch10/conv10.npy: found nan in row 0, unit 0; expected finite values."),
    ):
        assert done.returncode == 1
        assert sentence in done.stdout
        assert "Traceback" not in done.stdout
    assert not list(folder.glob("results/own/tables/parts/**/consistency*.parquet"))
