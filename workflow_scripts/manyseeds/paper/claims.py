"""Claims and gates, declared before networks are trained, and verdicts on them (methods 14).

``data/claims.csv`` holds one testable statement per row. Rows with the same name in `claim` make one claim. A condition
joins terms with ``and``. Numbers are plain decimals such as -0.15:

    estimate >= X | estimate < X                the estimate itself
    lower > X | upper < X                       the ends of its interval
    interval inside A B | interval outside A B  all of it lies in [A, B], or none of it
    estimate within X of published              at most X from the number in the column `published`
    p <= X | p > X                              the p-value

Gates are read before any claim. If they fail, nothing is tested.
"""

import csv
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import product
from math import isfinite, nan
from pathlib import Path
from statistics import mean, median
from typing import TypeGuard

from manyseeds.errors import StudyError

COLUMNS = (
    "kind",
    "claim",
    "combine",
    "statistic",
    "measure",
    "comparison",
    "layers",
    "epochs",
    "published",
    "published_as",
    "level",
    "scale",
    "confirmed_if",
    "refuted_if",
    "description",
)
"""Columns of the file, in any order."""

GATE = "gate"
GATES = "gates"
"""The kind of a gate's row, and the name that all gates share as one claim."""

KINDS = (GATE, "claim", "level")
"""Kinds of rows: a gate, a claim about a difference or relation, a statement on the level of a value."""

ALONE = "alone"
ALL_CONFIRM_ANY_REFUTES = "all_confirm_any_refutes"
COMBINATIONS = (ALONE, ALL_CONFIRM_ANY_REFUTES)
"""Ways in which the rows of a claim make its verdict."""

MEDIAN = "median_training_accuracy"
GATE_STATISTICS = ("accepted_networks", MEDIAN, "lowest_training_accuracy", "mean_lossless_test_accuracy")
"""Statistics of the gates. Only the median may lie between its two thresholds."""

STATISTICS = (
    "layer_difference",
    "centroid_minus_exemplar",
    "centroid_above_random_grouping",
    "within_category_minus_exemplar",
    "cci_consistency_over_layers",
    "epoch_difference",
    "consistency_accuracy_over_epochs",
    "same_minus_different_networks",
    "consistency",
    "cocktail_minus_none",
)
"""Statistics of claims. A difference is the first minus the second layer, kind or epoch in its row."""

MEASURES = ("correlation", "cosine", "euclidean", "unit_euclidean", "norm_difference")
COMPARISONS = ("exemplar", "centroid", "within_category", "random_centroid")
SCALES = ("own", "z", "logit")
"""Scales on which jackknife intervals are computed."""

EPOCHS = ("last", "first_milestone", "followed")
"""Names of epochs in the column `epochs`, which a study's schedule defines.

They are the last epoch, the epoch after which the learning rate first falls, and all analysed epochs but 0.
"""

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
COMPARED = re.compile(rf"(estimate (?:>=|<)|lower >|upper <|p (?:<=|>)) ({NUMBER})")
REGION = re.compile(rf"interval (inside|outside) ({NUMBER}) ({NUMBER})")
NEAR = re.compile(r"estimate within ([0-9]+(?:\.[0-9]+)?) of published")
GRAMMAR = (
    "terms joined by 'and': estimate >= X, estimate < X, lower > X, upper < X, p <= X, p > X, interval inside A B, "
    "interval outside A B, estimate within X of published"
)

SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

Key = tuple[str, str, str]
"""Claim, statistic and measure, which identify a statement."""


class Gate(StrEnum):
    """Outcomes of the gates."""

    PASSED = "passed"
    UNDERTRAINED = "undertrained"
    FAILED = "failed"


class Verdict(StrEnum):
    """Verdicts on a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NOT_TESTED = "not_tested"


@dataclass(frozen=True)
class Estimate:
    """An estimate, the ends of its interval at the level of its statement, and its p-value.

    None and NaN are undefined.

    Raises
    ------
    ValueError
        If the ends are in the wrong order, or p is not a probability.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None = None

    def __post_init__(self) -> None:
        if _defined(self.low) and _defined(self.high) and self.low > self.high:
            raise ValueError(f"found an interval from {self.low} to {self.high}; expected the lower end first")
        if _defined(self.p) and not 0 <= self.p <= 1:
            raise ValueError(f"found a p-value of {self.p}; expected one from 0 to 1")


@dataclass(frozen=True)
class Inequality:
    """A quantity of an estimate (estimate, lower, upper or p), a sign and a threshold."""

    quantity: str
    sign: str
    threshold: float

    def holds(self, estimate: Estimate) -> bool:
        """Return whether the inequality holds for an estimate, whose quantity must be defined."""
        values = {"estimate": estimate.value, "lower": estimate.low, "upper": estimate.high, "p": estimate.p}
        value = values[self.quantity]
        assert value is not None
        return SIGNS[self.sign](value, self.threshold)


@dataclass(frozen=True)
class Condition:
    """A condition: its text and its alternatives. All inequalities of one alternative must hold."""

    text: str
    alternatives: tuple[tuple[Inequality, ...], ...]

    def holds(self, estimate: Estimate) -> bool:
        """Return whether an estimate meets the condition.

        A condition on p needs the estimate and p. Any other needs the estimate and both ends of its interval. If one
        of them is undefined, the condition does not hold.
        """
        quantities = {comparison.quantity for comparisons in self.alternatives for comparison in comparisons}
        needed = [estimate.value]
        if "p" in quantities:
            needed.append(estimate.p)
        if quantities != {"p"}:
            needed += [estimate.low, estimate.high]
        if not all(map(_defined, needed)):
            return False
        return any(all(comparison.holds(estimate) for comparison in comparisons) for comparisons in self.alternatives)


@dataclass(frozen=True)
class Statement:
    """A row of the file. `published` is the paper's number, if any, and `published_as` its words."""

    kind: str
    claim: str
    combine: str
    statistic: str
    measure: str
    comparison: tuple[str, ...]
    layers: tuple[str, ...]
    epochs: tuple[str, ...]
    published: float | None
    published_as: str
    level: float | None
    scale: str
    confirmed_if: Condition
    refuted_if: Condition | None
    description: str

    @property
    def key(self) -> Key:
        """Claim, statistic and measure."""
        return self.claim, self.statistic, self.measure


@dataclass(frozen=True)
class Claim:
    """The statements that make one verdict."""

    name: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Claims:
    """The gates, and the claims and levels in the order of the file."""

    gates: tuple[Statement, ...]
    claims: tuple[Claim, ...]


# verdicts


def outcome(statement: Statement, estimate: Estimate | None) -> Verdict:
    """Return confirmed, refuted or undecided for a statement: undecided if a needed number is undefined."""
    if estimate is None:
        return Verdict.UNDECIDED
    if statement.confirmed_if.holds(estimate):
        return Verdict.CONFIRMED
    if statement.refuted_if is not None and statement.refuted_if.holds(estimate):
        return Verdict.REFUTED
    return Verdict.UNDECIDED


def verdict(claim: Claim, estimates: Mapping[Key, Estimate | None], gate: Gate) -> Verdict:
    """Return the verdict on a claim (methods 14).

    A claim is confirmed if all its statements are, and refuted if any statement is. Both ways of combining follow this
    rule, because a claim of one statement is a special case.

    Parameters
    ----------
    claim
        Of `Claims.claims`.
    estimates
        By `Statement.key`, each with its interval at the statement's level; None where there is nothing to estimate.
    gate
        The outcome of `judge_gates`. If the gates failed, no estimate is read.

    Raises
    ------
    KeyError
        If a statement has no entry in `estimates`.
    ValueError
        If `gate` is not an outcome of the gates.
    """
    if Gate(gate) is Gate.FAILED:
        return Verdict.NOT_TESTED
    outcomes = [outcome(statement, estimates[statement.key]) for statement in claim.statements]
    if Verdict.REFUTED in outcomes:
        return Verdict.REFUTED
    return Verdict.CONFIRMED if set(outcomes) == {Verdict.CONFIRMED} else Verdict.UNDECIDED


# gates


def gate_values(training: Sequence[float], lossless_test: Sequence[float]) -> dict[str, float]:
    """Return the statistics of the gates by name; NaN if there is no network or an accuracy is undefined.

    Parameters
    ----------
    training
        The accuracy of each accepted network on all training images with dropout off, from 0 to 1.
    lossless_test
        The accuracies of the same networks on the lossless test images.

    Raises
    ------
    ValueError
        If the numbers of networks differ, or an accuracy lies outside 0 to 1: percentages would pass every gate.
    """
    if len(training) != len(lossless_test):
        raise ValueError(
            f"found {len(training)} training and {len(lossless_test)} test accuracies; expected equally many"
        )
    for accuracy in (*training, *lossless_test):
        if accuracy < 0 or accuracy > 1:
            raise ValueError(f"found an accuracy of {accuracy}; expected a fraction from 0 to 1")
    values = (
        len(training),
        _of_defined(median, training),
        _of_defined(min, training),
        _of_defined(mean, lossless_test),
    )
    return dict(zip(GATE_STATISTICS, map(float, values), strict=True))


def judge_gates(gates: Sequence[Statement], training: Sequence[float], lossless_test: Sequence[float]) -> Gate:
    """Return the outcome of the gates (methods 14).

    The gates fail if one of them fails or is undefined. Otherwise the networks are undertrained if the median lies
    between its two thresholds.

    Parameters
    ----------
    gates
        Of `Claims`.
    training, lossless_test
        As in `gate_values`, which raises the same errors.
    """
    values = gate_values(training, lossless_test)
    # a count or an accuracy is known exactly: its interval is the value itself
    outcomes = [outcome(statement, Estimate(*[values[statement.statistic]] * 3)) for statement in gates]
    if Verdict.REFUTED in outcomes or not all(map(isfinite, values.values())):
        return Gate.FAILED
    return Gate.PASSED if set(outcomes) == {Verdict.CONFIRMED} else Gate.UNDERTRAINED


def _of_defined(function: Callable[[list[float]], float], values: Sequence[float]) -> float:
    """Return a statistic of values, NaN if there are none or one is NaN (order statistics ignore NaN)."""
    values = [float(value) for value in values]
    return function(values) if values and all(map(isfinite, values)) else nan


# conditions


PROBABILITY = (Inequality("p", ">=", 0), Inequality("p", "<=", 1))
"""The range of p-values."""


def parse_condition(text: str, published: str = "") -> Condition:
    """Return a condition from its text (the module describes the grammar).

    Parameters
    ----------
    text
        Such as ``lower > 0 and upper < 0.15``.
    published
        The published number that ``estimate within X of published`` refers to.

    Raises
    ------
    ValueError
        If the text is outside the grammar or no estimate can meet it.
    """
    terms = [_parse_term(term, published) for term in text.split(" and ")]
    alternatives = tuple(tuple(c for part in parts for c in part) for parts in product(*terms))
    if not any(map(_possible, alternatives)):
        raise ValueError(f"found '{text}', which no estimate can meet; expected a condition that can be met")
    return Condition(text, alternatives)


def _parse_term(term: str, published: str) -> list[tuple[Inequality, ...]]:
    """Return the alternatives of one term."""
    if match := COMPARED.fullmatch(term):
        quantity, sign = match[1].split()
        return [(Inequality(quantity, sign, float(match[2])),)]
    if match := REGION.fullmatch(term):
        low, high = float(match[2]), float(match[3])
        if low >= high:
            raise ValueError(f"found '{term}'; expected the lower bound first")
        if match[1] == "inside":
            return [(Inequality("lower", ">=", low), Inequality("upper", "<=", high))]
        return [(Inequality("upper", "<", low),), (Inequality("lower", ">", high),)]
    if match := NEAR.fullmatch(term):
        if not published:
            raise ValueError(f"found '{term}' without a number in the column published; expected one")
        # decimals: 0.7 + 0.1 must be 0.8, but the sum of the floats is less
        centre, margin = Decimal(published), Decimal(match[1])
        low, high = float(centre - margin), float(centre + margin)
        return [(Inequality("estimate", ">=", low), Inequality("estimate", "<=", high))]
    raise ValueError(f"found '{term}'; expected {GRAMMAR}")


def _possible(comparisons: Sequence[Inequality]) -> bool:
    """Return whether an estimate can meet all comparisons.

    Lower ends have only floors here and upper ends only ceilings. So an interval between them exists if a number does.
    The estimate may lie anywhere in its interval.
    """
    for quantities in ({"estimate"}, {"lower", "upper"}, {"p"}):
        chosen = [comparison for comparison in (*comparisons, *PROBABILITY) if comparison.quantity in quantities]
        floors = [comparison for comparison in chosen if comparison.sign.startswith(">")]
        ceilings = [comparison for comparison in chosen if comparison.sign.startswith("<")]
        for floor, ceiling in product(floors, ceilings):
            closed = floor.sign == ">=" and ceiling.sign == "<="
            if floor.threshold > ceiling.threshold or (floor.threshold == ceiling.threshold and not closed):
                return False
    return True


def _overlap(one: Condition, other: Condition) -> bool:
    """Return whether an estimate can meet both conditions."""
    return any(_possible((*a, *b)) for a, b in product(one.alternatives, other.alternatives))


def _defined(value: float | None) -> TypeGuard[float]:
    return value is not None and isfinite(value)


# the file


def read_claims(path: Path) -> Claims:
    """Return the gates and claims that a file declares.

    Raises
    ------
    StudyError
        If the file is not such a table, a row has an unknown value, or a condition is outside the grammar. Also if an
        estimate could both confirm and refute a statement, the rows of a claim disagree, or a gate is missing.
    """
    statements = []
    for number, record in enumerate(_records(path), start=1):
        try:
            statement = _statement(record)
            if statement.key in {other.key for other in statements}:
                raise ValueError(f"found {' '.join(filter(None, statement.key))} a second time; expected it once")
        except ValueError as problem:
            raise StudyError(f"{path}: row {number}: {problem}.") from problem
        statements.append(statement)
    claims = {name: [s for s in statements if s.claim == name] for name in dict.fromkeys(s.claim for s in statements)}
    for name, group in claims.items():
        _check_claim(f"{path}: claim {name}", group)
    gates = tuple(claims.pop(GATES, ()))
    if absent := [name for name in GATE_STATISTICS if name not in {gate.statistic for gate in gates}]:
        raise StudyError(
            f"{path}: found no gate {absent[0]}; expected one row for each of {', '.join(GATE_STATISTICS)}."
        )
    if not claims:
        raise StudyError(f"{path}: found only gates; expected also rows of claims.")
    return Claims(gates, tuple(Claim(name, tuple(group)) for name, group in claims.items()))


def _records(path: Path) -> list[dict[str, str]]:
    """Return the rows of the file, each by column."""
    if not path.is_file():
        raise StudyError(f"{path}: the file is missing; expected a table with the columns {', '.join(COLUMNS)}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = (row for row in csv.reader(file, strict=True) if row)
    except (OSError, ValueError, csv.Error) as problem:  # without a row there is no header to unpack
        raise StudyError(f"{path}: not a table of comma-separated values in UTF-8 ({problem}).") from problem
    for column in COLUMNS:
        if header.count(column) != 1:
            raise StudyError(f"{path}: found the columns {', '.join(header)}, expected one named {column}.")
    if unknown := [column for column in header if column not in COLUMNS]:
        raise StudyError(f"{path}: found a column '{unknown[0]}', expected only {', '.join(COLUMNS)}.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise StudyError(f"{path}: row {number} has {len(row)} values, expected {len(header)}, one per column.")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _statement(record: Mapping[str, str]) -> Statement:
    """Return the statement of a row; raise a ValueError that names its first error."""
    is_gate = _one_of(record, "kind", KINDS) == GATE
    _one_of(record, "combine", COMBINATIONS)
    _one_of(record, "statistic", GATE_STATISTICS if is_gate else STATISTICS)
    _filled(record, "description", "confirmed_if")
    if not re.fullmatch("[a-z0-9_]+", record["claim"]):
        raise ValueError(f"found the claim '{record['claim']}'; expected a number or a name without spaces")
    if (record["claim"] == GATES) != is_gate:
        raise ValueError(
            f"found the claim {record['claim']} in a row of kind {record['kind']}; expected {GATES} in rows of gates "
            "and only there"
        )
    if is_gate:
        _empty(record, "measure", "comparison", "layers", "published", "level", "scale")
    else:
        _one_of(record, "measure", MEASURES)
        _words(record, "comparison", "|".join(COMPARISONS), f"one or more of {', '.join(COMPARISONS)}")
        _words(record, "layers", "[a-z]+[0-9]*", "names of layers")
        _one_of(record, "scale", ("", *SCALES))
        if not 0 < _number(record, "level") < 1:
            raise ValueError(f"found the level {record['level']}; expected one between 0 and 1")
    _words(record, "epochs", f"[0-9]+|{'|'.join(EPOCHS)}", f"epochs or {', '.join(EPOCHS)}")
    conditions = {column: _condition(record, column) for column in ("confirmed_if", "refuted_if")}
    confirmed, refuted = conditions.values()
    assert confirmed is not None  # the column is filled
    if is_gate:
        _check_gate(record, confirmed, refuted)
    if refuted and _overlap(confirmed, refuted):
        raise ValueError(
            f"found confirmed_if '{confirmed.text}' and refuted_if '{refuted.text}', which one estimate can meet; "
            "expected conditions that exclude each other"
        )
    lists = {column: tuple(record[column].split()) for column in ("comparison", "layers", "epochs")}
    numbers = {column: _number(record, column) if record[column] else None for column in ("published", "level")}
    return Statement(**{**record, **lists, **numbers, **conditions})


def _check_gate(record: Mapping[str, str], confirmed: Condition, refuted: Condition | None) -> None:
    """Check that a gate has one threshold above which it passes and one below which it fails."""
    sides = [(condition.alternatives if condition else None) for condition in (confirmed, refuted)]
    match sides:
        case [((Inequality("estimate", ">=", passed),),), ((Inequality("estimate", "<", failed),),)]:
            if passed != failed and record["statistic"] != MEDIAN:
                raise ValueError(
                    f"found the thresholds {passed:g} and {failed:g} of {record['statistic']}; expected the same "
                    f"number twice, since only {MEDIAN} may lie between"
                )
        case _:
            raise ValueError(
                f"found the conditions '{record['confirmed_if']}' and '{record['refuted_if']}' of a gate; expected "
                "'estimate >= X' and 'estimate < X'"
            )


def _check_claim(where: str, group: Sequence[Statement]) -> None:
    """Check that the rows of a claim agree on its kind and on their combination."""
    for column in ("kind", "combine"):
        found = dict.fromkeys(getattr(statement, column) for statement in group)
        if len(found) > 1:
            raise StudyError(f"{where}: found {column} {' and '.join(found)}; expected the same in all its rows.")
    combine = group[0].combine
    if (combine == ALONE) != (len(group) == 1):
        expected = "one" if combine == ALONE else "several"
        raise StudyError(f"{where}: found {len(group)} rows combined as {combine}; expected {expected}.")
    if group[0].kind == "claim" and not any(statement.refuted_if for statement in group):
        raise StudyError(f"{where}: found no refuted_if; expected a condition in at least one of its rows.")


def _one_of(record: Mapping[str, str], column: str, allowed: Sequence[str]) -> str:
    if record[column] not in allowed:
        names = ", ".join(name or "nothing" for name in allowed)
        raise ValueError(f"found the {column} '{record[column]}'; expected one of {names}")
    return record[column]


def _filled(record: Mapping[str, str], *columns: str) -> None:
    for column in columns:
        if not record[column].strip():
            raise ValueError(f"found no {column}; expected one")


def _empty(record: Mapping[str, str], *columns: str) -> None:
    for column in columns:
        if record[column]:
            raise ValueError(f"found the {column} '{record[column]}' of a gate; expected none")


def _words(record: Mapping[str, str], column: str, pattern: str, expected: str) -> None:
    if not re.fullmatch(rf"(?:{pattern})(?: (?:{pattern}))*", record[column]):
        raise ValueError(f"found the {column} '{record[column]}'; expected {expected} with a space between")


def _number(record: Mapping[str, str], column: str) -> float:
    if not re.fullmatch(NUMBER, record[column]):
        raise ValueError(f"found the {column} '{record[column]}'; expected a number")
    return float(record[column])


def _condition(record: Mapping[str, str], column: str) -> Condition | None:
    if not record[column]:
        return None
    published = record["published"]
    if published:
        _number(record, "published")
    try:
        return parse_condition(record[column], published)
    except ValueError as problem:
        raise ValueError(f"{column}: {problem}") from problem
