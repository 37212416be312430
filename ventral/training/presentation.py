"""What a network is shown in training: images, cropped and flipped, that stay, are brief, replace another, are masked.

Everything random is addressed by (seed, epoch, image), so nothing depends on workers, batches or what ran before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ventral.clock import ticks
from ventral.model.network import Network
from ventral.seeds import generator
from ventral.training.recipe import Recipe

PAD = 4
MASKS = 500  # different ones, in training
MASK_TICKS = 5


def augment(images: Tensor, draws: Tensor) -> Tensor:
    """Pad by 4 with grey, crop at random, flip half of the images left to right.

    Parameters
    ----------
    images
        A batch, mean-subtracted, (image, colour, y, x).
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


@dataclass(frozen=True, eq=False)
class Showing:
    """When the images of an epoch come and go, all (image,); a function of (seed, epoch, image).

    Parameters
    ----------
    before
        Position of the image that is on until `onset`; -1 where grey is.
    onset
        Tick at which the image itself comes; 0 where nothing is before it.
    offset
        Tick at which grey or a mask follows; beyond all ticks where the image stays on.
    mask
        Which of the masks follows; -1 where grey does.
    leave
        Whether grey follows or precedes any image, in any batch.
    wait
        Whether grey precedes any.
    """

    before: Tensor
    onset: Tensor
    offset: Tensor
    mask: Tensor
    leave: bool = True
    wait: bool = True

    @classmethod
    def of(cls, recipe: Recipe, epoch: int, count: int, end_ms: int | None = None) -> "Showing":
        """The showing of `count` images in an epoch, in batches that end at `end_ms` (the recipe's if not given)."""
        draws = torch.rand(count, 3, generator=generator(recipe.seed, f"before/{epoch}"), dtype=torch.float64)
        longest = max(1, ticks(recipe.end_ms if end_ms is None else end_ms, "end_ms") // 2)
        late = (draws[:, 1] * longest).long() + 1
        onset = torch.where(draws[:, 0] < recipe.preceded + recipe.delayed, late, torch.zeros_like(late))
        before = torch.where(draws[:, 0] < recipe.preceded, (draws[:, 2] * count).long(), -1)
        drawn = torch.rand(count, 2, generator=generator(recipe.seed, f"mask/{epoch}"), dtype=torch.float64)
        mask = torch.where(drawn[:, 0] < recipe.masked, (drawn[:, 1] * MASKS).long(), -1)
        offset = onset + durations(recipe, epoch, count)
        return cls(before, onset, offset, mask, recipe.brief > 0 or recipe.delayed > 0, recipe.delayed > 0)

    def take(self, images: Tensor) -> "Showing":
        """Those of a batch."""
        before, onset, offset, mask = (
            x.to(images.device)[images] for x in (self.before, self.onset, self.offset, self.mask)
        )
        return Showing(before, onset, offset, mask, self.leave, self.wait)


def durations(recipe: Recipe, epoch: int, count: int) -> Tensor:
    """For each image of an epoch, for how many ticks it is on; a number beyond all ticks when it stays on."""
    draws = torch.rand(count, 2, generator=generator(recipe.seed, f"duration/{epoch}"), dtype=torch.float64)
    longest = ticks(recipe.end_ms, "end_ms")
    brief = (draws[:, 1] * longest).long() + 1
    return torch.where(draws[:, 0] < recipe.brief, brief, torch.full_like(brief, 1 << 30))


def shown(
    network: Network, images: Tensor, before: Tensor | None, masks: Tensor | None, showing: Showing, count: int
) -> Iterator[Tensor | None]:
    """What enters at each of `count` ticks: what is before the image, the image while it is on, a mask, then grey.

    Which operations are done depends on no image's own showing: processes that train together wait for each other in
    the pre-net, and must come by as often.

    Parameters
    ----------
    images
        (image, colour, y, x), mean-subtracted.
    before
        What is on before each, likewise, if not grey; None if no image is before any.
    masks
        What may follow each, likewise; None if no mask follows any.
    showing
        When they come and go.
    """
    if network.graph.drive == "impulse":
        yield from [network.encode(images), *[None] * (count - 1)]
        return
    # Together, because a pre-net that normalises does so by all that is seen; each process has as much grey as images.
    grey = torch.zeros_like(images if network.prenet.norms else images[:1])
    sources = {"image": images, "before": before, "mask": masks, "grey": grey if showing.leave else None}
    given = {name: x for name, x in sources.items() if x is not None}
    encodings = network.encode(torch.cat(list(given.values()))).split([len(x) for x in given.values()])
    entering = dict(zip(given, encodings, strict=True))
    if len(given) == 1:  # images that stay on
        yield from [entering["image"]] * count
        return
    for tick in range(count):
        on = showing.offset > tick
        grey = entering.get("grey", entering["image"])
        now = torch.where(on[:, None, None, None], entering["image"], grey)
        if "mask" in entering:
            follows = (showing.mask >= 0) & ~on & (showing.offset + MASK_TICKS > tick)
            now = torch.where(follows[:, None, None, None], entering["mask"], now)
        waiting = showing.onset > tick
        if "before" in entering:
            now = torch.where((waiting & (showing.before >= 0))[:, None, None, None], entering["before"], now)
        if showing.wait:
            now = torch.where((waiting & (showing.before < 0))[:, None, None, None], grey, now)
        yield now
