"""How far a study is: read from the logs of its trainings and of Snakemake, here or on a cluster, while it runs.

    PYTHONPATH=workflow_scripts python -m manyseeds.progress results/digits

Only the standard library is imported, so it answers at once.
"""

import re
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = re.compile(
    r"^[\d:]+ (?P<name>\S+) attempt (?P<attempt>\d+)(?: and (?P<others>\d+) others)?: "
    r"epoch (?P<epoch>\d+)/(?P<epochs>\d+), (?P<values>loss .*), (?P<seconds>[\d.]+) s, "
    r"about (?P<left>[\d.]+) min left$"
)
"""Line of a training's log after each epoch. Seconds and minutes are those of all its networks together."""

ATTEMPT = re.compile(r"^[\d:]+ (?P<name>\S+) attempt \d+: (?P<outcome>accepted|rejected)")
TO_TRAIN = re.compile(r"^[\d:]+ (?P<left>\d+) of \d+ instances to train")
INTERRUPTED = re.compile(r"^Interrupted by ")
STEPS = re.compile(r"^(\d+) of (\d+) steps ")
COUNTED = re.compile(r"^(?:\w+_)?train +(\d+)$")
PUBLISHED = re.compile(r"^Finished jobid: \d+ \(Rule: (?:\w+_)?train\)$")
"""Lines of Snakemake's log. In another workflow that uses this one as a module, names of rules have a prefix."""

SILENT_MINUTES = 15
"""A training whose log is silent for longer, and for longer than two of its epochs, is said to be silent."""

Match = dict[str, str]


@dataclass
class Training:
    """What the log of one training job says.

    Attributes
    ----------
    n_networks
        Number of networks that the job trains side by side or one after another.
    accepted
        Networks whose training is accepted.
    last
        The line of the last epoch; empty before the first.
    ended
        Whether the job has left its marker.
    seconds
        Seconds of each epoch, of one network.
    age
        Seconds since the last line.
    """

    n_networks: int
    age: float
    accepted: set[str] = field(default_factory=set)
    last: Match = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False
    ended: bool = False

    @property
    def is_running(self) -> bool:
        """Whether the job has not ended; a killed job looks the same."""
        return not self.interrupted and not self.ended

    @property
    def minutes_left(self) -> float | None:
        """Minutes that the networks now in training need; None before the first epoch."""
        return max(0.0, float(self.last["left"]) - self.age / 60) if self.last else None

    @property
    def minutes_of_network(self) -> float | None:
        """Minutes that one whole network takes at the pace so far."""
        return statistics.mean(self.seconds) * int(self.last["epochs"]) / 60 if self.last else None

    @property
    def is_silent(self) -> bool:
        """Whether the log has been silent for so long that the job may be dead."""
        usual = 2 * statistics.mean(self.seconds) if self.seconds else 0.0
        return self.age > max(60 * SILENT_MINUTES, usual)


@dataclass(frozen=True)
class Run:
    """What Snakemake's last log of a study says: jobs done and planned, and networks published and to publish."""

    done: int
    planned: int
    published: int
    to_publish: int
    age: float


def read_training(path: Path, now: float) -> Training | None:
    """Read the log of a training job; None if it has nothing to train."""
    training, written = None, path.stat().st_mtime
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if found := TO_TRAIN.match(line):
            training = Training(int(found["left"]), now - written)
        if training is None:
            continue
        if found := EPOCH.match(line):
            training.last = {name: value or "0" for name, value in found.groupdict().items()}
            training.seconds.append(float(found["seconds"]) / (1 + int(training.last["others"])))
        elif (found := ATTEMPT.match(line)) and found["outcome"] == "accepted":
            training.accepted.add(found["name"])
        elif INTERRUPTED.match(line):
            training.interrupted = True
    if training and training.last:
        marker = Path(*path.parts[:-5], "networks", training.last["name"], ".cohort")
        training.ended = marker.exists() and marker.stat().st_mtime >= written
    return training if training and training.n_networks else None


def read_run(study: Path, now: float) -> Run | None:
    """Read the newest log of Snakemake that is about a study; None if there is none."""
    for path in sorted((study.resolve().parents[1] / ".snakemake/log").glob("*.log"), reverse=True):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if not any(f"results/{study.name}/" in line for line in lines) or not any(map(STEPS.match, lines)):
            continue
        steps = [found for found in map(STEPS.match, lines) if found]
        counts = [int(found[1]) for found in map(COUNTED.match, lines) if found]
        published = sum(1 for line in lines if PUBLISHED.match(line))
        done, planned = int(steps[-1][1]), int(steps[-1][2])
        return Run(done, planned, published, counts[0] if counts else 0, now - path.stat().st_mtime)
    return None


def report(study: Path, now: float | None = None) -> list[str]:
    """Return lines on a study: jobs, each training that runs or was interrupted, networks, and the time that is left.

    Parameters
    ----------
    study
        Folder of its results.
    now
        Seconds since the epoch; None: the present.
    """
    now = time.time() if now is None else now
    logs = sorted(study.glob("logs/train_cohort/*/*/*.log"))
    trainings = {path: found for path in logs if (found := read_training(path, now))}
    run = read_run(study, now)
    lines = [f"{study}"]
    if run:
        lines.append(f"{run.done} of {run.planned} jobs of the last run are done; its last line is {ago(run.age)} old.")
    lines += _lines_of_trainings(trainings.values())
    if not run and not trainings:
        lines.append("No logs of this study are here.")
    if run and run.to_publish:
        lines += _left(run, [each for each in trainings.values() if each.is_running and not each.is_silent])
    return lines


def _lines_of_trainings(trainings: Iterable[Training]) -> Iterator[str]:
    for each in trainings:
        if each.interrupted:
            where = f" at epoch {each.last['epoch']}/{each.last['epochs']}" if each.last else ""
            yield f"  {each.last.get('name', 'a training')}: interrupted{where}; the same command continues."
        elif each.is_running and each.last:
            others = f" and {each.last['others']} others" if each.last["others"] != "0" else ""
            state = f"silent for {ago(each.age)}" if each.is_silent else f"about {minutes(each.minutes_left or 0)} left"
            place = f"epoch {each.last['epoch']}/{each.last['epochs']}"
            yield f"  {each.last['name']}{others}: {place}, {each.last['values']}; {state}."


def _left(run: Run, running: Sequence[Training]) -> Iterator[str]:
    """Yield a line on the networks that are left, with the time that they need if as many train at once as now."""
    in_training = sum(each.n_networks - len(each.accepted) for each in running)
    to_come = max(0, run.to_publish - run.published - in_training)
    line = f"Networks of this run: {run.published} finished, {in_training} in training, {to_come} to come"
    paces = [each.minutes_of_network for each in running if each.minutes_of_network is not None]
    if not paces:
        yield f"{line}."
        return
    waiting = [
        max(0, each.n_networks - len(each.accepted) - 1 - int(each.last["others"])) for each in running if each.last
    ]
    total = sum(each.minutes_left or 0 for each in running) + (to_come + sum(waiting)) * statistics.mean(paces)
    yield f"{line}; about {minutes(total / len(paces))} of training left."


def minutes(n: float) -> str:
    """Return a duration in words."""
    hours, rest = divmod(round(n), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def ago(seconds: float) -> str:
    """Return a time in words: seconds, or minutes and hours."""
    return f"{round(seconds)} s" if seconds < 120 else minutes(seconds / 60)


def newest_study(results: Path) -> Path | None:
    """Return the study among the results whose logs are the newest."""
    logs = {path.parent: path.stat().st_mtime for path in results.glob("*/logs")}
    return max(logs, key=logs.__getitem__) if logs else None


def main(arguments: Sequence[str]) -> None:
    """Print how far the named studies are; without names, the one whose logs are the newest."""
    studies = [Path(name) for name in arguments] or [study for study in [newest_study(Path("results"))] if study]
    print("\n".join(line for study in studies for line in report(study)) or "No results are here.")


if __name__ == "__main__":
    main(sys.argv[1:])
