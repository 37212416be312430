"""Graphs by name: one function each."""

from collections.abc import Callable

from ventral.areas import Area, AreaGraph, adjacent
from ventral.errors import choose


def ventral_stream(
    channels: tuple[int, int, int, int] = (16, 32, 64, 128), size: int = 32, classes: int = 10
) -> AreaGraph:
    """V1-V2-V4-IT with lateral and feedback transitions between neighbours, states replaced at every tick.

    Parameters
    ----------
    channels
        Feature maps of V1, V2, V4 and IT.
    size
        Height and width of V1 and of the images; each further area has half.
    classes
        Classes told apart by the readout.
    """
    names = ("V1", "V2", "V4", "IT")
    areas = tuple(Area(name, width, size >> i) for i, (name, width) in enumerate(zip(names, channels, strict=True)))
    return AreaGraph(areas, adjacent(areas), drive="sustained", readout="IT", classes=classes)


def shapes() -> AreaGraph:
    """The graph of the shipped model of the built-in shapes: a narrower ventral stream."""
    return ventral_stream((12, 24, 48, 96))


def cifar10() -> AreaGraph:
    """The graph of the shipped CIFAR-10 model."""
    return ventral_stream((16, 32, 64, 128))


GRAPHS: dict[str, Callable[[], AreaGraph]] = {"shapes": shapes, "cifar10": cifar10}


def graph(name: str) -> AreaGraph:
    """The graph of this name ("-" and "_" are the same)."""
    return GRAPHS[choose("model", name, GRAPHS)]()
