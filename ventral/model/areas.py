"""The parts of a graph: areas, transitions between them, and the convolutions that transitions consist of.

Source: Liao & Poggio (2016), Fig. 4 (kinds of transition) and sections 3.1 (areas), 3.4 (sharing) and 3.5 (windows).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ventral.clock import ticks, to_ms
from ventral.errors import GraphError, quoted, unknown

# Kind of transition -> (smallest, largest) number of octaves that it bridges. One octave down leads to an area of half
# the size, one up (negative) to an area of twice the size. BRC is batch normalisation, ReLU, convolution; in BRD the
# convolution is transposed ("deconvolution"); x2 and x3 count such stages.
KINDS = {
    "conv": (0, 1),
    "pool": (1, 1),
    "BRCx2": (0, 2),
    "BRCx3": (0, 3),
    "BRDx2": (-2, -1),
    "BRDx3": (-3, -1),
}

# the most that a description may ask for: larger networks fit no machine, and a typing error should not fill its memory
CHANNELS, SIZE, NAME, GAIN = 4096, 1024, 100, 1000


@dataclass(frozen=True)
class Area:
    """A cortical area: a state of shape (channels, size, size).

    Parameters
    ----------
    name
        As in papers, such as "V1" or "IT".
    channels
        Number of feature maps.
    size
        Height and width of a feature map.
    identity
        Gain g of the identity: at each tick the state keeps g times itself. The paper's "+I" is 1; at 0 the state is
        replaced at every tick.

    Raises
    ------
    GraphError
        If the name cannot be used, or a number is out of its range.
    """

    name: str
    channels: int
    size: int
    identity: float = 0.0

    def __post_init__(self) -> None:
        if not is_name(self.name) or "->" in self.name or "/" in self.name:
            raise GraphError(f"area name {quoted(self.name)} cannot be used; give a short name such as 'V1'.")
        if self.name == "readout":
            raise GraphError("an area cannot be called 'readout'; the network's logits are recorded under that name.")
        for field, count, most in (("channels", self.channels, CHANNELS), ("size", self.size, SIZE)):
            check_count(f"area {self.name}: {field}", count, most)
        if not 0 <= self.identity <= GAIN:
            gain = quoted(self.identity)
            raise GraphError(f"area {self.name}: identity gain is {gain}; give a number from 0 (replaced) to {GAIN:,}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the state, (channel, y, x)."""
        return (self.channels, self.size, self.size)

    @property
    def recorded(self) -> dict[str, Any]:
        """What its activity is, for the attributes of a run."""
        return {"recorded": "state", "identity_gain": self.identity}


@dataclass(frozen=True)
class Transition:
    """A connection from one area to another (or itself) that takes one tick.

    Parameters
    ----------
    source, target
        Names of areas.
    kind
        "conv", "pool", or two or three stages of batch normalisation, ReLU and convolution: "BRCx2", "BRCx3", or with
        transposed convolution "BRDx2", "BRDx3" (Fig. 4 of the paper).
    windows
        Intervals [from_ms, to_ms) of the source's tick in which the transition is on; None for always. The windows of
        a self-transition also gate its area's identity.

    Raises
    ------
    GraphError
        If the kind is unknown or a window is empty.
    ClockError
        If a window is off the clock.
    """

    source: str
    target: str
    kind: str = "BRCx2"
    windows: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        for area in (self.source, self.target):
            if not is_name(area):
                raise GraphError(f"a transition leads from or to {quoted(area)}; give the name of an area.")
        if self.kind not in KINDS:
            raise GraphError(f"transition {self.name}: {unknown('kind of transition', self.kind, KINDS)}")
        if self.windows is not None:
            windows = checked_windows(self.name, self.windows)
            object.__setattr__(self, "windows", tuple((int(start), int(stop)) for start, stop in windows))

    @property
    def name(self) -> str:
        """The name made of source and target, such as "V1->V2"."""
        return f"{self.source}->{self.target}"

    @property
    def lateral(self) -> bool:
        """Whether the transition leads from an area to itself."""
        return self.source == self.target

    def on(self, tick: int) -> bool:
        """Whether the transition carries the source's state of this tick."""
        if self.windows is None:
            return True
        return any(start <= to_ms(tick) < stop for start, stop in self.windows)


@dataclass(frozen=True)
class Stage:
    """One convolution of a transition.

    Parameters
    ----------
    inward, outward
        Number of channels in and out.
    stride
        1 or 2; 2 halves the size, or doubles it if the convolution is transposed.
    transposed
        Whether the convolution is transposed.
    normalised
        Whether normalisation and ReLU precede the convolution.
    """

    inward: int
    outward: int
    stride: int = 1
    transposed: bool = False
    normalised: bool = True


@dataclass(frozen=True, order=True)
class Entry:
    """A convolution of the network unrolled in time, (i, j, t) in section 3.4 of the paper, by which weights are tied.

    Parameters
    ----------
    source, target
        Names of areas.
    stage
        Position of the convolution in the transition, from 0.
    at_ms
        Time of the source's tick; None for all ticks.
    """

    source: str
    target: str
    stage: int = 0
    at_ms: int | None = None

    @property
    def edge(self) -> str:
        """The name of the transition, such as "V1->V2"."""
        return f"{self.source}->{self.target}"

    @property
    def name(self) -> str:
        """The name made of transition and stage, with a time if the entry is of one tick: "V1->V2/0@30"."""
        return f"{self.edge}/{self.stage}" + ("" if self.at_ms is None else f"@{self.at_ms}")


def is_name(name: object) -> bool:
    """Whether a value can name an area."""
    return isinstance(name, str) and 0 < len(name) <= NAME


def check_count(what: str, count: object, most: int) -> None:
    """Refuse a count that is not a whole number from 1 to `most`."""
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= most:
        raise GraphError(f"{what} is {quoted(count)}; give a whole number from 1 to {most:,}.")


def checked_windows(name: str, windows: Iterable[Sequence[int]]) -> Iterable[tuple[int, int]]:
    """The windows of a transition of this name; refused unless each is on the clock and not empty."""
    for window in windows if isinstance(windows, Iterable) else (windows,):
        if not isinstance(window, Sequence) or isinstance(window, str) or len(window) != 2:
            raise GraphError(
                f"transition {name}: window {quoted(window)} is not (from_ms, to_ms); give windows as ((0, 30),)."
            )
        start, stop = window
        ticks(start, f"window start of {name}")
        ticks(stop, f"window end of {name}")
        if start < 0 or stop <= start:
            raise GraphError(
                f"transition {name}: window [{start}, {stop}) ms is empty or starts before 0; "
                "give [from_ms, to_ms) with 0 <= from_ms < to_ms."
            )
        yield start, stop
