"""What the fuzzing tests share: how many inputs each generates, what counts as one clear sentence, damaged bytes."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyseeds.errors import StudyError, breaks_lines

INPUTS: dict[str, int] = {}
"""Number of inputs that each fuzzing test generates, by its name."""

OUTCOMES: Counter[str] = Counter()
"""How many inputs were accepted and refused so far: a test in which all are refused shows little."""


def fuzzed(n: int, inputs: st.SearchStrategy, *, accepts: int = 10, refuses: int = 10) -> Callable:
    """Make a test of a check that takes an input and an empty folder: of `n` inputs, the same in every run, of which at
    least so many are accepted and so many refused.
    """

    def decorate(check: Callable[[Any, Path], None]) -> Callable:
        INPUTS[check.__qualname__] = n

        def test(tmp_path: Path) -> None:
            seen = 0
            OUTCOMES.clear()

            @settings(
                max_examples=n, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
            )
            @given(inputs)
            def each(value: Any) -> None:
                nonlocal seen
                seen += 1
                folder = tmp_path / str(seen)
                folder.mkdir()
                check(value, folder)

            each()
            assert seen >= n
            assert OUTCOMES["accepted"] >= accepts, OUTCOMES
            assert OUTCOMES["refused"] >= refuses, OUTCOMES

        test.__name__, test.__qualname__, test.__doc__ = check.__name__, check.__qualname__, check.__doc__
        test.__module__ = check.__module__
        return test

    return decorate


def accepted(read: Callable[[], Any], *names: str) -> tuple[Any] | None:
    """Return what is read, in a tuple, or None where it is refused: in one sentence with one of the names in it.

    Whatever else is raised is a traceback that a user would have seen.
    """
    try:
        outcome = (read(),)
    except StudyError as problem:
        OUTCOMES["refused"] += 1
        check_sentence(str(problem), *names)
        return None
    OUTCOMES["accepted"] += 1
    return outcome


def check_sentence(message: str, *names: str) -> None:
    assert len(message.splitlines()) == 1, message
    assert not breaks_lines(message), repr(message)
    assert message.endswith((".", "?")), message
    assert not names or any(name in message for name in names), (message, names)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with some of them lost, flipped, overwritten, doubled or added."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["cut", "flip", "flip", "overwrite", "remove", "insert", "repeat"])):
            case "cut":
                del data[at:]
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "overwrite":
                garbage = draw(st.binary(min_size=1, max_size=16))
                data[at : at + len(garbage)] = garbage
            case "remove":
                del data[at : at + draw(st.integers(1, 16))]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=16))
            case "repeat":
                data[at:at] = data[at : at + 16]
    return bytes(data)
