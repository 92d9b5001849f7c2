"""The fuzzing tests themselves: how many inputs there are, and that they would notice."""

import pickle
from pathlib import Path

import pytest
import test_fuzz_cli
import test_fuzz_config
import test_fuzz_images
import test_fuzz_networks
import test_fuzz_own
from fuzzing import INPUTS, accepted, fuzzed
from hypothesis import strategies as st
from own_folders import Intruder

from manyseeds.errors import StudyError

MODULES = (test_fuzz_config, test_fuzz_images, test_fuzz_networks, test_fuzz_own)


def test_there_are_a_thousand_inputs_and_twenty_through_the_command_line():
    tests = {name for module in MODULES for name in vars(module) if name.startswith("test_")}
    assert sum(n for name, n in INPUTS.items() if name in tests) >= 1000  # each test asserts that it had its own
    assert len(test_fuzz_cli.STUDIES) + len(test_fuzz_cli.FILES) >= 20


@pytest.mark.parametrize(
    ("problem", "passes"),
    [
        (StudyError("Config key seed: found a, expected b."), True),
        (StudyError("Something is wrong."), False),
        (StudyError("Config key seed: found a, expected"), False),
        (TypeError("Config key seed: found a, expected b."), False),
    ],
)
def test_anything_but_a_sentence_that_names_the_key_is_noticed(problem, passes, tmp_path):
    def check(value, folder):
        def read():
            raise problem

        accepted(read, "Config key seed")

    run = fuzzed(20, st.integers(), accepts=0)(check)
    INPUTS.pop(check.__qualname__)
    if passes:
        run(tmp_path)
    else:
        with pytest.raises((AssertionError, TypeError)):
            run(tmp_path)


def test_the_pickles_with_code_would_run_it(tmp_path):
    pickle.loads(pickle.dumps([Intruder(tmp_path / "made")]))
    assert (tmp_path / "made").is_dir()


def test_a_study_error_keeps_to_one_line():
    assert str(StudyError(f"{Path('a')}: found\n two lines \x1b[0m \udcff.")) == "a: found two lines \\x1b[0m \\udcff."
