"""What a test over time is asked: which curves, over which observations, in which direction, at which level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import TooFewError, UsageError
from ventral.measures.clusters import sides
from ventral.measures.observations import Observations, observe
from ventral.measures.sign_flips import Flips, null_maxima, student_t

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Curves above their baseline, the alternative, the level, and the sign flips of a permutation test.

    Parameters
    ----------
    seen
        Observations, 0 where a curve is absent.
    alternative
        "greater", "less" or "two-sided".
    level
        Level of significance.
    flips
        Those of a permutation test; None for another.
    """

    seen: Observations
    alternative: str
    level: float
    flips: Flips | None = None

    @property
    def number(self) -> int:
        """Number of observations."""
        return self.seen.count(self.seen.units[0])

    @cached_property
    def t(self) -> Array:
        """Student's t as measured, (curve, point, ...)."""
        return np.asarray(student_t(self.seen.values)[0])

    def maxima(self, statistic: Callable[[Array], Array]) -> Array:
        """The statistic of each curve under each flip, (way, curve); see `null_maxima`."""
        assert self.flips is not None
        return null_maxima(self.seen.values, self.flips, statistic)

    def result(self, test: str, p: Array, about: dict[str, Any] | None = None, **more: NDArray[Any]) -> xr.Dataset:
        """A result with its names and how it was made; t and p are NaN where a curve is absent."""
        absent = ~self.seen.present
        parts = {name: np.where(absent, np.nan, values) for name, values in (("t", self.t), ("p", p))}
        parts["significant"] = (p <= self.level) & ~absent
        found = {name: self.seen.named(values) for name, values in (parts | more).items()}
        attrs = dict(self.seen.curves.attrs) | {"test": test} | self._about() | (about or {})
        return xr.Dataset(found, attrs=attrs)

    def _about(self) -> dict[str, Any]:
        about = {"unit_of_observation": self.seen.units[0], "n": self.number, "alternative": self.alternative}
        about |= {"level": self.level, "corrected_over": ", ".join(self.seen.along)}
        if self.flips is None:
            return about
        known = {"permutations": self.flips.number, "exact": int(self.flips.exact)}
        return about | known | {"smallest_p": self.flips.smallest_p, "permutation_seed": self.flips.seed}


def hypothesis(
    curves: xr.DataArray,
    over: str,
    along: str | Sequence[str],
    baseline: float | xr.DataArray | None,
    alternative: str,
    level: float,
    permutations: tuple[int, int] | None = None,
) -> Hypothesis:
    """What a test is asked, from its arguments; `permutations` are the number of flips and their seed.

    Raises
    ------
    UsageError
        As `ventral.measures.significance.cluster_test`.
    """
    if not 0 < level < 1:
        raise UsageError(f"level is {level}; give a number between 0 and 1, such as 0.05.")
    if not isinstance(over, str):
        raise UsageError(f"a test has one unit of observation, not {over}; average the curves over the other first.")
    two_sided = len(sides(alternative)) == 2
    seen = observe(curves, over, along, baseline)
    _refuse_missing(seen)
    seen = replace(seen, values=np.nan_to_num(seen.values))
    if permutations is None:
        return Hypothesis(seen, alternative, level)
    flips = Flips(seen.count(over), permutations[0], two_sided, permutations[1])
    if flips.smallest_p > level:
        error, remedy = UsageError, "use more permutations"
        if flips.exact:
            error, remedy = TooFewError, "use more of them, an alternative with one side"
        raise error(
            f"{seen.said()} permit no p below {flips.smallest_p:.2g} with {flips.number} sign flips, so nothing can be "
            f"significant at {level:g}; {remedy}, or fdr_test."
        )
    return Hypothesis(seen, alternative, level, flips)


def _refuse_missing(seen: Observations) -> None:
    """Refuse a point at which only some observations of a curve have values."""
    missing = np.isnan(seen.values)
    some = missing.any(0) & seen.present
    if some.any():
        place = tuple(np.argwhere(some)[0])
        points = zip(seen.along, place[1:], strict=True)
        where = " and ".join(f"{dim} {seen.curves[dim].values[position]}" for dim, position in points)
        number = int(missing[(slice(None), *place)].sum())
        raise UsageError(
            f"at {where} {number} of {seen.said()} have no value; a test needs all or none of them: leave them out."
        )
