"""How convolutions are computed on a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def exact_convolutions() -> Iterator[None]:
    """Let the same convolutions have the same bits on a GPU, and those in float32 all bits of it.

    Without this, a GPU may take TensorFloat-32 for float32, of 10 instead of 23 bits, and algorithms that add in any
    order: a batch had other last bits in other company on an H100.
    """
    cudnn = torch.backends.cudnn
    convolutions = cudnn.conv  # type: ignore[attr-defined]
    before = convolutions.fp32_precision, cudnn.deterministic, cudnn.benchmark
    convolutions.fp32_precision, cudnn.deterministic, cudnn.benchmark = "ieee", True, False
    try:
        yield
    finally:
        convolutions.fp32_precision, cudnn.deterministic, cudnn.benchmark = before
