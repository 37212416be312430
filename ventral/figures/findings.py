"""Findings: an analysis that is run from Python, with its figure in notebooks and its numbers as tables."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import ventral
from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.knobs import knobs as turnable
from ventral.measures.analysis_record import AnalysisRecord
from ventral.plugins import load
from ventral.store.address import beside
from ventral.views import View, Viewed, listed


@dataclass(frozen=True, eq=False, repr=False)
class Findings(Viewed):
    """What an analysis found: files with its figures and its numbers. Made by `analyze`; a notebook shows the figure.

    Parameters
    ----------
    name
        Name of the analysis, or the path of its file.
    files
        The files that were written.
    """

    name: str
    files: tuple[Path, ...]

    @property
    def figures(self) -> tuple[Path, ...]:
        """The figures as PNG; the first is the one that a notebook shows."""
        return tuple(path for path in self.files if path.suffix == ".png")

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The numbers, by the name of their file without its ending."""
        return {path.stem: pd.read_csv(path) for path in self.files if path.suffix == ".csv"}

    @property
    def view(self) -> View:
        """The folder, and the files in it."""
        folder = os.path.commonpath([path.parent for path in self.files]) if self.files else ""
        return View(f"Findings of {self.name}", {"folder": folder, "files": listed([path.name for path in self.files])})

    def _repr_html_(self) -> str:
        text = super()._repr_html_()
        if not self.figures:
            return text
        picture = base64.b64encode(self.figures[0].read_bytes()).decode()
        return f'{text}<img alt="{self.figures[0].stem}" style="max-width:100%" src="data:image/png;base64,{picture}">'


def analyze(run: Run, name: str, /, out: str | Path | None = None, **knobs: object) -> Findings:
    """Findings of an analysis of a run: a figure (PNG, SVG and PDF) and its numbers (CSV).

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    name
        As `ventral analyses` lists it ("-" and "_" are the same), or a path to a ``.py`` file.
    out
        Folder for the files; ``<run>-analysis`` beside the run if not given.
    knobs
        Arguments of the script's function `analyze`; the others keep their defaults. All are written beside the
        numbers, as ``masking.json``.

    Raises
    ------
    UsageError
        If there is no such analysis, it has no such knob, or the folder holds this analysis with other knobs or of
        another run.

    Examples
    --------
    >>> import ventral
    >>> ventral.analyze(ventral.open_run("runs/mask.zarr"), "masking", at_ms=100)  # doctest: +SKIP
    """
    function = load("analysis", name).analyze
    known = turnable(function)
    given = {choose(f"knob of {name}", knob, known): value for knob, value in knobs.items()}
    folder = Path(out) if out is not None else beside(run.path, f"{run.path.name.removesuffix('.zarr')}-analysis")
    values = {knob.name: knob.default for knob in known.values()} | given
    where = os.path.relpath(run.path, folder) if isinstance(run.path, Path) else str(run.path)
    record = AnalysisRecord(where, values, str(run.attrs["run_key"]), ventral.__version__)
    noted = folder / f"{Path(name).stem.replace('_', '-')}.json"
    record.refuse_other(noted)
    files = _paths(function(run, folder, **given), name)
    record.write(noted, files)
    return Findings(name, files)


def _paths(files: object, name: str) -> tuple[Path, ...]:
    """The files that an analysis returned."""
    if not isinstance(files, Sequence) or not all(isinstance(path, str | Path) for path in files):
        raise UsageError(f"{name}: analyze returns {type(files).__name__}; return a list of the files that it wrote.")
    return tuple(map(Path, files))
