"""An analysis of a run: its texts, figures and tables, or the sentence that says why there are none."""

import inspect
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

import ventral
from ventral.errors import VentralError
from ventral.experiment.run import Run
from ventral.knobs import knobs, written
from ventral.measures.analysis_record import AnalysisRecord, digest
from ventral.plugins import call, load
from ventral.report.plan import Step
from ventral.store import address


@dataclass(frozen=True, eq=False)
class Analysed:
    """What an analysis has written, read.

    Parameters
    ----------
    name
        The analysis.
    text
        Its docstring.
    command
        The command that gives the same files.
    figures
        SVG figures by name, as they are written.
    tables
        CSV files by name, as they are written.
    refusal
        Why there is nothing else, as a sentence; empty if there is.
    """

    name: str
    text: str
    command: str
    figures: dict[str, bytes]
    tables: dict[str, bytes]
    refusal: str = ""

    @property
    def title(self) -> str:
        """First line of the docstring, without its full stop."""
        return self.text.partition("\n")[0].removesuffix(".")

    def table(self, name: str) -> pd.DataFrame:
        """A table by the name of its file; an empty one if the analysis has not written it."""
        return pd.read_csv(io.BytesIO(self.tables[name])) if name in self.tables else pd.DataFrame()


def analysed(run: Run, step: Step, folder: Path, others: Sequence[Run] = ()) -> Analysed:
    """Run an analysis, or take the numbers that lie beside the run if they are of the same run, knobs and version.

    Parameters
    ----------
    run
        The run.
    step
        The analysis and its knobs.
    folder
        An empty folder to write to.
    others
        Further runs, for analyses with the knob `runs`.

    Returns
    -------
    Analysed
        With a refusal if the analysis raised an error of ours, which is one that the user can put right.
    """
    module = load("analysis", step.name)
    given = step.knobs | ({"runs": tuple(str(each.path) for each in others)} if others else {})
    text = inspect.cleandoc(module.__doc__ or "")
    command = _command(run, step, others)
    try:
        files = [] if others else beside(run, step)
        files = files or call(partial(module.analyze, run, folder), given, step.name, "analysis")  # type: ignore[assignment]
    except VentralError as error:
        return Analysed(step.name, text, command, {}, {}, str(error))
    figures = {path.stem: path.read_bytes() for path in files if path.suffix == ".svg"}
    tables = {path.name: path.read_bytes() for path in files if path.suffix == ".csv"}
    return Analysed(step.name, text, command, figures, tables)


def beside(run: Run, step: Step) -> list[Path]:
    """Files of an analysis that `ventral analyze` has left beside a run; none if they are not what it would write now.

    A run that has policies may have got controls since, which would be in the figure; so only numbers of networks whose
    statistics are fixed are taken.
    """
    folder = address.beside(run.path, f"{run.path.name.removesuffix('.zarr')}-analysis")
    record = AnalysisRecord.read(folder / f"{step.name}.json")
    if record is None or run.graph.statistics != "fixed":
        return []
    values = {knob.name: knob.default for knob in knobs(load("analysis", step.name).analyze).values()} | step.knobs
    asked = AnalysisRecord(str(run.path), values, str(run.attrs["run_key"]), ventral.__version__)
    files = {folder / name: sha256 for name, sha256 in (record.files or {}).items()}
    whole = files and all(path.is_file() and digest(path) == sha256 for path, sha256 in files.items())
    return list(files) if whole and asked.same(record) else []


def _command(run: Run, step: Step, others: Sequence[Run]) -> str:
    """The command line of an analysis."""
    words = ["ventral", "analyze", step.name, str(run.path), *(str(each.path) for each in others)]
    for name, value in step.knobs.items():
        words += ["--set", f"{name}={written(value)}"]
    return shlex.join(words)
