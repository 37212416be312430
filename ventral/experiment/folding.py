"""Convolutions for inference, into which the normalisation that follows and the scale of a transition are folded.

A convolution is linear: scaling its output by a and shifting it by c is a convolution with kernel a W and bias a b + c.
What is padded is a rectified state, zero, in both.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ventral.model.layers import Kernel

LANES = 8  # most output channels for which two neighbouring places are computed as one


class Convolution(NamedTuple):
    """A convolution of 3x3, padding 1.

    Parameters
    ----------
    weight
        (outward, inward, 3, 3), or (inward, outward, 3, 3) if transposed, in `torch.channels_last`.
    bias
        (outward,)
    stride
        1 or 2.
    transposed
        Whether it is transposed; then its stride is 2.
    """

    weight: Tensor
    bias: Tensor
    stride: int = 1
    transposed: bool = False

    @property
    def joins(self) -> bool:
        """Whether it can be one convolution with another of the same output (see `joined`)."""
        return self.stride == 1 and not self.transposed

    @property
    def bytes(self) -> int:
        """Memory of kernel and bias."""
        return self.weight.nbytes + self.bias.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve x, (image, channel, y, x)."""
        if self.transposed:
            return F.conv_transpose2d(x, self.weight, self.bias, self.stride, padding=1, output_padding=1)
        if self.weight.shape[3] == 3:
            return F.conv2d(x, self.weight, self.bias, self.stride, padding=1)
        pairs = F.conv2d(x, self.weight, self.bias, (1, 2), padding=1).permute(0, 2, 3, 1)
        apart = pairs.reshape(*x.shape[:1], *x.shape[2:], -1)  # a view: (pair, place in it, channel) is (x, channel)
        return apart.permute(0, 3, 1, 2)


def folded(kernel: Kernel, stride: int, scale: Tensor | float = 1.0, shift: Tensor | float = 0.0) -> Convolution:
    """The convolution whose output is that of a kernel, scaled and shifted, in float64.

    A transposed convolution of stride 1 is a plain one of the flipped kernel.

    Parameters
    ----------
    kernel, stride
        As `Kernel` convolves.
    scale, shift
        (outward,), or one number for all channels.
    """
    weight, transposed = kernel.weight.detach().double(), kernel.stage.transposed
    if transposed and stride == 1:
        weight, transposed = weight.flip(2, 3).transpose(0, 1), False
    outward = kernel.stage.outward
    scales = torch.as_tensor(scale, dtype=torch.float64, device=weight.device).expand(outward)
    shifts = torch.as_tensor(shift, dtype=torch.float64, device=weight.device).expand(outward)
    bias = shifts if kernel.bias is None else kernel.bias.detach().double() * scales + shifts
    scaled = weight * (scales[:, None, None] if transposed else scales[:, None, None, None])
    return Convolution(scaled, bias, stride, transposed)


def joined(parts: Sequence[Convolution]) -> Convolution:
    """The convolution of concatenated inputs whose output is the sum of several."""
    if len(parts) == 1:
        return parts[0]
    return Convolution(torch.cat([part.weight for part in parts], 1), torch.stack([part.bias for part in parts]).sum(0))


def ready(convolution: Convolution, dtype: torch.dtype, paired: bool) -> Convolution:
    """The convolution in the dtype and memory format in which it is computed.

    With few output channels, half of a processor's vector registers would be empty. So two neighbouring places are
    computed as one: a kernel of 3x4 with stride 2 along x gives the channels of both, which in `torch.channels_last`
    lie in memory as the places do. The sums are the same, in the same order.

    Parameters
    ----------
    convolution
        As `folded` or `joined` gives it.
    dtype
        Of the result.
    paired
        Whether places may be paired: the width of the map is even, and a processor computes.
    """
    weight, bias, stride, transposed = convolution
    if paired and convolution.joins and len(bias) <= LANES:
        left, right = F.pad(weight, (0, 1)), F.pad(weight, (1, 0))
        weight, bias = torch.cat([left, right]), bias.repeat(2)
    weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    return Convolution(weight, bias.to(dtype), stride, transposed)
