"""Laws of estimates over several models: means of what each model gives, and intervals that know of both."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from ventral.errors import UsageError
from ventral.measures.crossed import crossed_interval
from ventral.measures.dose import dose_accuracy
from ventral.measures.intervals import bootstrap
from ventral.measures.lesion import condition_curves, lesion_losses
from ventral.measures.over_models import crossed_bootstrap, estimate_over
from ventral.measures.series import Series

MODELS, IMAGES = 4, 60
RATES = {"intact": 0.8, "early": 0.4, "late": 0.7}
LESIONS = pd.DataFrame({"condition": ["early", "late"]})
SERIES = {"blur": [Series("blur", tuple(RATES), (0.0, 1.0, 2.0))]}


def responses_of(seed: int) -> xr.Dataset:
    draw = np.random.default_rng(seed)
    rates = np.array([*RATES.values()])[:, None, None, None]
    correct = (draw.random((len(RATES), IMAGES, 2, 3)) < rates).astype(float)
    coords = {"condition": [*RATES], "image": np.arange(IMAGES), "time": [0, 10, 20]}
    return xr.Dataset({"correct": (("condition", "image", "repeat", "time"), correct)}, coords, {"choices": 10})


@pytest.fixture(scope="module")
def models() -> list[xr.Dataset]:
    return [responses_of(seed) for seed in range(MODELS)]


def test_of_one_model_it_is_the_bootstrap_over_images(models):
    correct = models[0]["correct"].mean("repeat").sel(time=10).transpose("image", "condition").values
    found, expected = estimate_over([correct], seed=3), bootstrap(correct, seed=3)
    for part in ("middle", "low", "high"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))


@pytest.mark.parametrize("column", ["loss", "accuracy", "d_prime_loss"])
def test_a_lesion_of_several_models_takes_the_mean_of_what_it_takes_of_each(models, column):
    together = lesion_losses(models, LESIONS, "frozen", 10)
    each = [lesion_losses([one], LESIONS, "frozen", 10, resamples=1)[column] for one in models]
    np.testing.assert_allclose(together[column], np.mean(each, axis=0))
    assert (together["models"] == MODELS).all()
    assert (together[f"{column}_low"] < together[column]).all()
    assert (together[column] < together[f"{column}_high"]).all()


def test_curves_and_doses_of_several_models_are_means(models):
    curves = condition_curves(models, "frozen")
    each = [condition_curves([one], "frozen", resamples=1)["accuracy"] for one in models]
    np.testing.assert_allclose(curves["accuracy"], np.mean(each, axis=0))
    doses = dose_accuracy(models, SERIES, "frozen", 10)
    for scale in ("accuracy", "corrected", "d_prime"):
        each = [dose_accuracy([one], SERIES, "frozen", 10, resamples=1)[scale] for one in models]
        np.testing.assert_allclose(doses[scale], np.mean(each, axis=0))


def test_models_that_agree_leave_the_uncertainty_of_images_alone(models):
    """Law: copies of one model add no interval over models to d', and none beyond that of images to accuracy."""
    copies = [models[0]] * MODELS
    found = lesion_losses(copies, LESIONS, "frozen", 10)
    np.testing.assert_allclose(found["d_prime_loss_low"], found["d_prime_loss_high"])
    alone = lesion_losses(models[:1], LESIONS, "frozen", 10, resamples=4000)
    ours = found["accuracy_high"] - found["accuracy_low"]
    np.testing.assert_allclose(ours, alone["accuracy_high"] - alone["accuracy_low"], rtol=0.15)


def test_a_bootstrap_that_draws_models_and_images_is_as_wide_as_the_interval_over_both():
    draw = np.random.default_rng(5)
    correct = draw.normal(0, 1, (12, 1, 2)) + draw.normal(0, 4, (1, 50, 2)) + draw.normal(0, 1, (12, 50, 2))
    found, expected = crossed_bootstrap(correct, lambda means: means), crossed_interval([correct])
    np.testing.assert_allclose(found.middle, expected.middle)
    np.testing.assert_allclose(found.high - found.low, expected.high - expected.low, rtol=0.2)
    alone, images = crossed_bootstrap(correct[:1], lambda means: means), bootstrap(correct[0])
    np.testing.assert_allclose(alone.low, images.low)  # with one model, images alone


def test_several_models_need_several_images(models):
    with pytest.raises(UsageError, match="give two or more of each"):
        condition_curves([one.isel(image=[0]) for one in models], "frozen")
