"""The batches of a training: what masks are made of."""

import numpy as np

from ventral.training.batches import mask_donors
from ventral.training.presentation import MASKS


def test_masks_are_made_of_all_classes_evenly_where_images_are_sorted_by_class():
    labels = np.repeat(np.arange(10), 5000)
    assert np.bincount(labels[mask_donors(labels, 0)]).tolist() == [MASKS // 10] * 10


def test_masks_are_made_of_all_classes_evenly_where_these_differ_in_size():
    labels = np.repeat([0, 1, 2], [5, 90, 200])
    assert np.bincount(labels[mask_donors(labels, 0)]).tolist() == [5, 5, 5]
