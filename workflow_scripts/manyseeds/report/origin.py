"""What made the results of a study: software, devices, commit and time."""

import json
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from manyseeds.gpu_usage import Usage
from manyseeds.io.provenance import FOLDER


@dataclass(frozen=True)
class Origin:
    """What made the files of a study.

    Attributes
    ----------
    software
        Versions of each package, in ascending order.
    devices
        Kinds of devices.
    first, last
        When the first and the last file were finished.
    gpu
        Use of GPUs by all jobs together: the sum of their seconds, the utilisation over these seconds, and the most
        memory; None if no job used one.
    """

    software: dict[str, list[str]]
    devices: list[str]
    first: str
    last: str
    gpu: Usage | None = None


def origin_of(root: Path) -> Origin:
    """Return what made the files of a study, from their records."""
    software: dict[str, set[str]] = {}
    devices, finished, usages = set(), [], set()
    for path in sorted((root / FOLDER).rglob("*.json")):
        known = json.loads(path.read_text(encoding="utf-8"))
        devices.add(known["device"])
        finished.append(known["finished"])
        if "gpu" in known:
            usages.add(Usage(**known["gpu"]))  # a set: each output of a job has the job's record
        for package, found in known["software"].items():
            software.setdefault(package, set()).add(found)
    versions = {package: sorted(found) for package, found in software.items()}
    return Origin(versions, sorted(devices), min(finished, default=""), max(finished, default=""), _in_all(usages))


def _in_all(usages: Collection[Usage]) -> Usage | None:
    if not usages:
        return None
    known = [(each.seconds, each.utilisation) for each in usages if each.utilisation is not None]
    weights = sum(seconds for seconds, _ in known)
    share = sum(seconds * utilisation for seconds, utilisation in known) / weights if weights else None
    return Usage(sum(each.seconds for each in usages), share, max(each.peak_memory for each in usages))


def commit_of(folder: Path) -> str | None:
    """Return the commit of a folder in a git repository, with "-dirty" if files have changed since; None elsewhere."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def seconds_by_rule(folder: Path) -> dict[str, float]:
    """Return the processor seconds of each rule's jobs, from the files of Snakemake's `benchmark`."""
    found: dict[str, float] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        values = pd.read_csv(path, sep="\t")["cpu_time"]
        found[rule] = found.get(rule, 0.0) + float(values.sum())
    return found
