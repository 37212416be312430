"""The comparison of a run with a brain, as `ventral compare` has left it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.report.pictures import Picture, of_svg
from ventral.store.address import beside

BEST = ("condition", "area", "region", "model_ms", "brain_ms", "value", "value_low", "value_high", "ceiling_low")


@dataclass(frozen=True, eq=False)
class Comparison:
    """A comparison of a run with neural data.

    Parameters
    ----------
    title
        The metric and the data.
    facts
        How it was made, by name.
    figures
        Its figures, by name.
    tables
        Its tables, by name of the file.
    best
        The best pair of times of each area and region: names of columns, then rows.
    """

    title: str
    facts: dict[str, str]
    figures: dict[str, Picture]
    tables: dict[str, bytes]
    best: list[list[str]]


def comparisons(run: Run, folder: Path | None = None) -> list[Comparison]:
    """Comparisons in a folder of `ventral compare`, which are of this run's model; none if there is no such folder.

    Parameters
    ----------
    run
        The run.
    folder
        Where they are; beside the run if not given.

    Raises
    ------
    UsageError
        If a folder is given that holds none of this model.
    """
    place = folder or beside(run.path, f"{run.path.name.removesuffix('.zarr')}-compare")
    found = []
    for path in sorted(place.glob("compare-*.nc")):
        if path.stem.endswith("-latency"):
            continue
        with xr.open_dataset(path, engine="h5netcdf") as compared:
            attrs = dict(compared.attrs)
        if attrs.get("weights_sha256") == run.attrs["weights_sha256"]:
            found.append(_comparison(path, attrs))
    if folder is not None and not found:
        raise UsageError(f"{folder} holds no comparison of {run.attrs['model']}; `ventral compare` makes one.")
    return found


def _comparison(path: Path, attrs: dict[str, object]) -> Comparison:
    """What one comparison has left beside its numbers."""
    others = [other.stem for other in path.parent.glob("*.nc") if other != path and other.stem.startswith(path.stem)]
    own = [
        each
        for each in sorted(path.parent.glob(f"{path.stem}*"))
        if not any(each.stem == other or each.stem.startswith(f"{other}-") for other in others)
        or each.stem.startswith(f"{path.stem}-latency")
    ]
    tables = {each.name: each.read_bytes() for each in own if each.suffix == ".csv"}
    figures = {each.stem: of_svg(each.read_bytes()) for each in own if each.suffix == ".svg"}
    named = ("run", "data", "stimuli", "subjects", "ceiling", "resamples", "permutations", "unmatched", "dropped")
    facts = {name: str(attrs[name]) for name in named if name in attrs}
    title = f"{attrs.get('metric_title', attrs.get('metric', path.stem))}, {attrs.get('data', 'neural data')}"
    return Comparison(title, facts, figures, tables, _best(path.with_name(f"{path.stem}-best.csv"), attrs))


def _best(path: Path, attrs: dict[str, object]) -> list[list[str]]:
    """Columns and rows of the table of best pairs, of this model."""
    if not path.exists():
        return []
    table = pd.read_csv(path)
    if "model" in table:
        table = table[table["model"] == attrs.get("model")]
    columns = [name for name in BEST if name in table]
    rows = [[_cell(value) for value in row] for row in table[columns].itertuples(index=False)]
    return [[name.replace("_", " ") for name in columns], *rows]


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
