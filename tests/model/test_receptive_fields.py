"""Receptive fields: a pixel outside cannot change a state, and the pixels at their ends do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import small_graph

from ventral.errors import ClockError
from ventral.model import zoo
from ventral.model.network import Network
from ventral.model.receptive_fields import receptive_fields

TICKS = 5


def changed_places(graph, pixel, ticks=TICKS):
    """Whether a change of one row of pixels changes each row of places of each area, area -> (tick, row)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(graph, 200, seed=1).double()
        for module in network.modules():  # fixed statistics, so that nothing but convolutions spreads a change
            if hasattr(module, "variance"):
                module.mean.zero_()
                module.variance.fill_(1.0)
        size = graph[graph.entry].size
        image = torch.randn(8, graph.colours, size, size, dtype=torch.float64)
        other = image.clone()
        other[:, :, pixel] += torch.randn(8, graph.colours, size, dtype=torch.float64)
    with torch.no_grad():
        runs = [list(network.run(network.staying(each, ticks))) for each in (image, other)]
    found = {area.name: np.zeros((ticks, area.size), dtype=bool) for area in graph.areas}
    for tick, (before, after) in enumerate(zip(*runs, strict=True)):
        for name in before:
            found[name][tick] = (before[name] != after[name]).any(3).any(1).any(0).numpy()
    return found


GRAPHS = {
    "full": zoo.graph("full", channels=4),
    "feedforward": zoo.graph("feedforward", channels=4),
    "small": small_graph(),
    "four-state": zoo.graph("four-state", channels=2),
    "one-kernel": zoo.graph("three-state-one-kernel", features=4),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_pixel_reaches_exactly_the_places_whose_receptive_field_it_is_in(name):
    graph = GRAPHS[name]
    size = graph[graph.entry].size
    fields = receptive_fields(graph, 10 * (TICKS - 1))
    for pixel in (0, size // 2, size - 1):
        for area, reached in changed_places(graph, pixel).items():
            within = (fields[area].first <= pixel) & (pixel <= fields[area].last)
            np.testing.assert_array_equal(reached, within, err_msg=f"{area}, pixel {pixel}")


def test_an_area_has_no_receptive_field_before_its_arrival():
    graph = GRAPHS["feedforward"]
    fields = receptive_fields(graph, 60)
    for area, arrival in graph.arrival_ms.items():
        sizes = fields[area].size
        assert (sizes[: arrival // 10] == 0).all()
        assert np.isnan(fields[area].centre[: arrival // 10]).all()
        assert (sizes[arrival // 10 :] > 0).all()


def test_recurrence_widens_receptive_fields_and_its_absence_does_not():
    full, plain = (receptive_fields(GRAPHS[name], 100) for name in ("full", "feedforward"))
    middle = 16
    assert (np.diff(plain["V1"].size[:, middle]) == 0).all()
    assert (np.diff(full["V1"].size[:, middle]) >= 0).all()
    assert full["V1"].size[-1, middle] == 32  # the whole image


def test_receptive_fields_widen_along_the_stream_and_cover_its_middle():
    fields = receptive_fields(GRAPHS["feedforward"], 60)
    sizes = [fields[area].size[-1].max() for area in ("V1", "V2", "V4", "IT")]
    assert sizes == sorted(sizes)
    assert sizes[0] == 3
    assert fields["V1"].centre[-1, 10] == 10


def test_a_flash_leaves_an_area_that_nothing_holds_when_it_is_off():
    plain, full = (receptive_fields(GRAPHS[name], 60, duration_ms=20)["V1"].size for name in ("feedforward", "full"))
    assert (plain[:2] > 0).all()
    assert (plain[2:] == 0).all()
    assert (full > 0).all()


def test_windows_are_on_the_clock_of_the_network_and_not_of_the_image():
    graph = small_graph()
    windows = {"V1->V2": ((30, 60),)}
    gated = replace(graph, transitions=tuple(replace(e, windows=windows.get(e.name)) for e in graph.transitions))
    sooner, later = (receptive_fields(gated, 60, onset_ms=onset)["V2"].size for onset in (20, 0))
    assert [int((sizes.max(1) > 0).argmax()) for sizes in (sooner, later)] == [2, 4]


def test_a_time_off_the_clock_is_refused():
    with pytest.raises(ClockError):
        receptive_fields(GRAPHS["small"], 15)
