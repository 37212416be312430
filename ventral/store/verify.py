"""Verifying a run: is every byte that was recorded still there."""

import os
from collections.abc import Iterable

from ventral.store.address import RunPath
from ventral.store.index import ROOT, Index, read_index, root_problem
from ventral.store.location import locate
from ventral.store.manifest import file_problem
from ventral.store.reader import read_rows
from ventral.store.values import Array


def verify(path: RunPath | str | os.PathLike[str]) -> list[str]:
    """Read every file of a run and say which is not as it was recorded.

    Returns
    -------
    list of str
        One sentence per file that is missing, has changed, or does not belong, and one for all batches that were never
        recorded. Empty if the run is complete and every byte of it is still there. A file that does not belong is
        not found where files cannot be listed, as on a web server.

    Raises
    ------
    StoreError
        If there is no run, or it is of another schema.
    """
    location = locate(path)
    if problem := root_problem(location):
        return [problem]
    index = read_index(location)
    location.fetch(index.manifest)
    found = [problem for name, wanted in index.manifest.items() if (problem := file_problem(location, name, wanted))]
    if any(problem.startswith(f"{index.commit}/") for problem in found):
        return found  # without the metadata of ``commit`` its rows cannot be read
    known = {ROOT, *index.manifest}
    rows, damaged = read_rows(index)
    absent = [batch for batch, row in enumerate(rows) if not row.any() and batch not in damaged]
    present = sorted({*range(index.batches)} - {*absent})
    for problems in location.each(lambda batch: _batch_problems(index, batch, rows, damaged), present):
        found += problems
    for batch in present:
        known.update(index.files(batch), [index.commit_file(batch)])
    found += _strays(index, known)
    if absent:
        first = index.commit_file(absent[0])
        found.append(f"{first} is not there: {len(absent)} of {len(rows)} batches are not recorded.")
    return found


def _batch_problems(index: Index, batch: int, rows: Array, damaged: set[int]) -> list[str]:
    """One sentence for each file of a batch that is not as its row says."""
    if batch in damaged:
        return [f"{index.commit_file(batch)} has changed, so batch {batch} cannot be checked."]
    problems = [
        file_problem(index.location, name, row.tobytes().hex(), index.place(batch, name))
        for name, row in zip(index.files(batch), rows[batch], strict=True)
    ]
    return [problem for problem in problems if problem]


def _strays(index: Index, known: Iterable[str]) -> list[str]:
    """One sentence for each file that is neither in the manifest nor of a committed batch."""
    known = set(known)
    uncommitted = {name: batch for batch in range(index.batches) for name in index.files(batch)}
    problems = []
    for name in sorted((index.location.names() or set()) - known):
        batch = uncommitted.get(name)
        why = "is not part of the run" if batch is None else f"is there, but batch {batch} is not committed"
        problems.append(f"{name} {why}.")
    return problems
