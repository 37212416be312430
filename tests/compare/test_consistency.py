"""Consistency with human labels: exact values, oracles, and models whose consistency is known by construction."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy, spearmanr
from sklearn.metrics import cohen_kappa_score

from ventral.compare.confusions import confusion_matrices, shuffled_errors, similarity, soft_confusions
from ventral.compare.consistency import MEASURES, consistency, responses_of
from ventral.compare.error_consistency import between_raters, kappa, subject_kappas
from ventral.compare.settling import settled_ms, shuffled_within, time_consistency
from ventral.compare.soft_labels import cross_entropy_bits, entropy_bits, halves, shares, spearman, tempered
from ventral.errors import DataError

CLASSES, IMAGES = 6, 400
LABELS = np.arange(IMAGES) % CLASSES


def believed(seed=0):
    """What observers believe of each image: probabilities, mostly of the right class, (image, class)."""
    draw = np.random.default_rng(seed)
    near = np.eye(CLASSES) + 0.5 * np.roll(np.eye(CLASSES), 1, axis=1)  # each class is taken for the next
    return np.stack([draw.dirichlet(0.15 + 4 * draw.random() ** 3 * near[label] + near[label]) for label in LABELS])


def labelled(beliefs, number=50, seed=1):
    return np.random.default_rng(seed).multinomial(number, beliefs).astype(np.int64)


def logits_of(beliefs, ticks=2):
    return np.repeat(np.log(beliefs + 1e-6)[:, None], ticks, axis=1)


def measured(logits, counts, **options):
    given = {"resamples": 30, "shuffles": 60, "splits": 4} | options
    return consistency(logits, LABELS, counts, np.arange(logits.shape[1]) * 10.0, **given)


@pytest.mark.parametrize("seed", range(5))
def test_error_consistency_is_cohens_kappa_of_being_right(seed):
    draw = np.random.default_rng(seed)
    first, second = draw.random((2, 200)) < draw.uniform(0.2, 0.9, (2, 1))
    assert float(kappa(first, second)) == pytest.approx(cohen_kappa_score(first, second))


def test_two_raters_are_those_drawn_from_the_labels():
    counts = labelled(believed())
    right, number = counts[np.arange(IMAGES), LABELS], counts.sum(1)
    draw, found = np.random.default_rng(0), []
    for _ in range(300):
        first = draw.random(IMAGES) < right / number
        second = draw.random(IMAGES) < (right - first) / (number - 1)  # another rater than the first
        found.append(float(kappa(first, second)))
    assert between_raters(right, number) == pytest.approx(np.mean(found), abs=4 * np.std(found) / np.sqrt(300))


def test_a_share_is_the_mean_over_observers_who_have_it():
    share = np.random.default_rng(0).random(IMAGES)
    right = np.random.default_rng(1).random(IMAGES) < 0.6
    drawn = np.random.default_rng(2).random((3000, IMAGES)) < share
    agreement = (drawn == right).mean()
    accuracies = drawn.mean() * right.mean() + (1 - drawn.mean()) * (1 - right.mean())
    assert float(kappa(right, share)) == pytest.approx((agreement - accuracies) / (1 - accuracies), abs=2e-3)


def test_entropies_and_rank_correlations_are_scipys():
    counts = labelled(believed())
    assert np.allclose(entropy_bits(counts), entropy(counts, base=2, axis=1))
    values = np.random.default_rng(0).integers(0, 5, (IMAGES, 3)).astype(float)  # with ties
    expected = [spearmanr(column, entropy_bits(counts)).statistic for column in values.T]
    assert np.allclose(spearman(values, entropy_bits(counts)), expected)
    assert np.isnan(spearman(np.zeros(IMAGES), entropy_bits(counts)))


def test_labels_cost_least_where_their_own_shares_are_expected():
    counts = labelled(believed())
    own = cross_entropy_bits(shares(counts), np.log(shares(counts) + 1e-300)[:, None])[:, 0]
    assert np.allclose(own, entropy_bits(counts))
    other = cross_entropy_bits(shares(counts), np.log(believed(5))[:, None])[:, 0]
    assert (other > own).all()


def test_a_temperature_that_was_planted_is_taken_away():
    beliefs = believed()
    counts = labelled(beliefs)
    calm = logits_of(beliefs, 1)
    hot = tempered(np.log(np.exp(4 * calm) / np.exp(4 * calm).sum(-1, keepdims=True)), shares(counts))
    bits = [cross_entropy_bits(shares(counts), values).mean() for values in (calm, hot)]
    assert bits[1] == pytest.approx(bits[0], rel=0.01)


def test_halves_of_the_labels_are_all_of_them():
    counts = labelled(believed(), 51)
    for first, second in halves(counts, 3, 0):
        assert (first >= 0).all()
        assert (second >= 0).all()
        assert (first.sum(1) == 25).all()
        assert np.array_equal(first + second, counts)
    means = np.mean([first for first, _ in halves(counts, 400, 1)], axis=0)
    assert np.allclose(means, counts * 25 / 51, atol=5 * 1.8 / np.sqrt(400))  # 5 standard errors of the widest cell


def test_what_believes_the_same_as_observers_reaches_every_ceiling():
    beliefs = believed()
    found = measured(logits_of(beliefs), labelled(beliefs))
    ratio = found["ratio"].isel(time=0)
    assert ratio.sel(measure="cross_entropy") < 1  # half of the observers know less than their beliefs
    assert float(ratio.sel(measure="entropy")) == pytest.approx(1, abs=0.06)
    assert ratio.sel(measure="kappa") > 1  # it gives each image's best response, which no single observer does
    assert ratio.sel(measure="confusion") > 0.85
    assert (found["p"].isel(time=0) < 0.05).all()


def test_what_knows_classes_alone_is_as_the_shuffled():
    """Beliefs of other images of the same class: all that is consistent is what classes explain."""
    beliefs = believed()
    mixed = beliefs[shuffled_within(LABELS, np.random.default_rng(3))]
    found = measured(logits_of(mixed), labelled(beliefs)).isel(time=0)
    for name in ("cross_entropy", "entropy", "kappa"):
        own = found.sel(measure=name)
        assert own["shuffled_low"] * 0.97 - 0.05 < own["value"] < own["shuffled_high"] * 1.03 + 0.05, name


def test_shuffling_stays_within_classes_and_moves_images():
    moved = shuffled_within(LABELS, np.random.default_rng(0))
    assert np.array_equal(LABELS[moved], LABELS)
    assert np.array_equal(np.sort(moved), np.arange(IMAGES))
    assert (moved != np.arange(IMAGES)).mean() > 0.9


def test_confusions_know_nothing_of_which_image_and_all_of_which_class():
    beliefs = believed()
    counts = shares(labelled(beliefs))
    chosen = beliefs.argmax(1)[:, None]
    own = confusion_matrices(LABELS, chosen, CLASSES)[0]
    expected = np.zeros((CLASSES, CLASSES))
    for label, response in zip(LABELS, chosen[:, 0], strict=True):
        expected[label, response] += 1
    assert np.array_equal(own, expected)
    matrix = soft_confusions(LABELS, counts)
    mixed = soft_confusions(LABELS, counts[shuffled_within(LABELS, np.random.default_rng(0))])
    assert np.allclose(matrix, mixed)
    assert float(similarity(matrix, matrix)) == pytest.approx(1)
    shuffled = shuffled_errors(matrix, np.random.default_rng(0))
    assert np.allclose(np.diag(shuffled), np.diag(matrix))
    assert np.allclose(np.sort(shuffled, axis=1), np.sort(matrix, axis=1))


def test_numbers_do_not_depend_on_the_order_of_images():
    beliefs, order = believed(), np.random.default_rng(0).permutation(IMAGES)
    logits, counts = logits_of(believed(2)), labelled(beliefs)
    every = np.arange(IMAGES)
    first = responses_of(logits, LABELS, counts)
    second = responses_of(logits[order], LABELS[order], counts[order])
    for name, measure in MEASURES.items():
        if name != "tempered":  # its halves are other images then
            assert np.allclose(measure(first, every, every), measure(second, every, every)), name


def test_absent_ticks_stay_absent_and_few_labels_are_refused():
    logits, counts = logits_of(believed(), 3), labelled(believed())
    logits[:, 0] = np.nan
    found = measured(logits, counts)
    assert found["value"].isnull().sel(time=0).all()
    assert found["value"].notnull().sel(time=[10, 20]).all()
    with pytest.raises(
        DataError, match="400 images are labelled, some with 1 labels; consistency needs 10 images, each"
    ):
        measured(logits, np.eye(CLASSES, dtype=np.int64)[LABELS])
    with pytest.raises(DataError, match="the readout is absent at every time"):
        measured(np.full_like(logits, np.nan), counts)


def test_a_readout_settles_when_it_is_right_for_good():
    draw = np.random.default_rng(0)
    correct = (draw.random((300, 6)) < 0.7).astype(float)
    times = np.arange(30.0, 90.0, 10)
    for row, found in zip(correct, settled_ms(correct, times), strict=True):
        right = [time for place, time in enumerate(times) if row[place:].all()]
        assert found == right[0] if right else np.isnan(found)


def test_times_that_follow_the_labels_are_found_and_others_are_not():
    bits = entropy_bits(labelled(believed()))
    draw = np.random.default_rng(0)
    late = np.round(bits * 5 + draw.normal(0, 1, IMAGES)) * 10
    found = time_consistency(late, bits, LABELS, 0.9, 100, 0)
    assert float(found["value"]) == pytest.approx(spearmanr(late, bits).statistic)
    assert found["p"] < 0.02
    assert found["low"] < found["value"] < found["high"]
    assert float(found["ratio"]) == pytest.approx(float(found["value"]) / 0.9)
    assert time_consistency(draw.permutation(late), bits, LABELS, 0.9, 100, 0)["p"] > 0.02
    assert np.isnan(time_consistency(np.full(IMAGES, 30.0), bits, LABELS, 0.9, 10, 0)["value"])


def test_each_subject_has_its_own_kappa():
    draw = np.random.default_rng(0)
    names = [f"{number:03d}" for number in range(60)]
    model = pd.Series(draw.random(60) < 0.6, index=names).astype(float)
    right = {subject: draw.random(60) < 0.7 for subject in ("s1", "s2")} | {"copy": model.to_numpy() > 0}
    trials = pd.DataFrame(
        [
            {"stimulus_id": n, "subject": s, "correct": float(v)}
            for s, own in right.items()
            for n, v in zip(names, own, strict=True)
        ]
    ).sample(frac=1, random_state=0)
    found = subject_kappas(trials, model).set_index("subject")
    assert found.loc["copy", "kappa"] == pytest.approx(1)
    assert found.loc["s1", "kappa"] == pytest.approx(cohen_kappa_score(model > 0, right["s1"]))
    others = [cohen_kappa_score(right["s1"], right[other]) for other in ("s2", "copy")]
    assert found.loc["s1", "human_kappa"] == pytest.approx(np.mean(others))
