"""What is on the screen at each tick, as pixels and as what a network's pre-net makes of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ventral.experiment.condition import Condition
from ventral.experiment.engine import Engine
from ventral.experiment.events import Frame, Stimulus
from ventral.experiment.experiment import Experiment
from ventral.model.subject import Dynamics
from ventral.stimuli.degradations import changed
from ventral.stimuli.images import Images
from ventral.stimuli.masks import image_from_file, make_masks
from ventral.stimuli.regions import region


class Shown(NamedTuple):
    """What enters at one tick under one condition.

    Parameters
    ----------
    frame
        The stimuli that are on, the latest last; empty where nothing enters.
    combine
        How they combine where they overlap: "over" or "add"; "refuse" where they do not.
    """

    frame: Frame
    combine: str


class Screen:
    """The screen of an experiment: what each of its images looks like there under each of its conditions."""

    def __init__(self, experiment: Experiment) -> None:
        self.graph = experiment.model.graph
        self.protocol = experiment.protocol
        self.preprocessing = experiment.model.preprocessing
        self.selection = experiment.selection
        self.seed = experiment.settings.seed
        self.device = experiment.settings.device

    def shown(self, condition: Condition) -> list[Shown]:
        """What enters at each tick under a condition."""
        return [Shown(frame, condition.combine) for frame in self.protocol.entering(condition, self.graph)]

    def inputs(
        self, network: Dynamics | Engine, images: Images, conditions: Sequence[Condition]
    ) -> Iterator[Tensor | None]:
        """What the pre-net makes of the screen at each tick, (image, channel, y, x); None where nothing enters.

        Parameters
        ----------
        images
            The images of a batch.
        conditions
            The condition of each of them, all of which let something in at the same ticks.

        Notes
        -----
        Whatever is shown to any image of the batch is encoded for all of them, and each image then takes its own: so
        the pre-net always sees the same shape, and the last bits do not depend on what the others are shown.
        """
        shown = {condition.name: self.shown(condition) for condition in conditions}
        encoded: dict[Shown, Tensor] = {}
        for tick in range(self.protocol.count):
            now = [shown[condition.name][tick] for condition in conditions]
            if not now[0].frame:
                yield None
                continue
            kinds = list(dict.fromkeys(now))
            for kind in kinds:
                if kind not in encoded:
                    encoded[kind] = network.encode(self.pixels(kind, images))
            mixed = encoded[kinds[0]]
            for kind in kinds[1:]:
                rows = torch.tensor([other == kind for other in now], device=mixed.device)
                mixed = torch.where(rows[:, None, None, None], encoded[kind], mixed)
            yield mixed

    def stimuli(self, images: Images, shown: Iterable[Shown]) -> dict[Stimulus, Tensor]:
        """All stimuli in what is shown to some images, each (image, colour, y, x), uint8, as `pixels` takes them."""
        frames = dict.fromkeys(stimulus for each in shown for stimulus in each.frame if stimulus.role != "blank")
        return {stimulus: self._held(self._made(stimulus, images)) for stimulus in frames}

    def pixels(self, shown: Shown, images: Images, made: Mapping[Stimulus, Tensor] = MappingProxyType({})) -> Tensor:
        """What is on the screen for each image, mean-subtracted, (image, colour, y, x); grey where nothing is.

        Parameters
        ----------
        shown, images
            What is shown to which images.
        made
            Stimuli that are made already (see `stimuli`); all others are made.
        """
        seen = torch.zeros(images.pixels.shape, device=self.device)
        for stimulus in shown.frame:
            if stimulus.role != "blank":
                held = made[stimulus] if stimulus in made else self._held(self._made(stimulus, images))
                added = self.preprocessing(held.to(self.device, non_blocking=True))
                added = self._displayed(seen + added) if shown.combine == "add" else added
                where = region(stimulus.kind, images.pixels.shape[-1], stimulus.changes)
                seen = added if where is None else torch.where(where.to(seen.device), added, seen)
        return seen

    def _displayed(self, seen: Tensor) -> Tensor:
        """What a screen can show, from black to white, of mean-subtracted images."""
        ends = torch.tensor([0, 255], dtype=torch.uint8, device=seen.device).view(2, 1, 1, 1).expand(2, 3, 1, 1)
        black, white = self.preprocessing(ends).unsqueeze(1)
        return seen.clamp(black, white)

    def _held(self, pixels: Tensor) -> Tensor:
        """Pixels where a GPU can fetch them while others are made."""
        return pixels.pin_memory() if torch.device(self.device).type == "cuda" else pixels

    def _made(self, stimulus: Stimulus, images: Images) -> Tensor:
        """A stimulus for each image, uint8, (image, colour, y, x)."""
        pixels, ids = images.pixels, images.stimulus_ids
        if stimulus.from_file:
            pixels = image_from_file(stimulus.kind, len(images), pixels.shape[-1])
        if stimulus.from_pool:
            donors = self.selection.donors(stimulus.role)
            assert donors is not None
            pixels = make_masks(stimulus.kind, ids, images.labels, donors, self.seed, stimulus.exemplar)
        if stimulus.changes:
            mean = np.array(self.preprocessing.mean) * 255
            pixels = changed(pixels, ids, stimulus.changes, mean, self.seed)
        return pixels
