"""Claims are declared as the document has them, and estimates earn the verdicts that it describes (methods 14)."""

import csv
from itertools import product
from math import inf, nan

import pytest
import yaml
from configs import study
from places import ROOT

from manyseeds.errors import StudyError
from manyseeds.paper import claims
from manyseeds.paper.claims import Estimate, Gate, Verdict
from manyseeds.study import tasks

SHIPPED = ROOT / "data/claims.csv"
DECLARED = claims.read_claims(SHIPPED)
CLAIMS = {claim.name: claim for claim in DECLARED.claims}

ALL = "all_confirm_any_refutes"

# typed by hand from methods 14
FAMILY = 0.99375  # 1 - 0.05 / 8
GATES = {
    "accepted_networks": ("estimate >= 8", "estimate < 8"),
    "median_training_accuracy": ("estimate >= 0.99", "estimate < 0.95"),
    "lowest_training_accuracy": ("estimate >= 0.95", "estimate < 0.95"),
    "mean_lossless_test_accuracy": ("estimate >= 0.78", "estimate < 0.78"),
}
NINE = "conv1 conv2 conv3 conv4 conv5 conv6 conv7 conv8 conv9"
STATEMENTS = f"""
1 | layer_difference | correlation | exemplar | conv9 conv1 | last | own
2 | centroid_minus_exemplar | correlation | centroid exemplar | conv9 | last | own
2 | centroid_minus_exemplar | euclidean | centroid exemplar | conv9 | last | own
3 | centroid_above_random_grouping | correlation | centroid random_centroid | conv9 | last |
4 | within_category_minus_exemplar | correlation | within_category exemplar | conv9 | last | own
5 | layer_difference | cosine | exemplar | conv9 conv1 | last | own
5 | layer_difference | euclidean | exemplar | conv9 conv1 | last | own
5 | layer_difference | unit_euclidean | exemplar | conv9 conv1 | last | own
5 | layer_difference | norm_difference | exemplar | conv9 conv1 | last | own
6 | cci_consistency_over_layers | correlation | exemplar | {NINE} | last | z
7 | epoch_difference | correlation | exemplar | conv9 | 1 last | own
7 | consistency_accuracy_over_epochs | correlation | exemplar | conv9 | followed | z
8 | same_minus_different_networks | correlation | exemplar | conv9 | first_milestone last | own
exemplar_level | consistency | correlation | exemplar | conv9 | last | logit
centroid_level | consistency | correlation | centroid | conv9 | last | logit
cocktail_level | cocktail_minus_none | correlation | exemplar | conv9 | last | own
"""
CONDITIONS_BY_ROW = """
1 | | 0.99375 | upper < -0.2 | lower > -0.1
2 | 0.437 | 0.99375 | lower > 0.2 | upper < 0.1
2 | 0.213 | 0.99375 | lower > 0.1 | upper < 0.05
3 | | 0.99375 | p <= 0.025 | p > 0.25
4 | | 0.99375 | interval inside -0.15 0.15 | interval outside -0.15 0.15
5 | | 0.99375 | upper < 0 | lower > 0
5 | | 0.99375 | upper < 0 | lower > 0
5 | | 0.99375 | upper < 0 | lower > 0
5 | | 0.99375 | upper < 0 | lower > 0
6 | -0.92 | 0.99375 | upper < -0.5 | lower > -0.3
7 | | 0.99375 | lower > 0.1 | upper < 0
7 | -0.91 | 0.99375 | upper < -0.5 |
8 | | 0.99375 | lower > 0.2 | upper < 0.05
exemplar_level | 0.443 | 0.95 | estimate within 0.10 of published and interval inside 0.29 0.59 |
centroid_level | 0.88 | 0.95 | estimate within 0.10 of published |
cocktail_level | | 0.95 | lower > 0 and upper < 0.15 |
"""


def cells(*values):
    """A line of the tables above; what a statement does not have is left blank."""
    texts = [" ".join(value) if isinstance(value, tuple) else "" if value is None else str(value) for value in values]
    return " | ".join(texts).replace("|  |", "| |").strip()


def text_of(condition):
    return condition and condition.text


# the file as shipped


def test_the_shipped_claims_are_those_of_the_document():
    statements = [statement for claim in DECLARED.claims for statement in claim.statements]
    keys = [(s.claim, s.statistic, s.measure, s.comparison, s.layers, s.epochs, s.scale) for s in statements]
    assert [cells(*key) for key in keys] == STATEMENTS.strip().splitlines()
    conditions = [(s.claim, s.published, s.level, text_of(s.confirmed_if), text_of(s.refuted_if)) for s in statements]
    assert [cells(*row) for row in conditions] == CONDITIONS_BY_ROW.strip().splitlines()
    assert all(statement.description for statement in statements)


def test_numbered_claims_combine_as_the_document_says_and_levels_are_alone():
    kinds = {(claim.name, s.kind, s.combine) for claim in DECLARED.claims for s in claim.statements}
    several = {(number, "claim", ALL) for number in "257"}
    single = {(number, "claim", "alone") for number in "13468"}
    assert kinds == several | single | {
        (f"{name}_level", "level", "alone") for name in ("exemplar", "centroid", "cocktail")
    }


def test_the_level_of_the_claims_shares_five_percent_among_them():
    tested = [claim for claim in DECLARED.claims if claim.statements[0].kind == "claim"]
    assert 1 - 0.05 / len(tested) == FAMILY


def test_the_shipped_gates_are_those_of_the_document():
    assert {g.statistic: (text_of(g.confirmed_if), text_of(g.refuted_if)) for g in DECLARED.gates} == GATES
    assert len(DECLARED.gates) == 4
    assert {(g.kind, g.claim, g.combine, g.epochs) for g in DECLARED.gates} == {("gate", "gates", ALL, ("last",))}


def test_the_words_of_the_paper_are_kept():
    words = {s.key: s.published_as for claim in DECLARED.claims for s in claim.statements if s.published_as}
    assert words["3", "centroid_above_random_grouping", "correlation"] == "< 0.025"
    assert words["exemplar_level", "consistency", "correlation"] == "0.443 [0.429, 0.455]"
    assert DECLARED.gates[3].published_as == "0.844 to 0.859"


# verdicts

LOW_R = Estimate(-0.9, -0.99, -0.6)
FALLS = Estimate(-0.3, -0.5, -0.1)
RISES = Estimate(0.3, 0.1, 0.5)
UNSURE = Estimate(0.0, -0.5, 0.5)
UNDEFINED = Estimate(nan, nan, nan)

VERDICTS = [
    # 1: upper < -0.2 against lower > -0.1
    ("1", [Estimate(-0.3, -0.4, -0.21)], "confirmed"),
    ("1", [Estimate(-0.3, -0.4, -0.2)], "undecided"),
    ("1", [Estimate(-0.25, -0.5, 0.0)], "undecided"),
    ("1", [Estimate(-0.15, -0.19, -0.11)], "undecided"),
    ("1", [Estimate(0.0, -0.1, 0.1)], "undecided"),
    ("1", [Estimate(-0.05, -0.09, 0.0)], "refuted"),
    # 2: both measures, with thresholds of their own; either refutes
    ("2", [Estimate(0.4, 0.21, 0.5), Estimate(0.2, 0.11, 0.3)], "confirmed"),
    ("2", [Estimate(0.4, 0.2, 0.5), Estimate(0.2, 0.11, 0.3)], "undecided"),
    ("2", [Estimate(0.4, 0.21, 0.5), Estimate(0.2, 0.1, 0.3)], "undecided"),
    ("2", [Estimate(0.2, 0.11, 0.3), Estimate(0.4, 0.21, 0.5)], "undecided"),
    ("2", [Estimate(0.15, 0.12, 0.18), Estimate(0.07, 0.06, 0.08)], "undecided"),
    ("2", [Estimate(0.05, 0.0, 0.09), Estimate(0.2, 0.11, 0.3)], "refuted"),
    ("2", [Estimate(0.05, 0.0, 0.1), Estimate(0.2, 0.11, 0.3)], "undecided"),
    ("2", [Estimate(0.4, 0.21, 0.5), Estimate(0.02, 0.0, 0.04)], "refuted"),
    ("2", [Estimate(0.4, 0.21, 0.5), Estimate(0.02, 0.0, 0.05)], "undecided"),
    ("2", [UNDEFINED, Estimate(0.2, 0.11, 0.3)], "undecided"),
    ("2", [None, Estimate(0.02, 0.0, 0.04)], "refuted"),
    # 3: p <= 0.025 against p > 0.25
    ("3", [Estimate(0.88, None, None, 0.025)], "confirmed"),
    ("3", [Estimate(0.88, None, None, 1 / 1001)], "confirmed"),
    ("3", [Estimate(0.88, None, None, 0.0251)], "undecided"),
    ("3", [Estimate(0.88, None, None, 0.25)], "undecided"),
    ("3", [Estimate(0.88, 0.8, 0.9, 0.251)], "refuted"),
    ("3", [Estimate(0.88, 0.8, 0.9)], "undecided"),
    ("3", [Estimate(0.88, 0.8, 0.9, nan)], "undecided"),
    ("3", [Estimate(nan, 0.8, 0.9, 0.001)], "undecided"),
    # 4: inside +-0.15, or wholly outside
    ("4", [Estimate(0.0, -0.15, 0.15)], "confirmed"),
    ("4", [Estimate(0.0, -0.151, 0.1)], "undecided"),
    ("4", [Estimate(0.0, -0.1, 0.151)], "undecided"),
    ("4", [Estimate(0.0, -0.9, 0.9)], "undecided"),
    ("4", [Estimate(0.2, 0.15, 0.3)], "undecided"),
    ("4", [Estimate(0.2, 0.151, 0.3)], "refuted"),
    ("4", [Estimate(-0.2, -0.3, -0.151)], "refuted"),
    ("4", [Estimate(-0.2, -0.3, -0.15)], "undecided"),
    # 5: all four measures; any refutes
    ("5", [FALLS] * 4, "confirmed"),
    ("5", [FALLS, FALLS, UNSURE, FALLS], "undecided"),
    ("5", [FALLS, FALLS, FALLS, Estimate(-0.1, -0.2, 0.0)], "undecided"),
    ("5", [FALLS, FALLS, FALLS, RISES], "refuted"),
    ("5", [RISES, UNSURE, UNDEFINED, None], "refuted"),
    ("5", [FALLS, FALLS, FALLS, Estimate(0.1, 0.0, 0.2)], "undecided"),
    ("5", [FALLS, UNDEFINED, FALLS, FALLS], "undecided"),
    ("5", [FALLS, FALLS, FALLS, None], "undecided"),
    # 6: upper < -0.5 against lower > -0.3
    ("6", [Estimate(-0.9, -0.99, -0.51)], "confirmed"),
    ("6", [Estimate(-0.9, -0.99, -0.5)], "undecided"),
    ("6", [Estimate(-0.4, -0.9, 0.5)], "undecided"),
    ("6", [Estimate(-0.1, -0.3, 0.5)], "undecided"),
    ("6", [Estimate(-0.1, -0.29, 0.5)], "refuted"),
    # 7: the difference and r; only the difference can refute
    ("7", [Estimate(0.3, 0.11, 0.5), LOW_R], "confirmed"),
    ("7", [Estimate(0.3, 0.1, 0.5), LOW_R], "undecided"),
    ("7", [Estimate(0.3, 0.11, 0.5), Estimate(-0.9, -0.99, -0.5)], "undecided"),
    ("7", [Estimate(0.3, 0.11, 0.5), Estimate(0.9, 0.8, 0.99)], "undecided"),
    ("7", [Estimate(0.3, 0.11, 0.5), Estimate(-0.2, -0.4, -0.1)], "undecided"),
    ("7", [Estimate(-0.1, -0.2, -0.01), LOW_R], "refuted"),
    ("7", [Estimate(-0.1, -0.2, 0.0), LOW_R], "undecided"),
    ("7", [Estimate(-0.1, -0.2, -0.01), UNDEFINED], "refuted"),
    ("7", [Estimate(0.3, 0.11, 0.5), UNDEFINED], "undecided"),
    # 8: lower > 0.2 against upper < 0.05
    ("8", [Estimate(0.3, 0.21, 0.4)], "confirmed"),
    ("8", [Estimate(0.3, 0.2, 0.4)], "undecided"),
    ("8", [Estimate(0.1, 0.0, 0.4)], "undecided"),
    ("8", [Estimate(0.0, -0.1, 0.05)], "undecided"),
    ("8", [Estimate(0.0, -0.1, 0.04)], "refuted"),
    # levels: nothing refutes them
    ("exemplar_level", [Estimate(0.443, 0.29, 0.59)], "confirmed"),
    ("exemplar_level", [Estimate(0.543, 0.5, 0.58)], "confirmed"),
    ("exemplar_level", [Estimate(0.343, 0.3, 0.4)], "confirmed"),
    ("exemplar_level", [Estimate(0.5431, 0.5, 0.58)], "undecided"),
    ("exemplar_level", [Estimate(0.3429, 0.3, 0.4)], "undecided"),
    ("exemplar_level", [Estimate(0.443, 0.289, 0.5)], "undecided"),
    ("exemplar_level", [Estimate(0.443, 0.3, 0.591)], "undecided"),
    ("exemplar_level", [Estimate(0.9, 0.85, 0.95)], "undecided"),
    ("exemplar_level", [Estimate(0.443, nan, nan)], "undecided"),
    ("centroid_level", [Estimate(0.78, 0.5, 0.9)], "confirmed"),
    ("centroid_level", [Estimate(0.98, 0.9, 0.99)], "confirmed"),
    ("centroid_level", [Estimate(0.779, 0.7, 0.9)], "undecided"),
    ("centroid_level", [Estimate(0.981, 0.9, 0.99)], "undecided"),
    ("centroid_level", [Estimate(0.88, None, None)], "undecided"),
    ("cocktail_level", [Estimate(0.05, 0.01, 0.149)], "confirmed"),
    ("cocktail_level", [Estimate(0.05, 0.0, 0.1)], "undecided"),
    ("cocktail_level", [Estimate(0.05, 0.01, 0.15)], "undecided"),
    ("cocktail_level", [Estimate(0.05, -0.5, 0.1)], "undecided"),
    ("cocktail_level", [Estimate(0.9, 0.8, 0.95)], "undecided"),
]


def by_key(name, estimates):
    return dict(zip([s.key for s in CLAIMS[name].statements], estimates, strict=True))


@pytest.mark.parametrize(("name", "estimates", "expected"), VERDICTS)
def test_verdicts_follow_the_declared_thresholds(name, estimates, expected):
    assert claims.verdict(CLAIMS[name], by_key(name, estimates), Gate.PASSED) == expected
    assert claims.verdict(CLAIMS[name], by_key(name, estimates), Gate.UNDERTRAINED) == expected
    assert claims.verdict(CLAIMS[name], by_key(name, estimates), Gate.FAILED) == "not_tested"


def test_each_claim_has_an_estimate_that_confirms_it_one_that_refutes_it_and_one_between():
    found = {(name, verdict) for name, _, verdict in VERDICTS}
    assert found >= set(product("12345678", ("confirmed", "refuted", "undecided")))
    assert found >= set(product(CLAIMS.keys() - set("12345678"), ("confirmed", "undecided")))


NEEDED = [(name, part) for name in CLAIMS for part in (("value", "p") if name == "3" else ("value", "low", "high"))]


@pytest.mark.parametrize(("name", "part"), NEEDED)
@pytest.mark.parametrize("missing", [None, nan, inf])
def test_no_undefined_number_confirms_or_refutes(name, part, missing):
    for estimates in (estimates for claim, estimates, _ in VERDICTS if claim == name):
        parts = [{"value": e.value, "low": e.low, "high": e.high, "p": e.p} | {part: missing} for e in estimates if e]
        without = [Estimate(**each) for each in parts] + [None] * estimates.count(None)
        assert claims.verdict(CLAIMS[name], by_key(name, without), Gate.PASSED) == "undecided"


def test_failed_gates_read_no_estimate_but_others_need_them_all():
    assert claims.verdict(CLAIMS["2"], {}, Gate.FAILED) is Verdict.NOT_TESTED
    estimates = by_key("2", [Estimate(0.4, 0.21, 0.5)] * 2)
    del estimates["2", "centroid_minus_exemplar", "euclidean"]
    with pytest.raises(KeyError, match="euclidean"):
        claims.verdict(CLAIMS["2"], estimates, Gate.PASSED)
    with pytest.raises(ValueError, match="fail"):
        claims.verdict(CLAIMS["2"], {}, "fail")


def test_a_statement_has_an_outcome_of_its_own():
    correlation, euclidean = CLAIMS["2"].statements
    estimate = Estimate(0.15, 0.11, 0.19)
    assert claims.outcome(correlation, estimate) is Verdict.UNDECIDED
    assert claims.outcome(euclidean, estimate) is Verdict.CONFIRMED
    assert claims.outcome(euclidean, Estimate(0.0, -0.1, 0.04)) is Verdict.REFUTED
    assert claims.outcome(euclidean, None) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((0.1, 0.2, 0.1), "found an interval from 0.2 to 0.1"),
        ((0.1, 0, 1, 1.5), "found a p-value of 1.5"),
        ((0, 0, 0, -1), "of -1"),
    ],
)
def test_impossible_estimates_are_refused(numbers, sentence):
    with pytest.raises(ValueError, match=sentence):
        Estimate(*numbers)


# gates


def gate(training, test=0.85):
    return claims.judge_gates(DECLARED.gates, training, test if isinstance(test, list) else [test] * len(training))


@pytest.mark.parametrize(
    ("training", "test", "expected"),
    [
        ([0.99] * 8, 0.78, "passed"),
        ([0.99] * 7, 0.85, "failed"),
        ([1.0] * 10, 0.85, "passed"),
        ([0.99] * 9 + [0.95], 0.85, "passed"),
        ([0.999] * 9 + [0.9499], 0.85, "failed"),
        ([0.95] + [0.9899] * 9, 0.85, "undertrained"),
        ([0.95] * 10, 0.78, "undertrained"),
        ([0.9499] * 10, 0.85, "failed"),
        ([0.98] * 9 + [0.9499], 0.85, "failed"),
        ([0.96] * 4 + [1.0] * 6, 0.85, "passed"),
        ([0.96] * 6 + [1.0] * 4, 0.85, "undertrained"),
        ([0.96] * 7 + [1.0] * 1, 0.7799, "failed"),
        ([1.0] * 10, 0.7799, "failed"),
        ([1.0] * 8, [0.73, 0.83] * 4, "passed"),
        ([1.0] * 8, [0.7, 0.9, 0.9, 0.9, 0.7, 0.7, 0.7, 0.7], "failed"),
        ([1.0] * 8, [0.7] * 5 + [1.0] * 3, "passed"),
        ([1.0] * 8, [0.8] * 6 + [0.6] * 2, "failed"),
        ([1.0] * 8, [0.9] * 7 + [nan], "failed"),
        ([nan] + [1.0] * 9, 0.85, "failed"),
        ([1.0] * 9 + [nan], 0.85, "failed"),
        ([], 0.85, "failed"),
    ],
)
def test_gates_at_their_edges(training, test, expected):
    assert gate(training, test) is Gate(expected)


def test_the_values_of_the_gates_are_named():
    values = claims.gate_values([0.99, 0.97, 1.0, 0.98], [0.8, 0.9, 0.7, 0.8])
    expected = {"accepted_networks": 4, "median_training_accuracy": 0.985, "lowest_training_accuracy": 0.97}
    assert values == pytest.approx(expected | {"mean_lossless_test_accuracy": 0.8})


def test_percentages_and_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match=r"found an accuracy of 99\.5"):
        gate([99.5] * 10)
    with pytest.raises(ValueError, match="found an accuracy of -0"):
        gate([1.0] * 10, -0.1)
    with pytest.raises(ValueError, match="10 training and 9 test accuracies"):
        gate([1.0] * 10, [0.9] * 9)


# the file


def records():
    with SHIPPED.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def written(rows, path, columns=claims.COLUMNS):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row[column] for column in columns] for row in rows)
    return path


def refused(path):
    with pytest.raises(StudyError) as caught:
        claims.read_claims(path)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_columns_may_come_in_any_order(tmp_path):
    assert claims.read_claims(written(records(), tmp_path / "c.csv", claims.COLUMNS[::-1])) == DECLARED


GATE_MEDIAN, GATE_LOWEST, CLAIM_1, CLAIM_2, CLAIM_2B, CLAIM_3, CLAIM_7R, LEVEL = 2, 3, 5, 6, 7, 8, 16, 18
"""Numbers of some rows of the file, the first being 1."""


@pytest.mark.parametrize(
    ("row", "column", "cell", "sentence"),
    [
        (CLAIM_1, "kind", "clam", "row 5: found the kind 'clam'; expected one of gate, claim, level."),
        (CLAIM_1, "kind", "gate", "row 5: found the statistic 'layer_difference'; expected one of accepted_networks"),
        (CLAIM_1, "kind", "", "row 5: found the kind ''"),
        (CLAIM_1, "claim", "", "row 5: found the claim ''; expected a number or a name"),
        (CLAIM_1, "claim", "gates", "row 5: found the claim gates in a row of kind claim"),
        (GATE_LOWEST, "claim", "1", "row 3: found the claim 1 in a row of kind gate"),
        (CLAIM_1, "combine", "any", "row 5: found the combine 'any'; expected one of alone, all_confirm_any_refutes."),
        (CLAIM_2, "combine", "alone", "claim 2: found combine alone and all_confirm_any_refutes; expected the same"),
        (CLAIM_2, "kind", "level", "claim 2: found kind level and claim; expected the same in all its rows."),
        (CLAIM_1, "combine", ALL, "claim 1: found 1 rows combined as all_confirm_any_refutes; expected several."),
        (CLAIM_1, "statistic", "difference", "row 5: found the statistic 'difference'; expected one of layer_diff"),
        (CLAIM_1, "measure", "cosin", "row 5: found the measure 'cosin'"),
        (CLAIM_2B, "measure", "correlation", "row 7: found 2 centroid_minus_exemplar correlation a second time"),
        (CLAIM_1, "comparison", "exemplars", "row 5: found the comparison 'exemplars'; expected one or more of exem"),
        (CLAIM_1, "comparison", "", "row 5: found the comparison ''"),
        (CLAIM_1, "layers", "conv9,conv1", "row 5: found the layers 'conv9,conv1'; expected names of layers"),
        (CLAIM_1, "epochs", "final", "row 5: found the epochs 'final'; expected epochs or last, first_m"),
        (CLAIM_1, "published", "about 0.4", "row 5: found the published 'about 0.4'; expected a number."),
        (CLAIM_1, "published", "nan", "row 5: found the published 'nan'; expected a number."),
        (CLAIM_1, "level", "", "row 5: found the level ''; expected a number."),
        (CLAIM_1, "level", "1", "row 5: found the level 1; expected one between 0 and 1."),
        (CLAIM_1, "level", "95", "row 5: found the level 95; expected one between 0 and 1."),
        (CLAIM_1, "scale", "log", "row 5: found the scale 'log'; expected one of nothing, own, z, logit."),
        (CLAIM_1, "description", " ", "row 5: found no description; expected one."),
        (CLAIM_1, "confirmed_if", "", "row 5: found no confirmed_if; expected one."),
        (CLAIM_1, "refuted_if", "", "claim 1: found no refuted_if; expected a condition in at least one of its rows."),
        # conditions outside the grammar
        (CLAIM_1, "confirmed_if", "lower < -0.2", "row 5: confirmed_if: found 'lower < -0.2'; expected terms joined"),
        (CLAIM_1, "confirmed_if", "upper > 0.2", "row 5: confirmed_if: found 'upper > 0.2'"),
        (CLAIM_1, "confirmed_if", "upper <= -0.2", "row 5: confirmed_if: found 'upper <= -0.2'"),
        (CLAIM_1, "confirmed_if", "upper < −0.2", "row 5: confirmed_if: found 'upper < −0.2'"),
        (CLAIM_1, "confirmed_if", "upper < -.2", "row 5: confirmed_if: found 'upper < -.2'"),
        (CLAIM_1, "confirmed_if", "upper < nan", "row 5: confirmed_if: found 'upper < nan'"),
        (CLAIM_1, "confirmed_if", "upper < -0.2 or lower > 0", "found 'upper < -0.2 or lower > 0'; expected"),
        (CLAIM_1, "confirmed_if", "upper < -0.2 and", "found 'upper < -0.2 and'; expected"),
        (CLAIM_1, "confirmed_if", "upper  < -0.2", "found 'upper  < -0.2'; expected"),
        (CLAIM_1, "confirmed_if", "interval inside 0.1", "found 'interval inside 0.1'; expected terms"),
        (CLAIM_1, "refuted_if", "interval outside 0.1 -0.1", "refuted_if: found 'interval outside 0.1 -0.1'; expected"),
        (CLAIM_1, "confirmed_if", "lower > 0.2 and upper < 0.1", "which no estimate can meet"),
        (CLAIM_3, "refuted_if", "p > 25", "row 8: refuted_if: found 'p > 25', which no estimate can meet"),
        (LEVEL, "published", "", "row 18: confirmed_if: found 'estimate within 0.10 of published' without a number"),
        (LEVEL, "published", "half", "row 18: found the published 'half'; expected a number."),
        (LEVEL, "confirmed_if", "estimate within -0.1 of published", "found 'estimate within -0.1 of published'; exp"),
        # confirmed and refuted overlap
        (CLAIM_1, "refuted_if", "lower > -0.3", "found confirmed_if 'upper < -0.2' and refuted_if 'lower > -0.3', wh"),
        (CLAIM_1, "confirmed_if", "lower > 0.2", "row 5: found confirmed_if 'lower > 0.2' and refuted_if"),
        (CLAIM_3, "refuted_if", "p > 0.02", "which one estimate can meet; expected conditions that exclude each"),
        (CLAIM_7R, "refuted_if", "upper < 0", "row 16: found confirmed_if 'upper < -0.5' and refuted_if 'upper < 0'"),
        # gates
        (GATE_LOWEST, "refuted_if", "estimate < 0.94", "row 3: found the thresholds 0.95 and 0.94 of lowest_training"),
        (GATE_LOWEST, "refuted_if", "", "row 3: found the conditions 'estimate >= 0.95' and '' of a gate; expected"),
        (GATE_LOWEST, "confirmed_if", "lower > 0.95", "row 3: found the conditions 'lower > 0.95' and"),
        (GATE_MEDIAN, "refuted_if", "estimate < 0.995", "row 2: found confirmed_if 'estimate >= 0.99' and refuted_if"),
        (GATE_MEDIAN, "level", "0.95", "row 2: found the level '0.95' of a gate; expected none."),
        (GATE_MEDIAN, "measure", "cosine", "row 2: found the measure 'cosine' of a gate; expected none."),
        (GATE_LOWEST, "statistic", "mean_lossless_test_accuracy", "row 4: found gates mean_lossless_test_accuracy a s"),
    ],
)
def test_a_wrong_cell_gets_one_sentence(row, column, cell, sentence, tmp_path):
    rows = records()
    rows[row - 1][column] = cell
    assert sentence in refused(written(rows, tmp_path / "claims.csv"))


def test_a_missing_gate_and_missing_claims_are_told(tmp_path):
    rows = records()
    for name in GATES:
        kept = [row for row in rows if row["statistic"] != name]
        assert f"found no gate {name}; expected" in refused(written(kept, tmp_path / "claims.csv"))
    gates = [row for row in rows if row["kind"] == "gate"]
    assert "found only gates" in refused(written(gates, tmp_path / "claims.csv"))


@pytest.mark.parametrize("column", claims.COLUMNS)
def test_each_column_is_needed_once(column, tmp_path):
    others = [name for name in claims.COLUMNS if name != column]
    for columns in (others, [*claims.COLUMNS, column]):
        assert f"expected one named {column}." in refused(written(records(), tmp_path / "claims.csv", columns))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, ": the file is missing; expected a table with the columns kind, claim"),
        (b"", "not a table of comma-separated values"),
        (b"\xff\xfe", "not a table of comma-separated values in UTF-8"),
        (b'kind,"claim', "not a table of comma-separated values"),
        (",".join((*claims.COLUMNS, "note")).encode(), "found a column 'note', expected only kind"),
        (",".join(claims.COLUMNS).encode() + b"\ngate,gates\n", "row 1 has 2 values, expected 15, one per column."),
        (",".join(claims.COLUMNS).encode() + b"\n" + b"," * 15, "row 1 has 16 values, expected 15, one per column."),
        (",".join(claims.COLUMNS).encode() + b"\n", "found no gate accepted_networks"),
    ],
)
def test_no_table_gets_one_sentence(content, sentence, tmp_path):
    path = tmp_path / "claims.csv"
    if content is not None:
        path.write_bytes(content)
    assert sentence in refused(path)


# conditions

GRID = [-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5]
CONDITIONS = [
    "lower > 0",
    "lower > 1",
    "upper < 0",
    "upper < 1",
    "lower > 0 and upper < 1",
    "interval inside 0 1",
    "interval inside 1 2",
    "interval outside 0 1",
    "interval outside 0 1 and upper < 2",
    "p <= 0",
    "p > 0",
    "p <= 0.5",
    "p > 0.5",
    "estimate >= 1",
    "estimate < 1",
    "estimate within 1 of published",
    "estimate within 0.5 of published and lower > 1",
]


@pytest.mark.parametrize(("confirmed", "refuted"), list(product(CONDITIONS, repeat=2)))
def test_overlaps_are_found_exactly_where_an_estimate_meets_both(confirmed, refuted, tmp_path):
    one, other = (claims.parse_condition(text, "1") for text in (confirmed, refuted))
    intervals = [(low, high) for low, high in product(GRID, repeat=2) if low <= high]
    estimates = [Estimate(v, *interval, p) for v in GRID for interval in intervals for p in (0, 0.25, 0.5, 0.75)]
    met = any(one.holds(estimate) and other.holds(estimate) for estimate in estimates)
    rows = records()
    rows[CLAIM_1 - 1] |= {"confirmed_if": confirmed, "refuted_if": refuted, "published": "1"}
    path = written(rows, tmp_path / "claims.csv")
    if met:
        assert "which one estimate can meet" in refused(path)
    else:
        claims.read_claims(path)


def test_a_condition_keeps_its_text_and_a_bound_in_decimals():
    condition = claims.parse_condition("estimate within 0.10 of published", "0.443")
    assert condition.text == "estimate within 0.10 of published"
    assert condition.holds(Estimate(0.543, 0.5, 0.6))
    assert condition.holds(Estimate(0.343, 0.3, 0.4))
    assert not condition.holds(Estimate(0.5430001, 0.5, 0.6))
    assert not condition.holds(Estimate(0.3429999, 0.3, 0.4))
    assert 0.7 + 0.1 < 0.8  # in floats
    assert claims.parse_condition("estimate within 0.1 of published", "0.7").holds(Estimate(0.8, 0.7, 0.9))


# the studies whose networks the claims are about


@pytest.mark.parametrize(("name", "width"), [("compressed", 1.0), ("compressed_quarter", 0.25)])
def test_the_declared_studies_are_those_of_the_document(name, width):
    """Typed from methods 14: the declared study, and the same at a quarter of the width."""
    overlay = yaml.safe_load((ROOT / f"studies/{name}.yaml").read_text())
    declared = study(**overlay)
    epochs = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 24, 30, 35)
    assert declared.groups == (("all_cnn_c", "baseline"),)
    assert declared.seeds("all_cnn_c", "baseline") == tuple(range(10))
    assert declared.condition("baseline")["vary"] == ["init"]
    assert (declared.network("all_cnn_c")["width"], declared.network("all_cnn_c")["readout_relu"]) == (width, True)
    assert declared.config["data"]["preprocessing"] == "gcn_zca"
    recipe = tasks.task_values(declared, declared.instances[0])["recipe"]
    assert recipe == {
        "epochs": 35,
        "batch_size": 128,
        "learning_rate": 0.01,
        "milestones": [24, 30, 33],
        "momentum": 0.9,
        "l2": 1e-5,
        "clip_norm": 500,
        "precision": "bf16",
        "compile": True,
        "augmentation": "none",
        "checkpoints": list(epochs),
        "dropout": 0.0,
        "dropout_after": [],
    }
    assert declared.config["collapse"] == {
        "enabled": True,
        "dead": "redraw",
        "min_train_accuracy": None,
        "require_every_category": None,
        "max_attempts": 10,
        "judge_after": [10],
    }
    assert declared.epochs_of("all_cnn_c", "baseline") == epochs
    assert declared.exported_epochs("all_cnn_c", "baseline") == (1, 2, 3, 5, 10, 15, 24, 35)
    assert declared.followed_layers("all_cnn_c") == ("conv9",)
    assert declared.config["training"]["seeds_per_job"] == 1
    assert set(declared.measures) == {"correlation", "cosine", "euclidean", "unit_euclidean", "norm_difference"}
