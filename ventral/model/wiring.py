"""Common sets of areas and of transitions between them.

Source: Liao & Poggio (2016), Fig. 4.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from ventral.model.areas import Area, Transition

NAMES = ("V1", "V2", "V4", "IT")


def pyramid(count: int, channels: int, identity: float, size: int = 32) -> tuple[Area, ...]:
    """Areas V1, V2, V4, IT (the first `count`), each with half the size and twice the channels of the one before."""
    return tuple(Area(name, channels << i, size >> i, identity) for i, name in enumerate(NAMES[:count]))


def residual(source: Area, target: Area) -> Transition:
    """The paper's transition between two areas: BRC, or BRD to a larger area, with a third stage for three octaves."""
    octaves = math.log2(source.size / target.size)
    kind = f"BR{'C' if octaves >= 0 else 'D'}x{3 if abs(octaves) > 2 else 2}"
    return Transition(source.name, target.name, kind)


def adjacent(areas: Sequence[Area], lateral: bool = True) -> tuple[Transition, ...]:
    """Feedforward, feedback and (if `lateral`) self-transitions between neighbours in a list."""
    own = [residual(area, area) for area in areas if lateral]
    return (*own, *(residual(*pair) for low, high in pairwise(areas) for pair in ((low, high), (high, low))))


def full(areas: Sequence[Area]) -> tuple[Transition, ...]:
    """Transitions from every area to every area, itself included."""
    return tuple(residual(source, target) for source in areas for target in areas)
