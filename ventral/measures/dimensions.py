"""Dimensions of a population without each of its images, from which the jackknife makes an interval.

The participation ratio of some images is below that of many more, as they span no more dimensions than there are of
them. Resamples of a bootstrap, in which images are drawn twice, are lower still, and the interval would lie below what
was measured. Here one image is left out at a time (`ventral.measures.jackknife`); the interval says what as many other
images would give.

No ratio is computed anew. With centred responses X, (presentation, unit), the ratio is tr(S)^2 / tr(S^2) of S = X'X.
Without the r presentations B of an image, of n, centred again, S becomes S - X_B' M X_B with M = I + 11'/(n - r), so
that both traces follow from products of the rows of X_B and of XS.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROUNDING = 1e-12  # relative; what is left of tr(S^2) where one image alone varied


def ratios_without_images(activity: xr.DataArray) -> tuple[Array, Array]:
    """Participation ratio at each tick, (time,), and the same without each image, (image, time).

    Parameters
    ----------
    activity
        (presentation, time, unit), with the coordinate `image`.

    Returns
    -------
    whole, without
        As `ventral.measures.population.participation_ratio`; NaN where nothing varies or the area is absent. Images are
        in rising order.
    """
    values = activity.transpose("time", "presentation", "unit").values
    _, image_of = np.unique(activity["image"].values, return_inverse=True)
    found = [_ratios(tick.astype(np.float64), image_of) for tick in values]
    return np.array([whole for whole, _ in found]), np.stack([without for _, without in found], 1)


def _ratios(values: Array, image_of: NDArray[np.int64]) -> tuple[float, Array]:
    """The ratio of (presentation, unit), and that without each image, (image,)."""
    centred = values - values.mean(0)
    number, units = centred.shape
    scattered = centred @ (centred.T @ centred) if number > units else (centred @ centred.T) @ centred
    total, squares = (centred**2).sum(), (centred * scattered).sum()
    shown = np.bincount(image_of)
    without = np.empty(len(shown))
    order = np.argsort(image_of, kind="stable")
    first = np.cumsum(shown) - shown
    for repeats in np.unique(shown):
        images = np.flatnonzero(shown == repeats)
        rows = order[first[images][:, None] + np.arange(repeats)]
        lost, lost_squares = _lost(centred[rows], scattered[rows], number - repeats)
        without[images] = _ratio(total - lost, squares - lost_squares, ROUNDING * squares)
    return float(_ratio(total, squares)), without


def _lost(own: Array, scattered: Array, left: int) -> tuple[Array, Array]:
    """What tr(S) and tr(S^2) lose without an image, (image,), from its rows of X and XS, (image, repeat, unit)."""
    weight = 1 / left if left else np.nan
    own_sum, scattered_sum = own.sum(1), scattered.sum(1)
    products = np.einsum("iru,isu->irs", own, own)
    sums = products.sum(2)  # with the sum of the image's rows, (image, repeat)
    lost = (own**2).sum((1, 2)) + weight * (own_sum**2).sum(1)
    crossed = (own * scattered).sum((1, 2)) + weight * (own_sum * scattered_sum).sum(1)
    twice = (products**2).sum((1, 2)) + 2 * weight * (sums**2).sum(1) + weight**2 * sums.sum(1) ** 2
    return lost, 2 * crossed - twice


def _ratio(total: Array, squares: Array, least: float = 0.0) -> Array:
    return np.divide(total**2, squares, out=np.full_like(squares, np.nan), where=squares > least)
