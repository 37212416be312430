"""Laws of the verdicts: exact intervals, what decides them, what does not matter, and what cannot be compared."""

import math
import random
from dataclasses import replace

import pytest

from ventral.errors import StoreError
from ventral.paper.claims import CLAIMS, Claim, Comparison, ErrorAt, nearer_than_chance
from ventral.paper.results import Result, cohort_of, grouped
from ventral.paper.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    errors,
    jointly,
    judge,
    judge_all,
    spell,
    verdict_of,
    verdict_rows,
)

# 97.5 % points of Student's t with 2 and 3 degrees of freedom, from tables
T_2, T_3 = 4.302653, 3.182446


def result(variant: str, seed: int, error: float, **others: object) -> Result:
    fields: dict[str, object] = {
        "figure": "fig6",
        "variant": variant,
        "model": variant,
        "sharing": "over-time",
        "statistics": "per-tick",
        "prenet": "conv",
        "t": 10,
        "test_t": 10,
        "seed": seed,
        "scale": "small",
        "recipe": "fast",
        "data": "CIFAR-10",
        "settings": "epochs=5 learning_rate=0.05",
        "images_id": "0a1b",
        "parameters": 1000,
        "epochs": 5,
        "images": 100,
        "tested": 50,
        "validation_error": error,
        "training_error": 1.0,
        "seconds": 1.0,
        "device": "cpu",
        "torch": "2",
    }
    return Result(**{**fields, **others})  # type: ignore[arg-type]


def claim(*limits: float, left: str = "a", right: str = "b") -> Claim:
    terms = {ErrorAt(left): 1.0, ErrorAt(right): -1.0}
    return Claim("i", "so it is", "here", tuple(Comparison("a less than b", terms, limit) for limit in limits))


def pairs(differences, base=20.0) -> list[Result]:
    """Errors of a and b whose difference is given for each seed."""
    rows = []
    for seed, difference in enumerate(differences):
        rows += [result("a", seed, base + seed + difference), result("b", seed, base + seed)]
    return rows


def only(finding):
    (verdict,) = finding.comparisons
    return verdict


@pytest.mark.parametrize(
    ("differences", "mean", "half"),
    [
        ((1, 2, 3), 2, T_2 / math.sqrt(3)),
        ((-4, -4, -4), -4, 0),
        ((0, 0, 0, 4), 1, T_3 * 2 / math.sqrt(4)),
    ],
)
def test_the_interval_is_student_s(differences, mean, half):
    verdict = only(judge(claim(0), pairs(differences)))
    assert verdict.seeds == len(differences)
    assert verdict.interval == pytest.approx((mean, mean - half, mean + half), abs=1e-5)


# 1, 2, 3 have the interval from -0.484 to 4.484
@pytest.mark.parametrize(
    ("limit", "word"),
    [(4.49, "holds"), (4.48, "undecided"), (2, "undecided"), (-0.48, "undecided"), (-0.49, "does not hold")],
)
def test_a_comparison_holds_if_its_whole_interval_is_below_the_limit_and_does_not_if_it_is_above(limit, word):
    finding = judge(claim(limit), pairs((1, 2, 3)))
    assert only(finding).verdict == finding.verdict == word
    assert only(finding).why == ""


def test_an_interval_that_touches_the_limit_decides_nothing():
    assert judge(claim(2), pairs((2, 2, 2), base=0.0)).verdict == "undecided"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.01, 0.2, HOLDS),
        (0.0, 0.2, UNDECIDED),
        (-0.1, 0.2, UNDECIDED),
        (-0.1, 0.0, UNDECIDED),
        (0.0, 0.0, UNDECIDED),
        (-0.2, -0.1, FAILS),
        (math.nan, math.nan, UNDECIDED),
    ],
)
def test_a_difference_that_should_lie_above_a_limit_is_judged_like_one_that_should_lie_below(low, high, word):
    assert verdict_of(low, high, above=True) == verdict_of(-high, -low) == word
    assert verdict_of(low + 7, high + 7, 7, above=True) == word


def test_several_verdicts_agree_or_are_undecided_unless_one_is_decisive():
    assert jointly([HOLDS, HOLDS]) == HOLDS
    assert jointly([HOLDS, UNDECIDED]) == UNDECIDED
    assert jointly([HOLDS, UNDECIDED, FAILS]) == FAILS
    assert jointly([HOLDS, FAILS, "broken"], "broken") == "broken"
    assert jointly([FAILS, HOLDS], "broken") == UNDECIDED


@pytest.mark.parametrize(("seeds", "why"), [(1, "1 seed; 3 are needed"), (2, "2 seeds; 3 are needed")])
def test_too_few_seeds_decide_nothing_however_clear(seeds, why):
    verdict = only(judge(claim(0), pairs((-50,) * seeds)))
    assert (verdict.verdict, verdict.why, verdict.interval[0]) == ("undecided", why, -50)
    assert judge(claim(0), pairs((-50,) * 3)).verdict == "holds"


def test_without_a_seed_there_is_no_verdict_and_no_number():
    for rows in ([], [result("a", 0, 10), result("b", 1, 10)]):
        finding = judge(claim(0), rows)
        assert finding.verdict == only(finding).verdict == "not run"
        assert all(math.isnan(number) for number in only(finding).interval)
        assert (only(finding).seeds, only(finding).why) == (0, "")


def test_what_both_sides_of_a_seed_share_does_not_count():
    rows = pairs((1, 2, 3))
    shifted = [replace(row, validation_error=row.validation_error + 10 * (row.seed + 1) ** 2) for row in rows]
    assert only(judge(claim(0), shifted)).interval == pytest.approx(only(judge(claim(0), rows)).interval)


def test_the_order_of_rows_does_not_matter_in_the_last_bit():
    rows = pairs([random.Random(1).gauss(0, 3) for _ in range(9)], base=1 / 3)
    mixed = random.Random(2).sample(rows, len(rows))
    assert verdict_rows([judge(claim(1), mixed)]) == verdict_rows([judge(claim(1), rows)])
    assert only(judge(claim(1), mixed)).interval == only(judge(claim(1), rows)).interval


def test_a_seed_of_which_one_side_is_missing_is_left_out():
    rows = pairs((1, 2, 3))
    assert judge(claim(0), [*rows, result("a", 7, 99), result("b", 8, 1)]) == judge(claim(0), rows)


def test_networks_that_are_not_compared_are_left_aside():
    assert judge(claim(0), [*pairs((1, 2, 3)), result("c", 0, 5)]) == judge(claim(0), pairs((1, 2, 3)))


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        ((5, 6), "holds"),
        ((5, 2), "undecided"),
        ((5, -1), "does not hold"),
        ((2, -1), "does not hold"),
        ((2, 2), "undecided"),
    ],
)
def test_a_claim_holds_if_all_comparisons_do_and_does_not_if_one_does_not(limits, word):
    assert judge(claim(*limits), pairs((1, 2, 3))).verdict == word


def test_a_claim_of_which_a_part_was_not_run_is_undecided_unless_another_part_does_not_hold():
    for limit, word in ((5, "undecided"), (-1, "does not hold")):
        both = claim(limit).comparisons + claim(0, right="nowhere").comparisons
        finding = judge(replace(claim(), comparisons=both), pairs((1, 2, 3)))
        assert [verdict.verdict for verdict in finding.comparisons][1] == "not run"
        assert finding.verdict == word


def test_a_reading_without_a_time_is_that_trained_for_and_one_with_a_time_is_at_that():
    rows = [result("a", 0, 10), result("a", 0, 30, test_t=6), result("a", 0, 50, test_t=15)]
    found = errors(rows)
    assert found[ErrorAt("a")] == found[ErrorAt("a", 100)] == {0: 10}
    assert found[ErrorAt("a", 60)] == {0: 30}
    assert found[ErrorAt("a", 150)] == {0: 50}
    assert set(errors(rows[1:])) == {ErrorAt("a", 60), ErrorAt("a", 150)}


@pytest.mark.parametrize(("error", "word"), [(49.9, "holds"), (50.1, "does not hold")])
def test_nearer_to_the_trained_error_than_to_chance_means_below_their_middle(error, word):
    name = "three-state-no-self"
    rows = [
        row for seed in range(3) for row in (result(name, seed, 10 + 1e-6 * seed), result(name, seed, error, test_t=6))
    ]
    comparison = nearer_than_chance(name, 60, 100)
    finding = judge(Claim("v", "so it is", "here", (comparison,)), rows)
    assert finding.verdict == word
    assert only(finding).interval[0] == pytest.approx(error - 5, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": "full"}, "scale full, fast, CIFAR-10, .* and of scale small, fast, CIFAR-10, .* cannot be compared"),
        ({"recipe": "paper"}, "small, fast, CIFAR-10, .* and of scale small, paper, .* cannot be compared"),
        ({"data": "shapes"}, "cannot be compared"),
        ({"images": 200}, "100 and 50 images and of .* 200 and 50 images cannot be compared"),
        ({"tested": 500}, "100 and 50 images and of .* 100 and 500 images cannot be compared"),
        (
            {"settings": "epochs=5 learning_rate=0.1"},
            "are of several recipes or images of these names; name them apart",
        ),
        ({"images_id": "2c3d"}, "are of several recipes or images of these names; name them apart"),
        ({"model": "b:channels=4"}, "b is not the same network for every seed"),
        ({"epochs": 50}, "b is not the same network for every seed"),
        ({"parameters": 7}, "b is not the same network for every seed"),
        ({"t": 9}, "b is not the same network for every seed"),
        ({"validation_error": math.nan}, "b at 100 ms, seed 2 .* has an error of nan; train it again"),
        ({"validation_error": math.inf}, "b at 100 ms, seed 2 .* has an error of inf"),
        ({"seed": 1}, r"b at 100 ms, seed 1 \(scale small, fast, CIFAR-10\) is in the table twice; remove one"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    *rows, last = pairs((1, 2, 3))
    for order in ([*rows, replace(last, **change)], [replace(last, **change), *rows][::-1]):
        with pytest.raises(StoreError, match=message):
            judge(claim(0), order)
        with pytest.raises(StoreError, match=message):
            judge_all(order)


def test_groups_can_be_judged_apart_and_not_together():
    small = pairs((-1, -1.1, -1.2))
    full = [replace(row, scale="full") for row in pairs((1, 1.1, 1.2))]
    groups = grouped([*full, *small], cohort_of)
    assert groups == {("full", "fast", "CIFAR-10"): full, ("small", "fast", "CIFAR-10"): small}
    assert [judge(claim(0), rows).verdict for rows in groups.values()] == ["does not hold", "holds"]


def test_all_claims_are_judged_in_order():
    assert [finding.claim for finding in judge_all([])] == list(CLAIMS.values())
    assert {finding.verdict for finding in judge_all([])} == {"not run"}
    rows = [result("one-state", seed, 20) for seed in range(3)]
    rows += [result("one-state-inhomogeneous", seed, 25 + seed) for seed in range(3)]
    held = {finding.claim.name: finding.verdict for finding in judge_all(rows)}
    assert {name for name, word in held.items() if word != "not run"} == {"vii-a"}
    assert held["vii-a"] == "holds"


def test_a_limit_of_minus_zero_is_zero():
    assert math.copysign(1, only(judge(claim(-0.0), [])).limit) == 1


def test_rows_for_a_person_say_what_was_found():
    decided, open_ = judge(claim(5), pairs((1, 2, 3))), judge(claim(0), pairs((-1.004, -1)))
    assert verdict_rows([decided, open_, judge(claim(0), [])]) == [
        ("i", "a less than b", "2.00 [−0.48, 4.48]", "3", "holds"),
        ("i", "a less than b", "−1.00", "2", "undecided (2 seeds; 3 are needed)"),
        ("i", "a less than b", "", "0", "not run"),
    ]


@pytest.mark.parametrize(
    ("number", "text"), [(-0.001, "0.00"), (0.001, "0.00"), (-0.006, "−0.01"), (-12.344, "−12.34"), (3, "3.00")]
)
def test_a_number_never_is_minus_zero(number, text):
    assert spell(number) == text
