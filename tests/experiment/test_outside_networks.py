"""Laws of outside networks in experiments: they are recorded, resumed, verified and exported as ours are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.lines import Line2D
from outside import LATENCY, LAYERS, PIXELS, Recurrent, recurrent, resnet
from torch import nn
from ventral.analysis import decoding, masking, readout

from ventral.errors import DataError, DecodingError, ProtocolError, StoreError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, grey, mask, nothing, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.interventions import Scale
from ventral.experiment.noise import Noise
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import open_run
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.export.formats import export_run
from ventral.figures.protocol import schedule_figure
from ventral.model.model import driven
from ventral.model.outside import wrap
from ventral.stimuli.datasets import load_images
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
    """Two images of each of three classes."""
    return images.take([np.flatnonzero(images.labels == label)[turn] for label in range(3) for turn in range(2)])


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


def test_in_a_static_network_a_later_image_gives_what_an_earlier_one_did(runs):
    run = runs["resnet18"]
    for area, ms in LATENCY.items():
        later, earlier = of(run, area, "blanked"), of(run, area, "unmasked")
        first = ms // 10
        assert np.array_equal(later[:, first + 2 : first + 4], earlier[:, first : first + 2])
    carried = runs["cornet-rt"]
    assert not np.array_equal(of(carried, "V1", "blanked")[:, 2:4], of(carried, "V1", "unmasked")[:, :2])


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


@pytest.fixture(scope="module")
def wide(chosen, tmp_path_factory):
    """A run without a readout, of maps that are not square and of vectors."""
    module = nn.Sequential(nn.Conv2d(3, 2, 3, stride=(1, 2)), nn.Flatten(), nn.LazyLinear(5))
    module(torch.zeros(1, 3, 16, 16))
    model = wrap(module.eval(), size=16, layers={"V1": "0", "IT": "2"}, name="wide", **PIXELS)
    place = tmp_path_factory.mktemp("wide")
    return {
        record: simulate(model, MASKED, chosen, place / f"{record}.zarr", replace(HOW, record=record, units=20))
        for record in ("units", "maps", "channels")
    }


def test_maps_need_not_be_square_and_vectors_are_recorded_by_their_channels(wide):
    assert wide["maps"].graph.areas[0].shape == (2, 14, 7)
    assert wide["maps"]["V1"].shape == (24, 9, 2, 14, 7)
    maps, units = wide["maps"]["V1"].values, wide["units"]["V1"]
    np.testing.assert_array_equal(units.values, maps[:, :, units.channel.values, units.y.values, units.x.values])
    for record in wide:
        assert wide[record]["IT"].dims == ("presentation", "time", "unit" if record == "units" else "channel")
        np.testing.assert_array_equal(wide[record]["IT"].values, wide["maps"]["IT"].values)
        assert np.array_equal(wide[record]["IT"]["channel"].values, np.arange(5))


def test_a_run_without_a_readout_says_so(wide, tmp_path):
    run = wide["units"]
    assert run.classes == ()
    assert run.graph.readout == ""
    assert "readout" not in [path.name for path in run.path.iterdir()]
    assert verify(run.path) == []
    with pytest.raises(DecodingError, match=r"has no logits, because its network has no readout; decode an area"):
        _ = run.logits
    with pytest.raises(DecodingError, match="no readout"):
        readout.analyze(run, tmp_path)
    assert decoding.analyze(run, tmp_path, folds=2)


def test_a_run_without_a_readout_is_exported(wide, tmp_path):
    run = wide["units"]
    with np.load(export_run(run, "npz", tmp_path / "run.npz")) as arrays:
        assert "logits" not in arrays
        np.testing.assert_array_equal(arrays["V1"], run["V1"].values)
        np.testing.assert_array_equal(arrays["time"], run.protocol.times_ms)
    folder = export_run(run, "brainscore", tmp_path / "run", conditions=[run.protocol.conditions[0].name])
    assemblies = [xr.open_dataarray(path) for path in sorted(folder.iterdir())]
    assert sum(assembly.sizes["neuroid"] for assembly in assemblies) == 25
    assert any(assembly["y"].values.tolist() == [-1] * 5 for assembly in assemblies)


@pytest.mark.parametrize("name", ["cornet-rt", "resnet18"])
def test_analyses_and_exports_take_outside_networks(runs, name, tmp_path):
    run = runs[name]
    analysed = (
        readout.analyze(run, tmp_path),
        decoding.analyze(run, tmp_path, folds=2),
        masking.analyze(run, tmp_path, at_ms=70, resamples=100),
    )
    for written in analysed:
        assert all(path.exists() for path in written)
    with np.load(export_run(run, "npz", tmp_path / "run.npz")) as arrays:
        np.testing.assert_array_equal(arrays["logits"], run.logits.values)
    folder = export_run(run, "brainscore", tmp_path / "run")
    assert {xr.open_dataarray(path).sizes["presentation"] for path in folder.iterdir()} == {6}


@pytest.mark.parametrize("name", ["cornet-rt", "resnet18"])
def test_a_protocol_is_drawn_with_the_times_at_which_areas_are_reached(runs, name):
    graph = runs[name].graph
    figure = schedule_figure(MASKED, graph)
    marks = {line.get_gid(): line.get_xdata()[0] for line in figure.findobj(Line2D)}
    for area, ms in [(area.name, area.arrival_ms) for area in graph.areas]:
        assert marks[f"unmasked: {area} arrives"] == ms


def test_recording_is_resumed_with_the_module_again_and_refused_with_another(images, chosen, tmp_path):
    def wrapped(seed, **changes):
        given = {"size": 16, "readout": "decoder", "classes": images.label_names, "name": "rt", **PIXELS, **changes}
        return wrap(recurrent(seed), **given)

    def stop(done, total):
        if done == 1:
            raise KeyboardInterrupt

    place = tmp_path / "run.zarr"
    with pytest.raises(KeyboardInterrupt):
        simulate(wrapped(0), MASKED, chosen, place, HOW, progress=stop)
    with pytest.raises(StoreError, match="recorded otherwise: weights differ"):
        simulate(wrapped(1), MASKED, chosen, place, HOW)
    with pytest.raises(StoreError, match=r"recorded otherwise: graph.pixels.white is 1.0 there and 2.0 here"):
        simulate(wrapped(0, white=2.0), MASKED, chosen, place, HOW)
    run = simulate(wrapped(0), MASKED, chosen, place, HOW)
    whole = simulate(wrapped(0), MASKED, chosen, tmp_path / "whole.zarr", HOW)
    assert run.attrs["run_key"] == whole.attrs["run_key"]
    for area in run.areas:
        assert np.array_equal(run[area].values, whole[area].values, equal_nan=True)


def test_noise_is_added_to_the_state_of_a_network_in_steps(images, chosen, tmp_path):
    module = recurrent()
    model = wrap(module, size=16, readout=module.logits, classes=images.label_names, **PIXELS)
    one = replace(MASKED, conditions=MASKED.conditions[:1])
    noisy = replace(HOW, noise=Noise("gaussian", 0.5, ("V2",)))
    clean, run = (simulate(model, one, chosen, tmp_path / str(i), how) for i, how in enumerate((HOW, noisy)))
    assert np.array_equal(run["V1"].values, clean["V1"].values)
    apart = run["V2"].values[:, 1] - clean["V2"].values[:, 1]
    assert 0.4 < apart.std() < 0.6
    assert not np.array_equal(run["V4"].values[:, 3], clean["V4"].values[:, 3])


def refused(model, chosen, message, error=ProtocolError, protocol=MASKED, **how):
    with pytest.raises(error, match=message):
        Experiment(model, protocol, chosen, replace(HOW, **how))


@pytest.mark.parametrize("what", ["feedback", "V1", "V2->V1"])
def test_a_lesion_of_transitions_that_are_not_known_is_refused(stepping, static, chosen, what):
    lesioned = replace(MASKED, conditions=(Condition("cut", (Show(target, 0, 20),), None, (Scale(what, 0, 20),)),))
    for model in (stepping, static):
        refused(model, chosen, f"{what} cannot be scaled in an outside network", protocol=lesioned)


def test_what_an_outside_network_cannot_do_is_refused_before_anything_is_recorded(stepping, static, images, chosen):
    loud = Noise("gaussian", 0.5)
    for model in (stepping, static):
        spare = replace(chosen, calibration=images.take(range(20, 30)))
        refused(model, spare, "has fixed statistics, .* leave out --policy", policy="pooled")
        refused(model, chosen, "noise is added to the state that a network carries .* leave out --noise", noise=loud)
        with pytest.raises(UsageError, match="has its own way to take images; leave out --drive"):
            driven(model, "impulse")
    large = load_images("shapes", "test", 32, positions=range(4))
    refused(static, Selection(large, chosen.pool), "resnet18 takes images of 16x16; load them with size=16", DataError)
    unseen = (Condition("off", (Show(nothing, 0, 20), Show(target, 20, 40))),)
    every = "takes an image at every tick; use grey for gaps and blanks"
    refused(stepping, chosen, every, protocol=Protocol(unseen, end_ms=40))
    refused(stepping, chosen, every, protocol=replace(MASKED, gap="none"))
    Experiment(static, replace(MASKED, gap="none"), chosen, HOW)


def test_what_is_on_again_is_computed_once(static, few, pool, tmp_path):
    seen = []
    module = static.network.parts[0]
    hook = module.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    simulate(static, MASKED, Selection(few.take(range(4)), pool), tmp_path / "run.zarr", replace(HOW, batch=4))
    hook.remove()
    assert seen == [4] * 4  # the target, grey, the noise mask, the target with dots added


class Stepped:
    """Adapter of a network of ours, which counts the ticks itself."""

    def __init__(self, network):
        self.network = network

    def step(self, state, screen):
        tick, states = state or (-1, {})
        entering = self.network.encode(screen)
        after = {"V1": entering} if tick < 0 else self.network.step(states, tick, entering)
        if "IT" in after:
            self.network.readout(after, tick + 1)
        return tick + 1, after

    def areas(self, state):
        return state[1]


def test_a_wrapped_network_of_ours_is_recorded_as_it_is_directly(model, chosen, tmp_path):
    scale = (model.preprocessing.scale,) * 3
    wrapped = wrap(
        model.network,
        size=16,
        mean=model.preprocessing.mean,
        std=scale,
        adapter=Stepped(model.network),
        readout="postnet",
        classes=model.label_names,
        name="wrapped",
    )
    ours, theirs = (simulate(each, MASKED, chosen, tmp_path / each.name, HOW) for each in (model, wrapped))
    assert theirs.graph.arrival_ms == {**ours.graph.arrival_ms, "readout": 30}
    for area in (*ours.areas, "readout"):
        for condition in ("unmasked", "masked", "added", "blanked"):
            np.testing.assert_allclose(
                of(theirs, area, condition), of(ours, area, condition), rtol=1e-4, atol=1e-5, equal_nan=True
            )
