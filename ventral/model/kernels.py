"""The convolutions of a network: which one a transition uses at a tick.

Source: Liao & Poggio (2016), section 3.4 (sharing of weights).
"""

from torch import nn

from ventral.clock import MS_PER_TICK, to_ms
from ventral.errors import GraphError
from ventral.model.graph import AreaGraph
from ventral.model.layers import Kernel


class Kernels(nn.ModuleDict):
    """The convolutions of a graph by the name of their weight (see `ventral.model.sharing.shared_weights`).

    Parameters
    ----------
    graph
        Transitions, and which of their convolutions share a weight.
    seed
        Address of the initial weights.

    Attributes
    ----------
    held
        Whether ticks beyond the last weights per tick use those of the last; otherwise they are refused.
    """

    def __init__(self, graph: AreaGraph, seed: int) -> None:
        super().__init__()
        self.held = False
        stages = {edge.name: graph.stages(edge) for edge in graph.edges}
        self._weights: dict[tuple[str, int], dict[int | None, str]] = {}
        for entry, weight in graph.weights.items():
            tick = None if entry.at_ms is None else entry.at_ms // MS_PER_TICK
            self._weights.setdefault((entry.edge, entry.stage), {})[tick] = weight
            if weight not in self:
                self[weight] = Kernel(stages[entry.edge][entry.stage], graph.bias, seed, weight)

    def at(self, edge: str, stage: int, tick: int) -> Kernel:
        """The convolution of a transition's stage at a source tick.

        Raises
        ------
        GraphError
            If weights are per tick and there are none for this one.
        """
        weights = self._weights.get((edge, stage), {})
        times = [known for known in weights if known is not None]
        key = None if None in weights else tick
        if key not in weights and self.held:
            key = max((known for known in times if known < tick), default=tick)
        if key not in weights:
            known = f"{to_ms(times[0])} to {to_ms(times[-1])} ms" if times else "none"
            hold = " or hold the last (--beyond-horizon held)" if times else ""
            raise GraphError(
                f"{edge} has no weights at {to_ms(tick)} ms; they are per tick, learned for {known}: "
                f"stop earlier{hold}."
            )
        kernel: Kernel = self[weights[key]]  # type: ignore[assignment]
        return kernel
