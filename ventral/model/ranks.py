"""Processes that train one network together, each on its part of every batch.

`torchrun` starts them and says who is who in environment variables; a process that was started alone is the only one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(hours=6)  # the first process validates and writes while the others wait for it


@dataclass(frozen=True)
class Ranks:
    """Who this process is among those that train together.

    Parameters
    ----------
    rank
        From 0; the first one validates, writes and speaks.
    count
        How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0


@contextmanager
def joined(device: str = "cpu") -> Iterator[tuple[Ranks, str]]:
    """Within this context the processes that `torchrun` started are one group; gives who and on which device."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(), device
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    # Imported within the group (as the optimiser would) it keeps that in default arguments: the group's threads then go
    # on after its end and can abort a process that has finished, which ends the others too.
    import_module("torch.distributed.nn")
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), count), device
    finally:
        dist.destroy_process_group()


def together() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        whole = x.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].contiguous().clone()
        dist.all_reduce(whole)
        return whole


def summed(x: Tensor) -> Tensor:
    """The sum of a tensor over all processes, through which gradients flow back to each of them."""
    if together() == 1:
        return x
    whole: Tensor = _Summed.apply(x)
    return whole
