"""Laws of generalisation over time: known codes, agreement with MNE, images that are never shared, flat memory."""

import tracemalloc

import numpy as np
import pytest
import xarray as xr
from mne.decoding import GeneralizingEstimator, SlidingEstimator
from recorded_codes import made_up
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ventral.errors import DecodingError
from ventral.measures import generalisation
from ventral.measures.codes import code_numbers, summarise, width_ms
from ventral.measures.decoders import Method
from ventral.measures.decoding import decode_over_time, decoder_responses
from ventral.measures.folds import image_folds
from ventral.measures.generalisation import generalise, generalised_scores, train_decoders
from ventral.measures.transfer import trained_on

# One tick of 80 images of 4 classes has a standard error of 0.048 at chance, and 0.15 is beyond 3 of them.
CHANCE = 0.25
FAR = 0.15


def matrix(activity: xr.DataArray, **settings) -> np.ndarray:
    return generalise(activity, **settings).mean("fold").values


def test_a_frozen_code_is_a_square_and_a_rotating_code_a_diagonal():
    frozen, rotating = matrix(made_up("frozen")), matrix(made_up("rotating"))
    apart = ~np.eye(8, dtype=bool)
    assert frozen.min() > 0.9
    assert np.diagonal(rotating).min() > 0.9
    assert abs(rotating[apart] - CHANCE).max() < 4 * 0.048  # the most of 56
    assert abs(rotating[apart].mean() - CHANCE) < 0.05


def test_a_code_is_at_chance_before_its_onset_and_generalises_after_it():
    found = matrix(made_up(onset=3))
    assert abs(found[:, :3] - CHANCE).max() < FAR
    assert found[:3, 3:].max() < 0.6  # decoders of noise: all images of a class go together, right or wrong
    assert found[3:, 3:].min() > 0.9


def test_shuffled_labels_are_at_chance_everywhere():
    activity = made_up()
    shuffled = activity.label.copy(data=np.random.default_rng(0).permutation(activity.label.values))
    assert abs(matrix(activity, labels=shuffled).mean() - CHANCE) < 0.1


@pytest.mark.parametrize("decoder", ["ridge", "discriminant", "nearest-mean"])
@pytest.mark.parametrize("scoring", ["accuracy", "balanced", "pairwise", "d_prime"])
def test_the_diagonal_is_decoding_over_time(decoder, scoring):
    activity = made_up(ticks=4, signal=0.4)
    found = generalise(activity, decoder=decoder, scoring=scoring).values
    sliding = decode_over_time(activity, decoder=decoder, scoring=scoring).values
    np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), sliding, atol=1e-6)


@pytest.mark.parametrize("units", [20, 120], ids=["n>p", "n<p"])
def test_decisions_are_those_of_mne_with_the_same_ridge(units):
    activity = made_up(ticks=5, units=units, signal=0.4)
    fold_of = image_folds(activity.image.values, activity.label.values, 5)
    scores = generalised_scores(*_trained(activity, alphas=(30.0,)))
    sliding = decoder_responses(activity, alphas=(30.0,))["correct"].values
    signals = activity.transpose("presentation", "unit", "time").values
    for fold in range(5):
        train, test = fold_of != fold, fold_of == fold
        for estimator, ours in ((GeneralizingEstimator, scores.values[test]), (SlidingEstimator, sliding[test])):
            ridge = make_pipeline(StandardScaler(), RidgeClassifier(30.0))
            theirs = estimator(ridge, verbose="error").fit(signals[train], activity.label.values[train])
            right = theirs.predict(signals[test]) == activity.label.values[test].reshape(-1, *[1] * (ours.ndim - 1))
            assert (ours == right).all()


def _trained(activity, labels=None, **settings):
    decoders = train_decoders(activity, labels, Method(**settings))
    return decoders, trained_on(activity, decoders.task)


def test_a_decoder_never_sees_another_presentation_of_a_tested_image():
    draw = np.random.default_rng(0)
    identity = draw.normal(size=(60, 1, 200))  # each image has a pattern of its own, the same in both conditions
    base = made_up(images=60, units=200, signal=0, ticks=2)
    clear, masked = base + identity, base + identity[:, ::1] + 0.1 * draw.normal(size=(60, 2, 200))
    # decoders that had seen the tested image in the other condition would know it by heart: above 0.9
    assert generalise(clear, tested=masked).mean() < CHANCE + FAR
    assert generalise(masked, tested=clear).mean() < CHANCE + FAR
    xr.testing.assert_allclose(generalise(clear, tested=clear), generalise(clear))


def test_what_is_tested_may_come_in_another_order_and_have_images_that_were_not_trained_on():
    activity = made_up(images=80, signal=0.5)
    order = np.random.default_rng(1).permutation(80)
    xr.testing.assert_allclose(generalise(activity, tested=activity[order]), generalise(activity))
    more = made_up(images=120, signal=0.5)
    assert generalise(more[:80], tested=more[80:]).mean() > 0.5


def test_a_code_that_comes_later_in_another_condition_is_found_later_there():
    clear = made_up("rotating", ticks=8)
    late = clear.copy(data=np.roll(clear.values, 2, axis=1))
    found = matrix(clear, tested=late)
    assert (found[:6].argmax(1) == np.arange(6) + 2).all()
    scores = generalise(clear, tested=late)
    assert scores.attrs["same_sites"]


def test_absent_ticks_are_missing_in_training_and_in_test():
    activity = made_up(ticks=5)
    activity[:, 1] = np.nan
    missing = np.isnan(matrix(activity))
    assert (missing == (np.arange(5) == 1)[:, None] | (np.arange(5) == 1)[None]).all()
    assert np.isnan(matrix(activity * np.nan)).all()


def test_areas_whose_units_are_elsewhere_are_said_to_be():
    activity = made_up().assign_coords(channel=("unit", np.arange(48)))
    other = activity.assign_coords(channel=("unit", np.arange(48)[::-1]))
    assert not generalise(activity, tested=other).attrs["same_sites"]
    assert generalise(activity, tested=activity).attrs["same_sites"]


@pytest.mark.parametrize(
    ("tested", "settings", "message"),
    [
        (made_up(units=20), {}, r"decoders of 48 features are tested on activity of 20; give areas of as many"),
        (made_up(classes=5), {}, r"4 is tested, and no decoder was trained on it"),
        (
            made_up().assign_coords(label=("presentation", (np.arange(80) + 1) % 4)),
            {},
            r"image 500 is of class 0 where decoders are trained and of class 1 where they are tested",
        ),
        (made_up(), {"labels": made_up().label}, r"labels are an array, which says nothing of what is tested"),
    ],
)
def test_what_cannot_be_tested_is_refused(tested, settings, message):
    with pytest.raises(DecodingError, match=message):
        generalise(made_up(), tested=tested, **settings)


def test_presentations_that_are_missing_in_a_later_piece_are_refused(monkeypatch):
    monkeypatch.setattr(generalisation, "PIECE_BYTES", 1)
    activity = made_up()
    activity[70, 3] = np.nan
    with pytest.raises(DecodingError, match="at 30 ms 1 of 80 presentations have missing or infinite values"):
        generalise(made_up(), tested=activity)


def test_pieces_do_not_change_the_result(monkeypatch):
    activity = made_up(signal=0.3)
    together = generalise(activity)
    monkeypatch.setattr(generalisation, "PIECE_BYTES", 1)
    xr.testing.assert_identical(generalise(activity), together)


def test_memory_beyond_the_scores_does_not_grow_with_what_is_tested(monkeypatch):
    monkeypatch.setattr(generalisation, "PIECE_BYTES", 2**20)
    decoders, _ = _trained(made_up(ticks=20, images=40))

    def peak_bytes(images: int) -> int:
        tested = trained_on(made_up(ticks=20, images=images), decoders.task)
        tested = type(tested)(made_up(ticks=20, images=images), *_known(images))
        tracemalloc.start()
        scores = generalised_scores(decoders, tested)
        peak = tracemalloc.get_traced_memory()[1] - scores.nbytes
        tracemalloc.stop()
        return peak

    few, many = peak_bytes(400), peak_bytes(4000)
    assert many < 1.5 * few + 100 * 4000  # some bytes for the image, code and fold of each


def _known(images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.arange(images) % 4, np.arange(images) + 500, np.arange(images) % 5


# numbers that sum up a matrix


def code_of(matrix: np.ndarray, chance: float = 0.0) -> dict[str, float]:
    times = np.arange(len(matrix)) * 10.0
    return dict(zip(("diagonal", "off", "width", "asymmetry"), code_numbers(matrix, times, chance), strict=True))


def test_a_square_is_as_wide_as_the_record_and_a_diagonal_as_wide_as_a_tick():
    square = code_of(np.full((6, 6), 0.9), 0.1)
    assert square == pytest.approx({"diagonal": 0.9, "off": 0.9, "width": 50, "asymmetry": 0})
    diagonal = code_of(np.where(np.eye(6, dtype=bool), 0.9, 0.1), 0.1)
    # half is crossed half a tick away on both sides, and on one side in the first and last row
    assert diagonal == pytest.approx({"diagonal": 0.9, "off": 0.1, "width": (4 * 10 + 2 * 5) / 6, "asymmetry": 0})


def test_the_width_is_that_of_a_gaussian_around_the_diagonal():
    times = np.arange(101) * 10.0
    gaussian = np.exp(-((times[:, None] - times) ** 2) / (2 * 80.0**2))
    middle = width_ms(gaussian, times, 0.0)[50]
    assert middle == pytest.approx(2 * np.sqrt(2 * np.log(2)) * 80, rel=2e-3)


def test_a_code_that_is_found_again_later_has_positive_asymmetry():
    later = np.triu(np.full((4, 4), 0.8)) + np.tril(np.full((4, 4), 0.2), -1)
    assert code_of(later)["asymmetry"] == pytest.approx(0.6)
    assert code_of(later.T)["asymmetry"] == pytest.approx(-0.6)


def test_rows_without_a_code_have_no_width():
    matrix = np.where(np.eye(5, dtype=bool), 0.1, 0.1)
    matrix[3:, 3:] = 0.9
    widths = width_ms(matrix, np.arange(5) * 10.0, 0.1)
    assert np.isnan(widths[:3]).all()
    assert widths[3:] == pytest.approx([15, 15])
    assert np.isnan(width_ms(np.full((3, 3), 0.1), np.arange(3) * 10.0, 0.1)).all()


def test_numbers_of_images_have_intervals_that_hold_them():
    activity = made_up(onset=2)
    scores = generalised_scores(*_trained(activity))
    found = summarise([scores], 4, resamples=200)
    matrix = scores.mean("presentation").values
    assert found.middle == pytest.approx(code_numbers(matrix, scores.test_time.values.astype(float), 0.25), rel=1e-5)
    assert (found.low <= found.middle).all()
    assert (found.middle <= found.high).all()
    assert (found.high - found.low < [0.1, 0.1, 15, 0.1]).all()
