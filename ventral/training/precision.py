"""The precision in which a training computes."""

import math
import time
from contextlib import AbstractContextManager, nullcontext

import torch

from ventral.model.network import Network
from ventral.model.processes import summed
from ventral.training.batches import Batches
from ventral.training.objective import Objective
from ventral.training.recipe import Recipe


def computing(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """A context in which convolutions compute in "float32" or "bfloat16"."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def faster_precision(network: Network, recipe: Recipe, batches: Batches) -> str:
    """The precision in which a few steps of a small batch are faster; process 0 decides for all processes."""
    seconds: dict[str, float] = {}
    objective = Objective(network, recipe)
    batch = batches.first(max(2, min(32, recipe.batch)))
    for precision in ("float32", "bfloat16"):
        for turn in range(3):  # of which the first warms up
            start = time.perf_counter()
            network.train()
            with computing(precision, batches.device):
                loss, _ = objective(batch)
            loss.backward()
            loss.item()
            if turn:
                seconds[precision] = min(seconds.get(precision, math.inf), time.perf_counter() - start)
    for parameter in network.parameters():
        parameter.grad = None
    decided = float(batches.ranks.first and seconds["bfloat16"] < seconds["float32"])
    return "bfloat16" if bool(summed(torch.tensor([decided], device=batches.device))) else "float32"
