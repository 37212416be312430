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

FUSED = (
    "_convolution_pointwise",
    "_convolution_pointwise_",
    "_convolution_transpose_pointwise",
    "_reorder_convolution_weight",
    "_reorder_convolution_transpose_weight",
    "_is_mkldnn_bf16_supported",
)
ADDED: tuple[str, float, None, list[float], None] = (
    "add",
    1.0,
    None,
    [],
    None,
)  # another tensor is added, times 1; nothing follows
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
    def packed(self) -> bool:
        """Whether its kernel is in the memory layout of oneDNN, which then also computes what follows a convolution."""
        return self.weight.is_mkldnn

    @property
    def bytes(self) -> int:
        """Memory of kernel and bias."""
        return self.weight.numel() * self.weight.element_size() + self.bias.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve x, (image, channel, y, x)."""
        if self.packed:
            return self._apart(self._followed(x, "none"))
        if self.transposed:
            return F.conv_transpose2d(x, self.weight, self.bias, self.stride, padding=1, output_padding=1)
        return self._apart(F.conv2d(x, self.weight, self.bias, self._strides, padding=1))

    def rectified(self, x: Tensor) -> Tensor:
        """Convolve and rectify x, (image, channel, y, x), with the bits of one after the other."""
        return self._apart(self._followed(x, "relu")) if self.packed else self(x).relu_()

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """The sum of x convolved and of `other`, which has the shape of that: a new tensor."""
        if not self._sums(x, other):
            return self(x).add_(other)
        summed = torch.ops.mkldnn._convolution_pointwise.binary
        return self._apart(summed(x, self._together(other), self.weight, self.bias, *self._where, 1, *ADDED))

    def onto(self, x: Tensor, total: Tensor) -> Tensor:
        """Add x convolved to `total`, in place."""
        if not self._sums(x, total):
            return total.add_(self(x))
        summed = torch.ops.mkldnn._convolution_pointwise_.binary
        summed(self._together(total), x, self.weight, self.bias, *self._where, 1, *ADDED)
        return total

    @property
    def _paired(self) -> bool:
        """Whether two places are computed as one (see `ready`)."""
        return self.weight.shape[3] == 4

    @property
    def _strides(self) -> tuple[int, int]:
        """Stride along y and x."""
        return (1, 2) if self._paired else (self.stride, self.stride)

    @property
    def _where(self) -> tuple[list[int], list[int], list[int]]:
        """Padding, stride and dilation, as oneDNN takes them."""
        return [1, 1], list(self._strides), [1, 1]

    def _followed(self, x: Tensor, then: str) -> Tensor:
        """Convolve x and do what follows, by oneDNN; two places may still be one."""
        found: Tensor
        if self.transposed:
            deconvolve = torch.ops.mkldnn._convolution_transpose_pointwise
            padding, strides, dilation = self._where
            found = deconvolve(x, self.weight, self.bias, padding, [1, 1], strides, dilation, 1, then, [], "")
        else:
            found = torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *self._where, 1, then, [], "")
        return found

    def _sums(self, x: Tensor, total: Tensor) -> bool:
        """Whether oneDNN can add a tensor of the shape of the output to it."""
        alike = total.dtype == x.dtype and total.is_contiguous(memory_format=torch.channels_last)
        return self.packed and not self.transposed and alike

    def _apart(self, found: Tensor) -> Tensor:
        """The output in which two places that were computed as one are two: a view of it."""
        if not self._paired:
            return found
        pairs = found.permute(0, 2, 3, 1)
        return pairs.reshape(*pairs.shape[:2], 2 * pairs.shape[2], -1).permute(0, 3, 1, 2)

    def _together(self, total: Tensor) -> Tensor:
        """What `_apart` gave, as it took it: a view of it."""
        if not self._paired:
            return total
        places = total.permute(0, 2, 3, 1)
        return places.view(*places.shape[:2], places.shape[2] // 2, -1).permute(0, 3, 1, 2)


@functools.cache
def fuses(device: str, dtype: torch.dtype) -> bool:
    """Whether oneDNN computes a convolution and what follows it as one, on a kind of device in a dtype.

    The operations are those of torch's own compiler, which have no public names.
    """
    known = all(hasattr(torch.ops.mkldnn, name) for name in FUSED)
    if device != "cpu" or platform.machine() not in ("x86_64", "AMD64") or not known:
        return False
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    return dtype in (torch.float32, torch.bfloat16) and torch.backends.mkldnn.is_available() and _computes(dtype)


@torch.no_grad()
def _computes(dtype: torch.dtype) -> bool:
    """Whether oneDNN computes small convolutions as they are asked for here; another torch may want other arguments."""
    x = torch.ones(1, 8, 4, 4, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.ones(8, 8, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    try:
        _packed(Convolution(weight, x[0, :, 0, 0], 2, True), x).rectified(x)
        convolve = _packed(Convolution(weight, x[0, :, 0, 0]), x)
        total = convolve.onto(x, convolve.plus(x, convolve(x)))
    except RuntimeError:  # also for an operation that is not there, and for other arguments
        return False
    return bool((total == 3 * F.conv2d(x, weight, x[0, :, 0, 0], padding=1)).all())


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


def ready(convolution: Convolution, dtype: torch.dtype, x: Tensor) -> Convolution:
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
    x
        What it will take, (image, channel, y, x); it may take other numbers of images too.
    """
    weight, bias, stride, transposed = convolution
    even = x.device.type == "cpu" and x.shape[3] % 2 == 0
    if even and convolution.joins and len(bias) <= LANES:
        left, right = F.pad(weight, (0, 1)), F.pad(weight, (1, 0))
        weight, bias = torch.cat([left, right]), bias.repeat(2)
    weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    made = Convolution(weight, bias.to(dtype), stride, transposed)
    return _packed(made, x) if fuses(x.device.type, dtype) else made


def _packed(made: Convolution, x: Tensor) -> Convolution:
    """A convolution with its kernel in the memory layout that oneDNN wants for x, so that no call has to change it."""
    padding, strides, dilation = made._where
    shape = [*x.shape]
    if made.transposed:
        pack = torch.ops.mkldnn._reorder_convolution_transpose_weight
        return made._replace(weight=pack(made.weight, padding, [1, 1], strides, dilation, 1, shape))
    pack = torch.ops.mkldnn._reorder_convolution_weight
    return made._replace(weight=pack(made.weight, padding, strides, dilation, 1, shape))
