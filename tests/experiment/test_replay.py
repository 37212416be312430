import re
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from captures import Again, captures, nothing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import pictures
from random_graphs import graphs_that_read
from short_protocols import protocols
from small import small_graph

from ventral.errors import GraphError, StoreError
from ventral.experiment import kernels, replay
from ventral.experiment.ahead import made_ahead, one_later
from ventral.experiment.condition import Condition
from ventral.experiment.engine import Engine
from ventral.experiment.events import Show, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.interventions import Scale
from ventral.experiment.noise import Noise
from ventral.experiment.precision import exact_convolutions
from ventral.experiment.protocol import Protocol
from ventral.experiment.record import Record
from ventral.experiment.recorder import Recorder
from ventral.experiment.replay import Steps
from ventral.experiment.settings import Settings
from ventral.model import statistics
from ventral.model.network import Network
from ventral.plugins import load
from ventral.stimuli.selection import Selection

COUNT, TICKS = 3, 8
HOW = Settings(batch=4, dtype="float32", units=40)
SCALES = st.sampled_from([0.0, 0.5, 1.0])
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def network_of(graph):
    network = Network(graph, 10 * TICKS, 0)
    stream = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for norm in statistics.normalisations(network):
            norm.mean.copy_(torch.randn(norm.mean.shape, generator=stream))
            norm.variance.copy_(torch.rand(norm.mean.shape, generator=stream) + 0.5)
    return network.to(memory_format=torch.channels_last)


def steps_of(network, precision="float32", capture=None):
    made = Engine(network, precision)

    def take(states, tick):
        found = {area: state.flatten(2).mean(2) for area, state in states.items()}
        reads = network.graph.readout in states
        return {**found, "readout": made.readout(states, tick)} if reads else found

    return Steps(made, take, capture)


def ran(steps, inputs, gains=lambda tick: {}):
    with torch.inference_mode():
        return list(steps.run(inputs, gains))


def same(ours, theirs):
    """Whether states and values at all ticks have the same bits."""
    assert len(ours) == len(theirs)
    return all(
        a.keys() == b.keys() and all(torch.equal(a[name], x) and a[name].dtype == x.dtype for name, x in b.items())
        for pair in zip(ours, theirs, strict=True)
        for a, b in zip(*pair, strict=True)
    )


@few
@given(
    data=st.data(),
    graph=graphs_that_read(("per-tick", "shared", "fixed")),
    precision=st.sampled_from(["float32", "bfloat16"]),
)
def test_replayed_steps_have_the_bits_of_steps_that_are_not(data, graph, precision):
    network = network_of(graph)
    names = [edge.name for edge in graph.edges] + [area.name for area in graph.areas]
    table = [data.draw(st.dictionaries(st.sampled_from(names), SCALES, max_size=2)) for _ in range(3)]
    entering = [True, *data.draw(st.lists(st.booleans(), min_size=TICKS - 1, max_size=TICKS - 1))]
    replayed, plain = steps_of(network, precision, Again), steps_of(network, precision)
    for turn in range(5):
        encoded = network.encode(pictures(COUNT, graph.image_shape[-1], turn)).detach()
        inputs = [encoded if on else None for on in entering]

        def scales(tick, table=table if turn != 1 else []):
            return table[tick] if tick < len(table) else {}

        try:
            expected = ran(plain, inputs, scales)
        except GraphError as error:  # a source is present at a tick for which no weights or statistics were learned
            found = re.search(r"at \d+ ms", str(error))
            assert found
            with pytest.raises(GraphError, match=found.group()):
                ran(replayed, inputs, scales)
            return
        assert same(ran(replayed, inputs, scales), expected)
    assert replayed.replayed > 0


def test_what_a_step_gave_is_not_changed_by_later_ones():
    network = network_of(replace(small_graph(), statistics="fixed"))
    steps = steps_of(network, capture=Again)
    inputs = [network.encode(pictures(COUNT, 16, seed)).detach() for seed in range(6)]
    found = ran(steps, inputs * 2)
    assert steps.replayed > 4
    assert same(found, ran(steps_of(network), inputs * 2))


def test_steps_of_the_same_operations_are_captured_once(monkeypatch):
    monkeypatch.setattr(Again, "captures", 0)
    graph = replace(small_graph(), statistics="fixed")
    network = network_of(graph)
    steps = steps_of(network, capture=Again)
    inputs = [network.encode(pictures(COUNT, 16)).detach()] * TICKS
    for _ in range(5):
        ran(steps, inputs)
    sets_of_areas = max(graph.arrival_ms.values()) // 10 + 2  # none, the first, ..., all
    assert Again.captures == sets_of_areas
    assert steps.replayed == 5 * TICKS - 2 * Again.captures
    ran(steps, inputs, lambda tick: {"V1->V2": 0.5})
    assert Again.captures > sets_of_areas


def test_beyond_the_most_kinds_steps_are_computed_as_usual(monkeypatch):
    monkeypatch.setattr(replay, "MOST_KINDS", 2)
    network = network_of(replace(small_graph(), statistics="per-tick"))
    steps = steps_of(network, capture=Again)
    inputs = [network.encode(pictures(COUNT, 16)).detach()] * TICKS
    for _ in range(3):
        assert same(ran(steps, inputs), ran(steps_of(network), inputs))
    assert steps.replayed == 2


def test_kernels_that_a_captured_step_reads_are_kept_alive(monkeypatch):
    monkeypatch.setattr(kernels, "KEPT_BYTES", 1)
    network = network_of(replace(small_graph(), statistics="fixed"))
    steps = steps_of(network, capture=Again)
    inputs = [network.encode(pictures(COUNT, 16)).detach()] * TICKS
    for _ in range(3):
        ran(steps, inputs)
    stages = sum(len(network.graph.stages(edge)) for edge in network.graph.edges)
    last = [each for each in steps._met.values() if each and len(each.areas) == 4 and len(each.inputs) == 5]
    assert max(len({id(kernel) for kernel in each.kernels}) for each in last) > stages / 2
    assert len(steps.engine.kernels._kept) == 1


def test_where_the_device_refuses_steps_are_computed_as_usual():
    def refuses(compute):
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    network = network_of(replace(small_graph(), statistics="fixed"))
    steps = steps_of(network, capture=refuses)
    inputs = [network.encode(pictures(COUNT, 16)).detach()] * TICKS
    with pytest.warns(UserWarning, match="steps are not replayed on this GPU, which is slower: operation not perm"):
        found = [ran(steps, inputs) for _ in range(3)]
    assert all(same(each, ran(steps_of(network), inputs)) for each in found)


def test_statistics_that_are_held_are_asked_of_the_device_and_not_captured():
    network = network_of(replace(small_graph(), statistics="per-tick"))
    statistics.hold(network, True)
    steps = steps_of(network, capture=Again)
    inputs = [network.encode(pictures(COUNT, 16)).detach()] * (TICKS + 5)
    for _ in range(3):
        assert same(ran(steps, inputs), ran(steps_of(network), inputs))
    assert steps.replayed == TICKS + 1  # of the last of three turns, without the ticks at which the last are held


def test_scales_of_single_images_are_not_captured():
    network = network_of(replace(small_graph(), statistics="fixed"))
    steps = steps_of(network, capture=Again)
    inputs = [network.encode(pictures(COUNT, 16)).detach()] * TICKS
    gains = torch.tensor([0.0, 0.5, 1.0])[:, None, None, None]
    for _ in range(3):
        ran(steps, inputs, lambda tick: {"V1->V2": gains})
    assert steps.replayed == 1  # tick 0, before which nothing is scaled


# --- experiments


def recorded(model, protocol, images, pool, how, capture):
    """All batches, computed together and each alone, and what computed them."""
    recorder = Recorder(Experiment(model, protocol, Selection(images, pool, images), how), capture=capture)
    count = len(images) // how.batch * len(protocol.conditions)
    together = {
        batch: {**activity, "readout": logits}
        for task in recorder.tasks(range(count))
        for batch, activity, logits in recorder.record_task(task)
    }
    activity, logits = recorder.record(range(how.batch))
    return {**together, "alone": {**activity, "readout": logits}}, recorder


@settings(few, max_examples=6)
@given(
    protocol=protocols(),
    record=st.sampled_from(["units", "maps", "channels"]),
    precision=st.sampled_from(["float32", "bfloat16"]),
    gap=st.sampled_from(["grey", "none"]),
)
def test_an_experiment_has_the_same_bits_if_its_steps_are_replayed(
    model, images, pool, protocol, record, precision, gap
):
    how, shown = replace(HOW, record=record, precision=precision), images.take(range(12))
    protocol = replace(protocol, gap=gap, before_ms=20)
    found, recorder = recorded(model, protocol, shown, pool, how, captures)
    expected, _ = recorded(model, protocol, shown, pool, how, nothing)
    assert sum(steps.replayed for steps in recorder.rig._steps.values()) > 0
    assert found.keys() == expected.keys()
    for batch, values in expected.items():
        for name, x in values.items():
            assert found[batch][name].tobytes() == x.tobytes(), (batch, name)


def test_a_lesion_has_steps_of_its_own(model, images):
    shown = (Show(target, 0, 60),)
    cut = Condition("cut", shown, None, (Scale("feedback", 30, 100, 0.0),))
    protocol = Protocol((Condition("intact", shown), cut), end_ms=90)
    found, _ = recorded(model, protocol, images.take(range(16)), None, HOW, captures)
    expected, _ = recorded(model, protocol, images.take(range(16)), None, HOW, nothing)
    assert all(np.array_equal(found[b][area], x, equal_nan=True) for b in found for area, x in expected[b].items())
    assert not np.array_equal(found[3]["V1"], found[7]["V1"], equal_nan=True)


def test_noise_is_drawn_outside_of_captured_steps(model, images):
    protocol = load("protocols", "flash").protocol()
    how = replace(HOW, noise=Noise("gaussian", 0.2))
    found, _ = recorded(model, protocol, images.take(range(8)), None, how, captures)
    expected, _ = recorded(model, protocol, images.take(range(8)), None, how, nothing)
    assert all(np.array_equal(found[b][area], x, equal_nan=True) for b in found for area, x in expected[b].items())


# --- what surrounds them


def test_an_item_comes_when_the_next_has_been_asked_for():
    asked = []

    def items():
        for item in range(4):
            asked.append(item)
            yield item

    assert [(item, len(asked)) for item in one_later(items())] == [(0, 2), (1, 3), (2, 4), (3, 4)]
    assert list(one_later([])) == []


def test_what_an_item_needs_is_made_while_the_one_before_is_used():
    made, release = [], threading.Event()

    def make(item):
        if item == 2:
            assert release.wait(5)
        made.append(item)
        return -item

    for item, found in made_ahead(range(5), make):
        assert found == -item
        if item == 1:
            release.set()
    assert made == [0, 1, 2, 3, 4]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ventral-ahead")]


def test_an_error_of_making_ahead_comes_at_its_turn():
    def make(item):
        return 1 / (2 - item)

    ahead = made_ahead(range(4), make)
    assert [next(ahead)[0] for _ in range(2)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(ahead)


def test_a_record_names_the_first_value_that_is_not_finite():
    record = Record({"V1": (2,), "IT": (3,)}, "small")
    for tick in range(4):
        values = {"V1": torch.ones(5, 2)}
        if tick:
            values["IT"] = torch.full((5, 3), torch.inf if tick == 2 else 1.0)
        record.add(values)
    with pytest.raises(StoreError, match="IT is not finite 20 ms after the network's start; small diverges"):
        record.gather(5).arrays()


def test_exact_convolutions_end_with_their_context():
    cudnn = torch.backends.cudnn

    def state():
        return cudnn.conv.fp32_precision, cudnn.deterministic, cudnn.benchmark

    before = state()
    with exact_convolutions():
        assert state() == ("ieee", True, False)
    assert state() == before != ("ieee", True, False)


def test_values_that_do_not_fit_are_given_as_they_are():
    record = Record({"V1": (2,)}, "small", dtype=torch.float16)
    record.add({"V1": torch.tensor([[1.0, 70000.0]])})
    (values,) = record.gather(3).arrays().values()
    assert (values.dtype, values.shape) == (np.float32, (3, 1, 2))
    assert values[2, 0, 1] == 70000.0
    record.add({})
    record.fork()
    fits = Record({"V1": (2,)}, "small", dtype=torch.float16)
    fits.add({"V1": torch.tensor([[1.0, 65504.0]])})
    assert fits.gather(1).arrays()["V1"].dtype == np.float16
