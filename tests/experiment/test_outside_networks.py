"""Laws of outside networks in experiments: they are recorded, resumed, verified and exported as ours are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from outside import LATENCY, LAYERS, PIXELS, Recurrent, recurrent, resnet

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, grey, mask, target
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import open_run
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.model.outside import wrap
from ventral.stimuli.selection import Selection
from ventral.store.verify import verify

HOW = Settings(batch=8, dtype="float32", record="maps")
MASKED = Protocol(
    (
        Condition("unmasked", (Show(target, 0, 20),)),
        Condition("masked", (Show(target, 0, 20), Show(mask("noise"), 30, 50)), soa_ms=30),
        Condition("added", (Show(target, 0, 40), Show(mask("four-dots"), 20, 40)), combine="add"),
        Condition("blanked", (Show(grey, 0, 20), Show(target, 20, 40))),
    ),
    end_ms=80,
)


@pytest.fixture(scope="module")
def few(images):
    return images.take(range(6))


@pytest.fixture(scope="module")
def stepping(images):
    return wrap(recurrent(), size=16, readout="decoder", classes=images.label_names, name="cornet-rt", **PIXELS)


@pytest.fixture(scope="module")
def static(images):
    return wrap(
        resnet(),
        size=16,
        layers=LAYERS,
        latency_ms=LATENCY,
        readout="fc",
        classes=images.label_names,
        name="resnet18",
        **PIXELS,
    )


@pytest.fixture(scope="module")
def chosen(few, pool):
    return Selection(few, pool)


@pytest.fixture(scope="module")
def runs(stepping, static, chosen, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {
        model.name: simulate(model, MASKED, chosen, folder / f"{model.name}.zarr", HOW) for model in (stepping, static)
    }


def of(run, area, condition):
    data = run.logits if area == "readout" else run[area]
    return data[run.presentations["condition"].values == condition].values


def by_hand(model, images, times):
    """Activity while an image is on from 0 to 20 ms and then the mean colour, (area -> (image, tick, ...))."""
    seen = model.preprocessing(images.pixels)
    shown = [seen if ms < 20 else torch.zeros_like(seen) for ms in times]
    module, states, ticks = model.network.parts[0], {}, []
    for screen in shown:
        if isinstance(module, Recurrent):
            states = module.step(states, screen)
            ticks.append(dict(states))
            if "IT" in states:
                ticks[-1]["readout"] = module.logits(states)
            continue
        x = module.maxpool(torch.relu(module.bn1(module.conv1(screen))))
        activity = {}
        for area, layer in LAYERS.items():
            x = activity[area] = getattr(module, layer)(x)
        activity["readout"] = module.fc(module.avgpool(x).flatten(1))
        ticks.append(activity)
    return ticks


@pytest.mark.parametrize("name", ["cornet-rt", "resnet18"])
def test_what_is_recorded_is_what_the_module_gives_by_hand(runs, stepping, static, few, name):
    run, model = runs[name], {"cornet-rt": stepping, "resnet18": static}[name]
    late = {**LATENCY, "readout": 50} if name == "resnet18" else dict.fromkeys((*run.areas, "readout"), 0)
    with torch.inference_mode():
        expected = by_hand(model, few, MASKED.times_ms)
    for area in (*run.areas, "readout"):
        recorded = of(run, area, "unmasked")
        for tick in range(MASKED.count):
            source = tick - late[area] // 10
            if source < 0 or area not in expected[source]:
                assert np.isnan(recorded[:, tick]).all()
            else:
                np.testing.assert_allclose(recorded[:, tick], expected[source][area], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["cornet-rt", "resnet18"])
def test_a_mask_changes_an_area_from_its_arrival_there_on(runs, name):
    run = runs[name]
    for area in run.areas:
        arrival = run[area].attrs["arrival_ms"]
        assert arrival == run.graph.arrival_ms[area]
        masked, unmasked = of(run, area, "masked"), of(run, area, "unmasked")
        first = (30 + arrival) // 10
        assert np.array_equal(masked[:, :first], unmasked[:, :first], equal_nan=True)
        if first < MASKED.count:
            assert not np.array_equal(masked[:, first], unmasked[:, first])


@pytest.mark.parametrize("name", ["cornet-rt", "resnet18"])
def test_a_later_image_is_the_earlier_one_shifted_if_grey_came_before(runs, name):
    run = runs[name]
    late = {"cornet-rt": None, "resnet18": 2}[name]
    if late is None:
        assert not np.array_equal(of(run, "V1", "blanked")[:, 2:4], of(run, "V1", "unmasked")[:, :2])
    else:
        for area in run.areas:
            blanked, unmasked = of(run, area, "blanked"), of(run, area, "unmasked")
            first = late + LATENCY[area] // 10
            assert np.array_equal(blanked[:, first : first + 2], unmasked[:, first - 2 : first])


@pytest.mark.parametrize("name", ["cornet-rt", "resnet18"])
def test_a_run_says_what_it_is_of(runs, stepping, static, name):
    run, model = runs[name], {"cornet-rt": stepping, "resnet18": static}[name]
    again = open_run(run.path)
    assert again.graph == model.graph
    assert again.protocol == MASKED
    assert again.attrs["weights_sha256"] == model.sha256
    assert again.graph.pixels.mean == PIXELS["mean"]
    assert run["IT"].dims == ("presentation", "time", "channel", "y", "x")
    assert list(run.logits["class"].values) == list(model.label_names)
    assert verify(run.path) == []


@pytest.mark.parametrize("name", ["cornet-rt", "resnet18"])
def test_sites_and_channels_are_views_of_maps(runs, stepping, static, chosen, tmp_path, name):
    model = {"cornet-rt": stepping, "resnet18": static}[name]
    one = replace(MASKED, conditions=MASKED.conditions[:1])
    maps = runs[name]["V2"][: len(chosen.presented)].values
    units = simulate(model, one, chosen, tmp_path / "units", replace(HOW, record="units", units=9))["V2"]
    picked = maps[:, :, units.channel.values, units.y.values, units.x.values]
    np.testing.assert_allclose(units.values, picked, rtol=1e-4, atol=1e-5)
    channels = simulate(model, one, chosen, tmp_path / "channels", replace(HOW, record="channels"))["V2"]
    np.testing.assert_allclose(channels.values, maps.mean((3, 4)), rtol=1e-4, atol=1e-5)


def test_a_vector_is_recorded_by_its_channels(chosen, tmp_path):
    model = wrap(resnet(), size=16, layers={"IT": "avgpool", "decision": "fc"}, **PIXELS)
    assert model.graph["decision"].shape == (10,)
