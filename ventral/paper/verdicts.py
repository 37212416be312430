"""Verdicts: what a difference with its interval says of a claim or a prediction.

Networks of one seed are compared with each other, so that what they share (initial weights of their common parts, the
order of images, their augmentation) does not count. The limits are in `ventral.paper.claims`.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.measures.intervals import t_interval
from ventral.paper.claims import CLAIMS, Claim, Comparison, ErrorAt
from ventral.paper.results import Result

FEWEST_SEEDS = 3
HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds", "does not hold", "undecided", "not run"
ErrorsBySeed = Mapping[ErrorAt, Mapping[int, float]]


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


@dataclass(frozen=True)
class ComparisonVerdict:
    """What the seeds say of one comparison."""

    comparison: Comparison
    differences: Mapping[int, float]  # percentage points by seed, in order, where all errors of a seed were measured

    @property
    def seeds(self) -> int:
        """Number of seeds that were compared."""
        return len(self.differences)

    @property
    def limit(self) -> float:
        """The limit below which the difference must lie, in percentage points."""
        return self.comparison.below + 0.0  # a limit of -0 is 0

    @cached_property
    def interval(self) -> tuple[float, float, float]:
        """Mean difference over seeds and its 95 % t-interval; NaN where there are too few seeds to have one."""
        if not self.differences:
            return math.nan, math.nan, math.nan
        mean, low, high = map(float, t_interval(list(self.differences.values())))
        return mean, low, high

    @property
    def verdict(self) -> str:
        """The verdict; always "undecided" with fewer than 3 seeds, and "not run" with none."""
        if self.seeds < FEWEST_SEEDS:
            return UNDECIDED if self.seeds else NOT_RUN
        return verdict_of(*self.interval[1:], self.limit)

    @property
    def why(self) -> str:
        """The reason for being undecided, if that is a lack of seeds."""
        few = 0 < self.seeds < FEWEST_SEEDS
        return f"{counted(self.seeds, 'seed')}; {FEWEST_SEEDS} are needed" if few else ""

    @property
    def spelled(self) -> str:
        """The mean difference and its interval as text."""
        return spell_interval(*self.interval, self.seeds)


@dataclass(frozen=True)
class ClaimVerdict:
    """What the seeds say of a claim, with one verdict for each of its comparisons."""

    claim: Claim
    comparisons: tuple[ComparisonVerdict, ...]

    @property
    def verdict(self) -> str:
        """The common verdict of all comparisons, but "does not hold" if one of them does not, else "undecided"."""
        return jointly([comparison.verdict for comparison in self.comparisons])


def judge(claim: Claim, results: Iterable[Result]) -> ClaimVerdict:
    """The verdict of results on a claim: results of one cohort, in any order, and of any networks.

    Raises
    ------
    StoreError
        If results are of several cohorts, an error is not a number, or something was measured twice.
    """
    return _judge(claim, errors(results))


def judge_all(results: Iterable[Result]) -> list[ClaimVerdict]:
    """The verdict of results on every claim, in order; arguments and errors are those of `judge`."""
    measured = errors(results)
    return [_judge(claim, measured) for claim in CLAIMS.values()]


def errors(results: Iterable[Result]) -> dict[ErrorAt, dict[int, float]]:
    """Validation errors in %, by variant and time, and by seed; raises what `judge` does."""
    rows = list(results)
    _expect_one_cohort(rows)
    measured: dict[ErrorAt, dict[int, float]] = {}
    networks: dict[str, tuple[object, ...]] = {}
    for row in rows:
        network = (row.model, row.t, row.parameters, row.epochs)
        if networks.setdefault(row.variant, network) != network:
            raise StoreError(f"{row.variant} is not the same network for every seed; train the older ones again.")
        if not math.isfinite(row.validation_error):
            raise StoreError(f"{_title(row)} has an error of {row.validation_error}; train it again.")
        for at_ms in (to_ms(row.test_t), None) if row.test_t == row.t else (to_ms(row.test_t),):
            by_seed = measured.setdefault(ErrorAt(row.variant, at_ms), {})
            if row.seed in by_seed:
                raise StoreError(f"{_title(row)} is in the table twice; remove one.")
            by_seed[row.seed] = row.validation_error
    return measured


def verdict_rows(verdicts: Iterable[ClaimVerdict]) -> list[tuple[str, ...]]:
    """Rows for reading: claim, comparison, difference with its interval in points, number of seeds, verdict."""
    rows: list[tuple[str, ...]] = []
    for claim in verdicts:
        for each in claim.comparisons:
            word = f"{each.verdict} ({each.why})" if each.why else each.verdict
            rows.append((claim.claim.name, each.comparison.text, each.spelled, str(each.seeds), word))
    return rows


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


def _judge(claim: Claim, measured: ErrorsBySeed) -> ClaimVerdict:
    comparisons = []
    for comparison in claim.comparisons:
        terms = [(factor, measured.get(error, {})) for error, factor in comparison.terms.items()]
        seeds = sorted(set.intersection(*(set(by_seed) for _, by_seed in terms)))  # of which all errors were measured
        differences = {seed: math.fsum(factor * by_seed[seed] for factor, by_seed in terms) for seed in seeds}
        comparisons.append(ComparisonVerdict(comparison, differences))
    return ClaimVerdict(claim, tuple(comparisons))


def _expect_one_cohort(rows: Sequence[Result]) -> None:
    """Refuse results that must not be compared."""
    mixed = sorted({f"scale {r.scale}, {r.recipe}, {r.data}, {r.images:,} and {r.tested:,} images" for r in rows})
    if len(mixed) > 1:
        raise StoreError(f"results of {' and of '.join(mixed)} cannot be compared; give those of one.")
    if len({(row.settings, row.images_id) for row in rows}) > 1:
        raise StoreError(f"results of {mixed[0]} are of several recipes or images of these names; name them apart.")


def _title(row: Result) -> str:
    return f"{row.variant} at {to_ms(row.test_t)} ms, seed {row.seed} (scale {row.scale}, {row.recipe}, {row.data})"
