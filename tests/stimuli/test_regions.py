"""Regions: the ring and the dots go around the disc, and everything else covers everything."""

import numpy as np
import pytest
import torch
from scipy.ndimage import label as pieces

from ventral.stimuli.mask_kinds import MASKS
from ventral.stimuli.regions import DISC_RADIUS, DOT_PLACE, REGIONS, RING_RADIUS, disc, region


def disc_of(radius, size):
    return torch.from_numpy(disc(size, size, radius))


@pytest.mark.parametrize("size", [16, 32, 45])
def test_the_annulus_starts_where_the_disc_ends(size):
    disc, ring = disc_of(DISC_RADIUS, size), region("annulus", size)
    assert not (disc & ring).any()
    assert torch.equal(disc | ring, disc_of(RING_RADIUS, size))
    assert 0.35 < ring.double().mean() < 0.6


@pytest.mark.parametrize("size", [16, 32, 45])
def test_four_dots_are_apart_from_the_disc_at_the_corners_of_a_square(size):
    dots = region("four-dots", size)
    assert not (dots & disc_of(DISC_RADIUS, size)).any()
    assert pieces(dots)[1] == 4
    assert all(torch.equal(dots, other) for other in (dots.T, dots.flip(0), dots.flip(1)))
    corner = dots[: size // 2, : size // 2].nonzero().double().mean(dim=0)
    np.testing.assert_allclose((2 * corner + 1) / size - 1, -DOT_PLACE, atol=1 / size)


@pytest.mark.parametrize("kind", [*(kind for kind in MASKS if kind not in REGIONS), "", "none"])
def test_every_other_kind_covers_everything(kind):
    assert region(kind, 32) is None
