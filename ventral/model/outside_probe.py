"""Trying an outside network on a few images: its areas, their shapes, and when a stimulus arrives in them.

Two runs on noise differ in their second image only. The first image must give the same in both: a network whose
response depends on chance, on the other images of a batch or on what it saw before cannot be recorded. The second image
differs, so an area has been reached at the first tick at which it differs too.
"""

from collections.abc import Mapping
from itertools import repeat

import torch
from torch import Tensor

from ventral.clock import to_ms
from ventral.errors import GraphError
from ventral.model.outside_graph import Pixels
from ventral.model.outside_outputs import Responding, States
from ventral.seeds import generator

TOLERANCE = 1e-4  # of the largest value: numbers on a GPU can differ in their last bits from call to call


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
        # tick by tick, for a step may change the tensors of the tick before in place
        runs = (dynamics.responses(repeat(images[[0, other]], dynamics.searched)) for other in (1, 2))
        for tick, (states, others) in enumerate(zip(*runs, strict=True)):
            check_states(states, shapes, tick)
            if states.keys() != others.keys():
                raise GraphError(
                    f"at {to_ms(tick)} ms {', '.join(states) or 'no area'} is present in {name} for one image and "
                    f"{', '.join(others) or 'no area'} for another; areas must be present for all images or none."
                )
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
