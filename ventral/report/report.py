"""The report of a run or of several: one page that says what was asked, of which model, and what was found."""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ventral.errors import UsageError, VentralError
from ventral.experiment.run import IncompleteRun, Run, open_run
from ventral.report.analysed import Analysed, analysed
from ventral.report.citation import citations
from ventral.report.curves import charts_of, rows_of
from ventral.report.design import design
from ventral.report.findings import findings
from ventral.report.neural import comparisons
from ventral.report.page import refuse_other, render, write
from ventral.report.pictures import Picture, of_svg
from ventral.report.plan import Step, planned
from ventral.report.provenance import manifest_of, provenance_of
from ventral.report.several import compared
from ventral.report.strip import images_in_words, strip
from ventral.report.subject import subject, weights_of
from ventral.report.texts import question, rest
from ventral.report.verdict import verdict
from ventral.store.address import Address, beside

Progress = Callable[[str, float], None]
Openable = Run | Address | str | os.PathLike[str]
Runs = Openable | Sequence[Openable]


@dataclass(frozen=True, eq=False)
class Section:
    """An analysis in the page: what it found, its charts and its figures with their captions."""

    found: Analysed
    charts: list[Any]
    rows: list[Any]
    figures: dict[str, Picture]

    @property
    def question(self) -> str:
        """What it asks."""
        return question(self.found.text)

    @property
    def method(self) -> list[Any]:
        """Paragraphs on how it answers."""
        return rest(self.found.text)

    @classmethod
    def of(cls, run: Run, found: Analysed) -> "Section":
        """The section of an analysis."""
        figures = {name: of_svg(data) for name, data in found.figures.items()}
        return cls(found, list(charts_of(run, found)), list(rows_of(run, found)), figures)


def report_run(
    runs: Runs,
    out: str | os.PathLike[str] | None = None,
    *,
    analyses: Sequence[str] | None = None,
    quick: bool = False,
    data: str | None = None,
    model: str | None = None,
    compared_in: str | os.PathLike[str] | None = None,
    progress: Progress = lambda what, seconds: None,
) -> Path:
    """Write one page that explains a run, or that compares several.

    The page needs no other file and no network. The same runs and options give the same bytes.

    Parameters
    ----------
    runs
        A run, or several of the same experiment; opened, or their folders or addresses.
    out
        The page; ``<run>-report.html`` beside the first run if not given. It replaces an earlier page, and nothing
        else.
    analyses
        Names of analyses; those that fit the protocol if not given, none if empty. Of several runs only the readout,
        their comparison and masks or lesions are shown.
    quick
        Whether slow analyses read fewer conditions and areas, with fewer folds and resamples.
    data
        Where the images of the run are, for a few of them in the page; what the run's command named if not given.
    model
        Where the model of the run is; what the run's command named if not given.
    compared_in
        Folder in which `ventral compare` has left a comparison with a brain; that beside the run if not given.
    progress
        Called with what was done, and the seconds that it took.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        If no run is given or one is given twice, there is no such analysis, or another file is where the page would be.
    StoreError
        If there is no such run, its metadata have changed, or the disk refuses.
    """
    opened = _opened(runs)
    page = Path(out) if out is not None else _beside(opened)
    refuse_other(page)
    with TemporaryDirectory(prefix="ventral-report-") as folder:
        if len(opened) > 1:
            values = compared(opened, analyses, quick, Path(folder), progress)
            return write(render("several.html", **values), page)
        values = _single(
            opened[0], planned(opened[0], analyses, quick), Path(folder), data, model, compared_in, progress
        )
    return write(render("single.html", **values), page)


def _single(
    run: Run,
    steps: Sequence[Step],
    folder: Path,
    data: str | None,
    model: str | None,
    compared_in: str | os.PathLike[str] | None,
    progress: Progress,
) -> dict[str, Any]:
    """Everything that the page of a run shows."""
    begun = time.monotonic()
    known: dict[str, Any] = {"run": run, "design": design(run), "subject": subject(run, source=model)}
    known |= {"images": images_in_words(run), "incomplete": _incomplete(run), "strip": None, "strip_refusal": ""}
    try:
        known["strip"] = strip(run, weights_of(run, model), data)
    except VentralError as problem:
        known["strip_refusal"] = str(problem)
    progress("protocol, model and images", time.monotonic() - begun)
    found = []
    for step in steps if run.complete else ():
        begun = time.monotonic()
        found.append(analysed(run, step, folder / step.name))
        progress(step.name, time.monotonic() - begun)
    place = None if compared_in is None else Path(compared_in)
    return known | {
        "sections": [Section.of(run, each) for each in found],
        "findings": findings(run, found),
        "verdict": verdict(run, found),
        "comparisons": comparisons(run, place),
        "provenance": provenance_of(run),
        "manifest": manifest_of(run),
        "citations": citations(str(run.attrs["data"])),
    }


def _opened(runs: Runs) -> list[Run]:
    """The runs, opened; incomplete ones without a warning, as the page says so."""
    given = [runs] if isinstance(runs, Run | str | os.PathLike | Address) else list(runs)
    if not given:
        raise UsageError("a report needs a run; give at least one.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteRun)
        opened = [each if isinstance(each, Run) else open_run(each) for each in given]
    places = [run.path.resolve() if isinstance(run.path, Path) else run.path for run in opened]
    for place in places:
        if places.count(place) > 1:
            raise UsageError(f"{place} is given twice; runs of a comparison differ.")
    return opened


def _beside(runs: Sequence[Run]) -> Path:
    """Where a page lies if no place is given."""
    first = runs[0].path
    end = "report" if len(runs) == 1 else "compared"
    return beside(first, f"{first.name.removesuffix('.zarr')}-{end}.html")


def _incomplete(run: Run) -> str:
    """What is missing of a run, and how to resume it; empty if nothing is."""
    if run.complete:
        return ""
    command = run.attrs.get("command")
    again = f"`{command}`" if command else f"the command that made it, with --out {run.path}"
    return (
        f"This run is not complete: {len(run.missing):,} of {run.attrs['presentations']:,} presentations are missing, "
        f"so nothing is computed from it. It resumes with {again}."
    )
