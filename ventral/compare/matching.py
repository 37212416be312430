"""Which stimuli a run and recorded data have in common, by name and never by order."""

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
import xarray as xr

from ventral.errors import UsageError, few, quoted
from ventral.experiment.run import Run

Stimuli: TypeAlias = Run | xr.DataArray | pd.DataFrame | Iterable[str]
SHOWN = 2  # names in a sentence
COORDINATES = ("stimulus_id", "first", "second")


@dataclass(frozen=True)
class Matched:
    """Names of stimuli, in alphabetical order.

    Parameters
    ----------
    both
        Those that are in the run and in the data.
    only_run, only_data
        The others.
    """

    both: tuple[str, ...]
    only_run: tuple[str, ...]
    only_data: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{len(self.both):,} stimuli are in both"]
        for names, place in ((self.only_run, "the run"), (self.only_data, "the data")):
            more = ", ..." if len(names) > SHOWN else ""
            parts += [f"{len(names):,} only in {place} ({few(names[:SHOWN])}{more})"] if names else []
        return "; ".join(parts) + "."


def matched(run: Stimuli, data: Stimuli) -> Matched:
    """Stimuli in common, and all that do not match.

    Parameters
    ----------
    run
        A run, or names of stimuli.
    data
        Responses, an RDM or a table of behaviour, as `read` gives them, or names.

    Raises
    ------
    UsageError
        If no stimulus is in both; shows the names that are most alike.
    """
    first, second = names_of(run), names_of(data)
    both = first & second
    if not both:
        raise UsageError(_nothing(sorted(first), sorted(second)))
    return Matched(tuple(sorted(both)), tuple(sorted(first - second)), tuple(sorted(second - first)))


def names_of(source: Stimuli) -> set[str]:
    """Names of the stimuli of a run, of data or of a list, in Unicode's composed form."""
    if isinstance(source, Run):
        found: Iterable[object] = np.unique(source.presentations["stimulus_id"].values)
    elif isinstance(source, pd.DataFrame):
        found = source["stimulus_id"].unique()
    elif isinstance(source, xr.DataArray):
        held = [source[name].values for name in COORDINATES if name in source.coords]
        if not held:
            raise UsageError("the data have no coordinate stimulus_id; give what `read` gives.")
        found = np.unique(np.concatenate(held))
    else:
        found = source
    return {unicodedata.normalize("NFC", str(name)) for name in found}


def renamed(
    data: xr.DataArray | pd.DataFrame, names: Mapping[str, str] | Callable[[str], str]
) -> xr.DataArray | pd.DataFrame:
    """The same data with other names of stimuli.

    Parameters
    ----------
    data
        Responses, an RDM or a table of behaviour.
    names
        New name of each, by its old one; a stimulus that is not in a mapping keeps its name.

    Raises
    ------
    UsageError
        If two stimuli would have one name.
    """

    def new(name: object) -> str:
        old = str(name)
        return str(names(old)) if callable(names) else str(names.get(old, old))

    old = sorted(names_of(data))
    came_from: dict[str, str] = {}
    for name in old:
        if (other := came_from.setdefault(new(name), name)) != name:
            raise UsageError(f"the stimuli {other!r} and {name!r} would both be called {new(name)!r}; keep them apart.")
    if isinstance(data, pd.DataFrame):
        return data.assign(stimulus_id=data["stimulus_id"].map(new))
    held = {name: data[name] for name in COORDINATES if name in data.coords}
    return data.assign_coords(
        {name: (along.dims, np.array([new(each) for each in along.values])) for name, along in held.items()}
    )


def _nothing(run: list[str], data: list[str]) -> str:
    """What to say where no stimulus is in both."""
    if not run or not data:
        return f"there are {len(run)} stimuli in the run and {len(data)} in the data; there is nothing to match."
    plain = {name.rsplit("/", 1)[-1].rsplit(".", 1)[0]: name for name in data}
    alike = next((name for name in run if name.rsplit("/", 1)[-1].rsplit(".", 1)[0] in plain), None)
    if alike is not None:
        other = plain[alike.rsplit("/", 1)[-1].rsplit(".", 1)[0]]
        agree = "they agree without folder and ending, so rename one (`renamed`)"
    else:
        alike = run[0]
        near = difflib.get_close_matches(alike, data[:1000], n=1, cutoff=0)
        other, agree = near[0], "give the names that were presented (stimuli=), or rename them (`renamed`)"
    return (
        f"none of the {len(run):,} stimuli of the run is among the {len(data):,} of the data: {quoted(alike)} is in "
        f"the run, {quoted(other)} in the data; {agree}."
    )
