"""A small network, for tests."""

import torch

from ventral.model import statistics
from ventral.model.areas import Area
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.model.wiring import adjacent


def small_graph(**changes: object) -> AreaGraph:
    """V1-V2-V4-IT, a few channels each, on images of 16x16."""
    names = ("V1", "V2", "V4", "IT")
    areas = tuple(Area(name, 2 + i, 16 >> i) for i, name in enumerate(names))
    return AreaGraph(areas, adjacent(areas), **{"readout": "IT", **changes})  # type: ignore[arg-type]


def with_statistics(network: Network, images: torch.Tensor, ticks: int) -> Network:
    """Estimate every normalisation at ticks 0, 1, ... on images that stay on."""
    statistics.estimate(network, network.staying(images, ticks + 1))
    return network
