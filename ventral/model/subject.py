"""What an experiment needs of its subject: areas that are known before it runs, and states at every tick.

A network that is made from an `AreaGraph` and an outside network both offer this, and all that records, measures or
draws an experiment uses nothing else of them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from ventral.model.graph import AreaGraph
from ventral.model.outside_graph import KIND, OutsideGraph

States = dict[str, Tensor]


class Region(Protocol):
    """An area: its name, and what there is to record."""

    @property
    def name(self) -> str:
        """The name, as in papers: "V1", "IT"."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a state: (channel, y, x) of maps, or (channel,) of a vector."""

    @property
    def recorded(self) -> dict[str, Any]:
        """What its activity is, for the attributes of a run."""


class Anatomy(Protocol):
    """The areas of a network, how images enter, and when signals arrive."""

    @property
    def areas(self) -> Sequence[Region]:
        """The areas, in the order in which they are listed."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of an image, (colour, y, x)."""

    @property
    def drive(self) -> str:
        """How an image enters: "impulse", "sustained", or "continuous" (at every tick there is one)."""

    @property
    def readout(self) -> str:
        """Name among the states at whose ticks there are logits; empty if there never are."""

    @property
    def readout_ms(self) -> tuple[int, ...]:
        """Times at which the network was made to be read; empty if none in particular."""

    @property
    def statistics(self) -> str:
        """Kind of normalisation statistics; "fixed" ones are the same at every tick, in training and test."""

    @property
    def learned_until_ms(self) -> int | None:
        """Last time for which weights were learned, if they differ from tick to tick; otherwise None."""

    @property
    def takes_noise(self) -> bool:
        """Whether the areas carry a state from tick to tick that noise can be added to."""

    @property
    def directions(self) -> Mapping[str, str]:
        """Direction of each transition that is known, by name: "feedforward", "lateral" or "feedback"."""

    @property
    def arrival_ms(self) -> Mapping[str, int | None]:
        """Time from stimulus onset to the first signal in each area and in the readout, in ms; None for never."""

    def __getitem__(self, name: str) -> Region:
        """The area of this name."""

    def arrival_after(self, onset_tick: int) -> dict[str, int | None]:
        """Time at which a change of the input at a tick can first reach each of these, in ms on the network's clock."""

    def presence_until(self, end_ms: int) -> dict[str, list[bool]]:
        """Whether each of these is present at each tick to `end_ms`, for a stimulus that comes at 0 and stays on."""

    def scaled(self, what: str, identity: bool = False) -> list[str]:
        """Names of the transitions (and areas, for their identity) that an intervention scales."""

    def to_json(self) -> str:
        """The description, as JSON; see `read_anatomy`."""


class Dynamics(Protocol):
    """A network that runs: images in, states of areas out."""

    @property
    def graph(self) -> Anatomy:
        """Its areas."""

    @property
    def horizon_ms(self) -> int:
        """Last time that is tested if none is asked for."""

    def encode(self, images: Tensor) -> Tensor:
        """What enters the network for images (image, colour, y, x)."""

    def run(
        self,
        inputs: Iterable[Tensor | None],
        gains: Callable[[int], Mapping[str, float | Tensor]] | None = None,
        *,
        disturb: Callable[[States], States] | None = None,
    ) -> Iterator[States]:
        """States of all present areas at ticks 0, 1, 2, ..., for what enters at each."""

    def readout(self, states: Mapping[str, Tensor], tick: int) -> Tensor:
        """Logits, (image, class), of the states at a tick."""

    def modules(self) -> Iterator[nn.Module]:
        """All modules, as torch has it."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """All weights, as torch has it."""

    def to(self, device: str) -> Any:
        """Move the network to a device, as torch has it."""


def read_anatomy(text: str) -> Anatomy:
    """The anatomy that JSON describes, the inverse of its `to_json`.

    Raises
    ------
    GraphError
        If the text describes none.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None  # refused below
    outside = isinstance(given, dict) and given.get("kind") == KIND
    return OutsideGraph.from_json(text) if outside else AreaGraph.from_json(text)
