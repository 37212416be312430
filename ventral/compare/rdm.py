"""Dissimilarities between the responses to stimuli: at one time, or as a movie over time.

All are made from the Gram matrix of the responses, whose sum over units can be taken some units at a time, so that the
memory they take does not depend on how many units there are.
"""

from collections.abc import Iterable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.crossnobis import crossnobis, unit_noise
from ventral.compare.pairs import pairs_of
from ventral.compare.trials import Trials, refuse_missing
from ventral.errors import DataError, choose

Array = NDArray[np.float64]

DISSIMILARITIES = {
    "correlation": "1 - Pearson's correlation over units",
    "euclidean": "squared Euclidean distance per unit",
    "crossnobis": "cross-validated squared distance per unit",
}
"""Names of the dissimilarities, and what they are."""


def rdm_movie(
    responses: xr.DataArray, dissimilarity: str = "correlation", noise: str = "diagonal", by_subject: bool = False
) -> xr.DataArray:
    """RDMs of every region at every time.

    Parameters
    ----------
    responses
        Dims (presentation, time, unit), with the coordinates stimulus_id and repetition of presentations, time in ms,
        and region and subject of units.
    dissimilarity
        "correlation" (1 - Pearson's correlation over units) or "euclidean" (squared, per unit) of mean responses, or
        "crossnobis": squared distances between repetitions, which are 0 on average where stimuli do not differ.
    noise
        What crossnobis distances are divided by: "diagonal" (the variance of each unit over repetitions), "shrinkage"
        (their covariance, shrunk to its diagonal), or "none".
    by_subject
        Whether each subject has RDMs of its own; otherwise all units of a region are one population.

    Returns
    -------
    xr.DataArray
        "rdm", dims (region, subject, time, pair), with the coordinates first and second, (pair,), of which stimuli.

    Raises
    ------
    DataError
        If responses are missing, or crossnobis distances are asked for and a stimulus has no second repetition.

    References
    ----------
    Walther et al. (2016), NeuroImage 137:188, for crossnobis; equal to rsatoolbox's ``calc_rdm_movie``.
    """
    dissimilarity = choose("dissimilarity", dissimilarity, DISSIMILARITIES)
    refuse_missing(responses)
    regions = list(dict.fromkeys(map(str, responses["region"].values)))
    subjects = list(dict.fromkeys(map(str, responses["subject"].values))) if by_subject else ["all"]
    trials = Trials.of(responses)
    first, second = pairs_of(len(trials.stimuli))
    shape = (len(regions), len(subjects), responses.sizes["time"], len(first))
    found = np.full(shape, np.nan)
    for row, region in enumerate(regions):
        for column, subject in enumerate(subjects):
            units = trials.units(region, subject if by_subject else None)
            for tick in range(shape[2]) if units.size else ():
                found[row, column, tick] = dissimilarities_of(trials, tick, units, dissimilarity, noise)
    names = np.asarray(trials.stimuli, dtype=object)
    coords = {
        "region": regions,
        "subject": subjects,
        "time": responses["time"].values,
        "first": ("pair", names[first]),
        "second": ("pair", names[second]),
    }
    attrs = {"dissimilarity": dissimilarity, "noise": noise if dissimilarity == "crossnobis" else "none"}
    return xr.DataArray(found, coords, ("region", "subject", "time", "pair"), "rdm", attrs)


def dissimilarities_of(
    trials: Trials, tick: int, units: NDArray[np.int64], dissimilarity: str, noise: str = "diagonal", half: int = -1
) -> Array:
    """The RDM vector, (pair,), of some units at a tick; of one half of the repetitions, 0 or 1, if `half` says so."""
    if dissimilarity == "crossnobis":
        repeated = trials.repeated(tick, units, half)
        return crossnobis(repeated, unit_noise(*trials.residuals(tick, units), noise))
    return dissimilarities([trials.means(tick, units, half)], dissimilarity)


def dissimilarities(patterns: Iterable[Array], dissimilarity: str) -> Array:
    """The RDM vector, (pair,), of patterns of activity that come some units at a time.

    Parameters
    ----------
    patterns
        Parts of the units, each (stimulus, unit).
    dissimilarity
        "correlation" or "euclidean".

    Returns
    -------
    ndarray
        NaN in all pairs if patterns are absent (NaN for all stimuli and units); NaN in those of a stimulus whose
        pattern is the same in all units, for the correlation.

    Raises
    ------
    DataError
        If some values are missing and others are not.
    """
    gram, sums, count = gram_of(patterns, centred=dissimilarity == "euclidean")
    first, second = pairs_of(len(gram))
    power = np.diag(gram)
    if dissimilarity == "euclidean":
        return np.asarray((power[first] + power[second] - 2 * gram[first, second]) / count)
    covariance = gram - np.outer(sums, sums) / count
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0))
    deviation[deviation <= 1e-7 * np.sqrt(power)] = np.nan  # a difference of sums that are equal but for rounding
    return np.asarray(1 - covariance[first, second] / (deviation[first] * deviation[second]))


def gram_of(patterns: Iterable[Array], centred: bool) -> tuple[Array, Array, int]:
    """Gram matrix, (stimulus, stimulus), sums over units, (stimulus,), and the number of units.

    Parameters
    ----------
    patterns
        Parts of the units, each (stimulus, unit).
    centred
        Whether the mean over stimuli is taken from each unit.

    Raises
    ------
    DataError
        If some values are missing and others are not.
    """
    total: tuple[Array, Array] | None = None
    count = known = 0
    for part in patterns:
        values = np.asarray(part, dtype=np.float64)
        count, known = count + values.size, known + int(np.isfinite(values).sum())
        if centred:
            values = values - values.mean(0)
        both = values @ values.T, values.sum(1)
        total = both if total is None else (total[0] + both[0], total[1] + both[1])
    assert total is not None
    if 0 < known < count:
        raise DataError(
            f"{count - known:,} of {count:,} values of one area and tick are missing or infinite; an area is absent "
            "for all stimuli or for none, so finish the run or look for the mistake in the data."
        )
    return *total, count // len(total[0])
