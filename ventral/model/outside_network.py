"""An outside network as an experiment runs it: images in at each tick, states of areas out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from torch import Tensor, nn

from ventral.errors import GraphError
from ventral.model.outside_graph import OutsideGraph
from ventral.model.outside_outputs import Disturb, Responding, States
from ventral.model.outside_probe import check_states

HORIZON_MS = 300  # last time that is tested if none is asked for


class OutsideNetwork(nn.Module):
    """A network that was not made from an `AreaGraph`, with the methods by which an experiment runs one.

    Parameters
    ----------
    graph
        Its areas and images.
    dynamics
        What it does in time.
    parts
        Every module that it consists of, in evaluation mode.
    """

    horizon_ms = HORIZON_MS

    def __init__(self, graph: OutsideGraph, dynamics: Responding, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.graph = graph
        self.dynamics = dynamics
        self.parts = nn.ModuleList(parts)
        self.training = False
        self._version = self._weights_version()

    def encode(self, images: Tensor) -> Tensor:
        """Images as the network takes them, (image, colour, y, x), in the dtype and on the device of its weights.

        Raises
        ------
        GraphError
            If the images have another size.
        """
        if tuple(images.shape[1:]) != self.graph.image_shape:
            raise GraphError(f"images are {tuple(images.shape[1:])}; the network takes {self.graph.image_shape}.")
        return as_weights(self.parts, images)

    def run(
        self, inputs: Iterable[Tensor | None], gains: object = None, disturb: Disturb | None = None
    ) -> Iterator[States]:
        """States of all present areas, and logits if there are any, at ticks 0, 1, 2, ...

        Parameters
        ----------
        inputs
            For each tick, images as `encode` gives them, or None if nothing is on.
        gains
            Not used: no transition is known that could be scaled.
        disturb
            Function of the states at each tick, applied before they are used and yielded.

        Raises
        ------
        GraphError
            If the network was changed after it was wrapped, or a state changes its shape or is not finite.
        """
        self._refuse_change()
        shapes = {area.name: area.shape for area in self.graph.outputs}
        for tick, states in enumerate(self.dynamics.responses(inputs, disturb)):
            check_states(states, shapes, tick)
            yield states

    def readout(self, states: Mapping[str, Tensor], tick: int) -> Tensor:
        """Logits, (image, class), which are among the states of a tick."""
        return states[self.graph.readout]

    def _refuse_change(self) -> None:
        if part := training_part(self.parts):
            raise GraphError(f"{part} was put into training mode after it was wrapped; call eval() on it.")
        if self._version != self._weights_version():
            raise GraphError("the weights were changed after the network was wrapped; wrap it again.")

    def _weights_version(self) -> int:
        """A number that changes when a weight is changed in place, as by an optimiser or by loading weights."""
        tensors = (*self.parts.parameters(), *self.parts.buffers())
        return sum(tensor._version for tensor in tensors if not tensor.is_inference())

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Change every tensor, as `to` and `float` do; this is no change of the weights."""
        self._refuse_change()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._version = self._weights_version()
        return self


def training_part(parts: Iterable[nn.Module]) -> str:
    """Class of the first module that is in training mode; empty if none is."""
    modules = (module for part in parts for module in part.modules())
    return next((type(module).__name__ for module in modules if module.training), "")


def as_weights(parts: Iterable[nn.Module], images: Tensor) -> Tensor:
    """Images in the dtype and on the device of the first weights of modules, as they are if there are none."""
    weights = (weight for part in parts for weight in part.parameters() if weight.is_floating_point())
    first = next(weights, None)
    return images if first is None else images.to(first.device, first.dtype)
