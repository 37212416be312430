"""Blocks of images whose conditions share states: which batches are computed together, and computing them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from ventral.experiment.blocks import Blocks
from ventral.experiment.events import Stimulus
from ventral.experiment.precision import exact_convolutions
from ventral.experiment.record import Gathered
from ventral.experiment.rig import Rig
from ventral.experiment.timelines import Moment, stretches, ticks_in, timeline
from ventral.model.network import Network
from ventral.stimuli.images import Images

DTYPES = {"float16": torch.float16, "float32": torch.float32}


class Sharing:
    """Computes the batches of an experiment whose conditions share states (see `ventral.experiment.blocks.shares`).

    Parameters
    ----------
    rig
        What the experiment is computed with.

    Attributes
    ----------
    computed
        Number of ticks that were computed so far, each in the shape of a whole batch.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.experiment = rig.experiment
        self.computed = 0
        self._blocks: dict[int, Blocks] = {}  # by the identity of the steps

    def tasks(self, batches: Sequence[int]) -> list[list[int]]:
        """Batches by number, those of one block of images together."""
        blocks: dict[int, list[int]] = {}
        for batch in batches:
            blocks.setdefault(batch % self._blocks_of_images, []).append(batch)
        return list(blocks.values())

    @property
    def share(self) -> float:
        """Share of the ticks of a block of images that is computed, from 0 to 1; the rest is shared."""
        if self.experiment.settings.policy == "per-condition":
            return 1.0
        return ticks_in(stretches(self._timelines)) / (self.experiment.protocol.count * len(self._timelines))

    def stimuli(self, task: Sequence[int]) -> Mapping[Stimulus, Tensor]:
        """What is shown in a task."""
        images, batches = self._block(task)
        return self.rig.screen.stimuli(images, (moment.shown for name in batches for moment in self._timelines[name]))

    def gathered(
        self, tasks: Iterable[tuple[Sequence[int], Mapping[Stimulus, Tensor]]]
    ) -> Iterator[tuple[int, Gathered]]:
        """The batches of tasks by number, with what is recorded of each as it leaves the device.

        Each task comes with stimuli that are made already.
        """
        for task, made in tasks:
            images, batches = self._block(task)
            for names, blocks in self._sharing(batches):
                computing = blocks.compute(images, {name: self._timelines[name] for name in names}, made)
                before = blocks.computed
                # what holds in these contexts must not hold while the caller has the word
                while True:
                    with torch.inference_mode(), exact_convolutions():
                        found = next(computing, None)
                    self.computed, before = self.computed + blocks.computed - before, blocks.computed
                    if found is None:
                        break
                    yield batches[found[0]], found[1]

    def _block(self, task: Sequence[int]) -> tuple[Images, dict[str, int]]:
        """The images of a task, and its batches by the name of their condition."""
        experiment, size = self.experiment, self.experiment.settings.batch
        first = task[0] % self._blocks_of_images * size
        images = experiment.selection.presented.take(range(first, first + size))
        return images, {experiment.presentation(batch * size).condition.name: batch for batch in task}

    @property
    def _blocks_of_images(self) -> int:
        """Number of blocks of images, each of which fills a batch."""
        return len(self.experiment.selection.presented) // self.experiment.settings.batch

    @cached_property
    def _timelines(self) -> dict[str, tuple[Moment, ...]]:
        """The moments of each condition, by its name."""
        return {each.name: timeline(self.rig.screen, each) for each in self.experiment.protocol.conditions}

    def _sharing(self, names: Iterable[str]) -> Iterator[tuple[list[str], Blocks]]:
        """Conditions by name, those together that have the same network, and what computes them."""
        by_network: dict[int, list[str]] = {}
        for name in names:
            network = self.rig.network(self.experiment.protocol.condition(name))
            assert isinstance(network, Network), "an outside network shares nothing"
            steps = self.rig.steps(network)
            by_network.setdefault(id(steps), []).append(name)
            if id(steps) not in self._blocks:
                record = self.rig.record(DTYPES[self.experiment.settings.dtype])
                self._blocks[id(steps)] = Blocks(self.rig.screen, steps, record)
        for key, together in by_network.items():
            yield together, self._blocks[key]
