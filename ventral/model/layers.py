"""Layers that learn: convolutions, scales and shifts, the pre-net and the post-net.

Source: Liao & Poggio (2016), Fig. 4 (kinds of transition) and section 5.3.3 (pre-net).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.model.areas import Stage
from ventral.model.counting import prenet_widths
from ventral.model.graph import AreaGraph
from ventral.model.normalisation import Normalisation
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

    def row(self, tick: int) -> int:
        """Row of the pair that is used at a tick; later ticks take the last pair."""
        return min(tick, len(self.scale) - 1)

    def at(self, tick: int) -> tuple[Tensor, Tensor]:
        """Scale and shift of a tick, each (channel,), without gradient."""
        return self.scale[self.row(tick)].detach(), self.shift[self.row(tick)].detach()

    def forward(self, x: Tensor, tick: int) -> Tensor:
        """Scale and shift x, (image, channel, y, x), as learned for a tick."""
        row = self.row(tick)
        return x * self.scale[row, :, None, None] + self.shift[row, :, None, None]


class Prenet(nn.Module):
    """The layers between image and first area (retina and LGN): one 3x3 convolution, or three.

    Of three, the second and third are preceded by normalisation and ReLU. The normalisation has one set of statistics
    for all ticks, so that an image is encoded in the same way whenever it comes.
    """

    def __init__(self, graph: AreaGraph, seed: int) -> None:
        super().__init__()
        widths = prenet_widths(graph)
        self.kernels = nn.ModuleList(
            Kernel(Stage(*pair), graph.bias, seed, f"prenet/{i}") for i, pair in enumerate(widths)
        )
        self.norms = nn.ModuleList(Normalisation("the pre-net", a, 1, shared=True) for a, _ in widths[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Encode images, (image, colour, y, x), as (image, channel, y, x) of the first area."""
        x = self.kernels[0](x.contiguous(memory_format=torch.channels_last))
        for norm, kernel in zip(self.norms, self.kernels[1:], strict=True):
            x = kernel(F.relu(norm(x, 0)))
        return x


class Postnet(nn.Module):
    """The layers that read the last area: normalisation, ReLU, global average pooling, linear.

    Scale, shift and weights serve all ticks.
    """

    def __init__(self, graph: AreaGraph, ticks: int, seed: int) -> None:
        super().__init__()
        width = graph[graph.readout].channels
        self.norm = Normalisation("the post-net", width, ticks, not graph.statistics_per_tick)
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        drawn = torch.randn(graph.classes, width, generator=generator(seed, "postnet"), dtype=torch.float64)
        self.weight = nn.Parameter((drawn / width**0.5).to(torch.get_default_dtype()))
        self.bias = nn.Parameter(torch.zeros(graph.classes))

    def forward(self, state: Tensor, tick: int) -> Tensor:
        """Logits, (image, class), from the readout area's state at a tick."""
        normal = self.norm(state, tick)
        rate = F.relu(normal * self.scale[:, None, None] + self.shift[:, None, None])
        pooled = rate.mean(dim=(2, 3))
        # not a matrix product, whose last bits depend on an image's place in the batch
        return (pooled[:, None, :] * self.weight).sum(2) + self.bias
