"""Names and times that lie beside an array in a file, found by what such variables are usually called."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ventral.compare.containers import Arrays, form_of
from ventral.compare.form import Times, in_ms, names
from ventral.errors import DataError, UsageError, choose, few

Array = NDArray[Any]

# what a variable may be called, in small letters, and then with "s" at its end or "_id" left out
STIMULI = (
    "stimulus_id", "stimulus_ids", "stimuli", "stimulus", "stimulus_name", "stimulus_names", "image_id", "image_ids",
    "image", "images", "image_name", "image_names", "stim", "stim_id", "stim_names", "names", "filenames", "files",
)  # fmt: skip
TIME = ("time", "times", "time_ms", "times_ms", "time_bin", "time_bins", "timepoints", "t", "ms")
SUBJECT = ("subject", "subjects", "subject_id", "monkey", "animal", "participant", "participants")
REGION = ("region", "regions", "roi", "rois", "area", "areas", "brain_area")
UNIT = (
    "unit",
    "units",
    "unit_id",
    "neuroid_id",
    "neuron",
    "neurons",
    "channel",
    "channels",
    "electrode",
    "site",
    "sites",
)
REPETITION = ("repetition", "repetitions", "repeat", "trial")
LABELS = (*STIMULI, *TIME, *SUBJECT, *REGION, *UNIT, *REPETITION, "time_start", "time_end", "first", "second")
RATHER = (
    "responses",
    "response",
    "rdm",
    "rdms",
    "activity",
    "rates",
    "spikes",
    "counts",
    "dissimilarities",
    "data",
    "x",
)


def variable_of(arrays: Arrays, wanted: str | None, source: object) -> str:
    """Name of the array that holds the data.

    Parameters
    ----------
    arrays
        Of the file.
    wanted
        The name that was asked for; if not given, the only array of numbers with two axes or more that is not called
        as a label, or one that is called as data usually are.
    source
        The file.

    Raises
    ------
    UsageError
        If there is no such array, or several could be meant.
    """
    if wanted is not None:
        return choose("variable", wanted, arrays)
    fit = [name for name, array in arrays.items() if array.dtype.kind in "biuf" and _axes(array) and not _label(name)]
    if len(fit) > 1:
        fit = [name for called in RATHER for name in fit if _last(name) == called][:1] or fit
    if len(fit) != 1:
        held = ", ".join(f"{name} {array.shape}" for name, array in list(arrays.items())[:8]) or "nothing"
        raise UsageError(f"{source} holds {held}; say which array is meant (variable=).")
    return fit[0]


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1].casefold()


def _label(name: str) -> bool:
    return _last(name) in LABELS


def _axes(array: Array) -> bool:
    return array.squeeze().ndim >= 1 and array.size > 1


def found(arrays: Arrays, called: Sequence[str]) -> Array | None:
    """The first vector, or single text, in the file that is called so."""
    for name in called:
        for key, array in arrays.items():
            if _last(key) == name and array.squeeze().ndim <= 1:
                return np.atleast_1d(array.squeeze())
    return None


def stimuli_of(arrays: Arrays, given: Sequence[str] | str | Path | None, source: object) -> NDArray[np.str_]:
    """Names of stimuli: those given, in a list or as the lines of a text file, or those of the file.

    Raises
    ------
    UsageError
        If there are none.
    """
    if given is not None:
        return names(_lines(Path(given)) if isinstance(given, str | Path) else given, "stimulus", "stimuli")
    held = found(arrays, STIMULI)
    if held is None:
        raise UsageError(
            f"{source} does not name its stimuli, which are matched by name and never by order; give stimuli=FILE.txt "
            "with a name in each line, or a list."
        )
    return names(held.tolist(), "stimulus", source)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise UsageError(f"there is no file {str(path)!r} with the names of stimuli.")
    if form_of(path) != "text":
        raise DataError(f"{path} is no text file; give one with the name of a stimulus in each line.")
    return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def times_of(
    arrays: Arrays, given: Sequence[float] | None, unit: str | None, source: object
) -> NDArray[np.float64] | None:
    """Times in ms: those given, or those of the file; None if there are none."""
    if given is not None:
        return in_ms(np.asarray(given), unit or "ms", "times")
    held = found(arrays, TIME)
    return None if held is None else in_ms(held, unit, source)


def texts_of(arrays: Arrays, called: Sequence[str]) -> list[str] | None:
    """Names of regions, subjects or units in the file; None if there are none."""
    held = found(arrays, called)
    return None if held is None else [str(name) for name in names(held.tolist(), called[0], "the file")]


def times_along(held: NDArray[np.float64] | None, size: int, source: object) -> Times:
    """Times of an axis of this size.

    Raises
    ------
    UsageError
        If there are no times, or another number of them.
    """
    if held is None:
        if size == 1:
            return Times.none()
        raise UsageError(f"{source} has {size} times and does not say which; give times=, in ms or with unit='s'.")
    if len(held) != size:
        raise UsageError(
            f"{source} has {size} places along time and {len(held)} times ({few(held.tolist())}); give the times of "
            "all places (times=), or the order of the axes (dims=)."
        )
    return Times(held)
