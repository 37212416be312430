"""Laws of the verdicts: exact intervals, what decides them, what does not matter, and what cannot be compared."""

import math
import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from measurements import result, results_table

from ventral.errors import StoreError
from ventral.paper.claims import CLAIMS, Claim, Comparison, degrades
from ventral.paper.verdicts import FAILS, HOLDS, UNDECIDED, errors, jointly, judge, spell, verdict_of, verdict_rows

# 97.5 % points of Student's t with 2 and 3 degrees of freedom, from tables
T_2, T_3 = 4.302653, 3.182446


def claim(*limits: float, left: str = "a", right: str = "b") -> Claim:
    comparisons = (Comparison("a less than b", left, right, limit) for limit in limits)
    return Claim("i", "Sharing costs little.", "Fig. 6", tuple(comparisons))


def pairs(differences, base=20.0):
    """Errors of a and b whose difference is given for each seed."""
    rows = []
    for seed, difference in enumerate(differences):
        rows += [result("a", base + seed + difference, seed=seed), result("b", base + seed, seed=seed)]
    return rows


def verdicts(claim, rows):
    """The rows of the verdict of results on one claim."""
    return judge(results_table(rows), {claim.name: claim})


def verdict(claim, rows):
    """The verdict on a claim of one comparison."""
    (row,) = verdicts(claim, rows).itertuples()
    return row


def interval(row):
    return row.difference, row.low, row.high


@pytest.mark.parametrize(
    ("differences", "mean", "half"),
    [
        ((1, 2, 3), 2, T_2 / math.sqrt(3)),
        ((-4, -4, -4), -4, 0),
        ((0, 0, 0, 4), 1, T_3 * 2 / math.sqrt(4)),
    ],
)
def test_the_interval_is_student_s(differences, mean, half):
    row = verdict(claim(0), pairs(differences))
    assert row.seeds == len(differences)
    assert interval(row) == pytest.approx((mean, mean - half, mean + half), abs=1e-5)
    assert row.by_seed == pytest.approx(differences)


# 1, 2, 3 have the interval from -0.484 to 4.484
@pytest.mark.parametrize(
    ("limit", "word"),
    [(4.49, "holds"), (4.48, "undecided"), (2, "undecided"), (-0.48, "undecided"), (-0.49, "does not hold")],
)
def test_a_comparison_holds_if_its_whole_interval_is_below_the_limit_and_does_not_if_it_is_above(limit, word):
    row = verdict(claim(limit), pairs((1, 2, 3)))
    assert (row.verdict, row.claim_verdict, row.why) == (word, word, "")


def test_an_interval_that_touches_the_limit_decides_nothing():
    assert verdict(claim(2), pairs((2, 2, 2), base=0.0)).verdict == "undecided"


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


@pytest.mark.parametrize(
    ("verdicts", "decisive", "word"),
    [
        ([HOLDS, HOLDS], FAILS, HOLDS),
        ([HOLDS, UNDECIDED], FAILS, UNDECIDED),
        ([HOLDS, UNDECIDED, FAILS], FAILS, FAILS),
        ([HOLDS, FAILS, "broken"], "broken", "broken"),
        ([FAILS, HOLDS], "broken", UNDECIDED),
    ],
)
def test_several_verdicts_agree_or_are_undecided_unless_one_is_decisive(verdicts, decisive, word):
    assert jointly(verdicts, decisive) == word


@pytest.mark.parametrize(("seeds", "why"), [(1, "1 seed; 3 are needed"), (2, "2 seeds; 3 are needed")])
def test_too_few_seeds_decide_nothing_however_clear(seeds, why):
    row = verdict(claim(0), pairs((-50,) * seeds))
    assert (row.verdict, row.why, row.difference) == ("undecided", why, -50)
    assert verdict(claim(0), pairs((-50,) * 3)).verdict == "holds"


@pytest.mark.parametrize("rows", [[], [result("a", 10), result("b", 10, seed=1)]])
def test_without_a_seed_there_is_no_verdict_and_no_number(rows):
    row = verdict(claim(0), rows)
    assert row.claim_verdict == row.verdict == "not run"
    assert np.isnan(interval(row)).all()
    assert (row.seeds, row.why) == (0, "")


def test_what_both_sides_of_a_seed_share_does_not_count():
    rows = pairs((1, 2, 3))
    shifted = [{**row, "validation_error": row["validation_error"] + 10 * (row["seed"] + 1) ** 2} for row in rows]
    assert interval(verdict(claim(0), shifted)) == pytest.approx(interval(verdict(claim(0), rows)))


def test_the_order_of_rows_does_not_matter_in_the_last_bit():
    rows = pairs([random.Random(1).gauss(0, 3) for _ in range(9)], base=1 / 3)
    mixed = random.Random(2).sample(rows, len(rows))
    pd.testing.assert_frame_equal(verdicts(claim(1), mixed), verdicts(claim(1), rows), check_exact=True)


@pytest.mark.parametrize(
    "others", [[result("a", 99, seed=7), result("b", 1, seed=8)], [result("c", 5)]], ids=["half a seed", "a network"]
)
def test_a_seed_of_which_one_side_is_missing_and_other_networks_are_left_out(others):
    rows = pairs((1, 2, 3))
    pd.testing.assert_frame_equal(verdicts(claim(0), rows + others), verdicts(claim(0), rows), check_exact=True)


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
    assert set(verdicts(claim(*limits), pairs((1, 2, 3)))["claim_verdict"]) == {word}


@pytest.mark.parametrize(("limit", "word"), [(5, "undecided"), (-1, "does not hold")])
def test_a_claim_of_which_a_part_was_not_run_is_undecided_unless_another_part_does_not_hold(limit, word):
    both = claim(limit).comparisons + claim(0, right="nowhere").comparisons
    rows = verdicts(replace(claim(), comparisons=both), pairs((1, 2, 3)))
    assert rows["verdict"].iloc[1] == "not run"
    assert rows["claim_verdict"].iloc[0] == word


def test_an_error_without_a_time_is_that_trained_for_and_one_with_a_time_is_at_that():
    rows = results_table([result("a", error, test_t=t) for error, t in ((10, 10), (30, 6), (50, 15))])
    assert errors(rows).loc[0].to_dict() == {"a": 10, "a@100ms": 10, "a@60ms": 30, "a@150ms": 50}
    assert set(errors(rows[1:])) == {"a@60ms", "a@150ms"}


@pytest.mark.parametrize(("error", "word"), [(14.9, "holds"), (15.1, "does not hold")])
def test_an_error_at_another_time_is_compared_with_that_at_the_trained_time(error, word):
    name, rows = "three-state-no-self", []
    for seed in range(3):
        rows += [result(name, 10 + 1e-6 * seed, seed=seed), result(name, error, seed=seed, test_t=8)]
    row = verdict(Claim("v", "Errors grow.", "Fig. 10", (degrades(name, 80, 100, 5.0),)), rows)
    assert row.verdict == word
    assert row.difference == pytest.approx(error - 10, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": "full"}, "scale full, fast, CIFAR-10, .* and of scale small, fast, CIFAR-10, .* cannot be compared"),
        ({"recipe": "paper"}, "small, fast, CIFAR-10, .* and of scale small, paper, .* cannot be compared"),
        ({"data": "shapes"}, "cannot be compared"),
        ({"images": 200}, "10,000 and 5,000 images and of .* 200 and 5,000 images cannot be compared"),
        ({"tested": 500}, "10,000 and 5,000 images and of .* 10,000 and 500 images cannot be compared"),
        ({"settings": "epochs=5"}, "are of several recipes or images of these names; name them apart"),
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
    for order in ([*rows, last | change], [last | change, *rows][::-1]):
        with pytest.raises(StoreError, match=message):
            judge(results_table(order))


def test_all_claims_are_judged_in_order():
    nothing = judge(results_table([]))
    assert list(nothing["claim"].unique()) == list(CLAIMS)
    assert set(nothing["claim_verdict"]) == {"not run"}
    rows = [result("one-state", 20, seed=seed) for seed in range(3)]
    rows += [result("one-state-inhomogeneous", 25 + seed, seed=seed) for seed in range(3)]
    run = judge(results_table(rows)).query("seeds > 0")
    assert list(zip(run["claim"], run["claim_verdict"], strict=True)) == [("vii-a", "holds")]


def test_a_limit_of_minus_zero_is_zero():
    assert math.copysign(1, verdict(claim(-0.0), []).limit) == 1


@pytest.mark.parametrize(
    ("limit", "differences", "row"),
    [
        (5, (1, 2, 3), ("i", "a less than b", "2.00 [−0.48, 4.48]", "3", "holds")),
        (0, (-1.004, -1), ("i", "a less than b", "−1.00", "2", "undecided (2 seeds; 3 are needed)")),
        (0, (), ("i", "a less than b", "", "0", "not run")),
    ],
)
def test_rows_for_reading_say_what_was_found(limit, differences, row):
    assert verdict_rows(verdicts(claim(limit), pairs(differences))) == [row]


@pytest.mark.parametrize(
    ("number", "text"), [(-0.001, "0.00"), (0.001, "0.00"), (-0.006, "−0.01"), (-12.344, "−12.34"), (3, "3.00")]
)
def test_a_number_never_is_minus_zero(number, text):
    assert spell(number) == text
