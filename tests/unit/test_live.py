"""Bars on a terminal: what they show, and that lines above them stay."""

import io
import re
import time

import pytest
from test_progress import BEGUN, COHORT, EPOCH, log_of

from manyseeds import live, progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def screen(written: str) -> list[str]:
    """The lines that a terminal shows after some output. It knows line feeds, returns, and the sequences of bars."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[J|\x1b\[\d+A|\r|\n|[^\x1b\r\n]+", written):
        if part == "\x1b[J":
            lines[row] = lines[row][:column]
            del lines[row + 1 :]
        elif part.startswith("\x1b"):
            row -= int(part[2:-1])
        elif part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            lines[row] = lines[row][:column] + part + lines[row][column + len(part) :]
            column += len(part)
    return lines


@pytest.fixture
def training(tmp_path):
    path = log_of(tmp_path / "results/mine", 0)
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([BEGUN, EPOCH]) + "\n")
    return path


def test_bars_are_as_long_as_what_is_done():
    assert live.bar(0, 4, 8) == "░░░░░░░░"
    assert live.bar(3, 4, 8) == "██████░░"
    assert live.bar(9, 4, 8) == "████████"
    assert live.bar(0, 0, 8) == "░░░░░░░░"


def test_lines_have_jobs_and_trainings_with_the_time_that_is_left(tmp_path):
    found = []
    for k, epoch in enumerate((EPOCH, COHORT)):
        path = log_of(tmp_path / "results/mine", k)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([BEGUN, epoch]) + "\n")
        found.append(progress.read_training(path, path.stat().st_mtime))
    jobs, alone, cohort = live.lines(4, 20, 90, found, 100)
    assert re.fullmatch(r"jobs +█{5}░{19}  4 of 20, 90 s", jobs)
    assert alone.startswith("net/baseline/seed0 ")
    assert alone.endswith("  epoch 3 of 10, about 7 min left")
    assert cohort.startswith("net/baseline/seed2 and 1 others ")
    assert cohort.endswith("  epoch 5 of 10, about 5 min left")
    assert len({line.index("█") for line in (jobs, alone, cohort)}) == 1
    assert all(len(line) <= 80 for line in live.lines(4, 20, 90, found, 80))
    assert list(live.lines(4, 20, 90, found * 5, 100))[-1] == "and 2 more trainings"


def test_lines_stay_above_the_bars_and_nothing_is_left_of_them(tmp_path, training, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setattr(live, "SECONDS", 0.02)
    terminal = Terminal()
    bars = live.Bars(terminal, training.parents[4], 20)
    bars.write("before\n")
    bars.start()
    time.sleep(0.1)
    training.touch()  # a log of this run
    bars.count(4, 20)
    time.sleep(0.2)
    bars.write("a warning\n")
    time.sleep(0.2)
    shown = screen(terminal.getvalue())
    assert shown[:2] == ["before", "a warning"]
    assert "4 of 20" in shown[2]
    assert "net/baseline/seed0" in shown[3]
    assert len(shown) == 4
    training.unlink()
    time.sleep(0.2)
    assert [line[:6] for line in screen(terminal.getvalue())] == ["before", "a warn", "jobs  "]
    bars.stop()
    bars.stop()
    bars.write("the end\n")
    time.sleep(0.1)
    assert screen(terminal.getvalue()) == ["before", "a warning", "the end", ""]


def test_trainings_of_an_earlier_run_have_no_bar(training):
    bars = live.Bars(Terminal(), training.parents[4], 1)
    bars._begun = training.stat().st_mtime + 1
    assert bars._trainings(time.time()) == []
    bars._begun -= 2
    assert len(bars._trainings(time.time())) == 1


def test_only_a_terminal_is_watched(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert live.is_watched(Terminal())
    assert not live.is_watched(io.StringIO())
    closed = io.StringIO()
    closed.close()
    assert not live.is_watched(closed)
    monkeypatch.setenv("TERM", "dumb")
    assert not live.is_watched(Terminal())
