"""Verifying a run: is every byte that was recorded still there."""

import os
from collections.abc import Iterable
from pathlib import Path

from ventral.store.index import ROOT, Index, read_index, root_problem
from ventral.store.manifest import file_problem
from ventral.store.reader import read_rows


def verify(path: str | os.PathLike[str]) -> list[str]:
    """Read every file of a run and say which is not as it was recorded.

    Returns
    -------
    list of str
        One sentence per file that is missing, has changed, or does not belong, and one for all batches that were never
        recorded. Empty if the run is complete and every byte of it is still there.

    Raises
    ------
    StoreError
        If there is no run, or it is of another schema.
    """
    path = Path(path)
    if problem := root_problem(path):
        return [problem]
    index = read_index(path)
    found = [problem for name, wanted in index.manifest.items() if (problem := file_problem(path, name, wanted))]
    if any(problem.startswith(f"{index.commit}/") for problem in found):
        return found  # without the metadata of ``commit`` its rows cannot be read
    known = {ROOT, *index.manifest}
    rows, damaged = read_rows(index)
    absent = [batch for batch, row in enumerate(rows) if not row.any() and batch not in damaged]
    for batch in sorted({*range(index.batches)} - {*absent}):
        files = index.files(batch)
        known.update(files, [index.commit_file(batch)])
        if batch in damaged:
            found.append(f"{index.commit_file(batch)} has changed, so batch {batch} cannot be checked.")
        else:
            for name, row in zip(files, rows[batch], strict=True):
                if problem := file_problem(path, name, row.tobytes().hex(), index.place(batch, name)):
                    found.append(problem)
    found += _strays(index, known)
    if absent:
        first = index.commit_file(absent[0])
        found.append(f"{first} is not there: {len(absent)} of {len(rows)} batches are not recorded.")
    return found


def _strays(index: Index, known: Iterable[str]) -> list[str]:
    """One sentence for each file that is neither in the manifest nor of a committed batch."""
    known = set(known)
    uncommitted = {name: batch for batch in range(index.batches) for name in index.files(batch)}
    problems = []
    for file in sorted(file for file in index.path.rglob("*") if not file.is_dir()):
        name = file.relative_to(index.path).as_posix()
        if name not in known:
            batch = uncommitted.get(name)
            why = "is not part of the run" if batch is None else f"is there, but batch {batch} is not committed"
            problems.append(f"{name} {why}.")
    return problems
