"""Ridge encoding: equal to scikit-learn, blind to the tested stimuli, honest about noise."""

import numpy as np
import pytest
from planted import planted_brain, planted_run

from ventral.compare.compare import compare_run
from ventral.compare.comparison import Metric
from ventral.compare.encoding import Mapping, weighted_correlation
from ventral.compare.ridge import PENALTIES, fit_ridge_targets
from ventral.errors import UsageError


def problem(stimuli, features, targets, seed=0):
    chance = np.random.default_rng(seed)
    x = chance.normal(2, 1, size=(stimuli, features))
    weights = chance.normal(size=(features, targets)) / features**0.5
    noise = chance.choice([0.05, 0.5, 3], size=targets)
    return x, x @ weights + noise * chance.normal(size=(stimuli, targets))


@pytest.mark.parametrize(("stimuli", "features"), [(60, 100), (100, 30), (50, 50)])
def test_each_target_has_the_fit_and_the_penalty_of_scikit_learn(stimuli, features):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = problem(stimuli, features, 40)
    theirs = linear_model.RidgeCV(alphas=PENALTIES, alpha_per_target=True).fit(x, y)
    weights, intercepts, chosen = fit_ridge_targets(x, y)
    assert np.array_equal(chosen, theirs.alpha_)
    assert len(np.unique(chosen)) > 2
    assert np.allclose(weights.T, theirs.coef_, rtol=0, atol=1e-9)
    assert np.allclose(intercepts, theirs.intercept_, rtol=0, atol=1e-9)


def test_a_penalty_of_zero_is_refused():
    with pytest.raises(UsageError, match="give one or more numbers above 0"):
        fit_ridge_targets(*problem(10, 3, 2), penalties=(0.0, 1.0))


@pytest.mark.parametrize(
    ("given", "message"), [({"times": "all"}, "no mapping named 'all'"), ({"folds": 1}, "folds is 1")]
)
def test_a_mapping_that_cannot_be_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        Mapping(**given)


def test_the_correlation_of_a_draw_is_that_of_its_stimuli_written_out():
    chance = np.random.default_rng(1)
    first, second = chance.normal(size=(2, 12, 3))
    counts = chance.multinomial(12, np.full(12, 1 / 12), size=4).astype(float)
    found = weighted_correlation(counts, first, second)
    for row, count in enumerate(counts.astype(int)):
        rows = np.repeat(np.arange(12), count)
        wanted = [np.corrcoef(first[rows, unit], second[rows, unit])[0, 1] for unit in range(3)]
        assert np.allclose(found[row], wanted)


def test_a_prediction_that_does_not_vary_scores_zero_and_a_unit_that_does_not_is_unknown():
    values = np.random.default_rng(2).normal(size=(9, 1))
    flat, once = np.full((9, 1), 0.3), np.ones((1, 9))
    assert weighted_correlation(once, flat, values).item() == 0
    assert np.isnan(weighted_correlation(once, values, flat)).all()


@pytest.mark.parametrize("times", ["per-pair", "one"])
def test_a_planted_area_predicts_its_region_and_no_other_up_to_the_ceiling(times):
    brain = planted_brain(images=60, units=12, repetitions=6, noise=0.2)[:, 7:30:4]
    found = compare_run(planted_run(images=60), brain, Metric("ridge", mapping=Mapping(times)), resamples=0)
    best = found["ratio"].max(("model_time", "brain_time"))
    assert (best.sel(area="IT", region="IT") > 0.9, best.sel(area="V1", region="V1") > 0.9) == (True, True)
    assert best.sel(area="IT", region="V1") < 0.45
    assert best.max() < 1.05


def test_without_a_relation_the_score_is_not_below_zero():
    """Over all folds together it was -0.13: what is left out of a fit goes against the rest."""
    run = planted_run(images=30, units=10)
    brain = planted_brain(images=30, units=60, repetitions=1)[:, ::12]
    brain[:] = np.random.default_rng(3).normal(size=brain.shape)
    found = compare_run(run, brain, "ridge", resamples=0)["value"]
    assert abs(float(found.mean())) < 0.04  # three standard errors of 720 medians over 60 units, few of them apart


def test_a_response_to_one_stimulus_does_not_change_the_prediction_of_that_stimulus():
    from ventral.compare.comparison import Comparison

    run, brain = planted_run(images=20), planted_brain(images=20, units=3, repetitions=1, order=False)[:, [15]]
    changed = brain.copy(deep=True)
    changed[4] += 100
    seen = []
    for data in (brain, changed):
        scorer = Comparison.of(run, data, "on", Metric("ridge"), ["V1"]).scorer()
        features = scorer.patterns[0].whole(10)
        import torch

        folds = scorer._fold_fits(torch.as_tensor(features), 1e-6)
        fold = next(each for each in folds if 4 in each.test.tolist())
        fit = fold.basis.fit(torch.as_tensor(scorer.targets[0])[fold.train], PENALTIES)
        seen.append(fold.predict(fit, torch.as_tensor(features)))
    assert np.array_equal(seen[0], seen[1])
