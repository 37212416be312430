"""Processes that train one network together, each on its part of every batch.

`torchrun` starts them and numbers them in environment variables; a process that was started alone is the only one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

import torch
import torch.distributed as dist

PATIENCE = timedelta(hours=6)  # the first process validates and writes while the others wait for it


@dataclass(frozen=True)
class Ranks:
    """The place of this process among those that train together.

    Parameters
    ----------
    rank
        From 0; process 0 validates, writes and prints.
    count
        Number of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


@contextmanager
def joined(device: str = "cpu") -> Iterator[tuple[Ranks, str]]:
    """Within this context the processes that `torchrun` started form one group; yields place and device of this one."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(), device
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    # This module keeps the group that exists when it is imported in default arguments. Imported within the group (as
    # the optimiser would), it keeps the group's threads alive after its end; these can abort a process that has
    # finished, which ends the others too. So it is imported before.
    import_module("torch.distributed.nn")
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), count), device
    finally:
        dist.destroy_process_group()
