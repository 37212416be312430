from dataclasses import replace

import numpy as np
import pytest
import torch

from ventral.errors import StoreError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.draws import Draws
from ventral.experiment.events import Show, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.noise import Noise
from ventral.experiment.protocol import Protocol
from ventral.experiment.recorder import Recorder
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.stimuli.selection import Selection

FLASH = Protocol((Condition("on", (Show(target, 0, 50),)),), end_ms=60)
COUNT = 4000  # presentations; a mean of them has a standard error of a 63rd of a standard deviation


def trials(kind, level, count=COUNT, areas=("V1",)):
    return Draws(Noise(kind, level), areas, [f"stimulus/{i}" for i in range(count)])


def test_gaussian_noise_has_the_spread_that_was_asked_and_no_mean():
    x = torch.full((COUNT, 1, 2, 2), 3.0)
    apart = trials("gaussian", 0.5)({"V1": x})["V1"] - x
    assert apart.mean().item() == pytest.approx(0, abs=5 * 0.5 / (4 * COUNT) ** 0.5)
    assert apart.std().item() == pytest.approx(0.5, rel=0.03)  # of 16,000 draws: standard error 0.6 %
    assert abs(np.corrcoef(apart[:, 0, 0, 0], apart[:, 0, 1, 1])[0, 1]) < 0.08  # 5 standard errors


@pytest.mark.parametrize("rate", [0.5, 4.0])
def test_counts_have_the_mean_and_variance_of_poisson(rate):
    noise = trials("poisson", 2.0)
    after = noise({"V1": torch.full((COUNT, 1, 2, 2), rate)})["V1"]
    counts = noise.counts["V1"]
    assert torch.equal(counts, counts.round())
    assert counts.mean().item() == pytest.approx(2 * rate, rel=0.05)
    assert (counts.var() / counts.mean()).item() == pytest.approx(1, abs=0.06)  # the Fano factor; standard error 0.011
    torch.testing.assert_close(after, counts / 2)


def test_what_is_below_threshold_stays_and_fires_no_spikes():
    noise = trials("poisson", 2.0, 3)
    x = -torch.rand(3, 1, 2, 2)
    assert torch.equal(noise({"V1": x})["V1"], x)
    assert not noise.counts["V1"].any()


def test_areas_without_noise_are_left_alone():
    x = torch.rand(3, 1, 2, 2)
    noise = trials("gaussian", 1.0, 3)
    after = noise({"V1": x, "V2": x})
    assert torch.equal(after["V2"], x)
    assert not torch.equal(after["V1"], x)


def test_noise_differs_between_ticks_areas_and_presentations():
    x = torch.zeros(2, 1, 2, 2)
    noise = trials("gaussian", 1.0, 2, ("V1", "V2"))
    draws = [noise({"V1": x, "V2": x}) for _ in range(2)]
    found = [d[area][i] for d in draws for area in ("V1", "V2") for i in range(2)]
    assert len({tuple(states.flatten().tolist()) for states in found}) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gausian:0.5", "did you mean 'gaussian'"),
        ("gaussian", "write it as gaussian:0.5, or gaussian:0.5:V4,IT"),
        ("gaussian:much", "write it as gaussian:0.5"),
        ("poisson:0", "the level of noise is 0; give a number above 0"),
        ("poisson:nan", "give a number above 0"),
        ("gaussian:1:V1:V2", None),
    ],
)
def test_noise_is_read_as_typed_or_refused(text, message):
    if message is None:
        assert Noise.read(text).areas == ("V1", "V2")
        return
    with pytest.raises(UsageError, match=message):
        Noise.read(text)


@pytest.mark.parametrize("text", ["gaussian:0.5", "poisson:2:V4,IT"])
def test_noise_is_written_as_it_is_read(text):
    assert str(Noise.read(text)) == text


@pytest.fixture(scope="module")
def noisy_run(model, images, tmp_path_factory):
    how = Settings(batch=16, dtype="float32", noise=Noise("poisson", 4.0, ("IT",)), repeats=3)
    return simulate(
        model, FLASH, Selection(images.take(range(8))), tmp_path_factory.mktemp("noisy") / "run.zarr", settings=how
    )


def test_a_repeat_is_a_coordinate_and_each_is_another_draw(noisy_run):
    assert noisy_run.presentations["repeat"].values.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert noisy_run.presentations["image"].values.tolist() == noisy_run.presentations["image"].values.tolist()[:8] * 3
    by_repeat = noisy_run["IT"].values.reshape(3, 8, 7, -1)
    assert not np.array_equal(by_repeat[0], by_repeat[1], equal_nan=True)


def test_counts_are_recorded_where_noise_is_poisson_and_states_elsewhere(noisy_run):
    counts = noisy_run["IT"].values
    assert noisy_run["IT"].attrs["recorded"] == "count"
    assert noisy_run["V4"].attrs["recorded"] == "state"
    assert np.array_equal(counts[~np.isnan(counts)], counts[~np.isnan(counts)].round())
    assert np.isnan(counts[:, :3]).all()
    assert np.isfinite(counts[:, 3:]).all()


def test_noise_is_felt_downstream_only_from_where_it_is(model, images, tmp_path):
    how = Settings(batch=16, dtype="float32")
    shown = images.take(range(4))
    quiet = simulate(model, FLASH, Selection(shown), tmp_path / "quiet", settings=how)
    loud = simulate(
        model, FLASH, Selection(shown), tmp_path / "loud", settings=replace(how, noise=Noise("gaussian", 0.5, ("V4",)))
    )
    # V4 is there from 20 ms and reaches V2 a tick and V1 two ticks later
    for area, tick in (("V4", 2), ("V2", 3), ("IT", 3), ("V1", 4)):
        silent, noisy = quiet[area].values, loud[area].values
        assert np.array_equal(silent[:, :tick], noisy[:, :tick], equal_nan=True)
        assert not np.array_equal(silent[:, tick], noisy[:, tick])


def test_repeats_without_noise_are_refused():
    with pytest.raises(UsageError, match="without noise all 5 repeats of an image would be the same"):
        Settings(repeats=5)


def test_noise_in_an_area_that_is_not_there_is_refused(model, images):
    with pytest.raises(UsageError, match="no area named 'V5'; there is: IT, V1, V2, V4"):
        Experiment(model, FLASH, Selection(images), Settings(noise=Noise("gaussian", 1.0, ("V5",))))


def test_counts_that_float16_cannot_hold_are_refused(model, images):
    how = Settings(batch=4, noise=Noise("poisson", 1e5, ("V1",)))
    with pytest.raises(StoreError, match="float16 is exact to 2048, so record float32"):
        Recorder(Experiment(model, FLASH, Selection(images.take(range(4))), how)).record(range(4))


def test_noise_and_repeats_decide_the_run_key(model, images):
    def key(**changes):
        return Recorder(Experiment(model, FLASH, Selection(images), Settings(**changes))).layout().run_key

    noise = Noise("gaussian", 1.0)
    keys = {key(), key(noise=noise), key(noise=replace(noise, level=2.0)), key(noise=noise, repeats=2)}
    assert len(keys) == 4
