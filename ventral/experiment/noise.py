"""Noise from one presentation to the next, without which a network responds to an image in the same way every time.

Noise is part of the network's state, so it spreads to other areas and later times.

Source: variance in proportion to the mean, as that of Poisson counts, is what cortical neurons show roughly (Softky &
Koch 1993, J. Neurosci. 13:334); Gaussian noise is the usual alternative.
"""

import math
from dataclasses import dataclass

from ventral.errors import UsageError, choose, quoted

KINDS = ("gaussian", "poisson")


@dataclass(frozen=True)
class Noise:
    """Noise of a kind and a level, in some areas or all.

    Parameters
    ----------
    kind
        "gaussian", added to states; or "poisson": the rate of a unit, its rectified state, becomes a count of spikes
        in each tick, divided by the level, and its subthreshold part stays.
    level
        The standard deviation in units of a state; or spikes in a tick per unit of rectified state.
    areas
        Names of the areas that have it; all if empty.

    Raises
    ------
    UsageError
        If there is no such kind, or the level is not a positive number.
    """

    kind: str
    level: float
    areas: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", choose("kind of noise", self.kind, KINDS))
        object.__setattr__(self, "areas", tuple(self.areas))
        if not 0 < self.level < math.inf:
            raise UsageError(f"the level of noise is {self.level:g}; give a number above 0.")

    @classmethod
    def read(cls, text: str) -> "Noise":
        """Noise as typed: "gaussian:0.5", or "poisson:2:V4,IT" for some areas only.

        >>> Noise.read("poisson:2:V4,IT")
        Noise(kind='poisson', level=2.0, areas=('V4', 'IT'))
        """
        kind, *rest = text.split(":")
        choose("kind of noise", kind, KINDS)
        try:
            level, *areas = rest
            return cls(kind, float(level), tuple(name for part in areas for name in part.split(",") if name))
        except ValueError:
            raise UsageError(
                f"noise is {quoted(text)}; write it as {kind}:0.5, or {kind}:0.5:V4,IT for some areas only."
            ) from None

    def __str__(self) -> str:
        where = f":{','.join(self.areas)}" if self.areas else ""
        return f"{self.kind}:{self.level:g}{where}"
