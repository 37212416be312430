"""Timelines: what a network sees and suffers under each condition, and which conditions are the same how long.

Two conditions that have shown the same to an image so far, under the same scales of transitions, have the same states.
So the conditions of an experiment form a tree: its trunk is what all have in common, and a condition that differs from
the others from some tick on is a branch. Each part of the tree needs to be computed once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ventral.experiment.condition import Condition
from ventral.experiment.screen import Screen, Shown


class Moment(NamedTuple):
    """What decides the states at a tick, besides those at the tick before.

    Parameters
    ----------
    shown
        What enters.
    scales
        Scales of transitions, and of identities of areas, at the tick before, sorted; all others are 1.
    """

    shown: Shown
    scales: tuple[tuple[str, float], ...]

    @property
    def blank(self) -> bool:
        """Whether it is the same for all images: grey, or nothing."""
        return all(stimulus.role == "blank" for stimulus in self.shown.frame)


Timeline = Sequence[Moment]  # of a condition, one moment for each tick


def timeline(screen: Screen, condition: Condition) -> tuple[Moment, ...]:
    """The moments of a condition."""
    tables = [{}, *screen.protocol.gains(condition, screen.graph)]
    scales = [tuple(sorted(table.items())) for table in tables]
    return tuple(Moment(*pair) for pair in zip(screen.shown(condition), scales, strict=False))


class Stretch(NamedTuple):
    """A part of the tree: ticks [start, stop) in which some conditions are the same, from the first tick on.

    Parameters
    ----------
    conditions
        Their names.
    start, stop
        Ticks. At `stop` the record ends, or they part.
    """

    conditions: tuple[str, ...]
    start: int
    stop: int


def stretches(timelines: Mapping[str, Timeline]) -> Iterator[Stretch]:
    """The tree of some conditions: each part after the part that it grows from.

    A part is followed by all that grows from it. Of branches those with fewer conditions come first, so that few states
    need to be kept for later: those at which the branches yet to come begin.
    """
    parts = [(tuple(timelines), 0)]
    while parts:
        names, start = parts.pop()
        moments = [timelines[name] for name in names]
        count, stop = len(moments[0]), start
        while stop < count and len({each[stop] for each in moments}) == 1:
            stop += 1
        if stop > start:
            yield Stretch(names, start, stop)
        if stop < count:
            branches: dict[Moment, list[str]] = {}
            for name in names:
                branches.setdefault(timelines[name][stop], []).append(name)
            parts += [(tuple(branch), stop) for branch in sorted(branches.values(), key=len, reverse=True)]


def ticks_in(tree: Iterable[Stretch]) -> int:
    """Number of ticks that are computed for a tree."""
    return sum(stretch.stop - stretch.start for stretch in tree)
