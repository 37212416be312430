"""RDMs that were given, in the order of a run's stimuli."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.pairs import pair_count, pair_position, pairs_of, square
from ventral.errors import DataError

Array = NDArray[np.float64]


def given_rdms(rdms: xr.DataArray, stimuli: Sequence[str]) -> Array:
    """RDM vectors, (region, time, subject, pair), of some stimuli in their order.

    Parameters
    ----------
    rdms
        Dims (region, subject, time, pair), with the coordinates first and second, (pair,), of which stimuli; in any
        order of pairs, and either way round.
    stimuli
        Names, each of which is in the RDMs.

    Raises
    ------
    DataError
        If a pair is given twice or not at all, a stimulus is paired with itself, or a dissimilarity is missing. An RDM
        that is missing as a whole is allowed: a subject without a region.
    """
    found = _arranged(rdms, stimuli)
    _refuse_missing(found, rdms, stimuli)
    return found


def complete_stimuli(rdms: xr.DataArray, stimuli: Sequence[str]) -> tuple[str, ...]:
    """The stimuli that are left when those with missing pairs are dropped, the one with most first, until none is.

    An RDM that is missing as a whole counts as a subject without a region, and drops nothing.
    """
    found = _arranged(rdms, stimuli)
    missing = ~np.isfinite(found) & ~np.isnan(found).all(-1, keepdims=True)
    matrix = square(missing.any((0, 1, 2)).astype(float))
    kept = np.ones(len(stimuli), dtype=bool)
    while (worst := matrix.sum(1)).any():
        lost = int(worst.argmax())
        kept[lost], matrix[lost], matrix[:, lost] = False, 0, 0
    return tuple(name for name, own in zip(stimuli, kept, strict=True) if own)


def _arranged(rdms: xr.DataArray, stimuli: Sequence[str]) -> Array:
    """RDM vectors of some stimuli, (region, time, subject, pair), in their order."""
    place = {name: number for number, name in enumerate(stimuli)}
    first, second = (np.array([place.get(str(name), -1) for name in rdms[end].values]) for end in ("first", "second"))
    columns = np.flatnonzero((first >= 0) & (second >= 0))
    itself = columns[first[columns] == second[columns]]
    if itself.size:
        raise DataError(f"an RDM has a pair of {stimuli[first[itself[0]]]} with itself; give each pair of two once.")
    position = pair_position(first[columns], second[columns], len(stimuli))
    counts = np.bincount(position, minlength=pair_count(len(stimuli)))
    if (counts != 1).any():
        odd = int(np.flatnonzero(counts != 1)[0])
        pair = [stimuli[int(end[odd])] for end in pairs_of(len(stimuli))]
        raise DataError(f"the pair {pair[0]}, {pair[1]} is in the RDMs {counts[odd]} times; give each pair once.")
    values = rdms.transpose("region", "time", "subject", "pair").values[..., columns]
    found = np.empty(values.shape)
    found[..., position] = values
    return found


def _refuse_missing(found: Array, rdms: xr.DataArray, stimuli: Sequence[str]) -> None:
    """Refuse RDMs that have some dissimilarities and lack others."""
    missing = ~np.isfinite(found)
    partly = missing.any(-1) & ~np.isnan(found).all(-1)
    if not partly.any():
        return
    region, time, subject = (int(axis[0]) for axis in np.nonzero(partly))
    pair = int(np.flatnonzero(missing[region, time, subject])[0])
    names = [stimuli[int(end[pair])] for end in pairs_of(len(stimuli))]
    raise DataError(
        f"the RDM of subject {rdms['subject'].values[subject]} at {rdms['time'].values[time]:g} ms has no "
        f"finite dissimilarity of {names[0]} and {names[1]} (and {int(missing[partly].sum()) - 1} more are missing); "
        "fill them in, drop those stimuli (missing='drop', --missing drop), or make the whole RDM NaN."
    )
