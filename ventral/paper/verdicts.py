"""What measured errors say of the paper's claims: a difference for each seed, its interval, and a word.

Networks of one seed are compared with each other, so that what they share (initial weights of what they have in common,
the order of images, their augmentation) does not count. The limits are in `ventral.paper.claims`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.measures.intervals import t_interval
from ventral.paper.claims import CLAIMS, Claim, Comparison, Reading
from ventral.paper.results import Epoch, Result

FEWEST_SEEDS = 3
HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds", "does not hold", "undecided", "not run"
Group = tuple[str, str, str]


@dataclass(frozen=True)
class Verdict:
    """What follows for one comparison.

    Parameters
    ----------
    comparison
        What is compared, and the limit.
    differences
        Of each seed for which all its readings are there, in order of seeds; in percentage points.
    """

    comparison: Comparison
    differences: Mapping[int, float]

    @property
    def seeds(self) -> int:
        """How many seeds were compared."""
        return len(self.differences)

    @property
    def limit(self) -> float:
        """Below which the difference must lie, in percentage points."""
        return self.comparison.below + 0.0  # a limit of -0 is 0

    @cached_property
    def interval(self) -> tuple[float, float, float]:
        """Mean difference over seeds and its 95 % t-interval; NaN where there are too few seeds to have one."""
        if not self.differences:
            return math.nan, math.nan, math.nan
        mean, low, high = t_interval(list(self.differences.values()))
        return float(mean), float(low), float(high)

    @property
    def verdict(self) -> str:
        """A word: "holds" if the whole interval is below the limit, "does not hold" if it is above, else "undecided".

        With fewer than 3 seeds it is always "undecided", and with none "not run".
        """
        if not self.differences:
            return NOT_RUN
        _, low, high = self.interval
        if self.seeds < FEWEST_SEEDS or low <= self.limit <= high:
            return UNDECIDED
        return HOLDS if high < self.limit else FAILS

    @property
    def why(self) -> str:
        """Why nothing was decided, if it is for want of seeds."""
        few = 0 < self.seeds < FEWEST_SEEDS
        return f"{counted(self.seeds, 'seed')}; {FEWEST_SEEDS} are needed" if few else ""


@dataclass(frozen=True)
class Finding:
    """What follows for a claim, from one verdict for each of its comparisons."""

    claim: Claim
    verdicts: tuple[Verdict, ...]

    @property
    def verdict(self) -> str:
        """A word: "holds" if all do, "does not hold" if one does not, "not run" if none was, else "undecided"."""
        each = {verdict.verdict for verdict in self.verdicts}
        if FAILS in each:
            return FAILS
        return each.pop() if len(each) == 1 else UNDECIDED


def judge(claim: Claim, results: Iterable[Result]) -> Finding:
    """What results say of a claim.

    Parameters
    ----------
    claim
        Of the paper.
    results
        Of one scale, recipe and data, in any order; those that the claim does not compare are left aside.

    Raises
    ------
    StoreError
        If results are of several groups, an error is not a number, or something was measured twice.
    """
    return _judge(claim, errors(results))


def judge_all(results: Iterable[Result]) -> list[Finding]:
    """What results say of every claim, in order; arguments and errors are those of `judge`."""
    found = errors(results)
    return [_judge(claim, found) for claim in CLAIMS.values()]


def errors(results: Iterable[Result]) -> dict[Reading, dict[int, float]]:
    """Validation errors in %, by what was read and seed; a reading without a time is the one trained for.

    Raises
    ------
    StoreError
        As `judge`.
    """
    found: dict[Reading, dict[int, float]] = {}
    networks: dict[str, tuple[object, ...]] = {}
    rows = list(results)
    if len({(*group_of(row), row.images, row.tested) for row in rows}) > 1:
        raise StoreError(f"results of {_groups(rows)} cannot be compared; give those of one.")
    if len({(row.settings, row.images_id) for row in rows}) > 1:
        raise StoreError(
            f"results of {_groups(rows)} are of several recipes or images of these names; name them apart."
        )
    for row in rows:
        network = (row.model, row.t, row.parameters, row.epochs)
        if networks.setdefault(row.variant, network) != network:
            raise StoreError(f"{row.variant} is not the same network for every seed; train anew those that are older.")
        if not math.isfinite(row.validation_error):
            raise StoreError(f"{_named(row)} has an error of {row.validation_error}; train it anew.")
        readings = [Reading(row.variant, to_ms(row.test_t)), Reading(row.variant)]
        for reading in readings if row.test_t == row.t else readings[:1]:
            of_seed = found.setdefault(reading, {})
            if row.seed in of_seed:
                raise StoreError(f"{_named(row)} is there twice; remove one.")
            of_seed[row.seed] = row.validation_error
    return found


def group_of(row: Result | Epoch) -> Group:
    """Scale, recipe and data: what is compared has these in common."""
    return row.scale, row.recipe, row.data


def by_group(results: Iterable[Result]) -> dict[Group, list[Result]]:
    """Results that can be compared with each other, by scale, recipe and data, in order of these."""
    groups: dict[Group, list[Result]] = {}
    for row in results:
        groups.setdefault(group_of(row), []).append(row)
    return dict(sorted(groups.items()))


def rows_of_verdicts(findings: Iterable[Finding]) -> list[tuple[str, ...]]:
    """Lines for a person: claim, what is compared, difference with its interval in points, seeds, verdict."""
    return [
        (
            finding.claim.name,
            verdict.comparison.text,
            spell_interval(*verdict.interval, verdict.seeds),
            str(verdict.seeds),
            verdict.verdict + f" ({verdict.why})" * bool(verdict.why),
        )
        for finding in findings
        for verdict in finding.verdicts
    ]


def spell_interval(middle: float, low: float, high: float, seeds: int) -> str:
    """As in "−1.20 [−2.00, −0.40]"; the interval only where there are seeds enough for a verdict."""
    if not seeds:
        return ""
    return spell(middle) + f" [{spell(low)}, {spell(high)}]" * (seeds >= FEWEST_SEEDS)


def spell(points: float) -> str:
    """A number with two decimals, never "−0.00"."""
    text = f"{points:.2f}"
    return text.lstrip("-") if not float(text) else text.replace("-", "−")


def counted(number: int, what: str) -> str:
    """As in "1 seed", "2 seeds"."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def _judge(claim: Claim, found: Mapping[Reading, Mapping[int, float]]) -> Finding:
    return Finding(claim, tuple(Verdict(each, _differences(each, found)) for each in claim.comparisons))


def _differences(comparison: Comparison, found: Mapping[Reading, Mapping[int, float]]) -> dict[int, float]:
    """The difference of each seed for which all readings are there."""
    read = {reading: found.get(reading, {}) for reading in comparison.terms}
    seeds = sorted(set.intersection(*(set(of_seed) for of_seed in read.values())))
    terms = comparison.terms.items()
    return {seed: math.fsum(factor * read[reading][seed] for reading, factor in terms) for seed in seeds}


def _named(row: Result) -> str:
    return f"{row.variant} at {to_ms(row.test_t)} ms, seed {row.seed} (scale {row.scale}, {row.recipe}, {row.data})"


def _groups(rows: Sequence[Result]) -> str:
    """What was mixed, for the error."""
    apart = {f"scale {r.scale}, {r.recipe}, {r.data}, {r.images:,} and {r.tested:,} images" for r in rows}
    return " and of ".join(sorted(apart))
