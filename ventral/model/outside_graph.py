"""What is known of an outside network without its weights: its areas, its images, and the code that it is made of.

Its transitions are not known. So it is no `AreaGraph`: when a stimulus arrives in an area is stated or measured, not
derived, and no transition can be scaled.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ventral.clock import ticks, to_ms
from ventral.errors import GraphError, ProtocolError, UsageError, unknown
from ventral.stimuli.images import Preprocessing

KIND = "outside"
LOGITS = "readout"


@dataclass(frozen=True)
class Pixels:
    """The images that a network takes, (3, size, size): grey levels from 0 to 255 become 0 to `white`, then normalised.

    Parameters
    ----------
    size
        Height and width.
    mean, std
        What is subtracted, and by what the rest is divided, for red, green and blue, on the scale of `white`.
    white
        Value of white before the normalisation: 1 for most networks, 255 for some.

    Raises
    ------
    UsageError
        If a number is out of its range.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    white: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or isinstance(self.size, bool) or self.size < 1:
            raise UsageError(f"the size of images is {self.size!r}; give their height and width, a whole number.")
        if not 0 < self.white < math.inf:
            raise UsageError(f"white is {self.white!r}; give the value of a white pixel, such as 1 or 255.")
        for name in ("mean", "std"):
            values = tuple(float(value) for value in getattr(self, name))
            if len(values) != 3 or not all(map(math.isfinite, values)) or (name == "std" and min(values) <= 0):
                positive = ", each above 0" if name == "std" else ""
                raise UsageError(f"{name} is {values}; give three numbers, for red, green and blue{positive}.")
            object.__setattr__(self, name, values)

    @property
    def preprocessing(self) -> Preprocessing:
        """From grey levels to what the network sees."""
        red, green, blue = (level / self.white for level in self.mean)
        scales = (self.std[0] / self.white, self.std[1] / self.white, self.std[2] / self.white)
        return Preprocessing((red, green, blue), scales)


@dataclass(frozen=True)
class OutsideArea:
    """An area of an outside network.

    Parameters
    ----------
    name
        As in papers, or the layer's own.
    shape
        (channel, y, x) of maps, or (channel,) of a vector.
    arrival_ms
        Time from stimulus onset to the first signal; None if none came while it was looked for.
    layer
        The layer whose output is recorded; empty if the area is part of the state that the network gives.
    """

    name: str
    shape: tuple[int, ...]
    arrival_ms: int | None
    layer: str = ""

    @property
    def recorded(self) -> dict[str, Any]:
        """What its activity is, for the attributes of a run."""
        return {"recorded": f"output of {self.layer}" if self.layer else "state"}


@dataclass(frozen=True)
class OutsideGraph:
    """Areas of an outside network, the images that it takes, and the code that it is made of.

    Parameters
    ----------
    areas
        In the order in which they are listed.
    pixels
        The images that it takes.
    drive
        "sustained": a static network, in which an image enters at every tick at which it is on. "continuous": one with
        steps in time, in which an image enters at every tick.
    logits
        What is read of it, as an area; None if nothing is.
    takes_noise
        Whether its areas carry a state from tick to tick that noise can be added to.
    code
        Name and version of each class and function that the network is made of, but those of torch.
    """

    areas: tuple[OutsideArea, ...]
    pixels: Pixels
    drive: str
    logits: OutsideArea | None
    takes_noise: bool
    code: Mapping[str, str]

    statistics = "fixed"
    learned_until_ms = None

    def __getitem__(self, name: str) -> OutsideArea:
        """The area of this name."""
        for area in self.areas:
            if area.name == name:
                return area
        raise GraphError(unknown("area", name, [area.name for area in self.areas]))

    @property
    def readout(self) -> str:
        """Name under which the logits are among the states; empty if there are none."""
        return self.logits.name if self.logits else ""

    @property
    def readout_ms(self) -> tuple[int, ...]:
        """Times at which the network was made to be read: none in particular."""
        return ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of an image, (colour, y, x)."""
        return (3, self.pixels.size, self.pixels.size)

    @property
    def arrival_ms(self) -> dict[str, int | None]:
        """Time from stimulus onset to the first signal in each area and in the readout, in ms; None for none."""
        return {area.name: area.arrival_ms for area in self.outputs}

    @property
    def outputs(self) -> tuple[OutsideArea, ...]:
        """The areas and, last, the logits if there are any."""
        return (*self.areas, *([self.logits] if self.logits else []))

    def arrival_after(self, onset_tick: int) -> dict[str, int | None]:
        """Time at which a change of the input at a tick can first reach each area, in ms on the network's clock.

        It takes as long as from stimulus onset: what the network does at a tick does not depend on the tick.
        """
        return {name: None if ms is None else ms + to_ms(onset_tick) for name, ms in self.arrival_ms.items()}

    def presence_until(self, end_ms: int) -> dict[str, list[bool]]:
        """Whether a signal has arrived in each area and in the readout at each tick to `end_ms`."""
        count = ticks(end_ms, "end_ms") + 1
        return {
            area.name: [area.arrival_ms is not None and to_ms(tick) >= area.arrival_ms for tick in range(count)]
            for area in self.outputs
        }

    @property
    def directions(self) -> dict[str, str]:
        """Direction of each transition by name: none, for the transitions are not known."""
        return {}

    def scaled(self, what: str, identity: bool = False) -> list[str]:
        """Refuse to scale a transition, for none is known.

        Raises
        ------
        ProtocolError
            Always.
        """
        raise ProtocolError(
            f"{what} cannot be scaled in an outside network, whose transitions are not known; leave out the "
            "intervention, or give a network without that connection."
        )

    def to_json(self) -> str:
        """The description as JSON with sorted keys."""
        return json.dumps({"kind": KIND, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "OutsideGraph":
        """The description that JSON holds so, the inverse of `to_json`.

        Raises
        ------
        GraphError
            If it is not the JSON of one, or has a field that is not known.
        """
        try:
            given = json.loads(text)
            if given.pop("kind") != KIND or given.keys() != {field.name for field in fields(cls)}:
                raise ValueError(f"its fields are {', '.join(given)}")
            logits = given["logits"]
            return cls(
                areas=tuple(_area(area) for area in given["areas"]),
                pixels=Pixels(**given["pixels"]),
                drive=given["drive"],
                logits=None if logits is None else _area(logits),
                takes_noise=given["takes_noise"],
                code=dict(given["code"]),
            )
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise GraphError(f"the description of an outside network cannot be read ({error}).") from None


def _area(given: Mapping[str, Any]) -> OutsideArea:
    return OutsideArea(**{**given, "shape": tuple(given["shape"])})


def checked_names(names: Sequence[str]) -> None:
    """Refuse names that areas cannot have.

    Raises
    ------
    GraphError
        If a name is empty, given twice, or used by the store.
    """
    for name in names:
        if not name or "->" in name or "/" in name or name.startswith((".", "__")):
            raise GraphError(f"area name {name!r} cannot be used; give a short name such as 'V1'.")
        if name == LOGITS:
            raise GraphError(f"an area cannot be called {LOGITS!r}; logits are recorded under that name.")
        if list(names).count(name) > 1:
            raise GraphError(f"two areas are called {name}; names must differ.")
