from dataclasses import replace

import pytest
from two_areas import DOWN, OWN, V1, V2, assert_refused, two

from ventral.model.areas import Area, Transition

ONCE = {"drive": "impulse"}
WRONG = {
    "too many areas": (
        lambda: two(areas=tuple(Area(f"A{i}", 1, 4) for i in range(65))),
        "there are 65 areas; give at most 64",
    ),
    "classes without end": (
        lambda: two(DOWN, classes=10**9),
        "classes is 1000000000; give a .* to 100,000",
    ),
    "two of a name": (lambda: two(areas=(V1, V1)), "two areas are called V1"),
    "unknown source": (lambda: two(Transition("V3", "V2")), "no area named 'V3'"),
    "unknown readout": (lambda: two(Transition("V1", "V2"), readout="IT"), "the readout area: no area named 'IT'"),
    "unknown entry": (lambda: two(Transition("V1", "V2"), entry="LGN"), "the entry area"),
    "unknown drive": (lambda: two(Transition("V1", "V2"), drive="sustaned"), "did you mean 'sustained'"),
    "unknown pre-net": (lambda: two(Transition("V1", "V2"), prenet="conv4"), "did you mean"),
    "listed twice": (lambda: two(Transition("V1", "V2"), Transition("V1", "V2", "conv")), "V1->V2 is listed twice"),
    "too far down": (
        lambda: two(Transition("V1", "V2"), areas=(replace(V1, size=32), V2)),
        r"V1->V2 needs 3 octaves down; BRCx2 cannot bridge that, use BRCx3",
    ),
    "up with a convolution": (
        lambda: two(Transition("V1", "V2"), Transition("V2", "V1")),
        "use BRDx2 or BRDx3",
    ),
    "sizes not in octaves": (lambda: two(Transition("V1", "V2"), areas=(V1, replace(V2, size=3))), "factor of 1, 2, 4"),
    "pooling to other channels": (
        lambda: two(Transition("V1", "V2", "pool"), areas=(V1, replace(V2, channels=5))),
        "pooling keeps the number of channels",
    ),
    "nothing reaches the readout": (lambda: two(Transition("V1", "V1")), "nothing reaches the readout area V2"),
    "source never there": (
        lambda: two(Transition("V1", "V2", windows=((0, 10),)), Transition("V2", "V1", "BRDx2", ((0, 10),))),
        "V2->V1 never carries anything",
    ),
    "biases in words": (lambda: two(DOWN, bias="no"), "bias is 'no'; give true or false"),
    "unknown sharing": (lambda: two(DOWN, sharing="per-tik"), "did you mean 'per-tick'"),
    "unknown statistics": (lambda: two(DOWN, statistics="per_tck"), "did you mean 'per-tick'"),
    "weights per tick without end": (
        lambda: two(OWN, DOWN, sharing="per-tick"),
        "per tick .* give .* readout_ms",
    ),
    "scales per tick without end": (
        lambda: two(OWN, DOWN, scale_shift=True),
        "per tick .* give .* readout_ms",
    ),
    "read before the signal": (
        lambda: two(DOWN, readout_ms=(0, 10)),
        "V2 is absent at 0 ms, .* arrives at 10 ms, so read from then on",
    ),
    "read when an impulse has passed": (
        lambda: two(DOWN, readout_ms=(10, 20, 30), **ONCE),
        "V2 is absent at 20, 30 ms.* present at 10 ms, because the image enters only once.* or use sustained drive",
    ),
    "read when a window has closed": (
        lambda: two(OWN, Transition("V1", "V2", windows=((0, 20),)), readout_ms=(20, 30)),
        "V2 is absent at 30 ms.* present at 10, 20 ms, so read then or change the windows",
    ),
    "read before the start": (lambda: two(DOWN, readout_ms=(-10, 10)), "readout_ms is -10; .* starts at 0"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_graph_of_which_no_network_can_run_is_refused_with_a_remedy(mistake):
    assert_refused(*WRONG[mistake])
