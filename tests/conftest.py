"""What all tests share: their order, and the runs of the workflow that tests in several files begin from."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("real_runs")

from real_runs import NETWORKS, RESULTS, copied, copy_workflow, run  # noqa: E402 - after its registration


def pytest_collection_modifyitems(items):
    """Put groups first, those that share runs of the workflow: begun last, the longest would keep one worker at work
    while the others have nothing to do.
    """
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """A copy of the workflow in which all is ready for training."""
    folder = copy_workflow(tmp_path_factory.mktemp("prepared"))
    data = ("train_inputs.npy", "test_inputs.npy", "preprocessing.safetensors")
    targets = (f"{RESULTS}/stimuli/inputs.npy", *(f"{RESULTS}/dataset/{name}" for name in data))
    done = run(folder, *targets, f"{NETWORKS}/training.json")
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def undisturbed(prepared, tmp_path_factory) -> Path:
    """A copy in which nothing went wrong."""
    folder = copied(prepared, tmp_path_factory.mktemp("undisturbed"))
    done = run(folder, "fig4")
    assert done.returncode == 0, done.stdout
    return folder
