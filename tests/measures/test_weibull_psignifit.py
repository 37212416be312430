"""Psychometric functions beside those of psignifit 4, which are Bayesian and have priors."""

import numpy as np
import psignifit
import pytest

from ventral.measures.weibull import SHARE, Weibull, fit_weibull, weibull_intervals

SOA_MS = np.array([10, 20, 30, 50, 80, 120.0])
CHANCE = 0.1


def measured(true: Weibull, images: int) -> np.ndarray:
    """Whether each image was classified correctly at each SOA, (image, soa)."""
    drawn = np.random.default_rng([images, int(true.scale_ms)]).random((images, len(SOA_MS)))
    return drawn < true.at(SOA_MS)


def of_peer(correct: np.ndarray) -> psignifit.Result:
    counts = np.column_stack([np.log(SOA_MS), correct.sum(0), np.full(len(SOA_MS), len(correct))])
    return psignifit.psignifit(
        counts,
        experiment_type="nAFC",
        experiment_choices=round(1 / CHANCE),
        sigmoid="weibull",  # of the logarithm, which is left to the user
        thresh_PC=SHARE,
        fixed_parameters={"eta": 0.0},  # binomial, as ours
        verbose=False,
    )


@pytest.mark.filterwarnings("ignore:The `thresh_PC` parameter:UserWarning")
@pytest.mark.parametrize(
    ("scale_ms", "slope", "top", "images"),
    [(30, 1.5, 0.9, 200), (40, 2.5, 0.8, 400), (25, 1.2, 0.95, 150), (50, 3, 0.7, 300), (35, 2, 0.85, 100)],
)
def test_thresholds_lie_in_the_intervals_of_psignifit_and_its_in_ours(scale_ms, slope, top, images):
    correct = measured(Weibull(scale_ms, slope, top, CHANCE), images)
    peer = of_peer(correct)
    low, high = np.exp(peer.confidence_intervals["threshold"]["0.95"])
    fitted = fit_weibull(SOA_MS, correct.sum(0), images, CHANCE)
    assert low < fitted.threshold_ms < high
    own_low, own_high = weibull_intervals(SOA_MS, correct, CHANCE)["threshold_ms"]
    assert own_low < np.exp(peer.get_parameter_estimate()["threshold"]) < own_high


@pytest.mark.filterwarnings("ignore:The `thresh_PC` parameter:UserWarning")
@pytest.mark.parametrize(("scale_ms", "slope", "top"), [(30, 1.5, 0.9), (40, 2.5, 0.8), (35, 2, 0.85)])
def test_with_many_images_priors_matter_little_and_the_functions_are_one(scale_ms, slope, top):
    true = Weibull(scale_ms, slope, top, CHANCE)
    correct = measured(true, 20_000)
    peer = of_peer(correct)
    fitted = fit_weibull(SOA_MS, correct.sum(0), len(correct), CHANCE)
    assert fitted.threshold_ms == pytest.approx(np.exp(peer.get_parameter_estimate()["threshold"]), rel=0.02)
    np.testing.assert_allclose(fitted.at(SOA_MS), peer.proportion_correct(np.log(SOA_MS)), atol=0.005)
