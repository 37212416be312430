"""Accuracy of human observers, to lay beside a model's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.measures.psychophysics import chance_corrected


@dataclass(frozen=True)
class HumanAccuracy:
    """Accuracy of human observers against SOA in one published condition.

    Parameters
    ----------
    name
        The condition, for a legend.
    soa_ms
        SOAs, (soa,).
    correct
        Fraction correct at each, (soa,).
    chance
        Fraction correct of a guess.
    source
        The publication.
    """

    name: str
    soa_ms: tuple[float, ...]
    correct: tuple[float, ...]
    chance: float
    source: str

    @property
    def corrected(self) -> NDArray[np.float64]:
        """Accuracy corrected for chance, (soa,)."""
        return chance_corrected(self.correct, self.chance)


def _tang(name: str, *correct: float) -> HumanAccuracy:
    return HumanAccuracy(f"human observers, {name}", (25, 50, 75, 100, 150), correct, 0.2, "Tang et al. (2018)")


# Five-way classification, the target on until a mask of 500 ms; computed from the released trials
# (github.com/kreimanlab/occlusion-classification).
TANG_2018 = (
    _tang("parts of objects, no mask", 0.564, 0.652, 0.716, 0.731, 0.734),
    _tang("parts of objects, masked", 0.252, 0.451, 0.551, 0.629, 0.719),
    _tang("whole objects, masked", 0.872, 0.968, 0.970, 0.976, 0.987),
)
