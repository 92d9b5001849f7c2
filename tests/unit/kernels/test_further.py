"""Trainings from given weights keep the promises of any training: bits, history, and what is trained again."""

import os
import signal
import subprocess
import sys

import further_once
import numpy as np
import pytest
from further_once import EPOCHS, IMAGES, KINDS, finetuning, parent, train
from places import ROOT

from manyseeds.io import tensors
from manyseeds.kernels import finetuning as tuned
from manyseeds.kernels import transfer, transferred
from manyseeds.statistics.transfer import histories
from manyseeds.study import tasks
from manyseeds.study.instances import Instance
from manyseeds.training import stores
from manyseeds.training.interruption import Interrupted


def of_store(store):
    weights, _ = tensors.read(store.checkpoint(0, EPOCHS))
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in store.history()]
    return weights, rows, store.attempts()


def killed(folder, kind, n_lines):
    command = [sys.executable, further_once.__file__, str(folder), kind, str(n_lines)]
    paths = [ROOT / "workflow_scripts", ROOT / "tests/support"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL


def ended_by_sigterm(folder, begun, n_lines):
    lines = []

    def report(line):
        lines.append(line)
        if len(lines) == n_lines:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="Interrupted by SIGTERM at epoch 1, step 1"):
        train(folder, begun, report)


@pytest.mark.parametrize(("kind", "is_killed"), [("finetuning", False), ("transfer", True)])
def test_killed_and_interrupted_trainings_end_in_the_same_bits(kind, is_killed, tmp_path):
    begun, lines = [KINDS[kind](seed) for seed in (0, 1)], []
    undisturbed = train(tmp_path / "undisturbed", begun)
    if is_killed:
        killed(tmp_path / "stores", kind, EPOCHS + 3)  # in the second network, when the first one is trained
    else:
        ended_by_sigterm(tmp_path / "stores", begun, 1)
    resumed = train(tmp_path / "stores", begun, lines.append)
    assert any("resumed at epoch 1, step" in line for line in lines), lines
    assert any("trained already" in line for line in lines) == is_killed
    for store, other in zip(resumed, undisturbed, strict=True):
        (weights, *records), (expected, *others) = of_store(store), of_store(other)
        assert records == others
        for name, array in expected.items():
            np.testing.assert_array_equal(weights[name], array)


def test_published_weights_have_the_history_and_are_trained_again_only_if_something_changes(tmp_path):
    files = [tmp_path / f"{seed}.safetensors" for seed in (0, 1, 2)]
    for store, path in zip(train(tmp_path / "first", [finetuning(0), finetuning(1)]), files[:2], strict=True):
        tuned.publish(store, path, EPOCHS, {"parent": "p"})
        found = tuned.history(path)
        assert found["epoch"].tolist() == [1, 2, 3]
        assert found["learning_rate"].tolist() == 3 * [1e-3]
        assert found["accuracy"].tolist() == [row["accuracy"] for row in store.history()]
        assert found["loss"].tolist() == [row["loss"] for row in store.history()]
    begun = [finetuning(0), finetuning(1, rate=2e-3), finetuning(2)]  # one of another recipe, and one that is new
    found = train(tmp_path / "later", begun, published=files)
    assert [store is None for store in found] == [True, False, False]
    assert len([path for path in (tmp_path / "later").iterdir() if path.is_dir()]) == 2
    task, weights = finetuning(0)
    other = {name: 2 * array for name, array in weights.items()}
    assert train(tmp_path / "later", [(task, other)], published=files[:1]) != [None]  # of another parent


def learn(folder, known, seeds, transfer_seeds, lines):
    def task(seed, transfer_seed):
        values = tasks.transfer_values(further_once.STUDY, Instance("all_cnn_7", "baseline", seed), transfer_seed)
        return transfer.TransferTask.of_source("all", n_categories=4, **values)

    options = {"code": "code", "device": further_once.torch.device("cpu"), "cuda_graphs": False, "save_every": 60}
    sources = [parent(seed) for seed in seeds]
    learned = [
        transfer.learn(
            [task(seed, transfer_seed) for seed in seeds],
            sources,
            IMAGES,
            IMAGES,
            known=known,
            stores=folder,
            report=lines.append,
            announce=lines.append,
            **options,
        )
        for transfer_seed in transfer_seeds
    ]
    return transferred.gathered([learned], IMAGES.labels, modes=["all"], seeds=seeds, tested=IMAGES.digest)


def test_more_sources_and_transfer_seeds_train_the_new_ones_alone(tmp_path):
    path, lines = tmp_path / "predictions/net/baseline/transfer.npz", []
    path.parent.mkdir(parents=True)
    first = learn(tmp_path / "first", {}, [0, 3], [0], [])
    assert transferred.known(path, IMAGES.digest) == {}
    transferred.save(path, first)
    known = transferred.known(path, IMAGES.digest)
    assert len(known) == 2
    assert transferred.known(path, "other test images") == {}
    more = learn(tmp_path / "later", known, [0, 3, 4], [0, 1], lines)
    assert sum("accepted" in line for line in lines) == 4
    for name in ("predictions", "losses", "accuracies", "digests"):
        np.testing.assert_array_equal(getattr(more, name)[:, :2, :1], getattr(first, name))
    expected = learn(tmp_path / "expected", {}, [0, 3, 4], [0, 1], [])
    np.testing.assert_array_equal(more.predictions, expected.predictions)
    rows = histories(more)
    assert len(rows) == 3 * 2 * EPOCHS
    row = rows.query("seed == 3 and transfer_seed == 1 and epoch == 2").iloc[0]
    assert (row["loss"], row["accuracy"]) == (expected.losses[0, 1, 1, 1], expected.accuracies[0, 1, 1, 1])
    assert rows["loss"].between(0.01, 10).all()
    kept = transferred.trained(tmp_path / "predictions")
    assert kept == set(first.digests.ravel())
    path.write_bytes(path.read_bytes()[:-200])
    assert transferred.known(path, IMAGES.digest) == {}
    assert transferred.trained(tmp_path / "predictions") == set()


def test_only_stores_of_kept_outcomes_are_removed(tmp_path):
    stores_of = [learn(tmp_path / "stores", {}, [0], [transfer_seed], []).digests.item() for transfer_seed in (0, 1)]
    stores.clear(tmp_path / "stores", stores_of[:1])
    assert [path.is_dir() for path in (tmp_path / "stores").iterdir()].count(True) == 1
    assert stores.finished_store(tmp_path / "stores", stores_of[1], 1) is not None
    stores.clear(tmp_path / "stores", stores_of)
    assert not (tmp_path / "stores").exists()
