import pytest

from ventral.model.areas import Area
from ventral.model.wiring import adjacent, full

STREAM = tuple(Area(name, 4, 32 >> i) for i, name in enumerate(("V1", "V2", "V4", "IT")))
BRIDGES = {-3: "BRDx3", -2: "BRDx2", -1: "BRDx2", 0: "BRCx2", 1: "BRCx2", 2: "BRCx2", 3: "BRCx3"}


def bridges(apart):
    """The transitions between all areas whose places differ so, and their kinds."""
    places = [(i, j) for i in range(4) for j in range(4) if apart(abs(i - j))]
    return {f"{STREAM[i].name}->{STREAM[j].name}": BRIDGES[j - i] for i, j in places}


@pytest.mark.parametrize(
    ("edges", "apart"),
    [
        (full(STREAM), lambda distance: True),
        (adjacent(STREAM), lambda distance: distance < 2),
        (adjacent(STREAM, lateral=False), lambda distance: distance == 1),
    ],
    ids=["full", "adjacent", "adjacent without self-transitions"],
)
def test_areas_are_connected_as_the_name_says(edges, apart):
    assert {edge.name: edge.kind for edge in edges} == bridges(apart)
    assert len(edges) == len(bridges(apart))
