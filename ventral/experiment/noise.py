"""Noise from one presentation to the next, without which a network gives the same answer to an image every time.

A draw is a function of (seed, stimulus id, condition content, repeat, area): the same whatever else is recorded, and in
whatever order. Noise is part of the network's state, so it goes on to other areas and times.

Source: variance in proportion to the mean, as that of Poisson counts, is what cortical neurons show roughly (Softky &
Koch 1993, J. Neurosci. 13:334); Gaussian noise is the usual alternative.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ventral.errors import UsageError, choose
from ventral.seeds import generator

KINDS = ("gaussian", "poisson")


@dataclass(frozen=True)
class Noise:
    """What noise, how much of it, and where.

    Parameters
    ----------
    kind
        "gaussian", added to states; or "poisson": the rate of a unit, its rectified state, becomes a count of spikes
        in each tick, divided by the level, and its subthreshold part stays.
    level
        The standard deviation in units of a state; or spikes in a tick per unit of rectified state.
    areas
        Which areas have it; all if empty.

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
            return cls(kind, float(level), tuple(name for some in areas for name in some.split(",") if name))
        except ValueError:
            raise UsageError(
                f"noise is {text!r}; write it as {kind}:0.5, or {kind}:0.5:V4,IT for some areas only."
            ) from None

    def __str__(self) -> str:
        where = f":{','.join(self.areas)}" if self.areas else ""
        return f"{self.kind}:{self.level:g}{where}"


@dataclass(eq=False)
class Trials:
    """The noise of a batch of presentations, drawn tick by tick.

    Parameters
    ----------
    noise
        What kind.
    areas
        Where: names of areas.
    keys
        What addresses each presentation's draws, (presentation,).

    Attributes
    ----------
    counts
        Of "poisson": spikes of each area in the last tick, (presentation, channel, y, x).
    """

    noise: Noise
    areas: Sequence[str]
    keys: Sequence[str]
    counts: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._streams = {area: [generator(0, f"noise/{area}/{key}") for key in self.keys] for area in self.areas}

    def __call__(self, states: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """States with the noise of a tick; those of other areas as they are."""
        return {area: self._noisy(area, x) if area in self._streams else x for area, x in states.items()}

    def _noisy(self, area: str, state: Tensor) -> Tensor:
        streams = self._streams[area]
        if self.noise.kind == "gaussian":
            # in the order (channel, y, x) whatever the memory format
            drawn = [torch.randn(state.shape[1:], generator=stream) for stream in streams]
            return state + self.noise.level * torch.stack(drawn).to(state)
        rates = state.clamp(min=0)
        expected = (self.noise.level * rates).float().cpu().contiguous()
        counts = [torch.poisson(one, generator=stream) for one, stream in zip(expected, streams, strict=True)]
        self.counts[area] = torch.stack(counts).to(state)
        return state - rates + self.counts[area] / self.noise.level
