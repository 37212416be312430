"""Laws of outside networks: what is wrapped does what the module does when it is called by hand."""

import copy
import dataclasses
from functools import partial
from importlib import metadata

import numpy as np
import pytest
import torch
import torchvision
from outside import LATENCY, LAYERS, PIXELS, SHAPES, LongShortTerm, MemoryOfTwo, recurrent, resnet
from torch import nn
from torch.nn import functional as F

from ventral.errors import ClockError, GraphError, ProtocolError, UsageError
from ventral.model.outside import wrap
from ventral.model.outside_graph import OutsideGraph, Pixels
from ventral.model.outside_layers import Memory
from ventral.model.subject import read_anatomy


def screens(size, count=3, images=2):
    """Different images on the screen, each (image, colour, y, x)."""
    torch.manual_seed(1)
    return list(torch.randn(count, images, 3, size, size))


@pytest.fixture(scope="module")
def static():
    return wrap(resnet(), size=32, layers=LAYERS, latency_ms=LATENCY, readout="fc", classes=SHAPES, **PIXELS)


@pytest.fixture(scope="module")
def stepping():
    return wrap(recurrent(), size=16, readout="decoder", classes=SHAPES, **PIXELS)


def by_hand(module, screen):
    """Activity of the layers of a ResNet, computed as its `forward` does."""
    x = module.maxpool(F.relu(module.bn1(module.conv1(screen))))
    activity = {}
    for area, layer in LAYERS.items():
        x = activity[area] = getattr(module, layer)(x)
    activity["readout"] = module.fc(module.avgpool(x).flatten(1))
    return activity


def test_a_static_network_is_the_module_shifted_by_its_latencies(static):
    module, shown = resnet(), screens(32, 10)
    latency = {**LATENCY, "readout": LATENCY["IT"]}
    with torch.inference_mode():
        expected = [by_hand(module, screen) for screen in shown]
        for tick, states in enumerate(static.network.run(shown)):
            assert states.keys() == {area for area, ms in latency.items() if ms <= 10 * tick}
            for area, state in states.items():
                assert torch.equal(state, expected[tick - latency[area] // 10][area])


def test_without_latencies_a_static_network_responds_at_once():
    model = wrap(resnet(), size=32, layers=("layer1", "layer4"), **PIXELS)
    (shown,) = screens(32, 1)
    with torch.inference_mode():
        (states,) = model.network.run([shown])
        expected = by_hand(resnet(), shown)
    assert torch.equal(states["layer1"], expected["V1"])
    assert torch.equal(states["layer4"], expected["IT"])
    assert model.graph.arrival_ms == {"layer1": 0, "layer4": 0}


def test_a_static_network_is_absent_where_there_was_no_screen(static):
    (shown,) = screens(32, 1)
    with torch.inference_mode():
        present = [states.keys() for states in static.network.run([shown, None, shown, *[None] * 5])]
    assert present[:4] == [set(), {"V1"}, {"V2"}, {"V1"}]
    assert present[5] == {"IT", "readout"}
    assert present[6:] == [{"V4"}, {"IT", "readout"}]


def test_a_layer_is_recorded_as_it_left_it_although_the_next_changes_it_in_place():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3)).eval()
    model = wrap(module, size=8, layers={"V1": "0"}, **PIXELS)
    (shown,) = screens(8, 1)
    with torch.inference_mode():
        (states,) = model.network.run([shown])
        assert states["V1"].min() < 0
        assert torch.equal(states["V1"], module[0](shown))


def test_a_screen_is_computed_once_however_long_and_often_it_is_on(static, monkeypatch):
    seen = []
    monkeypatch.setattr(static.network.dynamics, "memory", Memory())
    hook = static.network.parts[0].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    first, second, _ = screens(32)
    with torch.inference_mode():
        list(static.network.run([first] * 5 + [second] * 5 + [first.clone()] * 5))
        list(static.network.run([second.clone()] * 5 + [first] * 5))
    hook.remove()
    assert len(seen) == 2


def test_only_as_much_activity_is_kept_as_was_meant(monkeypatch):
    monkeypatch.setattr("ventral.model.outside_layers.KEPT_BYTES", 100)
    memory, computed = Memory(), []

    def compute(screen):
        computed.append(float(screen))
        return {"V1": torch.zeros(10)}  # 40 bytes

    for value in (1.0, 2.0, 1.0, 3.0, 2.0, 3.0):  # 2 is the one that was not used for longest when 3 comes
        memory.recall(torch.tensor([value]), compute)
    assert computed == [1.0, 2.0, 3.0, 2.0]


def test_steps_are_those_of_the_module_called_by_hand(stepping):
    module, states = recurrent(), {}
    shown = screens(16, 7)
    with torch.inference_mode():
        for screen, recorded in zip(shown, stepping.network.run(shown), strict=True):
            states = module.step(states, screen)
            logits = {"readout": module.logits(states)} if "IT" in states else {}
            assert recorded.keys() == {*states, *logits}
            assert all(torch.equal(recorded[area], state) for area, state in {**states, **logits}.items())


def test_a_change_of_the_screen_reaches_an_area_when_it_was_measured_to(stepping):
    before, after, _ = screens(16)
    with torch.inference_mode():
        staying, changed = (list(stepping.network.run(shown)) for shown in ([before] * 9, [before] * 3 + [after] * 6))
    arrival = stepping.graph.arrival_after(3)
    assert arrival == {"V1": 30, "V2": 40, "V4": 50, "IT": 60, "readout": 60}
    for area, ms in arrival.items():
        for tick in range(9):
            if area in staying[tick]:
                assert torch.equal(staying[tick][area], changed[tick][area]) == (10 * tick < ms)


def test_a_function_reads_logits_when_the_areas_that_it_asks_for_are_present():
    module = recurrent()
    model = wrap(module, size=16, readout=module.logits, classes=SHAPES, **PIXELS)
    with torch.inference_mode():
        states = list(model.network.run(screens(16, 5)))
        logits = module.logits(states[4])
    assert ["readout" in each for each in states] == [False, False, False, True, True]
    assert torch.equal(model.network.readout(states[4], 4), logits)
    assert model.graph.logits.arrival_ms == 30


def test_an_adapter_knows_the_areas_of_any_state():
    module = LongShortTerm().eval()
    model = wrap(module, size=8, adapter=MemoryOfTwo(module), **PIXELS)
    shown = screens(8, 3)
    with torch.inference_mode():
        recorded = list(model.network.run(shown))
        pixels = torch.stack([screen.flatten(1) for screen in shown])
        outputs, _ = module.lstm(pixels)
    assert {area.name: area.shape for area in model.graph.areas} == {"hidden": (5,), "cell": (5,)}
    torch.testing.assert_close(torch.stack([states["hidden"] for states in recorded]), outputs)


def test_a_step_may_change_its_states_in_place():
    def step(states, screen):
        if "V1" not in states:
            return {"V1": screen.clone()}
        states["V1"] += screen
        return {"V1": states["V1"], "V2": states["V1"].clone() if "V2" not in states else states["V2"]}

    model = wrap(Toy(step), size=8, **PIXELS)
    first, second, _ = screens(8)
    with torch.inference_mode():
        recorded = [states["V1"].clone() for states in model.network.run([first, second, first])]
    assert torch.equal(recorded[1], first + second)
    assert model.graph.arrival_ms == {"V1": 0, "V2": 10}


def test_noise_is_part_of_the_state_that_is_carried_on():
    module = recurrent()
    model = wrap(module, size=16, readout=module.logits, classes=SHAPES, **PIXELS)
    shown, states = screens(16, 5), {}

    def louder(states):
        return {area: 2 * state for area, state in states.items()}

    with torch.inference_mode():
        for screen, recorded in zip(shown, model.network.run(shown, disturb=louder), strict=True):
            states = louder(module.step(states, screen))
            assert all(torch.equal(recorded[area], state) for area, state in states.items())


def test_a_response_depends_on_no_other_image_of_a_batch(static, stepping):
    for model, size in ((static, 32), (stepping, 16)):
        shown = screens(size, 6, images=3)
        with torch.inference_mode():
            together = list(model.network.run(shown))
            alone = list(model.network.run([screen[1:2] for screen in shown]))
        for states, single in zip(together, alone, strict=True):
            for area in states:
                torch.testing.assert_close(states[area][1:2], single[area], rtol=1e-4, atol=1e-5)


def test_pixels_are_normalised_as_torchvision_does():
    pixels = torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8)
    expected = torchvision.transforms.functional.normalize(pixels / 255, PIXELS["mean"], PIXELS["std"])
    assert torch.equal(Pixels(8, **PIXELS).preprocessing(pixels), expected)
    bright = Pixels(8, mean=(104, 117, 123), std=(1, 1, 2), white=255).preprocessing(pixels)
    levels = torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1), torch.tensor([1.0, 1.0, 2.0]).view(3, 1, 1)
    torch.testing.assert_close(bright, (pixels - levels[0]) / levels[1], rtol=1e-5, atol=1e-3)


def test_a_description_can_be_read_back(static, stepping):
    for graph in (static.graph, stepping.graph):
        assert OutsideGraph.from_json(graph.to_json()) == graph
        assert read_anatomy(graph.to_json()) == graph


@pytest.mark.parametrize("change", ['"shape": 3', '"drive": 1, "colour": 2', '"areas": [{"name": "V1"}]', '"code": 1'])
def test_a_description_that_is_damaged_is_refused(static, change):
    text = static.graph.to_json()
    with pytest.raises(GraphError, match="description of an outside network cannot be read"):
        OutsideGraph.from_json(f"{text[:-1]}, {change}}}")


def test_weights_settings_and_code_are_in_what_tells_a_network(static):
    again = wrap(resnet(), size=32, layers=LAYERS, latency_ms=LATENCY, readout="fc", classes=SHAPES, **PIXELS)
    other = wrap(resnet(1), size=32, layers=LAYERS, latency_ms=LATENCY, readout="fc", classes=SHAPES, **PIXELS)
    assert again.sha256 == static.sha256 != other.sha256
    assert again.graph == static.graph == other.graph
    assert static.graph.code["torchvision.models.resnet.ResNet"].startswith(
        f"torchvision {metadata.version('torchvision')}, resnet.py"
    )
    strided = nn.Sequential(nn.Conv2d(3, 2, 3, stride=2)).eval()
    dense = nn.Sequential(nn.Conv2d(3, 2, 3, stride=1)).eval()
    dense.load_state_dict(strided.state_dict())
    assert len({wrap(module, size=8, layers=("0",), **PIXELS).sha256 for module in (strided, dense)}) == 2


def test_what_a_function_uses_is_part_of_the_network():
    def read_by(head):
        return wrap(recurrent(), size=16, readout=lambda areas: head(areas["IT"].flatten(1)), classes=SHAPES, **PIXELS)

    heads = [nn.Linear(10, 10).eval() for _ in range(2)]
    models = [read_by(head) for head in heads]
    assert models[0].sha256 != models[1].sha256
    with pytest.raises(UsageError, match=r"in training mode \(Linear\)"):
        read_by(nn.Linear(10, 10))


@pytest.mark.parametrize("kind", [torch.tensor, np.array, list, float])
def test_values_that_a_function_uses_are_part_of_the_network(kind):
    def scaled_by(number):
        value = kind(number if kind is float else [number])
        module = recurrent()
        model = wrap(
            module,
            size=16,
            readout=lambda areas: module.logits(areas) * torch.as_tensor(value, dtype=torch.float32),
            classes=SHAPES,
            **PIXELS,
        )
        return model.sha256

    assert scaled_by(1.0) == scaled_by(1.0) != scaled_by(2.0)


def test_tensors_that_are_neither_weights_nor_buffers_are_part_of_the_network():
    def of(value):
        module = Toy(lambda states, screen: {"V1": screen * module.scale})
        module.scale = torch.tensor(value)
        return wrap(module, size=8, **PIXELS).sha256

    assert of(1.0) == of(1.0) != of(2.0)


def test_moving_a_network_changes_no_weight_and_changing_a_weight_is_noticed():
    module = recurrent()
    model = wrap(module, size=16, **PIXELS)
    model.network.to("cpu").to(torch.float64)
    assert next(iter(model.network.run([model.network.encode(screens(16)[0])])))["V1"].dtype == torch.float64
    with torch.no_grad():
        module.decoder.weight.mul_(2)
    with pytest.raises(GraphError, match="weights were changed after the network was wrapped; wrap it again"):
        next(iter(model.network.run(screens(16))))


def test_a_module_that_is_put_into_training_mode_later_is_refused():
    module = recurrent()
    model = wrap(module, size=16, **PIXELS)
    module.train()
    with pytest.raises(GraphError, match=r"Recurrent was put into training mode .*; call eval\(\)"):
        next(iter(model.network.run(screens(16))))


def test_nothing_in_an_outside_network_can_be_scaled(stepping):
    with pytest.raises(ProtocolError, match="feedback cannot be scaled in an outside network, whose transitions"):
        stepping.graph.scaled("feedback")


class Toy(nn.Module):
    """A module whose step is a function."""

    def __init__(self, step):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.step = step
        self.calls = 0
        self.eval()


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            lambda states, screen: {"V1": F.avg_pool2d(screen, 1 + len(states))},
            r"V1 is \(3, 4, 4\) at 10 ms and was \(3, 8, 8\) before; the shape of an area must stay",
        ),
        (lambda states, screen: {"V1": screen / 0}, "V1 is not finite 0 ms after the network's start"),
        (
            lambda states, screen: {"V1": F.dropout(screen)},
            "Toy responds to the same image in two ways; dropout and noise must end in evaluation mode",
        ),
        (
            lambda states, screen: {"V1": screen - screen.mean(0)},
            "in two ways; .* batch normalisation needs running statistics",
        ),
        (lambda states, screen: {"V1": screen[None]}, r"V1 is \(1, 2, 3, 8, 8\); an area is a tensor of real numbers"),
        (lambda states, screen: {"V1": screen.int()}, "an area is a tensor of real numbers"),
        (lambda states, screen: {"V1": screen[:1]}, "V1 has 1 rows for 2 images"),
        (lambda states, screen: {"readout": screen}, "an area cannot be called 'readout'"),
        (lambda states, screen: {"V1/V2": screen}, "area name 'V1/V2' cannot be used"),
        (lambda states, screen: {}, "gives no area"),
        (
            lambda states, screen: {"V1": screen} if screen[1].mean() > 0.2 else {},
            r"at 0 ms V1 is present in Toy for one image and no area for another; areas must be present for all",
        ),
        (lambda states, screen: (screen, screen), "returns a tuple; return a dict of area tensors, or give an adapter"),
    ],
)
def test_a_network_that_cannot_be_recorded_is_refused_when_it_is_wrapped(step, message):
    with pytest.raises(GraphError, match=message):
        wrap(Toy(step), size=8, **PIXELS)


def test_a_state_that_diverges_later_is_refused_when_it_does():
    model = wrap(Toy(lambda states, screen: {"V1": states.get("V1", screen) * 30}), size=8, **PIXELS)
    with (
        torch.inference_mode(),
        pytest.raises(GraphError, match=r"V1 is not finite \d+ ms after .*; the network diverges"),
    ):
        list(model.network.run(screens(8, 1) * 40))


def test_a_network_that_keeps_what_it_saw_to_itself_is_refused():
    module = Toy(None)
    module.seen = 0

    def step(states, screen):
        module.seen = screen + 0.5 * module.seen
        return {"V1": module.seen}

    module.step = step
    with pytest.raises(GraphError, match=r"in two ways; .* a step must keep its state in what it returns"):
        wrap(module, size=8, **PIXELS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"layers": ("layer5",)}, "no layer of ResNet named 'layer5'; did you mean 'layer[1-4]'"),
        ({"layers": LAYERS, "readout": "fcc"}, "no layer of ResNet named 'fcc'; did you mean 'fc'"),
        ({"layers": ("layer1.0.relu",)}, "layer layer1.0.relu runs more than once for an image"),
        ({"layers": ()}, "no layers are given; name at least one"),
        ({"layers": LAYERS, "readout": "fc"}, "the readout has 10 classes, and 0 are named"),
        ({"layers": LAYERS, "readout": "layer4", "classes": SHAPES}, "logits are one number for each class"),
        ({"layers": LAYERS, "readout": "fc", "classes": ["a"] * 10}, "two classes are called 'a'"),
        ({"layers": LAYERS, "classes": SHAPES}, "10 names of classes are given, but no readout"),
        ({"layers": LAYERS, "latency_ms": {"V3": 10}}, "no area named 'V3'; there is: IT, V1"),
        ({"layers": LAYERS, "latency_ms": {"V1": 10}}, "latency_ms has no V2; give a latency for each area"),
        ({"layers": LAYERS, "latency_ms": -10}, "the latency of V1 is -10 ms; give 0 or more"),
        ({"layers": LAYERS, "readout": lambda areas: areas["TE"], "classes": SHAPES}, "asks for an area that is never"),
        (
            {"layers": LAYERS, "readout": partial(max, 1)},
            "the readout is a partial; give the name of a layer",
        ),
        ({"layers": LAYERS, "adapter": MemoryOfTwo(None)}, "an adapter is for networks that take steps in time"),
        ({}, r"ResNet has no method step\(states, screen\); give an adapter or, .* record: conv1, bn1"),
        ({"latency_ms": 10}, "latency_ms is for layers of a static network"),
        ({"layers": LAYERS, "size": 0}, "the size of images is 0"),
        ({"layers": LAYERS, "std": (1, 0, 1)}, "give three numbers, .* each above 0"),
        ({"layers": LAYERS, "mean": (1, 1)}, "give three numbers, for red, green and blue"),
        ({"layers": LAYERS, "white": 0}, "white is 0; give the value of a white pixel"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_would_be_right(given, message):
    with pytest.raises((UsageError, GraphError), match=message):
        wrap(resnet(), **{"size": 32, **PIXELS, **given})


def test_a_latency_off_the_clock_is_refused():
    with pytest.raises(ClockError, match="latency of V1 is 15 ms; the clock ticks every 10 ms, so use 10 or 20"):
        wrap(resnet(), size=32, layers=LAYERS, latency_ms={**LATENCY, "V1": 15}, **PIXELS)


def test_a_module_in_training_mode_is_refused():
    module = copy.deepcopy(resnet())
    module.layer3.train()
    with pytest.raises(UsageError, match=r"ResNet is in training mode \(Sequential\); call eval\(\) on it"):
        wrap(module, size=32, layers=LAYERS, **PIXELS)
    with pytest.raises(UsageError, match="wrap takes a torch module, not a function"):
        wrap(by_hand, size=32, layers=LAYERS, **PIXELS)


def test_a_readout_that_never_runs_in_a_step_is_refused():
    module = recurrent()
    module.spare = nn.Linear(2, 2).eval()
    with pytest.raises(GraphError, match="layer spare does not run in a step; call it there, or give a function"):
        wrap(module, size=16, readout="spare", classes=SHAPES, **PIXELS)


def test_code_that_is_in_no_file_needs_a_version():
    space: dict = {"nn": nn, "__name__": "notebook"}
    exec("class Cell(nn.Sequential):\n    pass", space)
    module = space["Cell"](nn.Conv2d(3, 2, 3)).eval()
    with pytest.raises(UsageError, match=r"file that notebook.Cell is written in cannot be found.*give its version"):
        wrap(module, size=8, layers=("0",), **PIXELS)
    assert wrap(module, size=8, layers=("0",), version="2", **PIXELS).graph.code == {"notebook.Cell": "2"}


def test_a_wrapped_model_is_left_as_it_was():
    module = resnet()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    wrap(module, size=32, layers=LAYERS, readout="fc", classes=SHAPES, **PIXELS)
    assert not any(child._forward_hooks for child in module.modules())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_a_frozen_description_is_a_value(static):
    assert dataclasses.replace(static.graph) == static.graph
