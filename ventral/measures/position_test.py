"""Whether responses depend on the place of a stimulus, by a permutation test over places within each image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.errors import TooFewError
from ventral.seeds import stream

ROUNDING = 1e-6
Floats = NDArray[Any]


def position_test(responses: Floats, permutations: int, seed: int = 0) -> tuple[Floats, Floats]:
    """How far images agree on where responses are large, and the p-value of that.

    Parameters
    ----------
    responses
        Size of the response to each image at each place, (image, place, ...); each of the others is tested by itself.
    permutations
        Number of permutations.
    seed
        Of the permutations.

    Returns
    -------
    explained
        Share of the variance over places that is the same for every image, (...): 1 where the map of each image is
        that of all, 0 on average where the place says nothing. NaN where responses do not vary.
    p
        Share of the permutations, with the order that was found, under which the mean map varies at least as much,
        (...). NaN where responses do not vary.

    Raises
    ------
    TooFewError
        If there are fewer than two images.

    Notes
    -----
    Where the place makes no difference, the responses to an image could as well have come in any other order of places.
    So the places of each image are shuffled, for all units alike, and p is at most a level in that share of such units,
    however responses are distributed. With m maps, the variance of the mean map is 1/m of that of single maps on
    average under permutations, and all of it where they are the same; `explained` is scaled to be 0 and 1 there.
    """
    images = len(responses)
    if images < 2:
        raise TooFewError("whether the place matters is judged over images; show two at least.")
    centred = responses - responses.mean(1, keepdims=True)
    total = (centred**2).sum((0, 1))
    varying = total > 0
    explained, p = np.full(total.shape, np.nan), np.full(total.shape, np.nan)
    if not varying.any():
        return explained, p
    maps = np.ascontiguousarray(centred[:, :, varying] / np.sqrt(total[varying]), dtype=np.float32)
    found = _variance(maps)
    explained[varying] = (found - 1) / (images - 1)  # `found` is the number of images times the share of the mean map
    random = stream("places", seed)
    above = np.ones(found.shape)
    for _ in range(permutations):
        orders = [random.permutation(maps.shape[1]) for _ in range(images)]
        above += _variance(maps, orders) >= found * (1 - ROUNDING)
    p[varying] = above / (permutations + 1)
    return explained, p


def _variance(maps: NDArray[np.float32], orders: list[NDArray[np.int64]] | None = None) -> Floats:
    """Sum of squares over places of the sum of maps, (series,), each in an order of its own."""
    whole = np.zeros(maps.shape[1:], dtype=np.float32)
    for number, each in enumerate(maps):
        whole += each if orders is None else each[orders[number]]
    return np.asarray(np.einsum("pu,pu->u", whole, whole, dtype=np.float64))
