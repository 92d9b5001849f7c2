"""Records of a study's files: digest, settings, code, software and device of each file.

The record of ``results/{study}/PATH`` is ``results/{study}/.provenance/PATH.json``. Every job compares its inputs with
their records before it reads them, so a truncated or altered file is named and never used. A study also compares the
recorded settings with its own, so it never uses copied or kept results of other settings.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from manyseeds.errors import StudyError
from manyseeds.io.files import atomic_path

FOLDER = ".provenance"
CODE = ("code", "engine")
"""Params that hold digests of code. They are recorded apart, because code is not a setting. Snakemake decides whether
changed code needs a new run.
"""
LARGE = 8 * 2**30
"""Of files with more bytes, only the size is compared: each job would take minutes to read ImageNet's pixels."""
TOLERANCE = 60
"""Seconds by which a file may be dated in the future: clocks of nodes and file servers differ a little."""
PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "safetensors", "matplotlib", "snakemake")


def settings_key(params: Mapping[str, object]) -> str:
    """Return a digest of a job's params without the code: the config keys that determine its outputs."""
    settings = {name: value for name, value in params.items() if name not in CODE}
    return hashlib.blake2b(json.dumps(settings, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def root_of(path: str | Path) -> Path:
    """Return the results folder of the study to which a path of the workflow belongs."""
    return Path(*Path(path).parts[:2])


def record_path(path: Path, root: Path) -> Path:
    """Return the path of the record of a study's file or folder."""
    return root / FOLDER / path.relative_to(root).with_name(f"{path.name}.json")


def record(
    outputs: Iterable[str],
    root: Path,
    *,
    rule: str,
    params: Mapping[str, object],
    inputs: Mapping[str, str],
    device: str,
    gpu: Mapping[str, object] | None = None,
) -> None:
    """Write the records of a job's outputs.

    Parameters
    ----------
    outputs
        Files, or folders of files.
    root
        The study's results folder.
    inputs
        Digest of each input that has a record, by path.
    device
        Kind of the device that the job computed on.
    gpu
        What the job used of a GPU (`gpu_usage.Usage`); None without one.
    """
    common = {
        "rule": rule,
        "key": settings_key(params),
        "code": {name: params[name] for name in CODE if name in params},
        "inputs": dict(inputs),
        "software": _software(),
        "device": device,
        "host": platform.node(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    } | ({"gpu": dict(gpu)} if gpu else {})
    for path in map(Path, outputs):
        files = {
            file.relative_to(path).as_posix(): {"bytes": file.stat().st_size, "sha256": digest(file)}
            for file in _files(path)
        }
        with atomic_path(record_path(path, root)) as partial:
            partial.write_text(json.dumps({"file": path.as_posix(), "files": files} | common, indent=1) + "\n")


def check_dates(paths: Iterable[str], root: Path) -> None:
    """Check that no file of a study is dated in the future.

    Raises
    ------
    StudyError
        If one is; names the first. Snakemake would refuse everything made from it, but only after the work.
    """
    now = time.time()
    for path in map(Path, paths):
        if path.is_relative_to(root) and path.exists() and path.stat().st_mtime > now + TOLERANCE:
            dated = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(path.stat().st_mtime))
            raise StudyError(
                f"{path} is dated {dated}, in the future: was the clock set back? Correct the clock, or give the files "
                f"today's date (find {root} -newermt now -exec touch {{}} +), and run the same command again."
            )


def check(inputs: Iterable[str], root: Path) -> dict[str, str]:
    """Compare files with their records, and return the digest of each recorded file, by path.

    Files from elsewhere do not have a record: data sets, and the user's own activations and networks.

    Raises
    ------
    StudyError
        If a file has changed since it was written; names the first.
    """
    digests = {}
    for path in map(Path, inputs):
        known = read_record(path, root)
        if known is None:
            continue
        combined = hashlib.sha256()
        for name, expected in known["files"].items():
            file = path / name
            if not file.is_file():
                raise StudyError(_altered(file, "it no longer exists", path))
            size = file.stat().st_size
            if size != expected["bytes"]:
                raise StudyError(_altered(file, f"found {size} bytes, expected {expected['bytes']}", path))
            found = digest(file) if size <= LARGE else expected["sha256"]
            if found != expected["sha256"]:
                raise StudyError(_altered(file, "its SHA-256 differs from the record", path))
            combined.update(f"{name}\0{found}".encode())
        digests[path.as_posix()] = combined.hexdigest()
    return digests


def _altered(file: Path, found: str, output: Path) -> str:
    return f"{file} has changed since it was written: {found}. Delete {output} and run the same command again."


def read_record(path: Path, root: Path) -> dict | None:
    """Return the record of a study's file or folder, or None if there is no record.

    Raises
    ------
    StudyError
        If the record itself cannot be read.
    """
    if not path.is_relative_to(root):
        return None
    place = record_path(path, root)
    if not place.exists():
        return None
    try:
        known = json.loads(place.read_text(encoding="utf-8"))
        return {"key": known["key"], "rule": known["rule"], "files": dict(known["files"])}
    except (ValueError, KeyError, TypeError) as problem:
        raise StudyError(f"{place} cannot be read ({problem}). Delete it and {path}, and run again.") from problem


def check_settings(outputs: Iterable[str], root: Path, params: Mapping[str, object]) -> None:
    """Check that finished files were made with the settings that the study has now.

    Raises
    ------
    StudyError
        If a file was made with other settings; names the first.
    """
    key = settings_key(params)
    for path in map(Path, outputs):
        known = read_record(path, root) if path.exists() else None
        if known is not None and known["key"] != key:
            raise StudyError(
                f"{path} was made with other settings than the study has now (rule {known['rule']}). Let Snakemake "
                "make it again (without --rerun-triggers and --touch), delete it, or give the study another name."
            )


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _files(path: Path) -> Iterator[Path]:
    """Yield a file itself, or the files of a folder in order."""
    if path.is_dir():
        yield from sorted(Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    elif path.exists():
        yield path


def _software() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("manyseeds", *PACKAGES):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # not installed, or manyseeds is run from a clone
            continue
    return versions
