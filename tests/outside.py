"""Networks that are not ours, for tests: one that takes steps in time, and one that is static."""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise

import torch
import torchvision
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS = {"mean": MEAN, "std": STD}
LAYERS = {"V1": "layer1", "V2": "layer2", "V4": "layer3", "IT": "layer4"}
LATENCY = {"V1": 10, "V2": 20, "V4": 40, "IT": 50}
SHAPES = tuple(f"shape {number}" for number in range(10))


class Block(nn.Module):
    """An area of `Recurrent`: input and its own state, convolved and rectified."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.into = nn.Conv2d(inward, outward, 3, stride, padding=1)
        self.own = nn.Conv2d(outward, outward, 3, padding=1)
        self.norm = nn.GroupNorm(1, outward)

    def forward(self, x: Tensor, state: Tensor | None) -> Tensor:
        """The area's state at the next tick, (image, channel, y, x)."""
        x = self.into(x)
        return torch.relu(self.norm(x if state is None else x + self.own(state)))


class Recurrent(nn.Module):
    """V1, V2, V4 and IT in steps of time, each fed by the area before it and by itself, as in CORnet-RT.

    Source: Kubilius et al. (2018), bioRxiv 408385: all areas step together, so that a signal takes a tick from one to
    the next. An area is absent until it is reached.
    """

    AREAS = ("V1", "V2", "V4", "IT")

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        widths = (3, 4, 6, 8, 10)
        self.blocks = nn.ModuleDict(
            {area: Block(*pair, stride=2) for area, pair in zip(self.AREAS, pairwise(widths), strict=True)}
        )
        self.decoder = nn.Linear(widths[-1], classes)

    def step(self, states: Mapping[str, Tensor], screen: Tensor) -> dict[str, Tensor]:
        """Areas at this tick, from those of the tick before and what is on the screen."""
        before = {"screen": screen, **states}
        sources = dict(zip(self.AREAS, ("screen", *self.AREAS), strict=False))
        after = {
            area: self.blocks[area](before[sources[area]], states.get(area))
            for area in self.AREAS
            if sources[area] in before
        }
        if "IT" in after:
            self.decoder(after["IT"].mean((2, 3)))
        return after

    def logits(self, states: Mapping[str, Tensor]) -> Tensor:
        """Logits, (image, class), of IT."""
        return self.decoder(states["IT"].mean((2, 3)))


def recurrent(seed: int = 0) -> Recurrent:
    """The network in steps, with random weights."""
    torch.manual_seed(seed)
    return Recurrent().eval()


@cache
def resnet(seed: int = 0) -> nn.Module:
    """ResNet-18 of torchvision with ten classes and random weights, made once; nothing is downloaded."""
    torch.manual_seed(seed)
    return torchvision.models.resnet18(weights=None, num_classes=10).eval()


class LongShortTerm(nn.Module):
    """An LSTM on the pixels of images of 8x8, whose state is a tuple of two vectors, cell and output."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lstm = nn.LSTM(3 * 8 * 8, 5)


class MemoryOfTwo:
    """Adapter of `LongShortTerm`: its two vectors are two areas."""

    def __init__(self, module: LongShortTerm) -> None:
        self.module = module

    def step(self, state: tuple[Tensor, Tensor] | None, screen: Tensor) -> tuple[Tensor, Tensor]:
        """Output and cell after a tick."""
        return self.module.lstm(screen.flatten(1)[None], state)[1]

    def areas(self, state: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """The vectors by name, (image, channel)."""
        return {"hidden": state[0][0], "cell": state[1][0]}
