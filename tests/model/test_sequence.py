import pytest
import torch
from networks import TICKS, pictures, record, shown, trained
from small import small_graph

from ventral.errors import AbsentError, ClockError, GraphError
from ventral.model import statistics
from ventral.model.areas import Area, Transition
from ventral.model.graph import AreaGraph
from ventral.model.network import Network

# ---- sequences (Fig. 5)

FRAMES = [pictures(3, 16, seed) for seed in range(4)]
SEQUENCES = {
    "one-to-one": ([FRAMES[0]], [50]),
    "many-to-one": (FRAMES, [60]),
    "one-to-many": ([FRAMES[0]], [30, 40, 70]),
    "many-to-many": (FRAMES, [30, 40, 50, 60]),
    "with pauses": ([FRAMES[0], None, FRAMES[1], None, FRAMES[1]], [40, 60]),
    "read in another order, and twice": (FRAMES, [60, 30, 60]),
}


@pytest.mark.parametrize("case", SEQUENCES)
def test_a_sequence_has_the_logits_of_single_steps(case):
    frames, times = SEQUENCES[case]
    network = trained(small_graph())
    states, logits = {}, {}
    with torch.no_grad():
        for tick in range(max(times) // 10 + 1):
            frame = frames[tick] if tick < len(frames) else None
            entering = None if frame is None else network.encode(frame)
            states = network.step(states, tick - 1, entering) if tick else {"V1": entering}
            logits[10 * tick] = network.readout(states, tick) if "IT" in states else None
        found = network.sequence(frames, times)
    assert torch.equal(found, torch.stack([logits[ms] for ms in times], dim=1))


def test_a_sequence_of_one_image_is_the_response_to_an_image_that_stays_on():
    network, times = trained(small_graph()), range(30, 90, 10)
    assert torch.equal(network.sequence([FRAMES[0]] * TICKS, times), network.respond(FRAMES[0], TICKS)[:, 3:])


def test_a_sequence_that_begins_with_an_image_is_the_response_to_an_impulse():
    network = trained(small_graph(drive="impulse"))
    times = range(30, 90, 10)
    assert torch.equal(network.sequence([FRAMES[0]], times), network.respond(FRAMES[0], TICKS)[:, 3:])


def test_a_frame_after_the_last_readout_is_refused():
    with pytest.raises(GraphError, match=r"an image enters at 30 ms, after the last of readout_ms, 20; read later"):
        trained(small_graph()).sequence(FRAMES, [20])


def test_a_readout_before_the_clock_starts_is_refused():
    with pytest.raises(GraphError, match="at least one time, from 0 ms"):
        trained(small_graph()).sequence([FRAMES[0]], [-10, 40])


def test_a_readout_off_the_clock_is_refused():
    with pytest.raises(ClockError, match=r"readout_ms is 35 ms; .* use 30 or 40"):
        trained(small_graph()).sequence([FRAMES[0]], [35])


def test_a_readout_of_an_absent_area_is_refused_with_the_times_at_which_it_is_present():
    edges = (Transition("V1", "V2"), Transition("V2", "V1"))
    network = Network(AreaGraph((Area("V1", 2, 16), Area("V2", 2, 16)), edges, "impulse"), 50).train()
    with pytest.raises(AbsentError, match="V2 is absent at 40 ms; it is present at 10, 30, 50 ms"):
        network.sequence([FRAMES[0]], [50, 40])


def test_what_is_held_is_the_last_that_was_estimated():
    areas = (Area("V1", 2, 4, 1), Area("V2", 2, 4))
    graph = AreaGraph(areas, (Transition("V1", "V2", windows=((0, 10), (60, 70))),))
    network = trained(graph, 4, 4)
    statistics.hold(network, True)
    assert record(network, shown(network, pictures(2, 4), 8))[7]["V2"].isfinite().all()


def test_only_images_that_enter_after_the_last_readout_are_refused():
    network = trained(small_graph())
    x = pictures()
    assert torch.equal(network.sequence([x, None, None, None, None], [30]), network.sequence([x], [30]))
    with pytest.raises(GraphError, match="an image enters at 40 ms, after the last of readout_ms, 30"):
        network.sequence([x, None, None, None, x], [30])
    with pytest.raises(GraphError, match="at least one time, from 0 ms"):
        network.sequence([x], [])
