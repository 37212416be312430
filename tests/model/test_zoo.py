import re
from dataclasses import replace

import pytest
import torch
from catalogue import READ, narrow
from torch.nn import functional as F

from ventral.errors import ClockError, GraphError, UsageError
from ventral.model import zoo
from ventral.model.counting import useful
from ventral.model.graph import AreaGraph
from ventral.model.network import Network
from ventral.model.presence import enters, presence
from ventral.stimuli.datasets import load_images
from ventral.stimuli.images import Preprocessing

CATALOGUE = [pytest.param(graph, id=name) for name, graph in narrow()]
RUNNABLE = ("identity", "sustained")

SIZES = {
    "one-state": [(64, 32)],
    "three-state-resnet": [(16, 32), (32, 16), (64, 8)],
    "two-state": [(64, 32), (64, 32)],
    "three-state-one-kernel": [(64, 32), (64, 16), (64, 8)],
    "four-state": [(8, 32), (16, 16), (32, 8), (64, 4)],
    "three-state": [(64, 32), (128, 16), (256, 8)],
    "three-state-no-self": [(64, 32), (128, 16), (256, 8)],
    "three-state-inhomogeneous": [(64, 32), (128, 16), (256, 8)],
    "one-state-inhomogeneous": [(64, 32)],
    "plain-rnn": [(64, 32)],
}


@pytest.fixture(scope="module")
def batch():
    """Eight built-in images and their classes."""
    images = load_images("shapes", "train", 32, positions=range(8))
    return Preprocessing.of(images)(images.pixels), torch.as_tensor(images.labels)


@pytest.mark.parametrize("graph", CATALOGUE)
def test_a_step_of_training_reaches_every_kernel_that_counts_and_no_other(graph, batch):
    images, labels = batch
    (read,) = (ms // 10 for ms in graph.readout_ms)
    network = Network(graph, 10 * read).train()
    entering = enters(graph, [(0, read + 1)], read + 1)
    loss = F.cross_entropy(
        network.sequence([images if on else None for on in entering], graph.readout_ms)[:, 0], labels
    )
    loss.backward()
    used = useful(graph, presence(graph, entering), [read])
    effective = {
        name
        for entry, name in graph.weights.items()
        if any(edge == entry.edge and entry.at_ms in (None, 10 * tick) for edge, tick in used)
    }
    learns = {name for name, kernel in network.kernels.items() if kernel.weight.grad is not None}
    assert loss.isfinite()
    assert learns == effective
    assert all(network.kernels[name].weight.grad.isfinite().all() for name in learns)
    assert all(network.kernels[name].weight.grad.any() for name in learns)


@pytest.mark.parametrize("graph", CATALOGUE)
def test_a_description_goes_to_json_and_back_unchanged(graph):
    assert AreaGraph.from_json(graph.to_json()) == graph
    tie = tuple(entry for entry in graph.weights if entry.source == entry.target)[:2]
    fuller = replace(graph, scale_shift=True, bias=False, ties=(tie,) if tie else ())
    assert AreaGraph.from_json(fuller.to_json()) == fuller


@pytest.mark.parametrize("name", zoo.PAPER)
def test_a_network_of_the_paper_is_read_at_the_tick_and_has_the_states_that_its_figure_says(name):
    graph = zoo.graph(name)
    assert graph.readout_ms == (10 * READ[name],)
    assert graph.readout == graph.areas[-1].name
    assert [(area.channels, area.size) for area in graph.areas] == SIZES[name]


@pytest.mark.parametrize("name", zoo.PAPER)
def test_only_in_inhomogeneous_networks_does_the_image_enter_at_every_tick(name):
    assert zoo.graph(name).drive == ("sustained" if name.endswith("inhomogeneous") else "impulse")


@pytest.mark.parametrize("name", zoo.PAPER)
def test_only_the_plain_rnn_carries_no_identity(name):
    assert {area.identity for area in zoo.graph(name).areas} == {0 if name == "plain-rnn" else 1}


@pytest.mark.parametrize("name", zoo.PAPER)
def test_a_network_of_the_paper_names_its_figure(name):
    assert re.search(r"Fig\. \d+", zoo.PAPER[name].__doc__)


@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_a_name_is_the_same_with_hyphens_and_underscores(name):
    assert zoo.graph(name.replace("-", "_")) == zoo.graph(name.replace("_", "-")) == zoo.GRAPHS[name]()


@pytest.mark.parametrize("name", ["shapes", "cifar10"])
def test_a_shipped_model_is_a_stream_of_neighbours_whose_image_stays_on(name):
    graph = zoo.graph(name)
    assert [area.name for area in graph.areas] == ["V1", "V2", "V4", "IT"]
    assert [graph.arrival_ms[area.name] for area in graph.areas] == [0, 10, 20, 30]
    assert graph.drive == "sustained"


def test_a_misspelt_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="no model named 'tow-state'; did you mean 'two-state'"):
        zoo.graph("tow-state")


def test_an_unknown_knob_is_refused():
    with pytest.raises((TypeError, UsageError), match="readout"):
        zoo.graph("two-state", readout=30)


WRONG = {
    "sharing": ("two-state", {"sharing": "per-tik"}, "did you mean 'per-tick'"),
    "connections": ("three-state", {"connections": "adjcent"}, "did you mean 'adjacent'"),
    "pre-net": ("four-state", {"prenet": "convx2"}, "did you mean 'convx3'"),
    "reading": ("three-state-no-self", {"reading": "identty"}, "did you mean 'identity'"),
    "channels": ("two-state", {"channels": 0}, "V1: channels is 0; give a whole number from 1"),
    "readout off the clock": ("two-state", {"readout_ms": 25}, "use 20 or 30"),
    "readout before the signal": ("two-state", {"readout_ms": 0}, "V2 is absent at 0 ms, .* arrives at 10 ms"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_knob_that_cannot_be_is_refused(what):
    name, knobs, message = WRONG[what]
    with pytest.raises((GraphError, ClockError), match=message):
        zoo.graph(name, **knobs)


def test_fig_10_as_written_is_refused_with_the_reason_and_a_remedy():
    with pytest.raises(GraphError) as refusal:
        zoo.three_state_no_self("literal")
    message = str(refusal.value)
    assert "V4 is absent at 70, 90, 110, 150 ms" in message
    assert "because the image enters only once and nothing keeps it there" in message
    assert "identity" in message
    assert "sustained drive" in message


@pytest.mark.parametrize("reading", RUNNABLE)
def test_fig_10_can_be_tested_at_all_its_times_in_the_readings_that_run(reading):
    here = zoo.three_state_no_self(reading).presence_until(max(zoo.FIG_10_TEST_MS))["V4"]
    assert all(here[ms // 10] for ms in zoo.FIG_10_TEST_MS)


def test_one_reading_of_fig_10_carries_the_states_over_and_the_other_lets_the_image_stay_on():
    kept, sustained = (zoo.three_state_no_self(reading) for reading in RUNNABLE)
    assert (kept.drive, {area.identity for area in kept.areas}) == ("impulse", {1})
    assert (sustained.drive, {area.identity for area in sustained.areas}) == ("sustained", {0})


@pytest.mark.parametrize("reading", RUNNABLE)
def test_fig_10_has_neighbours_and_no_self_transitions(reading):
    edges = {edge.name for edge in zoo.three_state_no_self(reading).edges}
    assert edges == {"V1->V2", "V2->V1", "V2->V4", "V4->V2"}


@pytest.mark.parametrize("make", [zoo.three_state_resnet, zoo.three_state_one_kernel])
def test_in_the_gated_resnet_areas_take_turns(make):
    graph = make()
    assert graph.arrival_ms == {"V1": 0, "V2": 40, "V4": 80}
    times = {area: [10 * t for t, on in enumerate(here) if on] for area, here in graph.presence_until(300).items()}
    assert times == {"V1": [0, 10, 20, 30], "V2": [40, 50, 60, 70], "V4": [80, 90, 100, 110]}
