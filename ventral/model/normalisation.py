"""Normalisation of a state by mean and variance of its channels, which may differ from tick to tick.

A normalisation works in one of four modes:

1. In training it normalises by the batch, as batch normalisation does; with several processes, by the batch of all.
2. While `recording`, it keeps the mean and variance of the batches that it sees at a tick, pooled over these, and
   normalises by the batch. A variance below `least` is raised to it, and then the kept statistics normalise. With
   `shared`, outside of training, the pooled statistics so far normalise.
3. Otherwise it normalises by the kept statistics: of the tick, or with `shared` of all ticks. Beyond the last tick it
   refuses, or uses those of the last tick if `held`.
4. With `fixed` the kept statistics are constants in training too: no gradient flows through them. `fixed` is the share
   of this normalisation in the sum of it and that of mode 1, so that a training can go over from one to the other. With
   `gathering` it gathers the statistics of what it sees meanwhile, and `update` moves the kept ones towards these.

Source: Liao & Poggio (2016), section 3.7 (time-specific normalisation).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.clock import to_ms
from ventral.errors import GraphError
from ventral.model.processes import summed, together


class Normalisation(nn.Module):
    """Batch normalisation without scale and shift, with mean and variance of each channel at each tick.

    Parameters
    ----------
    name
        Name for errors, of the area or transition whose state is normalised.
    channels
        Number of channels.
    ticks
        Number of ticks for which statistics are kept.
    shared
        Whether one mean and variance, pooled over ticks, serve all ticks.

    Attributes
    ----------
    mean, variance
        Kept statistics, (tick, channel); (1, channel) if shared. NaN where none were estimated.
    held
        Whether ticks beyond the last use its statistics; otherwise they are refused.
    recording
        Whether batches define the kept statistics (mode 2 of the module).
    fixed
        Share, from 0 to 1, of normalisation by the kept statistics in training (mode 4); None for mode 1.
    gathering
        Whether the statistics of what is seen are gathered in mode 4.
    least
        Smallest variance that is recorded, (tick, channel); None for no limit.
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
        self.fixed: float | None = None
        self.gathering = False
        self.least: Tensor | None = None
        self._pooled: dict[int, int] = {}
        self._gathered: tuple[Tensor, Tensor, int] | None = None
        self.register_buffer("mean", torch.full((1 if shared else ticks, channels), math.nan))
        self.register_buffer("variance", torch.full_like(self.mean, math.nan))

    def forget(self, ticks: int) -> None:
        """Replace the statistics by NaN, for another number of ticks."""
        rows = 1 if self.shared else ticks
        self.mean = self.mean.new_full((rows, self.mean.shape[1]), math.nan)
        self.variance = torch.full_like(self.mean, math.nan)

    def row(self, tick: int) -> int:
        """Row of the statistics that are used at a tick.

        Raises
        ------
        GraphError
            If the tick is beyond the last and `held` is false.
        """
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

    def asks(self, tick: int) -> bool:
        """Whether the statistics themselves say which row is used at a tick: beyond the last, if it is held."""
        return not self.shared and self.held and tick >= len(self.mean)

    def affine(self, tick: int) -> tuple[Tensor, Tensor]:
        """Scale and shift, each (channel,), float64, by which the kept statistics normalise at a tick."""
        row = self.row(tick)
        scale = (self.variance[row].double() + self.floor).rsqrt()
        return scale, -self.mean[row].double() * scale

    def forward(self, x: Tensor, tick: int) -> Tensor:
        """Normalise x, (image, channel, y, x), at a tick."""
        if self.training and not self.recording:
            return self._by_the_batch(x) if self.fixed is None else self._by_fixed_statistics(x, self.fixed)
        raised = self.recording and self._keep(x, self.row(tick))
        if (self.training or (self.recording and not self.shared)) and not raised:
            return F.batch_norm(x, None, None, training=True, eps=self.floor)
        row = self.row(tick)
        return F.batch_norm(x, self.mean[row], self.variance[row], training=False, eps=self.floor)

    def _by_fixed_statistics(self, x: Tensor, share: float) -> Tensor:
        """Normalise by the kept statistics, in a share below 1 mixed with normalisation by the batch."""
        if self.gathering:
            self._gather(x)
        kept = F.batch_norm(x, self.mean[0], self.variance[0], training=False, eps=self.floor)
        return kept if share == 1 else torch.lerp(self._by_the_batch(x), kept, share)

    def _by_the_batch(self, x: Tensor) -> Tensor:
        """Normalise by the batch of all processes that train together, with sums in float32 at least."""
        if together() == 1:
            return F.batch_norm(x, None, None, training=True, eps=self.floor)
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        count = wide.numel() // wide.shape[1] * together()
        mean = summed(wide.sum(dim=(0, 2, 3))) / count
        apart = wide - mean[:, None, None]
        variance = summed(apart.square().sum(dim=(0, 2, 3))) / count
        return (apart * (variance + self.floor).rsqrt()[:, None, None]).to(x.dtype)

    def _gather(self, x: Tensor) -> None:
        """Add the first and second moment of a batch about the kept mean to those gathered since the last update."""
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
        """Move the kept statistics towards those of the batches seen since the last update, each tick with one weight.

        The kept statistics become those of a mixture of kept and gathered values. With kept mean m and variance v, and
        a gathered first and second moment d and s about m, the mixture with weight w has mean m + w d, and variance
        (1 - w) v + w s - (w d)^2: the total variance, to which means that differ between ticks contribute. Processes
        that train together pool what they gathered.

        Parameters
        ----------
        weight
            Weight of the gathered values, from 0 to 1; at 1 they replace the kept ones.
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
        """Replace the statistics by NaN and record those of the batches to come."""
        self.recording = True
        self._pooled = {}
        self.mean.fill_(math.nan)
        self.variance.fill_(math.nan)

    def _keep(self, x: Tensor, row: int) -> bool:
        """Pool a batch into the statistics of a row; returns whether a variance was raised to the least.

        Pooling takes the weighted mean of the means, and adds to the weighted mean of the variances what the distance
        between the means contributes (Chan, Golub & LeVeque 1983).
        """
        wide = x.detach()
        mean = wide.mean(dim=(0, 2, 3))
        variance = wide.var(dim=(0, 2, 3), unbiased=False)
        before, count = self._pooled.get(row, 0), wide.numel() // wide.shape[1]
        if before:
            share = count / (before + count)
            apart = mean - self.mean[row]
            variance = (1 - share) * self.variance[row] + share * variance + share * (1 - share) * apart**2
            mean = self.mean[row] + share * apart
        self._pooled[row] = before + count
        self.mean[row] = mean
        self.variance[row] = variance if self.least is None else torch.maximum(variance, self.least[row])
        return self.least is not None and bool((self.variance[row] > variance).any())
