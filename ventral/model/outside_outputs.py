"""What an outside network gives at a tick: outputs of its layers, states of its areas, logits."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from torch import Tensor, nn

from ventral.errors import AbsentError, GraphError
from ventral.model.outside_graph import LOGITS

States = dict[str, Tensor]
Readout = str | Callable[[Mapping[str, Tensor]], Tensor] | None
Disturb = Callable[[States], States]


class Responding(Protocol):
    """Dynamics of an outside network: what it does in time."""

    @property
    def drive(self) -> str:
        """How an image enters (see `OutsideGraph`)."""

    @property
    def takes_noise(self) -> bool:
        """Whether noise can be added to the state that it carries on."""

    @property
    def layers(self) -> Mapping[str, str]:
        """The layer whose output is an area, or the logits, by name."""

    @property
    def searched(self) -> int:
        """Number of ticks in which areas are looked for."""

    def responses(self, screens: Iterable[Tensor | None], disturb: Disturb | None = None) -> Iterator[States]:
        """Areas and logits at each tick, for images (image, colour, y, x) on the screen at each tick, or None."""


@contextmanager
def captured(module: nn.Module, layers: Mapping[str, str]) -> Iterator[States]:
    """The outputs of layers, by area, of what runs within this context.

    An output is copied when the layer has made it: the next layer may change it in place, as ReLU often does.
    """
    outputs: States = {}

    def keep(area: str, layer: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if area in outputs:
                raise GraphError(
                    f"layer {layer} runs more than once for an image, so it is not clear which output is meant; "
                    "record a layer that runs once, such as the one that it is part of."
                )
            if not isinstance(output, Tensor):
                raise GraphError(f"layer {layer} gives a {type(output).__name__}; record one that gives a tensor.")
            outputs[area] = output.clone()

        return hook

    handles = [module.get_submodule(layer).register_forward_hook(keep(area, layer)) for area, layer in layers.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


class Present(dict[str, Tensor]):
    """Areas that are present at a tick; to ask for another is an `AbsentError`."""

    def __missing__(self, area: str) -> Tensor:
        raise AbsentError(f"there is no area {area!r}; at this tick there is {', '.join(self) or 'none'}.")


def with_logits(states: States, readout: Readout) -> States:
    """States and the logits that a function gives of them, if it does not ask for an area that is absent."""
    if readout is None or isinstance(readout, str):
        return states
    try:
        return {**states, LOGITS: readout(Present(states))}
    except AbsentError:
        return states
