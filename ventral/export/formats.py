"""Handing a run to other tools, as files that need nothing of ours to be read. Each format has a file of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ventral.errors import StoreError, UsageError, choose
from ventral.experiment.run import Run
from ventral.export import brainscore, npz
from ventral.files import disk_errors, nearest_folder, need_space, replacing

FORMATS: dict[str, tuple[Callable[[Run, Sequence[str], Path], None], str]] = {
    "npz": (npz.write, npz.SUFFIX),
    "brainscore": (brainscore.write, brainscore.SUFFIX),
}
"""Formats by name: the function that writes one, and the suffix of its file."""


def export_run(
    run: Run, fmt: str, out: Path | None = None, areas: Sequence[str] | None = None, *, partial: bool = False
) -> Path:
    """Write a run in the format of another tool, whole or not at all.

    Parameters
    ----------
    run
        The run.
    fmt
        "npz" for numpy (`ventral.export.npz`), or "brainscore" for one netCDF4 file laid out like Brain-Score's
        NeuroidAssembly (`ventral.export.brainscore`).
    out
        File to write, replaced if it is there; by default beside the run.
    areas
        Names of areas; all if not given.
    partial
        Whether to export an incomplete run, NaN where it is not recorded.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If there is no such format or area.
    StoreError
        If the run is incomplete, or the file cannot be written, for one because another process is writing it.
    """
    write, suffix = FORMATS[choose("format", fmt, FORMATS)]
    chosen = [choose("area", area, run.areas) for area in (run.areas if areas is None else areas)]
    if not chosen or len(set(chosen)) < len(chosen):
        raise UsageError(f"the areas to export are {', '.join(chosen) or 'none'}; name each once.")
    if not run.complete and not partial:
        raise StoreError(
            f"{run.path} lacks {len(run.missing)} presentations; record the rest first, or export what is there with "
            "--partial (partial=True)."
        )
    out = run.path.with_suffix(suffix) if out is None else Path(out)
    if nearest_folder(out) == out:
        raise StoreError(
            f"{out} is a folder; give the file to write with --out, such as {out / run.path.stem}{suffix}."
        )
    logits = run.logits.size if run.classes else 0
    size = 4 * (sum(run[area].size for area in chosen) + logits) + run.presentations.nbytes
    need_space(out, size, out.name, "export fewer areas (--areas), or to another disk (--out)")
    with disk_errors(out, then="export again"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out, wait_s=0) as unfinished:
            write(run, chosen, unfinished)
    return out
