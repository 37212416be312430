"""Laws of hard and easy images: an effect that is the same for all shows no interaction, one that grows shows it."""

import numpy as np
import pandas as pd
import pytest

from ventral.measures.difficulty import difficulty_effect
from ventral.measures.strata import measured_strata, predicted_strata, repeated_strata


def forced_choices(draw, strength, choices=10):
    """Responses of a forced choice: whether correct, and the confidence, each of the shape of `strength`."""
    evidence = draw.normal(size=(*strength.shape, choices))
    evidence[..., 0] += strength
    shares = np.exp(2 * evidence)
    return (evidence.argmax(-1) == 0).astype(float), shares.max(-1) / shares.sum(-1)


def observers(seed, images=400, growing=0.0, repeats=1):
    """Images of various ease, without a mask and with one that costs 1 in d' (and `growing` more the harder).

    Noise is drawn anew in every trial, so that a trial without a mask says of another trial only what ease says.
    """
    draw = np.random.default_rng(seed)
    ease = draw.normal(size=(images, 1))
    strength = np.broadcast_to(2.2 + 0.7 * ease, (images, repeats))
    unmasked, confidence = forced_choices(draw, strength)
    under, _ = forced_choices(draw, strength - 1 + growing * ease)
    features = ease * draw.normal(size=30) + 1.5 * draw.normal(size=(images, 30))
    return features, confidence, np.stack([unmasked, under], -1)


def strata_of(how, seed, growing=0.0):
    features, confidence, right = observers(seed, growing=growing, repeats=4 if how == "repeats" else 1)
    if how == "repeats":
        return repeated_strata(confidence, right, splits=3, seed=seed)
    if how == "predicted":
        return predicted_strata(features, confidence[:, 0], right[:, 0], splits=3, seed=seed)
    if how == "same trial":
        return measured_strata(confidence[:, 0], confidence[:, 0], right[:, 0])
    ease = np.random.default_rng(seed).normal(size=(400, 1))  # another model sees the same images
    _, other = forced_choices(np.random.default_rng(1000 + seed), 2.2 + 0.7 * ease)
    return measured_strata(other[:, 0], confidence[:, 0], right[:, 0])


def interactions(how, growing=0.0, seeds=12):
    """Interaction in d' of many experiments, and whether its interval holds 0."""
    found = pd.concat(
        [
            difficulty_effect([strata_of(how, seed, growing)], ("unmasked", "masked"), "frozen", 100, 10, 200)
            for seed in range(seeds)
        ]
    )
    found = found[found["group"] == "hard - easy"]
    middle, low, high = (found[f"d_prime_loss{end}"].to_numpy() for end in ("", "_low", "_high"))
    return middle, (low <= 0) & (high >= 0)


@pytest.mark.parametrize("how", ["predicted", "repeats", "another model"])
def test_an_effect_that_is_the_same_for_all_images_shows_no_interaction(how):
    middle, holds = interactions(how)
    # one experiment scatters by 0.16, so their mean by 0.046
    assert abs(middle.mean()) < 0.15
    assert holds.mean() > 0.8


@pytest.mark.parametrize("how", ["predicted", "repeats", "another model"])
def test_an_effect_that_grows_with_difficulty_shows_one(how):
    middle, _ = interactions(how, growing=0.8)
    assert middle.mean() > 0.3
    assert (middle > 0).mean() > 0.9


def test_splitting_by_the_trial_that_shows_the_effect_would_make_one_up():
    middle, holds = interactions("same trial")
    assert middle.mean() < -0.8  # regression to the mean: "easy" images seem to lose more
    assert not holds.any()


def test_groups_are_equal_and_an_images_own_trial_has_no_part_in_where_it_is_put():
    features, confidence, right = observers(0)
    strata = predicted_strata(features, confidence[:, 0], right[:, 0], groups=4, splits=3)
    np.testing.assert_array_equal(strata.weights.sum(2), 1)
    np.testing.assert_array_equal(strata.weights.sum(1), 100)
    own, others = np.array_split(np.random.default_rng(0).permutation(400), 2)  # the first split
    turned = confidence[:, 0].copy()
    turned[own] = 1 - turned[own]
    again = predicted_strata(features, turned, right[:, 0], groups=4, splits=3)
    np.testing.assert_array_equal(again.weights[0, own], strata.weights[0, own])
    assert (again.weights[0, others] != strata.weights[0, others]).any()
    assert strata.agreement > 0.2
