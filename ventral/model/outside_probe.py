"""Trying an outside network on a few images: its areas, their shapes, and when a stimulus arrives in them.

Two runs on noise differ in their second image only. The first image must give the same in both: a network whose
response depends on chance, on the other images of a batch or on what it saw before cannot be recorded. The second image
differs, so an area has been reached at the first tick at which it differs too.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from ventral.clock import to_ms
from ventral.errors import GraphError
from ventral.model.outside_dynamics import Disturb, States
from ventral.model.outside_graph import Pixels
from ventral.seeds import generator

TOLERANCE = 1e-4  # of the largest value: numbers on a GPU can differ in their last bits from call to call


class Responding(Protocol):
    """Dynamics of an outside network, as far as a probe needs them."""

    @property
    def searched(self) -> int:
        """Number of ticks in which areas are looked for."""

    def responses(self, screens: Iterator[Tensor], disturb: Disturb | None = None) -> Iterator[States]:
        """Areas and logits at each tick."""


def noise_images(pixels: Pixels) -> Tensor:
    """Three images of noise as a network sees them, (image, colour, y, x)."""
    shape = (3, 3, pixels.size, pixels.size)
    levels = torch.randint(256, shape, generator=generator(0, "probe"), dtype=torch.uint8)
    return pixels.preprocessing(levels)


def probe(dynamics: Responding, images: Tensor, name: str) -> dict[str, tuple[tuple[int, ...], int | None]]:
    """Shape, and arrival in ms, of every area and of the logits; None where nothing arrived in the ticks looked at.

    Raises
    ------
    GraphError
        If a state has no shape that can be recorded, changes its shape or is not finite; if the response to an image
        depends on chance, on other images or on earlier ones.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    arrival: dict[str, int] = {}
    with torch.inference_mode():
        first, second = (_run(dynamics, images[[0, other]]) for other in (1, 2))
        for tick, (states, others) in enumerate(zip(first, second, strict=True)):
            check_states(states, shapes, tick)
            for area, state in states.items():
                if len(state) != 2:
                    raise GraphError(f"{area} has {len(state)} rows for 2 images; give one row for each image.")
                shapes.setdefault(area, tuple(state.shape[1:]))
                if not alike(state[0], others[area][0]):
                    raise GraphError(
                        f"{name} responds to the same image in two ways; dropout and noise must end in evaluation mode "
                        "(F.dropout needs training=self.training), batch normalisation needs running statistics "
                        "(track_running_stats=True), and a step must keep its state in what it returns."
                    )
                if not torch.equal(state[1], others[area][1]):
                    arrival.setdefault(area, to_ms(tick))
    return {area: (shape, arrival.get(area)) for area, shape in shapes.items()}


def check_states(states: States, shapes: Mapping[str, tuple[int, ...]], tick: int) -> None:
    """Refuse states that cannot be recorded.

    Parameters
    ----------
    states
        Area tensors at a tick, (image, channel, y, x) or (image, channel).
    shapes
        Shape of each area without images, as it was before.
    tick
        The tick.

    Raises
    ------
    GraphError
        If a state is of another shape, or not finite.
    """
    for area, state in states.items():
        if not isinstance(state, Tensor) or not state.is_floating_point() or state.ndim not in (2, 4):
            given = tuple(state.shape) if isinstance(state, Tensor) else type(state).__name__
            raise GraphError(
                f"{area} is {given}; an area is a tensor of real numbers, (image, channel, y, x) or (image, channel)."
            )
        shape = tuple(state.shape[1:])
        if area in shapes and shape != shapes[area]:
            raise GraphError(
                f"{area} is {shape} at {to_ms(tick)} ms and was {shapes[area]} before; the shape of an area must stay."
            )
        if not state.isfinite().all():
            raise GraphError(
                f"{area} is not finite {to_ms(tick)} ms after the network's start; the network diverges, so mend it or "
                "end earlier (--set end_ms=...)."
            )


def alike(a: Tensor, b: Tensor) -> bool:
    """Whether two states are the same but for the last bits."""
    return bool((a - b).abs().max() <= TOLERANCE * a.abs().max())


def _run(dynamics: Responding, images: Tensor) -> list[States]:
    return list(dynamics.responses(iter([images] * dynamics.searched)))
