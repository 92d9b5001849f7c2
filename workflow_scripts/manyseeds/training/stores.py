"""Stores: the state of trainings, outside a workflow's outputs, so that a killed job loses little."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import safe_open

from manyseeds.errors import StudyError
from manyseeds.io import tensors
from manyseeds.io.files import REJECTED, atomic_path, writing
from manyseeds.training.collapse import ACCEPTED, MISSING
from manyseeds.training.platforms import Platform

COMPILED = ".compiled"
"""Folder of compiled code among the stores."""


class Store:
    """A folder that holds the state of one training until its results are published.

    Every file in it appears by rename.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @property
    def state(self) -> Path:
        """File of the weights, momentum and progress of the current attempt."""
        return self.folder / "state.safetensors"

    def checkpoint(self, attempt: int, epoch: int) -> Path:
        """Return the file of an attempt's weights after `epoch` completed epochs."""
        return self.folder / f"attempt{attempt}" / f"epoch{epoch}.safetensors"

    @property
    def origin(self) -> dict[str, str]:
        """Task (`Task.digest`) and platform of the training; empty if none has begun."""
        records = self._read("origin.json")
        return records[0] if records else {}

    def begin(self, task: str, platform: Platform) -> None:
        """Record task and platform of the training, before anything else is written."""
        if not self.origin:
            with writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            self._write("origin.json", [{"task": task} | platform.metadata])

    def check_begun(self, name: str) -> None:
        """Check that the store is still there, before more is written into it.

        Raises
        ------
        StudyError
            If its record of the training is gone; names the training.
        """
        if not (self.folder / "origin.json").exists():
            raise StudyError(
                f"{self.folder} was removed while {name} was training. Leave {self.folder.parent} alone until the run "
                "has ended. Run the same command again: this training begins again, and finished ones are kept."
            )

    def attempts(self) -> list[dict]:
        """Return the records of the finished attempts, first to last."""
        return self._read("attempts.json")

    def history(self) -> list[dict]:
        """Return the training history of the finished attempts, one record per epoch."""
        return self._read("history.json")

    def _read(self, name: str) -> list[dict]:
        path = self.folder / name
        if not path.exists():
            return []
        try:
            contents = json.loads(path.read_text(encoding="utf-8"))
            digest, records = contents["digest"], contents["records"]
        except (ValueError, KeyError, TypeError) as problem:
            raise StudyError(f"{path}: cannot be read ({problem}); delete {self.folder} and run again.") from problem
        if digest != _digest(records):
            raise StudyError(f"{path}: its contents have changed; delete {self.folder} and run again.")
        return records

    def append(self, attempt: dict, history: Sequence[dict]) -> None:
        """Record a finished attempt, then delete its state."""
        # History first: a recorded attempt then always has all its rows. A repeated attempt replaces its own rows.
        earlier = [row for row in self.history() if row["attempt"] != attempt["attempt"]]
        self._write("history.json", earlier + list(history))
        self._write("attempts.json", [*self.attempts(), attempt])
        self.state.unlink(missing_ok=True)

    def _write(self, name: str, records: list[dict]) -> None:
        with atomic_path(self.folder / name) as path:
            path.write_text(json.dumps({"digest": _digest(records), "records": records}))

    def finished(self, max_attempts: int) -> bool:
        """Return whether an attempt was accepted, or none is left."""
        attempts = self.attempts()
        return bool(attempts) and (attempts[-1]["outcome"] == ACCEPTED or len(attempts) >= max_attempts)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _digest(records: Sequence[Mapping]) -> str:
    return hashlib.blake2b(json.dumps(records).encode(), digest_size=16).hexdigest()


@contextmanager
def locked(
    store: Store, report: Callable[[str], None], *, meanwhile: Callable[[], None] = lambda: None, poll: float = 1.0
) -> Iterator[None]:
    """Hold the lock of a store while the context lasts.

    A job that outlives its killed workflow and its successor must not train the same instance at the same time.

    Parameters
    ----------
    report
        Called with one sentence if another process holds the lock.
    meanwhile
        Called every `poll` seconds while waiting. An exception that it raises ends the wait.
    """
    with writing(store.folder):
        store.folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{store.folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report(f"Waiting for another process that holds the lock {lock.lock_file}.")
        while not lock.is_locked:
            meanwhile()
            with suppress(Timeout):
                lock.acquire(timeout=poll)
    try:
        yield
    finally:
        lock.release()


def of_task(stores: Path, task: str) -> list[Store]:
    """Return the stores of one task (`Task.digest`) on all platforms, sorted by name."""
    folders = sorted(path.parent for path in Path(stores).glob("*/origin.json"))
    return [store for store in map(Store, folders) if store.origin.get("task") == task]


def finished_store(stores: Path, task: str, max_attempts: int) -> Store | None:
    """Return a store in which a task is finished, on any platform, or None if there is none."""
    return next((store for store in of_task(stores, task) if store.finished(max_attempts)), None)


def tidy(stores: Path, networks: Path, pattern: str = "*/*/seed*/epoch*.safetensors") -> None:
    """Remove the stores of published tasks and unused locks; after the last store, also compiled code.

    Call it only after a workflow has succeeded. A workflow deletes the published files of a job whose end it did not
    see, and then needs the store.

    Parameters
    ----------
    stores
        Folder of the stores.
    networks
        Folder of the published networks. Stores of their tasks are removed for all platforms.
    pattern
        Their files in it.
    """
    if not stores.exists():
        return
    published = [metadata_of(path) for path in networks.glob(pattern)]
    keys = {metadata.get("key") for metadata in published}
    tasks = {metadata["task"] for metadata in published if "task" in metadata}
    for folder in [path for path in stores.iterdir() if path.is_dir() and path.name != COMPILED]:
        if folder.name in keys or Store(folder).origin.get("task") in tasks:
            Store(folder).remove()
    _remove_unused(stores)


def clear(stores: Path, tasks: Collection[str]) -> None:
    """Remove the stores of some tasks (`Task.digest`), whose outcomes are kept elsewhere. Call it as `tidy`."""
    for folder in [path for path in stores.glob("*") if path.is_dir() and path.name != COMPILED]:
        if Store(folder).origin.get("task") in tasks:
            Store(folder).remove()
    _remove_unused(stores)


def _remove_unused(stores: Path) -> None:
    """Remove unused locks; without any store also compiled code and the folder."""
    if not stores.exists():
        return
    for path in stores.glob("*.lock"):
        lock = FileLock(path)
        with suppress(Timeout), lock.acquire(timeout=0):
            path.unlink(missing_ok=True)
    if {path.name for path in stores.iterdir()} <= {COMPILED}:  # no training is under way
        shutil.rmtree(stores / COMPILED, ignore_errors=True)
        with suppress(OSError):
            stores.rmdir()


def metadata_of(path: Path) -> dict[str, str]:
    """Return the metadata of a weights file; empty if the file does not exist."""
    if not path.exists():
        return {}
    with safe_open(path, framework="np") as file:
        return file.metadata() or {}


def publish(store: Store, destinations: Mapping[int, Path]) -> None:
    """Publish the weights of the last attempt; each file appears by rename.

    The last weights of attempts that were rejected after their last epoch for a missing category are put beside them
    (methods 3).

    Parameters
    ----------
    destinations
        Published file of each epoch.

    Raises
    ------
    StudyError
        If a file is missing, or its contents have changed since it was saved; names the first such file.
    """
    *earlier, last = store.attempts()
    sources = {destination: store.checkpoint(last["attempt"], epoch) for epoch, destination in destinations.items()}
    folder, end = destinations[max(destinations)].parent, max(destinations)
    for stale in folder.glob(REJECTED.format("*")):
        stale.unlink()
    for attempt in (record["attempt"] for record in earlier if record["outcome"] == MISSING):
        if (weights := store.checkpoint(attempt, end)).exists():  # an attempt that was given up early has none
            sources[folder / REJECTED.format(attempt)] = weights
    for source in sources.values():
        if not source.exists():
            raise StudyError(
                f"{source} is missing, so its training cannot be published. Delete {store.folder} and run the same "
                "command again: it trains this network from the beginning."
            )
        tensors.read(source)
    for destination, source in sources.items():
        with atomic_path(destination) as path:
            _link_or_copy(source, path)


def _link_or_copy(source: Path, destination: Path) -> None:
    destination.unlink(missing_ok=True)
    try:
        os.link(source, destination)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, destination)
