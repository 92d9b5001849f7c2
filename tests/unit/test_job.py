"""The start of every script: however a job ends, a sentence says why."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

SCRIPT = """
import os
import signal
import sys
from types import SimpleNamespace

from _job import job

snakemake = SimpleNamespace(
    threads=1, rule="rule", log=["results/tiny/logs/rule.log"], input=[], output=[], params={}, resources={}
)
with job(snakemake):
    BODY
"""


def heed_interrupts() -> None:
    """Let Python's default apply to SIGINT, which a shell's background jobs inherit as ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended(body: str, folder: Path) -> tuple[int, str, str]:
    """Return exit code, terminal and log of a job."""
    (folder / "results/tiny/logs").mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(SCRIPT.replace("BODY", body))
    environment = {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    command = [sys.executable, str(script)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, preexec_fn=heed_interrupts
    )
    return done.returncode, done.stderr, (folder / "results/tiny/logs/rule.log").read_text()


@pytest.mark.parametrize(
    ("body", "code", "sentence", "traceback"),
    [
        ("sys.exit()", 1, "script.py, line 13, ended the job (SystemExit); raise another error there instead.", False),
        ("sys.exit('done')", 1, "script.py, line 13, ended the job (SystemExit: done); raise", False),
        ("exit(0)", 1, "script.py, line 13, ended the job (SystemExit: 0); raise", False),
        ("raise KeyboardInterrupt", 1, "script.py, line 13, ended the job (KeyboardInterrupt); raise", False),
        ("os.kill(os.getpid(), signal.SIGINT)", 130, "", False),
        ("from manyseeds.errors import StudyError; raise StudyError('That is wrong.')", 1, "That is wrong.", False),
        ("raise TypeError('a bug')", 1, "TypeError: a bug (traceback in results/tiny/logs/rule.log)", True),
        ("pass", 0, "", False),
    ],
)
def test_a_job_says_why_it_ended(body, code, sentence, traceback, tmp_path):
    found, terminal, log = ended(body, tmp_path)
    assert found == code
    assert sentence in terminal
    assert ("rule: " in terminal) == bool(sentence)
    assert ("Traceback" in log) == traceback
    assert "Traceback" not in terminal
    if code == 130:
        assert log == "Interrupted.\n"
    elif sentence and not traceback:
        assert sentence in log


def test_what_a_job_used_of_a_gpu_is_in_its_log_and_in_the_record_of_its_output(tmp_path):
    used = "devices.meter = SimpleNamespace(usage=lambda: Usage(81.2, 0.93, 5 * 2**29))"
    lines = ("from manyseeds import devices", "from manyseeds.gpu_usage import Usage", used)
    made = "snakemake.output = ['results/tiny/out.txt']; open(snakemake.output[0], 'w').close()"
    code, _, log = ended("; ".join((*lines, made)), tmp_path)
    assert code == 0
    assert log == "GPU: claimed for 81.2 s, computing in 93% of them, 2.50 GiB of memory at most\n"
    record = json.loads((tmp_path / "results/tiny/.provenance/out.txt.json").read_text())
    assert record["gpu"] == {"seconds": 81.2, "utilisation": 0.93, "peak_memory": 5 * 2**29}
