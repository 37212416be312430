"""Masks, and other images shown in place of a target.

A mask is an image that a screen can show, uint8. It is a function of (seed, stimulus id, kind, exemplar) and of the
pool of images that it is made from: the same whatever else is in a batch, at every SOA. What kinds there are, and what
of each is matched to the pool, is in `ventral.stimuli.mask_kinds`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ventral.errors import DataError, UsageError, choose
from ventral.files import expanded
from ventral.stimuli.arrays import Integers
from ventral.stimuli.decoding import decode
from ventral.stimuli.images import Images
from ventral.stimuli.layout import is_image_file
from ventral.stimuli.mask_kinds import INTACT, MASKS, MaskKey, position_in_pool


def make_masks(
    kind: str, stimulus_ids: Sequence[str], labels: npt.ArrayLike, pool: Images, seed: int = 0, exemplar: int = 0
) -> torch.Tensor:
    """Make a mask for each stimulus.

    Parameters
    ----------
    kind
        One of `MASKS`.
    stimulus_ids
        The images to be masked.
    labels
        Their classes, (image,); "other-object" shows another class and "same-object" the same class.
    pool
        Images to make masks of, none of them presented: those of the training split, for instance.
    seed
        Another seed gives other masks.
    exemplar
        Another exemplar gives another mask of the same kind for the same stimulus.

    Returns
    -------
    Tensor
        (image, 3, y, x), uint8, of the pool's size.

    Raises
    ------
    UsageError
        If there is no such kind, or the pool holds a presented image; if the kind is "target", which is not made.
    DataError
        If the pool has no image to make such a mask of, or not as many as exemplars.
    """
    kind = choose("mask", kind, MASKS)
    keys = _keys(kind, stimulus_ids, labels, pool, seed, exemplar)
    masks = torch.empty((len(keys), *pool.pixels.shape[1:]), dtype=torch.uint8)
    for position, key in enumerate(keys):
        masks[position] = torch.from_numpy(MASKS[kind].make(key, pool))
    return masks


def pool_positions(
    kind: str, stimulus_ids: Sequence[str], labels: npt.ArrayLike, pool: Images, seed: int = 0, exemplar: int = 0
) -> Integers:
    """Positions in the pool of the images that `make_masks` shows as they are, (image,).

    Parameters
    ----------
    kind
        "other-object" or "same-object".
    stimulus_ids, labels, pool, seed, exemplar
        As `make_masks` takes them. The exemplars of one stimulus are different images.

    Raises
    ------
    UsageError
        If there is no such kind, or the pool holds a presented image.
    DataError
        If the pool has too few images of such a class.
    """
    kind = choose("kind of image", kind, INTACT)
    keys = _keys(kind, stimulus_ids, labels, pool, seed, exemplar)
    return np.array([position_in_pool(key, pool) for key in keys], dtype=np.int64)


def needs_pool(kind: str) -> bool:
    """Whether a mask of this kind is made of other images; "target" is the target's own image."""
    return choose("mask", kind, MASKS) != "target"


def check_kind(role: str, kind: str) -> None:
    """Refuse a kind of mask or image that does not exist, and a file that is not an image.

    Raises
    ------
    UsageError
        With the nearest kind that exists.
    DataError
        If the file cannot be read.
    """
    if is_image_file(kind):
        decode(expanded(kind), 8)
    else:
        choose("mask" if role == "mask" else "kind of image", kind, MASKS)


def image_from_file(name: str, count: int, size: int) -> torch.Tensor:
    """The image in a file, its central square resized, for each of `count` stimuli, (image, 3, y, x), uint8."""
    return torch.from_numpy(decode(expanded(name), size).copy()).expand(count, -1, -1, -1).clone()


def _keys(
    kind: str, stimulus_ids: Sequence[str], labels: npt.ArrayLike, pool: Images, seed: int, exemplar: int
) -> list[MaskKey]:
    """Key of each mask, once what was given is checked."""
    classes = np.asarray(labels)
    if classes.shape != (len(stimulus_ids),):
        raise UsageError(f"{len(stimulus_ids)} stimuli came with labels of shape {classes.shape}; give one label each.")
    if exemplar < 0:
        raise UsageError(f"the exemplar is {exemplar}; count from 0.")
    if not len(pool):
        raise DataError("masks cannot be made of no images; give a pool with at least one.")
    if shared := set(stimulus_ids).intersection(pool.stimulus_ids):
        raise UsageError(
            f"the pool for masks holds the presented image {min(shared)!r}; make masks of other images, such as those "
            "of the training split."
        )
    return [MaskKey(kind, name, int(cls), seed, exemplar) for name, cls in zip(stimulus_ids, classes, strict=True)]
