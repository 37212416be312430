"""Verdicts: what a difference with its interval says of a claim or a prediction.

Networks of one seed are compared with each other, so that what they share (initial weights of their common parts, the
order of images, their augmentation) does not count. The limits are in `ventral.paper.claims`.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.measures.intervals import t_interval
from ventral.paper.claims import CLAIMS, Claim, Comparison, error_name

FEWEST_SEEDS = 3
HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds", "does not hold", "undecided", "not run"


def verdict_of(low: float, high: float, limit: float = 0.0, *, above: bool = False) -> str:
    """The verdict on a difference that should lie below a limit, or above it, from the ends of its interval.

    Returns "holds" if the whole interval lies on the right side, "does not hold" if it lies on the other, and
    "undecided" if it contains or touches the limit, or has no ends (NaN).
    """
    is_below, is_above = high < limit, low > limit
    if above:
        is_below, is_above = is_above, is_below
    return HOLDS if is_below else FAILS if is_above else UNDECIDED


def jointly(verdicts: Collection[str], decisive: str = FAILS) -> str:
    """The verdict on several together: the decisive one if any is that, the common one if all agree, else undecided."""
    different = set(verdicts)
    if decisive in different:
        return decisive
    return different.pop() if len(different) == 1 else UNDECIDED


def judge(results: pd.DataFrame, claims: Mapping[str, Claim] = CLAIMS) -> pd.DataFrame:
    """The verdict of results on claims: results of one cohort, in any order, and of any networks.

    Returns
    -------
    DataFrame
        A row for each comparison: "claim", its name; "claim_verdict", the common verdict of all its comparisons, but
        "does not hold" if one of them does not, else "undecided"; "comparison", in words; "terms", the errors that it
        compares; "seeds", the number of seeds of which both were measured; "difference", the mean over these in
        percentage points, with the ends "low" and "high" of its 95 % t-interval, NaN where there are too few seeds to
        have one; "limit"; "verdict", always "undecided" with fewer than 3 seeds, and "not run" with none; "why", the
        lack of seeds if it is undecided for that, else empty; and "by_seed", a tuple of the difference of each seed.

    Raises
    ------
    StoreError
        If results are of several cohorts, an error is not a number, or something was measured twice.
    """
    measured = errors(results)
    rows = [
        {"claim": claim.name, "claim_verdict": "", **_judged(comparison, measured)}
        for claim in claims.values()
        for comparison in claim.comparisons
    ]
    table = pd.DataFrame(rows)
    return table.assign(claim_verdict=table.groupby("claim", sort=False)["verdict"].transform(jointly))


def errors(results: pd.DataFrame) -> pd.DataFrame:
    """Validation errors in %, a row for each seed and a column for each name of an error; raises what `judge` does."""
    _expect_comparable(results)
    at_ms = results["test_t"].map(to_ms)
    named = results.assign(error=list(map(error_name, results["variant"], at_ms)))
    trained = results[results["t"] == results["test_t"]]
    both = pd.concat([named, trained.assign(error=trained["variant"])])
    if (twice := both.duplicated(["error", "seed"])).any():
        raise StoreError(f"{_title(both[twice].iloc[0])} is in the table twice; remove one.")
    return both.pivot(index="seed", columns="error", values="validation_error")


def verdict_rows(verdicts: pd.DataFrame) -> list[tuple[str, ...]]:
    """Rows for reading: claim, comparison, difference with its interval in points, number of seeds, verdict."""
    return [
        (row.claim, row.comparison, spell_row(row), str(row.seeds), f"{row.verdict} ({row.why})".removesuffix(" ()"))
        for row in verdicts.itertuples()
    ]


def spell_row(row: Any) -> str:
    """The difference of a row of `judge` and its interval as text."""
    return spell_interval(row.difference, row.low, row.high, row.seeds)


def spell_interval(middle: float, low: float, high: float, seeds: int) -> str:
    """As in "−1.20 [−2.00, −0.40]"; the interval only with enough seeds for a verdict, nothing without a seed."""
    if seeds < FEWEST_SEEDS:
        return spell(middle) if seeds else ""
    return f"{spell(middle)} [{spell(low)}, {spell(high)}]"


def spell(points: float) -> str:
    """A number with two decimals, never "−0.00"."""
    text = f"{points:.2f}"
    return text.lstrip("-") if not float(text) else text.replace("-", "−")


def counted(number: int, noun: str) -> str:
    """As in "1 seed", "2 seeds"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _judged(comparison: Comparison, measured: pd.DataFrame) -> dict[str, Any]:
    """A comparison's columns of `judge`."""
    left, right = (measured.get(error, pd.Series()) for error in (comparison.left, comparison.right))
    by_seed = tuple((left - right).dropna())  # of the seeds of which both errors were measured
    seeds, limit = len(by_seed), comparison.below + 0.0  # a limit of -0 is 0
    mean, low, high = map(float, t_interval(by_seed)) if seeds else [math.nan] * 3
    few = 0 < seeds < FEWEST_SEEDS
    return {
        "comparison": comparison.text,
        "terms": f"+1*{comparison.left} -1*{comparison.right}",
        "seeds": seeds,
        "difference": mean,
        "low": low,
        "high": high,
        "limit": limit,
        "verdict": verdict_of(low, high, limit) if seeds >= FEWEST_SEEDS else UNDECIDED if seeds else NOT_RUN,
        "why": f"{counted(seeds, 'seed')}; {FEWEST_SEEDS} are needed" if few else "",
        "by_seed": by_seed,
    }


def _expect_comparable(rows: pd.DataFrame) -> None:
    """Refuse results that must not be compared, or of which an error is not a number."""
    sizes = rows[["scale", "recipe", "data", "images", "tested"]].drop_duplicates().itertuples(index=False)
    mixed = sorted(f"scale {s.scale}, {s.recipe}, {s.data}, {s.images:,} and {s.tested:,} images" for s in sizes)
    if len(mixed) > 1:
        raise StoreError(f"results of {' and of '.join(mixed)} cannot be compared; give those of one.")
    if len(rows[["settings", "images_id"]].drop_duplicates()) > 1:
        raise StoreError(f"results of {mixed[0]} are of several recipes or images of these names; name them apart.")
    networks = rows[["variant", "model", "t", "parameters", "epochs"]].drop_duplicates()
    if (changed := networks["variant"].duplicated()).any():
        name = networks["variant"][changed].iloc[0]
        raise StoreError(f"{name} is not the same network for every seed; train the older ones again.")
    if len(unknown := rows[~np.isfinite(rows["validation_error"])]):
        row = unknown.iloc[0]
        raise StoreError(f"{_title(row)} has an error of {row['validation_error']}; train it again.")


def _title(row: pd.Series) -> str:
    cohort = f"scale {row['scale']}, {row['recipe']}, {row['data']}"
    return f"{row['variant']} at {to_ms(row['test_t'])} ms, seed {row['seed']} ({cohort})"
