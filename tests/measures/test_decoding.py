"""Laws of decoding: exact solutions, chance, planted signals, invariances and refusals."""

import numpy as np
import pytest
import torch
import xarray as xr
from sklearn.linear_model import Ridge, RidgeClassifier, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ventral.errors import DecodingError
from ventral.measures import decoders as decode
from ventral.measures.decoders import ALPHAS, one_against_rest
from ventral.measures.decoding import decode_over_time
from ventral.measures.folds import image_folds
from ventral.measures.ridge import exposures_of, fit_ridge, standardised

CLASSES = 4


def recorded(
    ticks: int = 3,
    images: int = 60,
    units: int = 20,
    signal: float = 0.5,
    onset: int = 0,
    shown: int = 1,
    seed: int = 0,
) -> xr.DataArray:
    """Noise, and from the onset tick on a class signal; each image is shown some times, next to one another."""
    draw = np.random.default_rng(seed)
    label = np.repeat(np.arange(images) % CLASSES, shown)
    activity = draw.normal(size=(images * shown, ticks, units))
    activity[:, onset:] += signal * draw.normal(size=(CLASSES, units))[label][:, None]
    if shown > 1:
        activity += np.repeat(draw.normal(size=(images, 1, units)), shown, axis=0)  # what an image has of its own
    return xr.DataArray(
        activity,
        dims=("presentation", "time", "unit"),
        coords={
            "time": np.arange(ticks) * 10,
            "image": ("presentation", np.repeat(np.arange(images) + 500, shown)),
            "label": ("presentation", label),
        },
    )


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(("presentations", "units"), [(50, 20), (30, 80)], ids=["n>p", "n<p"])
@pytest.mark.parametrize("alpha", [0.1, 10.0, 1000.0])
def test_a_decoder_is_the_ridge_classifier_of_scikit_learn(presentations, units, classes, alpha):
    draw = np.random.default_rng(1)
    train, test = draw.normal(3, 2, size=(2, presentations, units)), draw.normal(3, 2, size=(2, 9, units))
    label = np.arange(presentations) % classes
    targets = one_against_rest(label, classes)
    features, mean, scale = standardised(torch.as_tensor(train), 1e-12)
    penalty = torch.tensor([alpha], dtype=torch.float64)
    weights, intercept, _ = fit_ridge(features, targets, penalty, exposures_of(np.arange(presentations)))
    ours = ((torch.as_tensor(test) - mean) * scale @ weights + intercept.unsqueeze(1)).numpy()
    for tick in range(2):
        theirs = make_pipeline(StandardScaler(), RidgeClassifier(alpha)).fit(train[tick], label)
        values = theirs.decision_function(test[tick])
        np.testing.assert_allclose(ours[tick] if classes > 2 else ours[tick, :, 1], values, rtol=0, atol=1e-8)
        assert (ours[tick].argmax(-1) == theirs.predict(test[tick])).all()


@pytest.mark.parametrize("units", [20, 90], ids=["n>p", "n<p"])
def test_accuracy_and_penalty_are_those_of_the_same_pipeline_in_scikit_learn(units):
    activity = recorded(units=units)
    ours = decode_over_time(activity, seed=3)
    fold_of = image_folds(activity.image.values, activity.label.values, 5, seed=3)
    for tick in range(3):
        for fold in range(5):
            values, tested = activity.values[:, tick], fold_of == fold
            theirs = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS))
            theirs.fit(values[~tested], activity.label[~tested])
            assert ours[fold, tick] == theirs.score(values[tested], activity.label[tested])
            assert ours.alpha[fold, tick] == pytest.approx(theirs[-1].alpha_)


@pytest.mark.parametrize("units", [12, 60], ids=["n>p", "n<p"])
def test_the_penalty_is_the_best_when_images_are_left_out_with_all_their_presentations(units):
    activity = recorded(ticks=1, images=20, units=units, shown=3)[np.r_[0, 2:60]]  # one image is shown twice only
    alphas = [0.3, 3.0, 30.0, 300.0]
    ours = decode_over_time(activity, folds=2, alphas=alphas)
    fold_of = image_folds(activity.image.values, activity.label.values, 2)
    for fold in range(2):
        train = activity[fold_of != fold, 0]
        values = StandardScaler().fit_transform(train.values)
        targets = 2.0 * (train.label.values[:, None] == np.arange(CLASSES)) - 1
        errors = np.zeros(len(alphas))
        for image in np.unique(train.image):
            out = train.image.values == image
            for k, alpha in enumerate(alphas):
                fit = Ridge(alpha).fit(values[~out], targets[~out])
                errors[k] += np.square(fit.predict(values[out]) - targets[out]).sum()
        assert ours.alpha[fold, 0] == alphas[errors.argmin()]


def test_shuffled_labels_are_decoded_at_chance():
    activity = recorded(ticks=8, images=200, signal=2)
    shuffled = activity.label.copy(data=np.random.default_rng(0).permutation(activity.label.values))
    accuracy = decode_over_time(activity, shuffled)
    # one tick has a standard error of 0.031 and ticks share their labels: 0.1 is beyond 3 of them
    assert abs(accuracy.mean() - accuracy.attrs["chance"]) < 0.1
    assert decode_over_time(activity).mean() > 0.95


def test_a_planted_signal_is_found_from_its_onset_on():
    accuracy = decode_over_time(recorded(ticks=6, images=200, signal=2, onset=3)).mean("fold")
    # standard error 0.031 without signal; with it, classes lie 12 deviations apart
    assert (abs(accuracy[:3] - 0.25) < 0.1).all()
    assert (accuracy[3:] > 0.99).all()


def test_activity_that_is_the_same_for_every_image_is_decoded_exactly_at_chance():
    activity = recorded(ticks=2)
    activity[:, 0] = np.float32(0.1)
    accuracy = decode_over_time(activity)
    assert (accuracy[:, 0] == accuracy.attrs["chance"]).all()
    assert (accuracy.alpha[:, 0] == max(ALPHAS)).all()  # all are equally good: the largest


def test_a_feature_that_varies_by_less_than_its_record_resolves_counts_as_constant():
    activity = recorded(signal=0).astype(np.float32)
    code = activity.label.values[:, None] / CLASSES
    hidden = activity.copy()
    hidden[..., 0] = 100 + 1e-5 * code
    bare = activity.copy()
    bare[..., 0] = 100
    xr.testing.assert_identical(decode_over_time(hidden), decode_over_time(bare))


def test_a_record_of_float16_is_decoded_with_its_own_resolution_when_it_is_read_as_float32():
    code = recorded(signal=0).label.values[:, None] / CLASSES
    narrow = recorded(signal=0).astype(np.float16)
    narrow[..., 0] = 100 + 0.07 * code  # one step of float16 at 100 is 0.0625
    wide = narrow.astype(np.float32).assign_attrs(resolution=float(np.finfo(np.float16).eps))
    xr.testing.assert_identical(decode_over_time(wide), decode_over_time(narrow))
    assert not decode_over_time(wide.drop_attrs()).identical(decode_over_time(narrow))


def test_accuracy_is_missing_where_the_area_is_absent():
    activity = recorded(ticks=5)
    activity[:, :2] = np.nan
    activity[:, 3] = np.nan
    accuracy = decode_over_time(activity)
    assert accuracy.isnull().all("fold").values.tolist() == [True, True, False, True, False]
    assert accuracy.isnull().any("fold").equals(accuracy.isnull().all("fold"))
    assert accuracy.attrs["arrival_ms"] == 20
    assert decode_over_time(activity.assign_attrs(arrival_ms=10)).attrs["arrival_ms"] == 10
    assert decode_over_time(activity[:, :2]).isnull().all()


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_share_no_image_and_have_their_share_of_every_class(folds):
    draw = np.random.default_rng(0)
    images = draw.permutation(np.repeat(np.arange(43), 3))
    labels = images % 3
    fold_of = image_folds(images, labels, folds)
    assert all(len(set(fold_of[images == image])) == 1 for image in range(43))
    table = np.array([[len(set(images[(fold_of == f) & (labels == c)])) for c in range(3)] for f in range(folds)])
    assert (np.ptp(table, axis=0) <= 1).all()
    assert np.ptp(table.sum(1)) <= 1
    order = draw.permutation(len(images))
    assert (image_folds(images[order], labels[order], folds) == fold_of[order]).all()
    assert (image_folds(images, labels, folds, seed=1) != fold_of).any()


def test_an_image_shown_often_is_not_learnt_by_heart():
    activity = recorded(images=60, units=200, signal=0, shown=4)
    # folds that split presentations instead of images would score above 0.8; standard error 0.056 over 60 images
    assert decode_over_time(activity).mean() < 0.25 + 3 * 0.056


def test_the_order_and_scale_of_features_and_the_order_of_presentations_do_not_matter():
    activity = recorded(units=100)
    accuracy = decode_over_time(activity)
    draw = np.random.default_rng(0)
    scaled = activity * draw.uniform(0.1, 10, size=100) + draw.normal(size=100)
    for changed in (
        activity[..., draw.permutation(100)],
        scaled,
        activity[draw.permutation(60)],
        activity.transpose("unit", "time", "presentation"),
    ):
        xr.testing.assert_allclose(decode_over_time(changed), accuracy)


def test_maps_are_decoded_from_all_their_places():
    activity = recorded(units=24)
    maps = xr.DataArray(
        activity.values.reshape(60, 3, 2, 4, 3),
        dims=("presentation", "time", "channel", "y", "x"),
        coords=activity.coords,
    )
    xr.testing.assert_identical(decode_over_time(maps), decode_over_time(activity))


def test_ticks_decoded_one_by_one_are_decoded_as_they_are_together(monkeypatch):
    activity = recorded(ticks=4)
    activity[:, 1] = np.nan
    together = decode_over_time(activity)
    monkeypatch.setattr(decode, "CHUNK_BYTES", 1)
    xr.testing.assert_allclose(decode_over_time(activity), together)


def test_singleprecision_decides_as_double_does(monkeypatch):
    activity = recorded(images=200, units=300) + 3 * np.random.default_rng(1).normal(size=(200, 1, 1))
    used = []
    precision = decode.precision
    monkeypatch.setattr(decode, "precision", lambda *given: used.append(precision(*given)) or used[-1])
    single = decode_over_time(activity)
    monkeypatch.setattr(decode, "precision", lambda *_: torch.float64)
    assert used == [torch.float32]
    assert abs(single - decode_over_time(activity)).max() <= 1 / 40  # at most one of 40 test images, on a tie


def test_doubleprecision_is_used_where_single_is_too_coarse_for_a_penalty():
    assert decode.precision(np.array([1.0]), 800, 1024) == torch.float32
    assert decode.precision(np.array([1e-3]), 800, 1024) == torch.float64


def test_the_same_seed_draws_the_same_features():
    activity = recorded(units=40)
    drawn = np.sort(np.random.default_rng(5).choice(40, 8, replace=False))
    accuracy = decode_over_time(activity, features=8, seed=5)
    assert accuracy.attrs["features"] == 8
    xr.testing.assert_identical(accuracy, decode_over_time(activity[..., drawn], seed=5))


def test_chance_is_the_share_of_the_most_frequent_class():
    assert decode_over_time(recorded()).attrs["chance"] == 1 / CLASSES
    assert decode_over_time(recorded(images=50)).attrs["chance"] == 13 / 50


def without(name: str) -> xr.DataArray:
    return recorded().drop_vars(name)


def spoilt(value: float) -> xr.DataArray:
    activity = recorded()
    activity[7:10, 1, 2] = value
    return activity


@pytest.mark.parametrize(
    ("activity", "settings", "message"),
    [
        (recorded(images=16), {}, r"class 0 has 4 images for 5 folds; use more images or at most 4 folds"),
        (recorded(), {"labels": recorded().label * 0}, r"every image is of class 0; decoding needs at least 2 classes"),
        (recorded(), {"labels": recorded().label[:7]}, r"labels have the shape \(7,\); there are 60 presentations"),
        (recorded(), {"folds": 1}, r"folds is 1; cross-validation needs at least 2"),
        (recorded(), {"features": 21}, r"21 features were asked for; this area has 20, so use 1 to 20"),
        (recorded(), {"alphas": (0.0, 1.0)}, r"alphas are \(0\.0, 1\.0\); give one or more numbers above 0"),
        (recorded(), {"alphas": ()}, r"alphas are \(\)"),
        (without("image"), {}, r"no coordinate image, so presentations of one image could straddle folds"),
        (without("label"), {}, r"no coordinate label; give labels, one class for each presentation"),
        (without("time"), {}, r"no coordinate time"),
        (recorded()[:, 0], {}, r"dims \('presentation', 'unit'\); it should have \(presentation, time"),
        (spoilt(np.nan), {}, r"at 10 ms 3 of 60 presentations have missing or infinite values; an area is absent for"),
        (spoilt(np.inf), {}, r"at 10 ms 3 of 60 presentations"),
        (recorded(shown=2), {"labels": recorded(images=120).label}, r"image 500 is labelled both 0 and 1; use one"),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_the_remedy(activity, settings, message):
    with pytest.raises(DecodingError, match=message):
        decode_over_time(activity, **settings)
