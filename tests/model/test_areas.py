import pytest
from two_areas import assert_refused

from ventral.model.areas import Area, Transition

WRONG = {
    "no name": (lambda: Area("", 3, 8), "cannot be used"),
    "an arrow in a name": (lambda: Area("V1->V2", 3, 8), "cannot be used"),
    "the readout's name": (lambda: Area("readout", 3, 8), "cannot be called 'readout'"),
    "no channels": (lambda: Area("V1", 0, 8), "channels is 0; give a whole number"),
    "half a pixel": (lambda: Area("V1", 3, 8.5), "size is 8.5; give a whole number"),
    "channels without end": (
        lambda: Area("V1", 10**9, 8),
        "channels is 1000000000; give a .* 1 to 4,096",
    ),
    "size without end": (lambda: Area("V1", 3, 10**400), r"size is 10+\.\.\.; give a whole number from 1 to 1,024"),
    "a name without end": (lambda: Area("V" * 10**6, 3, 8), r"area name 'V+\.\.\. cannot be used"),
    "a number for a name": (lambda: Area(1, 3, 8), "area name 1 cannot be used"),
    "a transition of no area": (lambda: Transition("V1", None), "leads from or to None; give the name of an area"),
    "a window beyond the clock": (
        lambda: Transition("V1", "V2", windows=((0, 10**12),)),
        "window end of V1->V2 is 1000000000000 ms; the clock goes to 100,000 ms",
    ),
    "identity without end": (lambda: Area("V1", 3, 8, 10**400), r"identity gain is 10+\.\.\.; give a number from 0"),
    "identity that is no number": (lambda: Area("V1", 3, 8, float("nan")), "identity gain is nan"),
    "negative identity": (lambda: Area("V1", 3, 8, identity=-1), "identity gain is -1"),
    "unknown kind": (lambda: Transition("V1", "V2", "BRCx4"), "did you mean 'BRCx"),
    "a window that is a time": (lambda: Transition("V1", "V2", windows=(0, 20)), r"V1->V2: window.*\(from_ms, to_ms\)"),
    "a window of three times": (
        lambda: Transition("V1", "V2", windows=((0, 20, 30),)),
        r"V1->V2: window \(0, 20, 30\) is not \(from_ms, to_ms\)",
    ),
    "a window off the clock": (lambda: Transition("V1", "V2", windows=((35, 40),)), "V1->V2 is 35 ms; .*use 30 or 40"),
    "empty window": (lambda: Transition("V1", "V2", "conv", ((40, 40),)), "is empty or starts before 0"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_part_of_a_graph_is_refused_with_a_remedy(mistake):
    assert_refused(*WRONG[mistake])
