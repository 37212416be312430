"""Workers of a cluster that come to harm, for tests: killed, stopped, or with a full disk."""

import errno
import os
import signal
from pathlib import Path

from commands import refusing
from distributed import WorkerPlugin


class Saboteur(WorkerPlugin):
    """What happens to worker processes, and a list of all that they have staged.

    Parameters
    ----------
    harm
        "before computing", "in a write", "before answering": a worker is killed then; "silent": it is stopped before it
        computes; "full": its disk is full; "starting": it is killed when it starts; "" for none.
    folder
        A folder in which is noted how often it has happened, and which batches were staged.
    times
        How often it happens, counted over all workers.
    """

    name = "saboteur"

    def __init__(self, harm: str, folder: Path, times: int = 1) -> None:
        self.harm = harm
        self.folder = folder
        self.times = times

    def setup(self, worker: object) -> None:
        """Prepare what is to happen in a worker process."""
        from ventral.experiment import worker as room
        from ventral.experiment.recorder import Recorder
        from ventral.store import staging

        stage, write, record = room.stage, staging.write_synced, Recorder.record_task

        def staging_noted(index: object, folder: Path, batch: int, files: object) -> object:
            staged = stage(index, folder, batch, files)  # type: ignore[arg-type]
            with (self.folder / "staged").open("a") as notes:
                notes.write(f"{batch}\n")
            self.perhaps("before answering", signal.SIGKILL)
            return staged

        def writing(path: Path, data: bytes) -> None:
            if self.harm == "in a write" and not path.name.startswith("experiment"):
                path.write_bytes(data[: len(data) // 2])
                self.perhaps("in a write", signal.SIGKILL)
            write(path, data)

        def recording(recorder: Recorder, task: object) -> object:
            self.perhaps("before computing", signal.SIGKILL)
            self.perhaps("silent", signal.SIGSTOP)
            return record(recorder, task)  # type: ignore[arg-type]

        room.stage, staging.write_synced = staging_noted, writing  # type: ignore[assignment]
        Recorder.record_task = recording  # type: ignore[method-assign,assignment]
        if self.harm == "full":
            os.fsync = refusing(errno.ENOSPC)
        self.perhaps("starting", signal.SIGKILL)

    def perhaps(self, harm: str, what: signal.Signals) -> None:
        """Send this process a signal, if that is what is to happen and it has not happened often enough."""
        if harm == self.harm and noted(self.folder, self.times):
            os.kill(os.getpid(), what)


def noted(folder: Path, times: int) -> bool:
    """Note that something happens once more; False if it has happened often enough."""
    for number in range(times):
        try:
            os.close(os.open(folder / f"harm-{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return True
    return False


def harms(folder: Path) -> int:
    """How often it has happened."""
    return len(list(folder.glob("harm-*")))


def staged(folder: Path) -> list[int]:
    """Numbers of the batches that workers have staged, in order."""
    notes = folder / "staged"
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []
