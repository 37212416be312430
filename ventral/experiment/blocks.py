"""Blocks: presentations that share states, because they show the same image and have shown the same so far.

Where the images fill whole batches, a batch is one block of images under one condition, and the batches of one block
are computed together: each part of the tree of their conditions once (see `ventral.experiment.timelines`). What is
grey so far is the same for all images, and computed once for all blocks.

Bits are those of computing each batch alone: states are never changed once they are there, and everything is computed
in the shape of a whole batch.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from ventral.experiment.events import Stimulus
from ventral.experiment.experiment import Experiment
from ventral.experiment.record import Gathered, Record
from ventral.experiment.replay import Steps
from ventral.experiment.screen import Screen, Shown
from ventral.experiment.timelines import Moment, Stretch, Timeline, stretches
from ventral.model.network import Network, States
from ventral.stimuli.images import Images


def shares(experiment: Experiment) -> bool:
    """Whether presentations of an image can share states and each batch is one block of images in one condition.

    An outside network cannot go back to a state. Noise differs in every presentation.
    """
    whole = len(experiment.selection.presented) % experiment.settings.batch == 0
    return whole and experiment.settings.noise is None and isinstance(experiment.model.network, Network)


@dataclass(eq=False)
class Grown:
    """States and record at a tick at which conditions part.

    Parameters
    ----------
    names
        Conditions that are still to be computed from here.
    states, record
        What they have in common; states of one row where all images have the same.
    """

    names: set[str]
    states: States
    record: Record


@dataclass(eq=False)
class Blocks:
    """What computes the conditions of a block of images.

    Parameters
    ----------
    screen
        The screen of the experiment.
    steps
        Steps of the network, with what is recorded of each.
    record
        An empty record.

    Attributes
    ----------
    computed
        Number of ticks that were computed so far, each in the shape of a whole batch.
    """

    screen: Screen
    steps: Steps
    record: Record
    computed: int = 0
    _grey: dict[tuple[Moment, ...], tuple[States, Mapping[str, Tensor]]] = field(default_factory=dict)

    def compute(
        self, images: Images, timelines: Mapping[str, Timeline], made: Mapping[Stimulus, Tensor] = MappingProxyType({})
    ) -> Iterator[tuple[str, Gathered]]:
        """Each condition, by its name, with what is recorded of a block of images, as soon as it is known.

        Parameters
        ----------
        images
            As many as a batch has.
        timelines
            Of the conditions, by name.
        made
            Stimuli that are made already, as `Screen.pixels` takes them.
        """
        tree = list(stretches(timelines))
        encoded = Encoded(self, images, made, [self._seen(timelines, stretch) for stretch in tree])
        grown = [Grown(set(timelines), {}, self.record.fork())]
        for stretch in tree:
            start = next(each for each in grown if stretch.conditions[0] in each.names)
            start.names -= {*stretch.conditions}
            grown = [each for each in grown if each.names]
            moments = timelines[stretch.conditions[0]]
            states, record = start.states, start.record.fork()
            del start  # nothing else may hold its states
            for tick in range(stretch.start, stretch.stop):
                states, values = self._tick(states, tick, moments[: tick + 1], encoded)
                record.add(values)
            encoded.drop(self._seen(timelines, stretch))
            if stretch.stop < len(moments):
                grown.append(Grown({*stretch.conditions}, states, record))
                continue
            for name in stretch.conditions:
                yield name, record.gather(len(images))

    def _tick(
        self, states: States, tick: int, moments: Timeline, encoded: "Encoded"
    ) -> tuple[States, Mapping[str, Tensor]]:
        """States at a tick and what is recorded of them; of one row if all images have shown nothing but grey."""
        past = tuple(moments)
        grey = all(moment.blank for moment in moments)
        if grey and past in self._grey:
            return self._grey[past]
        wide = {area: spread(x, len(encoded.images)) for area, x in states.items()}
        after, values = self.steps(wide, tick, encoded(moments[-1].shown), dict(moments[-1].scales))
        self.computed += 1
        if grey:
            after, values = ({name: x[:1].clone() for name, x in each.items()} for each in (after, values))
            self._grey[past] = after, values
        return after, values

    @staticmethod
    def _seen(timelines: Mapping[str, Timeline], stretch: Stretch) -> set[Shown]:
        """What enters in a part of the tree."""
        moments = timelines[stretch.conditions[0]][stretch.start : stretch.stop]
        return {moment.shown for moment in moments if moment.shown.frame}


class Encoded:
    """What the pre-net makes of all that is shown to a block of images, encoded once and kept while it is needed.

    Parameters
    ----------
    blocks
        What computes the block.
    images
        The block.
    made
        Its stimuli that are made already.
    uses
        What enters in each part of the tree of its conditions.
    """

    def __init__(
        self, blocks: Blocks, images: Images, made: Mapping[Stimulus, Tensor], uses: Sequence[set[Shown]]
    ) -> None:
        self.blocks = blocks
        self.images = images
        self.made = made
        self._uses = Counter(shown for seen in uses for shown in seen)
        self._encoded: dict[Shown, Tensor] = {}

    def __call__(self, shown: Shown) -> Tensor | None:
        """What enters, (image, channel, y, x); None for nothing."""
        if not shown.frame:
            return None
        if shown not in self._encoded:
            pixels = self.blocks.screen.pixels(shown, self.images, self.made)
            self._encoded[shown] = self.blocks.steps.engine.encode(pixels)
        return self._encoded[shown]

    def drop(self, seen: set[Shown]) -> None:
        """Forget what no part of the tree needs any more, after one that needed this."""
        self._uses -= Counter(seen)
        self._encoded = {shown: x for shown, x in self._encoded.items() if shown in self._uses}


def spread(state: Tensor, rows: int) -> Tensor:
    """A state in which each image has the one row that there is, or the state as it is if it has all rows."""
    if len(state) == rows:
        return state
    return state.expand(rows, -1, -1, -1).contiguous(memory_format=torch.channels_last)
