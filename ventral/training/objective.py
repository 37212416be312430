"""The loss of a network: cross-entropy at a set of readout times, on images that come and go.

Source: Liao & Poggio (2016), section 5.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ventral.clock import ticks, to_ms
from ventral.errors import UsageError
from ventral.model.counting import useful
from ventral.model.network import Network, States
from ventral.training.presentation import Batch, shown
from ventral.training.recipe import Recipe

Used = set[tuple[str, int]]


@dataclass(frozen=True)
class Plan:
    """When the loss is taken in batches that end at one time.

    Parameters
    ----------
    reads
        Ticks at which the loss is taken.
    used
        The (transition, source tick) pairs on which the readout depends at one of these ticks.
    """

    reads: list[int]
    used: Used


class Objective(nn.Module):
    """The loss of a network on a batch.

    Parameters
    ----------
    network, recipe
        The network that is trained, and how.

    Raises
    ------
    UsageError
        If the readout area is absent at a time at which the loss is to be taken.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        graph = network.graph
        self.arrival = (graph.arrival_ms[graph.readout] or 0) // to_ms(1)
        ends = {recipe.end_ms, recipe.late_end_ms} if recipe.late_share else {recipe.end_ms}
        self.plans = {ms: self._plan(ms) for ms in ends}

    def _plan(self, end_ms: int) -> Plan:
        graph = self.network.graph
        present = graph.readable_ms(end_ms)
        wanted = [ms for ms in self.recipe.readout_ms or present if ms <= end_ms]
        if absent := [ms for ms in wanted if ms not in present]:
            near = sorted(sorted(present, key=lambda ms: abs(ms - absent[0]))[:5])
            times = ", ".join(map(str, near)) + (", ..." if len(near) < len(present) else "")
            raise UsageError(f"{graph.readout} is absent at {absent[0]} ms; it is present at {times} ms.")
        if not wanted:
            raise UsageError(
                f"no loss can be taken up to {end_ms} ms; {graph.readout} is first present at "
                f"{graph.arrival_ms[graph.readout]} ms, and readout_ms must not all be later than end_ms."
            )
        reads = [ticks(ms, "readout_ms") for ms in wanted]
        return Plan(reads, useful(graph, graph.presence_until(end_ms), reads))

    def learned(self, used: Used) -> set[str]:
        """Names of the kernels, scales and shifts on which the readout depends."""
        names = {
            f"kernels.{weight}"
            for entry, weight in self.network.graph.weights.items()
            for edge, t in used
            if edge == entry.edge and entry.at_ms in (None, to_ms(t))
        }
        return names | {f"scales.{name}" for name in self.network.scales if name.split("/")[0] in {e for e, _ in used}}

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean loss over images and readout ticks, and the number of images classified correctly at the last tick."""
        timing, losses = batch.timing, []
        for tick, states in enumerate(self._states(batch)):
            if tick in self.plans[batch.end_ms].reads:
                logits = self.network.readout(states, tick)
                logits = logits.float() if logits.dtype == torch.bfloat16 else logits
                labels = torch.where(tick >= timing.onset + self.arrival, batch.labels, batch.labels_before)
                each = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing, reduction="none")
                losses.append(torch.where(self._without_label(batch, tick), torch.zeros_like(each), each).mean())
        return torch.stack(losses).mean(), (logits.argmax(1) == batch.labels).sum()

    def _states(self, batch: Batch) -> Iterator[States]:
        """States of the present areas at each tick to the last readout of a batch."""
        plan = self.plans[batch.end_ms]
        inputs = shown(self.network, batch, plan.reads[-1] + 1)
        return self.network.run(inputs, needed=lambda edge, tick: (edge, tick) in plan.used)

    def _without_label(self, batch: Batch, tick: int) -> Tensor:
        """Whether each image has no right class at a tick, (image,): a mask or the grey before it is at the readout."""
        timing = batch.timing
        masked = (timing.mask >= 0) & (tick >= timing.offset + self.arrival)
        return masked | ((timing.before < 0) & (tick < timing.onset + self.arrival) & (timing.onset > 0))

    def where_not_finite(self, batch: Batch) -> str:
        """The first area and time at which a state is not finite, in words."""
        with torch.no_grad():
            for tick, states in enumerate(self._states(batch)):
                for area in self.network.graph.areas:
                    if area.name in states and not bool(states[area.name].isfinite().all()):
                        return f"{area.name} is not finite at {to_ms(tick)} ms"
        return "all states are finite, the readout is not"
