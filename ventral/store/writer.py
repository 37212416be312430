"""Writing a run, so that a half-written run can never look whole.

Zarr reads a chunk that is missing as NaN without a word, so completeness has to be recorded. The order of writes:

1. `Folder.create` writes metadata, coordinates and manifest into a hidden folder beside the run, syncs every file and
   folder, and only then renames it into place: a run exists with all of them or not at all, and of several processes
   that make it at once one wins.
2. A batch is one file per area and one for the readout. Each is written under a temporary name, synced, renamed, and
   its folder is synced.
3. Only then the batch's row of ``commit``, with the sha256 of each of these files and its place, is written in the same
   way.

A row therefore never stands for bytes that a power cut could still take away, and whatever moment a process is killed
at, a batch without a row is computed again. So ``commit`` is the list of what is recorded, of what is still to do, and
of what every file must contain. One process writes at a time (a lock on the run's folder).

Files of a batch may come from other processes, which stage them under names of their own (`ventral.store.staging`): the
one that has the lock checks them, gives them their names, and alone writes rows.
"""

import contextlib
import os
from collections.abc import Mapping
from typing import Self

import numpy as np

from ventral.errors import StoreError
from ventral.files import RESUME, disk_errors, nearest_folder, need_space, sync_folder
from ventral.store.address import RunPath
from ventral.store.batch import encode_files
from ventral.store.difference import refuse_difference
from ventral.store.encoding import batch_bytes, bytes_needed, encode, encode_row
from ventral.store.folder import Folder
from ventral.store.index import ROOT, read_index
from ventral.store.layout import Layout, batch_slice
from ventral.store.location import locate
from ventral.store.manifest import file_problem, refuse_damage
from ventral.store.reader import Store, read_store
from ventral.store.staging import Staged, folder_of, remove_staged
from ventral.store.values import Array


def check_space(path: RunPath | str | os.PathLike[str], layout: Layout) -> None:
    """Refuse a run, or the rest of one, that does not fit on its disk; a bucket has room for all.

    Raises
    ------
    StoreError
        With what is needed, what is free, and what makes a run smaller; or if there can be no folder at `path`.
    """
    location = locate(path)
    if not isinstance(location, Folder):
        return
    path = location.path
    nearest_folder(path)  # refuses a place at which nothing can be made
    needed = bytes_needed(layout)
    if (path / ROOT).is_file():
        index = read_index(location)
        refuse_damage(index)
        needed = int(np.sum(~read_store(index).recorded)) * batch_bytes(layout)
    smaller = "record fewer images (--images), less of each (--record channels), or on another disk (--out)"
    need_space(path, needed, "the run", smaller)


class Writer:
    """Records into a run, batch by batch; one process at a time.

    Use it in a ``with`` statement: ``with Writer.open(path, layout) as writer``.
    """

    def __init__(self, layout: Layout, store: Store, lock: contextlib.ExitStack) -> None:
        self.path = store.path
        self.layout = layout
        self.index = store.index
        self._location = store.index.location
        self._recorded = store.recorded
        self._lock = lock

    @classmethod
    def open(cls, path: RunPath | str | os.PathLike[str], layout: Layout) -> Self:
        """Open the run at `path` to continue it, or create it.

        Raises
        ------
        StoreError
            If what is there is not a run, is damaged, is being written by another process, or was recorded
            with another layout or identity; names the fields that differ.
        """
        location = locate(path)
        with contextlib.ExitStack() as lock:
            lock.enter_context(location.taken(lambda: encode(layout)))
            index = read_index(location)
            refuse_damage(index)
            refuse_difference(index, layout)
            if isinstance(location, Folder):
                remove_staged(index)
            location.tidy(index.folders)
            store = read_store(index)
            recorded = [(int(batch), area) for batch in np.flatnonzero(store.recorded) for area in index.dims]
            location.each(lambda file: store.check(*file), recorded)
            return cls(layout, store, lock.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write."""
        self._lock.close()

    @property
    def pending(self) -> list[int]:
        """Numbers of the batches that are not recorded."""
        return [int(batch) for batch in np.flatnonzero(~self._recorded)]

    def batch_slice(self, batch: int) -> slice:
        """Rows of the presentations of a batch."""
        return batch_slice(batch, self.layout.batch, self.layout.presentations)

    def write(self, batch: int, activity: Mapping[str, Array], logits: Array) -> None:
        """Record a batch: its files, then its row of ``commit``.

        Parameters
        ----------
        batch
            One of `pending`.
        activity
            Per area (presentation, time, ...), for the presentations of `batch_slice`. NaN where the area is absent.
        logits
            (presentation, time, class); without classes they are not stored.

        Raises
        ------
        StoreError
            If a value does not fit the dtype, a shape is not that of the layout, or the disk refuses. Nothing is
            committed then, and the same command resumes.
        """
        self._refuse_recorded(batch)
        files = encode_files(self.layout, batch, activity, logits)
        self._location.each(lambda name: self._location.put(name, files[name]), files)
        self._commit(batch, [self.index.digest(batch, name, data) for name, data in files.items()])

    def commit(self, staged: Staged) -> None:
        """Record a batch whose files another process has staged: give each its name, then write its row of ``commit``.

        Raises
        ------
        StoreError
            If a staged file is not there or is not what was written, or the disk refuses. Nothing is committed then.
        """
        self._refuse_recorded(staged.batch)
        folder = folder_of(self.index)
        for file in staged.files:
            place = self.index.place(staged.batch, file.name)
            if problem := file_problem(self._location, file.private, file.digest, place):
                raise StoreError(f"batch {staged.batch} cannot be recorded in {folder}: {problem} Then {RESUME}.")
        with disk_errors(folder):
            for file in staged.files:
                (folder / file.private).replace(folder / file.name)
                sync_folder((folder / file.name).parent)
        self._commit(staged.batch, [bytes.fromhex(file.digest) for file in staged.files])

    def _commit(self, batch: int, digests: list[bytes]) -> None:
        """Write a batch's row of ``commit``, once all its files are there."""
        self._location.put(self.index.commit_file(batch), encode_row(digests))
        self._recorded[batch] = True

    def _refuse_recorded(self, batch: int) -> None:
        if self._recorded[batch]:
            raise StoreError(f"batch {batch} is recorded already; write only those that are pending.")
