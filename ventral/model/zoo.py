"""Graphs by name, one function each: those of the paper and of the shipped models.

The paper's are named after their number of states. Arguments are knobs, which the command line sets as in
`two-state:readout_ms=30,sharing=per-tick`:

channels
    Number of feature maps of the first area; it doubles where size halves. The default is the paper's.
readout_ms
    Time at which the post-net reads; the paper's t in ms.
sharing
    "over-time" (the paper's "shared") or "per-tick" ("unshared"); see `AreaGraph`.
statistics
    Kind of normalisation statistics: "per-tick", "shared" or "fixed" (section 3.7); see `AreaGraph`.
scale_shift
    Whether the normalisations of transitions learn a scale and a shift, one for each set of statistics.
prenet
    "conv" or "convx3".
connections
    "full", or "adjacent": between neighbours, and from each area to itself.

An impossible value is a `GraphError`.

Source: Liao & Poggio (2016), section 5; figure numbers are in each docstring.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from ventral.errors import GraphError, choose
from ventral.model.areas import Area, Transition
from ventral.model.checks import known
from ventral.model.family import FAMILY, Statistics, full_stream
from ventral.model.graph import AreaGraph
from ventral.model.wiring import NAMES, adjacent, full, pyramid

Sharing = Literal["over-time", "per-tick"]
Connections = Literal["full", "adjacent"]
Prenet = Literal["conv", "convx3"]
FIG_10_TEST_MS = (60, 70, 80, 90, 100, 110, 120, 150)


def ventral_stream(
    channels: tuple[int, int, int, int] = (16, 32, 64, 128), size: int = 32, classes: int = 10
) -> AreaGraph:
    """V1-V2-V4-IT with lateral and feedback transitions between neighbours, states replaced at every tick.

    Parameters
    ----------
    channels
        Number of feature maps of V1, V2, V4 and IT.
    size
        Height and width of V1 and of the images; each further area has half.
    classes
        Number of classes of the readout.
    """
    areas = tuple(Area(name, width, size >> i) for i, (name, width) in enumerate(zip(NAMES, channels, strict=True)))
    return AreaGraph(areas, adjacent(areas), drive="sustained", readout="IT", classes=classes)


def shapes() -> AreaGraph:
    """The graph of the shipped model of the built-in shapes: `full` with 12 channels in V1."""
    return full_stream(12)


def cifar10() -> AreaGraph:
    """The graph of the shipped CIFAR-10 model: `full` with 16 channels in V1."""
    return full_stream(16)


def one_state(
    channels: int = 64,
    readout_ms: int = 100,
    sharing: Sharing = "over-time",
    statistics: Statistics = "per-tick",
    scale_shift: bool = False,
) -> AreaGraph:
    """1-state ResNet, one residual module at every tick (Fig. 6; Fig. 3 A and C)."""
    areas = pyramid(1, channels, identity=1)
    graph = AreaGraph(areas, full(areas), "impulse", readout_ms=(readout_ms,), sharing=sharing, statistics=statistics)
    return replace(graph, scale_shift=scale_shift)


def three_state_resnet(channels: int = 16, sharing: Sharing = "over-time") -> AreaGraph:
    """3-state ResNet gated in time: three residual modules in each state, then one convolution to the next (Fig. 6).

    The self-transitions are on in [0, 30), [40, 70) and [80, 110) ms, the convolutions at ticks 4 and 8, that is from
    source ticks at 30 and 70 ms (Fig. 3 B and D).
    """
    return in_turn(pyramid(3, channels, identity=1), "conv", sharing)


def three_state_one_kernel(
    features: int = 64, sharing: Literal["everywhere", "over-time", "per-tick"] = "everywhere"
) -> AreaGraph:
    """3-state ResNet with one kernel for all its convolutions, across areas and ticks, and pooling between (Fig. 7)."""
    areas = tuple(Area(name, features, 32 >> i, identity=1) for i, name in enumerate(NAMES[:3]))
    return in_turn(areas, "pool", sharing)


def in_turn(areas: tuple[Area, ...], between: str, sharing: str) -> AreaGraph:
    """A graph in which each area recurs for 30 ms and then passes its state to the next area in 10 ms."""
    edges = [Transition(area.name, area.name, windows=((40 * i, 40 * i + 30),)) for i, area in enumerate(areas)]
    for i in range(len(areas) - 1):
        handed = ((40 * i + 30, 40 * i + 40),)
        edges.append(Transition(areas[i].name, areas[i + 1].name, between, windows=handed))
    return AreaGraph(areas, tuple(edges), "impulse", readout_ms=(40 * len(areas) - 10,), sharing=sharing)


def two_state(
    channels: int = 64,
    readout_ms: int = 100,
    sharing: Sharing = "over-time",
    statistics: Statistics = "per-tick",
    scale_shift: bool = False,
) -> AreaGraph:
    """2-state fully recurrent network, both states of 32x32 (Fig. 6; read at 20, 30, 50 or 100 ms in Fig. 8)."""
    areas = tuple(Area(name, channels, 32, identity=1) for name in NAMES[:2])
    graph = AreaGraph(areas, full(areas), "impulse", readout_ms=(readout_ms,), sharing=sharing, statistics=statistics)
    return replace(graph, scale_shift=scale_shift)


def three_state(
    connections: Connections = "full",
    channels: int = 64,
    readout_ms: int = 50,
    sharing: Sharing = "over-time",
    prenet: Prenet = "convx3",
) -> AreaGraph:
    """3-state recurrent network, all transitions or those between neighbours only (Fig. 9)."""
    return recurrent(pyramid(3, channels, identity=1), connections, "impulse", readout_ms, sharing, prenet)


def four_state(
    connections: Connections = "full",
    channels: int = 8,
    readout_ms: int = 50,
    sharing: Sharing = "over-time",
    prenet: Prenet = "convx3",
) -> AreaGraph:
    """4-state recurrent network, all transitions or those between neighbours only (Fig. 9)."""
    return recurrent(pyramid(4, channels, identity=1), connections, "impulse", readout_ms, sharing, prenet)


def three_state_no_self(
    reading: Literal["identity", "sustained", "literal"] = "identity",
    channels: int = 64,
    sharing: Sharing = "over-time",
    prenet: Prenet = "conv",
) -> AreaGraph:
    """3-state network of neighbours without self-transitions (Fig. 10: read at 100 ms, tested at 60 to 120 and 150).

    As described in the paper it cannot run: without self-transitions, and with one input, the last area is absent at
    every odd tick. Two readings can run: "identity" carries each state over, "sustained" lets the image enter at every
    tick. "literal" is refused with that explanation.
    """
    known("reading", reading, ("identity", "sustained", "literal"))
    areas = pyramid(3, channels, identity=float(reading == "identity"))
    drive = "sustained" if reading == "sustained" else "impulse"
    read = FIG_10_TEST_MS if reading == "literal" else (100,)
    edges = adjacent(areas, lateral=False)
    try:
        return AreaGraph(areas, edges, drive, prenet=prenet, readout_ms=read, sharing=sharing)
    except GraphError as error:
        raise GraphError(f"Fig. 10 as written cannot run: {error}" if reading == "literal" else str(error)) from None


def three_state_inhomogeneous(
    connections: Connections = "full",
    channels: int = 64,
    readout_ms: int = 50,
    sharing: Sharing = "over-time",
    prenet: Prenet = "convx3",
) -> AreaGraph:
    """3-state network whose image enters at every tick (Fig. 13)."""
    return recurrent(pyramid(3, channels, identity=1), connections, "sustained", readout_ms, sharing, prenet)


def recurrent(
    areas: tuple[Area, ...], connections: str, drive: str, readout_ms: int, sharing: str, prenet: str
) -> AreaGraph:
    """A graph of areas that are all connected with each other, or with their neighbours."""
    edges = (
        full(areas) if known("kind of connections", connections, ("full", "adjacent")) == "full" else adjacent(areas)
    )
    return AreaGraph(areas, edges, drive, prenet=prenet, readout_ms=(readout_ms,), sharing=sharing)


def one_state_inhomogeneous(channels: int = 64, readout_ms: int = 100, sharing: Sharing = "over-time") -> AreaGraph:
    """1-state ResNet whose image enters at every tick (appendix B, Fig. 12)."""
    areas = pyramid(1, channels, identity=1)
    return AreaGraph(areas, full(areas), "sustained", readout_ms=(readout_ms,), sharing=sharing)


def plain_rnn(channels: int = 64, readout_ms: int = 100, sharing: Sharing = "over-time") -> AreaGraph:
    """Plain recurrent network, h(t+1) = K(h(t)): the 1-state ResNet without its identity (Fig. 11)."""
    areas = pyramid(1, channels, identity=0)
    return AreaGraph(areas, full(areas), "impulse", readout_ms=(readout_ms,), sharing=sharing)


PAPER: dict[str, Callable[..., AreaGraph]] = {
    "one-state": one_state,
    "three-state-resnet": three_state_resnet,
    "two-state": two_state,
    "three-state-one-kernel": three_state_one_kernel,
    "four-state": four_state,
    "three-state": three_state,
    "three-state-no-self": three_state_no_self,
    "three-state-inhomogeneous": three_state_inhomogeneous,
    "one-state-inhomogeneous": one_state_inhomogeneous,
    "plain-rnn": plain_rnn,
}
GRAPHS: dict[str, Callable[..., AreaGraph]] = {"shapes": shapes, "cifar10": cifar10, **FAMILY, **PAPER}


def graph(name: str, **knobs: object) -> AreaGraph:
    """The graph of this name ("-" and "_" are the same), with the arguments of its function."""
    return GRAPHS[choose("model", name, GRAPHS)](**knobs)
