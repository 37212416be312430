"""Short trainings in float64 for one process or several: `python together.py OUT`, started as torchrun does.

Every case is one in which something goes over from one process to another: statistics of batches that differ in who is
brief, preceded or masked; gradients of weights for one tick or all; transitions that matter in some batches only.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from trainings import SHORT

from ventral.model.areas import Area, Transition
from ventral.model.graph import AreaGraph
from ventral.model.normalisation import Normalisation
from ventral.model.processes import summed, together
from ventral.model.wiring import adjacent
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Preprocessing
from ventral.training.distributed import Ranks, joined
from ventral.training.recipe import fitted
from ventral.training.trainer import Trainer

STEPS = 10
RECIPE = replace(SHORT, epochs=3, batch=16, end_ms=40, seed=5)
CHANGING = {"brief": 0.6, "preceded": 0.3, "masked": 0.5}


def three_areas(**changes: object) -> AreaGraph:
    """V1-V2-IT on images of 8x8."""
    areas = (Area("V1", 2, 8), Area("V2", 3, 4), Area("IT", 4, 2))
    return AreaGraph(areas, adjacent(areas), **{"prenet": "convx3", "readout": "IT", **changes})  # type: ignore[arg-type]


def with_detours() -> AreaGraph:
    """An area that leads nowhere, and feedback that is on too late to matter before 60 ms."""
    graph = three_areas()
    edges = (*graph.transitions, Transition("V1", "MT"), Transition("IT", "V1", "BRDx2", windows=((20, 100),)))
    return AreaGraph((*graph.areas, Area("MT", 3, 4)), edges, readout="IT", prenet="convx3")


CASES: dict[str, tuple[AreaGraph, dict[str, object]]] = {
    "weights for all ticks": (with_detours(), {**CHANGING, "late_share": 0.4, "late_end_ms": 60}),
    # whether its part of a batch holds a mask must not decide what a process waits for, so few have one
    "weights per tick": (
        three_areas(sharing="per-tick", scale_shift=True, readout_ms=(30, 40)),
        {"brief": 0.8, "preceded": 0.1, "masked": 0.2},
    ),
}


def trained(case: str, ranks: Ranks) -> dict[str, Tensor]:
    """The parameters and the loss of every step."""
    graph, changes = CASES[case]
    images = load_images("shapes", "train", 8, positions=range(200))
    trainer = Trainer(graph, images, fitted(replace(RECIPE, **changes), graph), ranks=ranks)
    narrow = trainer.batches.preprocessing

    def wide(pixels: Tensor) -> Tensor:
        return Preprocessing.__call__(narrow, pixels, dtype=torch.float64)

    trainer.batches.preprocessing = wide  # type: ignore[assignment]
    losses = [trainer.advance()[0] for _ in range(STEPS)]
    parameters = {name: x.detach().clone() for name, x in trainer.network.named_parameters()}
    return {**parameters, "loss": torch.tensor(losses)}


def gradients(ranks: Ranks) -> dict[str, Tensor]:
    """Gradients of losses in which every process's part matters for those of all, put together again."""
    drawn = torch.Generator().manual_seed(0)
    x, weights = (torch.randn(8, 3, 4, 4, generator=drawn) for _ in range(2))
    norm = Normalisation("it", 3, 1).train()
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "sum": lambda x, w: (summed(x.square().sum(dim=(0, 2, 3))).sin()[:, None, None] * w).sum(),
        "normalisation": lambda x, w: (norm(x, 0).tanh() * w).sum(),
    }
    found = {}
    for name, loss in losses.items():
        part = x[ranks.rank :: ranks.count].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(part, weights[ranks.rank :: ranks.count]), part)
        placed = torch.zeros_like(x)
        placed[ranks.rank :: ranks.count] = gradient
        found[name] = summed(placed)
    return found


def everything(ranks: Ranks) -> dict[str, dict[str, Tensor]]:
    """All that is to be the same in one process and in several."""
    assert together() == ranks.count
    return {"gradients": gradients(ranks), **{case: trained(case, ranks) for case in CASES}}


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    with joined() as (mine, _):
        results = everything(mine)
        if mine.first:
            torch.save(results, Path(sys.argv[1]))
    threads = Path("/proc/self/task")
    names = [(thread / "comm").read_text().strip() for thread in threads.iterdir()] if threads.exists() else []
    # one that goes on can abort the process when it ends
    assert not [name for name in names if "gloo" in name], names
