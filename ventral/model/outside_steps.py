"""Outside networks with steps in time: the next state follows from the state and the screen, and has areas."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from ventral.errors import GraphError
from ventral.model.outside_graph import LOGITS, checked_names
from ventral.model.outside_outputs import Disturb, Readout, States, captured, with_logits

SEARCHED = 20  # ticks in which areas are looked for


class Adapter(Protocol):
    """How an outside network takes a step in time, and which areas its state has.

    A third method, ``with_areas(state, areas)``, is needed for noise only: it returns the state with these area tensors
    in place of its own.
    """

    def step(self, state: Any, screen: Tensor) -> Any:
        """State of the network after a tick, from the one before (None at first) and images (image, colour, y, x)."""

    def areas(self, state: Any) -> Mapping[str, Tensor]:
        """Areas of a state by name, each (image, channel, y, x) or (image, channel); without those that are absent."""


class OwnStep:
    """Adapter of a module whose method ``step(states, screen)`` takes and returns area tensors by name."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def step(self, state: States | None, screen: Tensor) -> States:
        """Area tensors after a tick, from those before (an empty dict at first)."""
        states = self.module.step({} if state is None else state, screen)
        if not isinstance(states, Mapping):
            raise GraphError(
                f"step of {type(self.module).__name__} returns a {type(states).__name__}; return a dict of area "
                "tensors, or give an adapter that knows which areas the state has."
            )
        return dict(states)

    def areas(self, state: States) -> States:
        """The state itself."""
        return state

    def with_areas(self, state: States, areas: States) -> States:
        """The areas themselves."""
        return areas


class Steps:
    """Dynamics of a network that takes a step at every tick.

    Parameters
    ----------
    module
        The network.
    adapter
        How it takes a step.
    readout
        Layer of the module that runs in a step and gives logits, or a function of the areas; None for none.
    """

    drive = "continuous"
    searched = SEARCHED

    def __init__(self, module: nn.Module, adapter: Adapter, readout: Readout) -> None:
        self.module = module
        self.adapter = adapter
        self.readout = readout
        self.layers = {LOGITS: readout} if isinstance(readout, str) else {}

    @property
    def takes_noise(self) -> bool:
        """Whether noise can be added to the state; a layer within the step would read the state without it."""
        return hasattr(self.adapter, "with_areas") and not self.layers

    def responses(self, screens: Iterable[Tensor | None], disturb: Disturb | None = None) -> Iterator[States]:
        """Areas and logits at each tick, for images (image, colour, y, x) on the screen at each tick."""
        state: Any = None
        for screen in screens:
            with captured(self.module, self.layers) as outputs:
                state = self.adapter.step(state, screen)  # type: ignore[arg-type]  # an image enters at every tick
            states = dict(self.adapter.areas(state))
            checked_names([*states])
            if disturb is not None:
                states = disturb(states)
                state = self.adapter.with_areas(state, states)  # type: ignore[attr-defined]  # see takes_noise
            yield with_logits({**states, **outputs}, self.readout)
