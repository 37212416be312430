"""Layers that learn: the convolution of a transition, and the scale and shift of a normalisation.

Source: Liao & Poggio (2016), Fig. 4 (kinds of transition).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.model.areas import Stage
from ventral.seeds import generator


class Kernel(nn.Module):
    """A 3x3 convolution, padding 1, He-initialised from (seed, name).

    Parameters
    ----------
    stage
        Widths, stride and direction.
    bias
        Whether the convolution has a bias.
    seed, name
        Address of the initial weights.

    References
    ----------
    He et al. (2015), "Delving deep into rectifiers": standard deviation sqrt(2 / fan-in). A transposed convolution of
    stride 2 reaches each output pixel with a quarter of its taps, so its fan-in is that of a quarter.
    """

    def __init__(self, stage: Stage, bias: bool, seed: int, name: str) -> None:
        super().__init__()
        self.stage = stage
        taps = 9 / stage.stride**2 if stage.transposed else 9
        shape = (stage.inward, stage.outward) if stage.transposed else (stage.outward, stage.inward)
        drawn = torch.randn(*shape, 3, 3, generator=generator(seed, name), dtype=torch.float64)
        weight = (drawn * math.sqrt(2 / (taps * stage.inward))).to(torch.get_default_dtype())
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(stage.outward)) if bias else None

    def forward(self, x: Tensor, stride: int = 1) -> Tensor:
        """Convolve x, (image, channel, y, x), with a stride; stages that share a kernel may differ in stride."""
        if self.stage.transposed:
            return F.conv_transpose2d(x, self.weight, self.bias, stride, padding=1, output_padding=stride - 1)
        return F.conv2d(x, self.weight, self.bias, stride, padding=1)


class ScaleShift(nn.Module):
    """A scale and a shift for each channel, learned for every tick or once for all ticks.

    Parameters
    ----------
    channels
        Width.
    ticks
        Number of ticks; 1 for one pair for all ticks.
    """

    def __init__(self, channels: int, ticks: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(ticks, channels))
        self.shift = nn.Parameter(torch.zeros(ticks, channels))

    def forward(self, x: Tensor, tick: int) -> Tensor:
        """Scale and shift x, (image, channel, y, x), as learned for a tick; later ticks take the last pair."""
        row = min(tick, len(self.scale) - 1)
        return x * self.scale[row, :, None, None] + self.shift[row, :, None, None]
