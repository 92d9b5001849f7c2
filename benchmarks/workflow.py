"""Jobs, starts and disk: what the workflow itself costs, beside the work of its jobs.

    python benchmarks/workflow.py                       # jobs and dry runs of shipped studies, starts of scripts
    python benchmarks/workflow.py --results results/digits    # and the disk and processor seconds of a finished study

A start is the processor time in which a script imports what it needs, that of a bare Python taken off. The median of
several starts is given, with the packages that take the longest to load.
"""

import argparse
import ast
import csv
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow_scripts"
STUDIES = ("digits", "cifar10_small", "mehrer2020")
HEAVY = ("torch", "matplotlib", "pandas", "scipy", "sklearn", "skimage", "torchvision")
JOBS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)
"""A line of the table of jobs that a dry run prints."""


def processor_seconds(command: list[str], **options: Any) -> tuple[float, str]:
    """Run a command; return its processor seconds, children included, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def dry_run(study: str) -> tuple[float, dict[str, int]]:
    """Return processor seconds and jobs by rule of a dry run in an empty folder."""
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(ROOT / "Snakefile")]
    with tempfile.TemporaryDirectory() as folder:
        command += ["--directory", folder, "--configfile", str(ROOT / f"studies/{study}.yaml")]
        seconds, output = processor_seconds(command, cwd=folder)
    jobs = {rule: int(number) for rule, number in JOBS.findall(output)}
    return seconds, {rule: number for rule, number in jobs.items() if rule not in ("all", "total")}


def imports_of(script: Path) -> str:
    """Return the import statements that every run of a script executes, as a program; `_job` is among them."""
    module = ast.parse(script.read_text())
    body = [node for node in module.body if isinstance(node, ast.With)]
    nodes = [*module.body, *(node for each in body for node in each.body)]
    imports = [ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(["from manyseeds.io import provenance", *imports])


def start(program: str, rounds: int) -> float:
    """Return the median of the processor seconds of a program in the folder of scripts."""
    command = [sys.executable, "-c", program]
    return statistics.median(processor_seconds(command, cwd=SCRIPTS)[0] for _ in range(rounds))


def heavy_packages(program: str) -> str:
    """Return the heavy packages that a program loads, joined by spaces."""
    told = f"{program}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    return processor_seconds([sys.executable, "-c", told], cwd=SCRIPTS)[1].strip()


def scripts_of_rules() -> dict[str, str]:
    """Return the script of each rule whose name is written in the rules, by the rule."""
    found = {}
    for path in ROOT.glob("rules/*.smk"):
        for text in re.split(r"^ *rule(?= \w|:)", path.read_text(), flags=re.MULTILINE)[1:]:
            name, script = (
                re.match(r" (\w+):|:\s+name:\s+\"(\w+)\"", text),
                re.search(r"workflow_scripts/(\w+)\.py", text),
            )
            if name and script:
                found[next(filter(None, name.groups()))] = script[1]
    return found


def starts(jobs: Mapping[str, int], rounds: int) -> list[dict[str, Any]]:
    """Return a row for each script: its start, and the jobs of a study that begin with it."""
    scripts, count = scripts_of_rules(), {}
    for rule, number in jobs.items():
        name = scripts.get(rule) or scripts.get(re.sub(r"_\d+$", "", rule)) or "draw_figure"
        count[name] = count.get(name, 0) + number
    bare, rows = start("pass", rounds), []
    for script in sorted(SCRIPTS.glob("[a-z]*.py")):
        program = imports_of(script)
        seconds = max(0.0, start(program, rounds) - bare)
        number = count.get(script.stem, 0)
        row = {"script": script.stem, "seconds": round(seconds, 2), "loads": heavy_packages(program), "jobs": number}
        rows.append(row | {"seconds_of_study": round(seconds * number, 1)})
    return _descending(rows, "seconds_of_study")


def _descending(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: -row[column])


def disk(results: Path) -> list[dict[str, Any]]:
    """Return a row for each folder of a finished study: its files and its size; a linked file counts once."""
    sizes: dict[str, list[int]] = {}
    seen = set()
    for path in results.rglob("*"):
        about = path.lstat()
        if path.is_file() and not path.is_symlink() and (about.st_dev, about.st_ino) not in seen:
            seen.add((about.st_dev, about.st_ino))
            sizes.setdefault(path.relative_to(results).parts[0], []).append(about.st_blocks * 512)
    rows = [{"folder": name, "files": len(each), "mb": round(sum(each) / 1e6, 1)} for name, each in sizes.items()]
    total = {
        "folder": "total",
        "files": sum(map(len, sizes.values())),
        "mb": round(sum(map(sum, sizes.values())) / 1e6, 1),
    }
    return [*_descending(rows, "mb"), total]


def recorded(results: Path) -> list[dict[str, Any]]:
    """Return a row for each rule with a benchmark file: its jobs and their processor seconds."""
    rows = []
    for folder in sorted(path for path in (results / "benchmarks").iterdir() if path.is_dir()):
        seconds = []
        for path in folder.rglob("*.tsv"):
            with path.open() as file:
                seconds += [float(row["cpu_time"]) for row in csv.DictReader(file, delimiter="\t")]
        rows.append({"rule": folder.name, "jobs": len(seconds), "processor_seconds": round(sum(seconds), 1)})
    return _descending(rows, "processor_seconds")


def show(title: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as a table of Markdown."""
    rows = list(rows)
    print(f"\n{title}\n\n| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")


def main() -> None:
    """Measure and print; write the starts to `benchmarks/results`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, help="results of a finished study")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    planned = {study: dry_run(study) for study in STUDIES}
    rows = [
        {"study": study, "jobs": sum(jobs.values()), "dry_run_seconds": round(seconds, 1)}
        for study, (seconds, jobs) in planned.items()
    ]
    show("Jobs, and processor seconds of a dry run", rows)
    of_scripts = starts(planned[STUDIES[0]][1], arguments.rounds)
    show(f"Starts of scripts, with the jobs of {STUDIES[0]}", of_scripts)
    with (ROOT / "benchmarks/results/starts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, of_scripts[0])
        writer.writeheader()
        writer.writerows(of_scripts)
    if arguments.results:
        show("Disk", disk(arguments.results))
        show("Processor seconds of rules", recorded(arguments.results))


if __name__ == "__main__":
    main()
