"""Transition functions: what happens to a state on its way from one area to another, and its normalisation.

Source: Liao & Poggio (2016), Fig. 4 (BRCx2, BRDx2 and so on) and section 3.7 (time-specific normalisation).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.clock import to_ms
from ventral.errors import GraphError
from ventral.model.areas import Stage
from ventral.model.ranks import summed, together
from ventral.seeds import generator


class Kernel(nn.Module):
    """A 3x3 convolution, padding 1, He-initialised from (seed, name).

    Parameters
    ----------
    stage
        Its widths, stride and direction.
    bias
        Whether it has a bias.
    seed, name
        What addresses its initial weights.

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
        """Convolve x, (image, channel, y, x); stages that differ in stride may have one kernel."""
        if self.stage.transposed:
            return F.conv_transpose2d(x, self.weight, self.bias, stride, padding=1, output_padding=stride - 1)
        return F.conv2d(x, self.weight, self.bias, stride, padding=1)


class ScaleShift(nn.Module):
    """What a normalisation may learn: a scale and a shift for each channel, at every tick or one for all.

    Parameters
    ----------
    channels
        Width.
    ticks
        Number of ticks; 1 for all.
    """

    def __init__(self, channels: int, ticks: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(ticks, channels))
        self.shift = nn.Parameter(torch.zeros(ticks, channels))

    def forward(self, x: Tensor, tick: int) -> Tensor:
        """Scale and shift x, (image, channel, y, x), as learned for a tick; beyond the last, as for that."""
        row = min(tick, len(self.scale) - 1)
        return x * self.scale[row, :, None, None] + self.shift[row, :, None, None]


class Normalisation(nn.Module):
    """Batch normalisation without scale and shift, with its own mean and variance at every tick.

    In training it normalises by the batch. `recording` makes it also keep mean and variance, pooled over the batches
    that it sees at a tick, and no variance below that in `least` (tick, channel) if there is one. Otherwise it
    normalises by what was kept. With `fixed` it does so in training too, as by constants, and gathers the statistics
    of what it sees for `update`, which moves the kept ones a little towards them.

    Parameters
    ----------
    name
        What is normalised, for errors.
    channels
        Width.
    ticks
        Number of ticks that statistics are kept for; 1 with `shared`.
    shared
        One mean and variance for all ticks (pooled over them), instead of one per tick.

    References
    ----------
    Liao & Poggio (2016), section 3.7.
    """

    mean: Tensor
    variance: Tensor
    floor = 1e-5

    def __init__(self, name: str, channels: int, ticks: int, shared: bool = False) -> None:
        super().__init__()
        self.name = name
        self.shared = shared
        self.held = False
        self.recording = False
        self.fixed = False
        self.least: Tensor | None = None
        self._pooled: dict[int, int] = {}
        self._gathered: tuple[Tensor, Tensor, int] | None = None
        self.register_buffer("mean", torch.full((1 if shared else ticks, channels), math.nan))
        self.register_buffer("variance", torch.full_like(self.mean, math.nan))

    def forget(self, ticks: int) -> None:
        """Drop the statistics and make room for those of another number of ticks."""
        rows = 1 if self.shared else ticks
        self.mean = self.mean.new_full((rows, self.mean.shape[1]), math.nan)
        self.variance = torch.full_like(self.mean, math.nan)

    def row(self, tick: int) -> int:
        """The row of statistics used at a tick; beyond the last, refuse or hold the last that was estimated."""
        if self.shared:
            return 0
        if tick < len(self.mean):
            return tick
        if self.held:
            estimated = self.mean[:, 0].isfinite().nonzero()
            return int(estimated[-1]) if len(estimated) else len(self.mean) - 1
        raise GraphError(
            f"no statistics for {self.name} at {to_ms(tick)} ms; they end at {to_ms(len(self.mean) - 1)} ms: "
            "stop earlier or hold the last (--beyond-horizon held)."
        )

    def forward(self, x: Tensor, tick: int) -> Tensor:
        """Normalise x, (image, channel, y, x), with the statistics of a tick."""
        if self.fixed and self.training and not self.recording:
            self._gather(x)
            return F.batch_norm(x, self.mean[0], self.variance[0], training=False, eps=self.floor)
        raised = self.recording and self._keep(x, self.row(tick))
        if self.training and not self.recording and together() > 1:
            return self._by_the_whole_batch(x)
        if (self.training or (self.recording and not self.shared)) and not raised:
            return F.batch_norm(x, None, None, training=True, eps=self.floor)
        row = self.row(tick)
        return F.batch_norm(x, self.mean[row], self.variance[row], training=False, eps=self.floor)

    def _by_the_whole_batch(self, x: Tensor) -> Tensor:
        """Normalise by the batch of all processes that train together; sums in float32 at least."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        count = wide.numel() // wide.shape[1] * together()
        mean = summed(wide.sum(dim=(0, 2, 3))) / count
        apart = wide - mean[:, None, None]
        variance = summed(apart.square().sum(dim=(0, 2, 3))) / count
        return (apart * (variance + self.floor).rsqrt()[:, None, None]).to(x.dtype)

    def _gather(self, x: Tensor) -> None:
        """Add a batch's first and second moment about the kept mean to those gathered since the last update."""
        with torch.no_grad():
            wide = x.detach()
            wide = wide.float() if wide.dtype in (torch.float16, torch.bfloat16) else wide
            variance, mean = torch.var_mean(wide, dim=(0, 2, 3), correction=0)
            first = mean - self.mean[0]
            second = variance + first.square()
            if self._gathered:
                first, second = first + self._gathered[0], second + self._gathered[1]
            self._gathered = first, second, (self._gathered[2] if self._gathered else 0) + 1

    def update(self, weight: float) -> None:
        """Move the kept statistics towards what was gathered; every tick that was seen counts the same.

        The new variance is the total one, of kept and gathered values together: also the means of ticks that differ
        add to it. Processes that train together pool what they gathered.

        Parameters
        ----------
        weight
            Of what was gathered, from 0 to 1; what was kept has the rest.
        """
        if not self._gathered:
            return
        first, second, count = self._gathered
        self._gathered = None
        moments = summed(torch.stack([first, second])) / (count * together())
        apart, spread = moments[0], moments[1]
        self.variance[0] = (1 - weight) * self.variance[0] + weight * spread - (weight * apart).square()
        self.mean[0] += weight * apart

    def start_recording(self) -> None:
        """Forget the statistics and keep those of the batches to come."""
        self.recording = True
        self._pooled = {}
        self.mean.fill_(math.nan)
        self.variance.fill_(math.nan)

    def _keep(self, x: Tensor, row: int) -> bool:
        """Pool a batch into the statistics of a row; whether a variance had to be raised to the least."""
        wide = x.detach()
        mean = wide.mean(dim=(0, 2, 3))
        variance = wide.var(dim=(0, 2, 3), unbiased=False)
        before, here = self._pooled.get(row, 0), wide.numel() // wide.shape[1]
        if before:
            share = here / (before + here)
            apart = mean - self.mean[row]
            variance = (1 - share) * self.variance[row] + share * variance + share * (1 - share) * apart**2
            mean = self.mean[row] + share * apart
        self._pooled[row] = before + here
        self.mean[row] = mean
        self.variance[row] = variance if self.least is None else torch.maximum(variance, self.least[row])
        return self.least is not None and bool((self.variance[row] > variance).any())
