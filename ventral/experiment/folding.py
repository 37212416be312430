"""Convolutions for inference, into which the normalisation that follows and the scale of a transition are folded.

A convolution is linear: scaling its output by a and shifting it by c is a convolution with kernel a W and bias a b + c.
What is padded is a rectified state, zero, in both.
"""

import functools
import platform
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ventral.model.layers import Kernel

FUSED = ("_convolution_pointwise", "_convolution_transpose_pointwise", "_is_mkldnn_bf16_supported")
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
        return self._apart(F.conv2d(x, self.weight, self.bias, self._strides, padding=1))

    def rectified(self, x: Tensor) -> Tensor:
        """Convolve and rectify x, (image, channel, y, x); in one step, with the same bits, where oneDNN can."""
        if torch.is_grad_enabled() or not fuses(x.device.type, x.dtype):
            return self(x).relu_()
        one, strides = [1, 1], list(self._strides)
        then: tuple[int, str, list[float], str] = (1, "relu", [], "")  # groups, and what follows the convolution
        if self.transposed:
            fused = torch.ops.mkldnn._convolution_transpose_pointwise
            rate: Tensor = fused(x, self.weight, self.bias, one, one, strides, one, *then)
            return rate
        return self._apart(torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, one, strides, one, *then))

    @property
    def _paired(self) -> bool:
        """Whether two places are computed as one (see `ready`)."""
        return self.weight.shape[3] == 4

    @property
    def _strides(self) -> tuple[int, int]:
        """Stride along y and x."""
        return (1, 2) if self._paired else (self.stride, self.stride)

    def _apart(self, found: Tensor) -> Tensor:
        """The output in which two places that were computed as one are two: a view of it."""
        if not self._paired:
            return found
        pairs = found.permute(0, 2, 3, 1)
        return pairs.reshape(*pairs.shape[:2], 2 * pairs.shape[2], -1).permute(0, 3, 1, 2)


@functools.cache
def fuses(device: str, dtype: torch.dtype) -> bool:
    """Whether a convolution and the ReLU after it are one operation on a kind of device in a dtype.

    The operation is that of torch's own compiler, which has no public name.
    """
    known = all(hasattr(torch.ops.mkldnn, name) for name in FUSED)
    if device != "cpu" or platform.machine() not in ("x86_64", "AMD64") or not known:
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32 and torch.backends.mkldnn.is_available()


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
