"""Handing a run to other tools, as files that need nothing of ours to be read. Each format has a file of its own."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ventral.errors import StoreError, UsageError, choose
from ventral.experiment.run import Run
from ventral.export.excerpt import Excerpt
from ventral.export.format import Format
from ventral.files import disk_errors, nearest_folder, need_space, replacing
from ventral.knobs import knobs
from ventral.plugins import load
from ventral.store.address import beside

REMEDY = "export fewer areas (--areas) or conditions (--conditions), or to another disk (--out)"


def export_run(
    run: Run,
    fmt: str,
    out: Path | None = None,
    areas: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    *,
    partial: bool = False,
    **settings: Any,
) -> Path:
    """Write a run in the format of another tool, each file whole or not at all.

    Parameters
    ----------
    run
        The run.
    fmt
        Name of a format that `ventral exports` lists: "npz", "brainscore", "ndt", "netcdf", "mne", "nwb", "rsatoolbox",
        "table", or one of another package; or the path of a ``.py`` file.
    out
        The file to write or, for formats that hold one area a file, the folder of the files; by default beside the run.
        Files of the same names are replaced.
    areas, conditions
        Names; all if not given.
    partial
        Whether to export the presentations that are recorded if the run is incomplete.
    **settings
        Knobs of the format.

    Returns
    -------
    Path
        The file, or the folder of the files.

    Raises
    ------
    UsageError
        If there is no such format, area, condition or knob, if a package that writes the format is not installed, or if
        the format cannot hold what is to be exported.
    StoreError
        If the run is incomplete, or a file cannot be written, for one because another process is writing it, or because
        it fits neither disk nor memory.
    """
    module = load("exports", fmt)
    name, form = Path(fmt).stem.replace("_", "-"), format_of(module, fmt)
    given = {choose("knob", knob, knobs(module.write)): value for knob, value in settings.items()}
    form.check_packages(name)
    excerpt = excerpt_of(run, areas, conditions, partial)
    parts = excerpt.parts(form.holds)
    files = _files(run, name, form, list(parts), None if out is None else Path(out))
    first = next(iter(files.values()))
    need_space(first, excerpt.size(form.value_bytes), first.name if len(files) == 1 else first.parent.name, REMEDY)
    for part, path in files.items():
        with disk_errors(path, then="export again"), _made(path.parent), replacing(path, wait_s=0) as unfinished:
            module.write(parts[part], unfinished, **given)
    return first if form.holds == "run" or first == out else first.parent


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder if there is none, and remove it if nothing comes to be in it."""
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # there are files in it
            if new:
                folder.rmdir()
        raise


def format_of(module: Any, name: str) -> Format:
    """The format of a module that writes one; refused if the module names none."""
    form = getattr(module, "FORMAT", None)
    if not isinstance(form, Format):
        raise UsageError(f"{name} has no FORMAT; give it one, such as `FORMAT = Format('.txt', 'any editor')`.")
    return form


def excerpt_of(
    run: Run, areas: Sequence[str] | None = None, conditions: Sequence[str] | None = None, partial: bool = False
) -> Excerpt:
    """The part of a run that is to be exported; see `export_run`, which has the same parameters and errors."""
    held = list(dict.fromkeys(map(str, run.presentations["condition"].values)))
    chosen = _named("area", run.areas, areas)
    shown = _named("condition", held, conditions)
    if not run.complete and not partial:
        raise StoreError(
            f"{run.path} lacks {len(run.missing)} presentations; record the rest first, or export what is there with "
            "--partial (partial=True)."
        )
    rows = np.flatnonzero(np.isin(run.presentations["condition"].values, shown))
    rows = rows if run.complete else np.setdiff1d(rows, run.missing)
    if not rows.size:
        raise StoreError(f"{run.path} has no recorded presentation of {', '.join(shown)}; record the rest first.")
    return Excerpt(run, tuple(chosen), rows)


def _named(kind: str, known: Sequence[str], asked: Sequence[str] | None) -> list[str]:
    """The names asked for, all if none are; each once."""
    names = [choose(kind, name, known) for name in (known if asked is None else asked)]
    if not names or len(set(names)) < len(names):
        raise UsageError(f"the {kind}s to export are {', '.join(names) or 'none'}; name each once.")
    return names


def _files(run: Run, name: str, form: Format, parts: Sequence[str], out: Path | None) -> dict[str, Path]:
    """The file of each part."""
    if form.holds == "run":
        out = beside(run.path, f"{run.path.stem}{form.suffix}") if out is None else out
        if nearest_folder(out) == out:
            raise StoreError(
                f"{out} is a folder; give the file to write with --out, such as {out / run.path.stem}{form.suffix}."
            )
        return {parts[0]: out}
    out = beside(run.path, f"{run.path.stem}-{name}") if out is None else out
    if out.name.endswith(form.suffix) and not out.is_dir():
        if len(parts) > 1:
            what = "one area" if form.holds == "area" else "one area in one condition"
            raise UsageError(
                f"a file of {name} holds {what}, and {len(parts)} are to be exported; give a folder with --out, or "
                "choose one (--areas, --conditions)."
            )
        return {parts[0]: out}
    if out.exists() and not out.is_dir():
        raise StoreError(f"{out} is a file; give the folder of {name}'s {len(parts)} files with --out.")
    return {part: out / f"{part}{form.suffix}" for part in parts}
