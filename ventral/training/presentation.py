"""What enters a network in training: images that stay on, are brief, replace another image or are masked.

Everything random is addressed by (seed, epoch, image), so that it depends on no worker, batch or earlier draw.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ventral.clock import ticks
from ventral.model.network import Network
from ventral.seeds import generator
from ventral.training.recipe import Recipe

MASKS = 500  # number of different masks in training
MASK_TICKS = 5


@dataclass(frozen=True, eq=False)
class Timing:
    """When the images of an epoch come and go, as a function of (seed, epoch, image); tensors are (image,).

    Parameters
    ----------
    before
        Position of the training image that is on until `onset`; -1 for grey.
    onset
        Tick at which the image comes; 0 if nothing precedes it.
    offset
        Tick at which grey or a mask replaces the image; beyond all ticks if the image stays on.
    mask
        Number of the mask that follows; -1 for grey.
    leave
        Whether grey can follow or precede an image in this training.
    wait
        Whether grey can precede an image in this training.
    """

    before: Tensor
    onset: Tensor
    offset: Tensor
    mask: Tensor
    leave: bool = True
    wait: bool = True

    @classmethod
    def of(cls, recipe: Recipe, epoch: int, count: int, end_ms: int | None = None) -> "Timing":
        """The timing of `count` images in an epoch, in batches that end at `end_ms` (the recipe's if not given)."""
        draws = torch.rand(count, 3, generator=generator(recipe.seed, f"before/{epoch}"), dtype=torch.float64)
        longest = max(1, ticks(recipe.end_ms if end_ms is None else end_ms, "end_ms") // 2)
        late = (draws[:, 1] * longest).long() + 1
        onset = torch.where(draws[:, 0] < recipe.preceded + recipe.delayed, late, torch.zeros_like(late))
        before = torch.where(draws[:, 0] < recipe.preceded, (draws[:, 2] * count).long(), -1)
        drawn = torch.rand(count, 2, generator=generator(recipe.seed, f"mask/{epoch}"), dtype=torch.float64)
        mask = torch.where(drawn[:, 0] < recipe.masked, (drawn[:, 1] * MASKS).long(), -1)
        offset = onset + durations(recipe, epoch, count)
        return cls(before, onset, offset, mask, recipe.brief > 0 or recipe.delayed > 0, recipe.delayed > 0)

    def to(self, device: torch.device) -> "Timing":
        """The same on a device."""
        return self._each(lambda x: x.to(device))

    def take(self, images: Tensor) -> "Timing":
        """The timing of the images of a batch, given by position."""
        return self.to(images.device)._each(lambda x: x[images])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Timing":
        before, onset, offset, mask = map(change, (self.before, self.onset, self.offset, self.mask))
        return Timing(before, onset, offset, mask, self.leave, self.wait)


def durations(recipe: Recipe, epoch: int, count: int) -> Tensor:
    """Number of ticks for which each image of an epoch is on; beyond all ticks if it stays on."""
    draws = torch.rand(count, 2, generator=generator(recipe.seed, f"duration/{epoch}"), dtype=torch.float64)
    longest = ticks(recipe.end_ms, "end_ms")
    brief = (draws[:, 1] * longest).long() + 1
    return torch.where(draws[:, 0] < recipe.brief, brief, torch.full_like(brief, 1 << 30))


@dataclass(frozen=True, eq=False)
class Batch:
    """Presentations that are computed together; tensors have their images in one order.

    Parameters
    ----------
    images
        (image, colour, y, x), mean-subtracted.
    labels
        Class of each image, (image,).
    timing
        When the images come and go.
    end_ms
        Time at which the batch ends.
    before
        Images that precede these, likewise, for those that have one; None if no image is preceded by another.
    labels_before
        Class of each image that precedes, (image,).
    masks
        Masks that follow the images, likewise, for those that have one; None if no image is masked.
    """

    images: Tensor
    labels: Tensor
    timing: Timing
    end_ms: int
    before: Tensor | None
    labels_before: Tensor
    masks: Tensor | None


def shown(network: Network, batch: Batch, count: int) -> Iterator[Tensor | None]:
    """The pre-net's output at each of `count` ticks: what precedes an image, the image, a mask, then grey.

    The operations do not depend on the timing of any image: processes that train together wait for each other in the
    normalisation of the pre-net, so all must call it equally often.
    """
    timing = batch.timing
    if network.graph.drive == "impulse":
        yield from [network.encode(batch.images), *[None] * (count - 1)]
        return
    # All sources are encoded in one call, because a pre-net with normalisation normalises by all that enters; there
    # each process needs as many grey images as others.
    grey = torch.zeros_like(batch.images if network.prenet.norms else batch.images[:1])
    sources = {
        "image": batch.images,
        "before": batch.before,
        "mask": batch.masks,
        "grey": grey if timing.leave else None,
    }
    given = {name: x for name, x in sources.items() if x is not None}
    encodings = network.encode(torch.cat(list(given.values()))).split([len(x) for x in given.values()])
    entering = dict(zip(given, encodings, strict=True))
    if len(given) == 1:  # images that stay on
        yield from [entering["image"]] * count
        return
    for tick in range(count):
        on = timing.offset > tick
        grey = entering.get("grey", entering["image"])
        now = torch.where(on[:, None, None, None], entering["image"], grey)
        if "mask" in entering:
            follows = (timing.mask >= 0) & ~on & (timing.offset + MASK_TICKS > tick)
            now = torch.where(follows[:, None, None, None], entering["mask"], now)
        waiting = timing.onset > tick
        if "before" in entering:
            now = torch.where((waiting & (timing.before >= 0))[:, None, None, None], entering["before"], now)
        if timing.wait:
            now = torch.where((waiting & (timing.before < 0))[:, None, None, None], grey, now)
        yield now
