"""The batches of a training: which images a step takes, how they are augmented, and when they come and go."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ventral.errors import DataError, UsageError
from ventral.seeds import generator
from ventral.stimuli.arrays import Integers
from ventral.stimuli.images import Images, Preprocessing
from ventral.stimuli.masks import make_masks
from ventral.stimuli.sampling import evenly, evenly_at_most, hold_out
from ventral.training.distributed import Ranks
from ventral.training.presentation import MASKS, Batch, Timing
from ventral.training.recipe import Recipe

PAD = 4


def augment(images: Tensor, draws: Tensor) -> Tensor:
    """Images padded by 4 with grey, cropped at random and in half of the cases flipped left to right.

    Parameters
    ----------
    images
        (image, colour, y, x), mean-subtracted.
    draws
        Three numbers from [0, 1) for each image: shift in y, shift in x, flip.
    """
    count, _, height, width = images.shape
    shift = (draws[:, :2] * (2 * PAD + 1)).long()
    padded = F.pad(images, (PAD, PAD, PAD, PAD))
    rows = shift[:, 0, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device).expand(count, -1)
    columns = torch.where(draws[:, 2, None] < 0.5, width - 1 - columns, columns) + shift[:, 1, None]
    which = torch.arange(count, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def split(images: Images, recipe: Recipe, ranks: Ranks) -> tuple[Integers, Integers]:
    """Positions of the images to train on and of those held out.

    Raises
    ------
    UsageError
        If there are too few images for the recipe, or a batch cannot be divided among the processes.
    """
    if recipe.batch % ranks.count:
        raise UsageError(f"a batch of {recipe.batch} cannot be shared evenly by {ranks.count} processes.")
    try:
        kept, held_out = hold_out(images.labels, recipe.held_out, recipe.seed)
    except DataError as error:
        raise UsageError(f"held_out is {recipe.held_out}: {error}") from None
    if recipe.training_images:
        try:
            kept = kept[evenly(images.labels[kept], recipe.training_images, recipe.seed)]
        except DataError as error:
            raise UsageError(f"training_images is {recipe.training_images}: {error}") from None
    if len(kept) < recipe.batch:
        raise UsageError(
            f"{len(kept)} images are left for training and a batch takes {recipe.batch}; use a smaller batch, "
            "hold out fewer (held_out), or give more images."
        )
    return kept, held_out


def mask_donors(labels: Integers, seed: int) -> Integers:
    """Positions of the images that the masks of a training are made of, evenly over classes."""
    try:
        return evenly(labels, min(MASKS, len(labels)), seed)
    except DataError:  # classes of different sizes
        return evenly_at_most(labels, MASKS, seed)


@dataclass(frozen=True, eq=False)
class Epoch:
    """Order of an epoch's images and their augmentation, (image, 3), drawn once for all its batches."""

    number: int
    order: Tensor
    draws: Tensor


class Batches:
    """The batches of a training, each a function of the recipe's seed and the step.

    Parameters
    ----------
    images
        The images to train on.
    preprocessing
        From pixels to the input of the network.
    recipe
        Sizes, shares and seed.
    device
        Device on which the images are kept.
    ranks
        Place of this process, which takes every `ranks.count`-th image of a batch.
    """

    def __init__(
        self, images: Images, preprocessing: Preprocessing, recipe: Recipe, device: torch.device, ranks: Ranks
    ) -> None:
        self.preprocessing = preprocessing
        self.recipe = recipe
        self.device = device
        self.ranks = ranks
        self.classes = images.labels
        self.pixels = images.pixels.to(device)
        self.labels = torch.as_tensor(images.labels).to(device)
        self.masks = self.pixels[:1]
        if recipe.masked:
            names = [f"training mask {i}" for i in range(MASKS)]
            donors = images.take(mask_donors(images.labels, recipe.seed))
            self.masks = make_masks("noise", names, np.zeros(MASKS, int), donors, recipe.seed).to(device)
        self._epoch: Epoch | None = None
        self._timings: dict[int, Timing] = {}  # of that epoch, by the end of a batch

    def __len__(self) -> int:
        """Number of batches, and of steps, in an epoch."""
        return len(self.labels) // self.recipe.batch

    def of_step(self, step: int) -> Batch:
        """The part of a step's batch that this process computes, augmented."""
        number, position = divmod(step, len(self))
        epoch = self.epoch(number)
        whole = epoch.order[position * self.recipe.batch : (position + 1) * self.recipe.batch]
        chosen = whole[self.ranks.rank :: self.ranks.count]
        late = torch.rand(1, generator=generator(self.recipe.seed, f"late/{step}")).item() < self.recipe.late_share
        end_ms = self.recipe.late_end_ms if late else self.recipe.end_ms
        if end_ms not in self._timings:
            self._timings[end_ms] = Timing.of(self.recipe, number, len(self.labels), end_ms).to(self.device)
        return self._batch(chosen, self._timings[end_ms], end_ms, epoch.draws)

    def unaugmented(self, count: int, epoch: int = -1) -> Batch:
        """Images drawn evenly over classes, unaugmented, with the timing of the longest batches."""
        chosen = torch.as_tensor(evenly(self.classes, count, self.recipe.seed)).to(self.device)
        timing = Timing.of(self.recipe, epoch, len(self.labels), self.recipe.last_ms)
        return self._batch(chosen, timing, self.recipe.last_ms)

    def first(self, count: int) -> Batch:
        """The first images, unaugmented, with the timing of the first epoch."""
        timing = Timing.of(self.recipe, 0, len(self.labels))
        return self._batch(torch.arange(count, device=self.device), timing, self.recipe.end_ms)

    def epoch(self, number: int) -> Epoch:
        """Order and augmentation of an epoch; the last one that was asked for is kept."""
        if self._epoch is None or self._epoch.number != number:
            count = len(self.labels)
            order = torch.randperm(count, generator=generator(self.recipe.seed, f"order/{number}")).to(self.device)
            draws = torch.rand(count, 3, generator=generator(self.recipe.seed, f"augment/{number}")).to(self.device)
            self._epoch = Epoch(number, order, draws)
            self._timings.clear()
        return self._epoch

    def _batch(self, chosen: Tensor, timing: Timing, end_ms: int, draws: Tensor | None = None) -> Batch:
        """Images by position, with what precedes and follows them; augmented if draws are given."""

        def taken(positions: Tensor) -> Tensor:
            images = self.preprocessing(self.pixels[positions])
            return images if draws is None else augment(images, draws[positions])

        timing = timing.take(chosen)
        before = timing.before.clamp(min=0)
        return Batch(
            images=taken(chosen),
            labels=self.labels[chosen],
            timing=timing,
            end_ms=end_ms,
            before=taken(before) if self.recipe.preceded else None,
            labels_before=self.labels[before],
            masks=self.preprocessing(self.masks[timing.mask.clamp(min=0)]) if self.recipe.masked else None,
        )
