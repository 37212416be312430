"""What a run will take: time, disk and memory, measured on a few of its batches."""

import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, gettempdir

import torch

from ventral.experiment.recorder import Recorder
from ventral.files import nearest_folder
from ventral.store.address import RunPath
from ventral.store.encoding import bytes_needed
from ventral.store.layout import Layout
from ventral.store.writer import Writer

SAMPLED = 3  # batches that are recorded to measure


@dataclass(frozen=True)
class Costs:
    """What a run will take.

    Parameters
    ----------
    presentations, batches
        How many the run has.
    recalibrating_s, seconds
        Time to re-estimate the statistics, if the policy asks for it, and then to record all batches.
    size, largest_size
        Bytes on the disk: estimated, and at most.
    images_memory
        Bytes of the images that are held in memory.
    memory, gpu_memory
        Most bytes that this process has held at once; None where the system does not tell.
    """

    presentations: int
    batches: int
    recalibrating_s: float
    seconds: float
    size: float
    largest_size: int
    images_memory: int
    memory: int | None
    gpu_memory: int | None


def measure_costs(recorder: Recorder, place: RunPath, command: str = "") -> Costs:
    """Costs of a run at a place, from a few batches recorded into a folder beside it, which is removed again.

    For a place in a bucket the folder is one for temporary files.

    `command` is the one that will make the run, and is kept with it.
    """
    experiment, start = recorder.experiment, time.perf_counter()
    layout = recorder.layout(command)  # re-estimates the statistics if the policy asks for it
    recalibrating_s = time.perf_counter() - start
    folder = nearest_folder(place.absolute().parent) if isinstance(place, Path) else Path(gettempdir())
    seconds, size = _sample(recorder, layout, folder)
    held = experiment.selection
    cuda = torch.device(experiment.settings.device).type == "cuda"
    return Costs(
        presentations=experiment.presentations,
        batches=layout.batches,
        recalibrating_s=recalibrating_s,
        seconds=seconds,
        size=size,
        largest_size=bytes_needed(layout),
        images_memory=sum(images.pixels.nbytes for images in held.all),
        memory=_peak_memory(),
        gpu_memory=torch.cuda.max_memory_allocated(experiment.settings.device) if cuda else None,
    )


def _sample(recorder: Recorder, layout: Layout, folder: Path) -> tuple[float, float]:
    """Seconds and bytes of a whole run.

    Presentations of a batch that differ in presence or in scales are computed apart, so time is counted per group. What
    conditions share is computed once, which makes the whole run shorter than its batches. The first batch is computed
    twice, because the first call takes longer.
    """
    with TemporaryDirectory(prefix=".dry-run-", dir=folder) as name, Writer.open(Path(name) / "run", layout) as writer:
        empty = _files_size(Path(name))
        rows = [writer.batch_slice(batch) for batch in range(layout.batches)]
        chosen = sorted({(2 * i + 1) * layout.batches // (2 * SAMPLED) for i in range(SAMPLED)})
        recorder.record(range(rows[chosen[0]].start, rows[chosen[0]].stop))
        seconds, presentations = [], 0
        for batch in chosen:
            start = time.perf_counter()
            activity, logits = recorder.record(range(rows[batch].start, rows[batch].stop))
            writer.write(batch, activity, logits)
            seconds.append((time.perf_counter() - start) / _groups(recorder, rows[batch]))
            presentations += len(logits)
        size = (_files_size(Path(name)) - empty) / presentations * layout.presentations + empty
    return median(seconds) * sum(_groups(recorder, row) for row in rows) * recorder.share, size


def _groups(recorder: Recorder, rows: slice) -> int:
    """Number of groups in which a batch is computed, from one presentation of each condition."""
    experiment = recorder.experiment
    each = experiment.presentations // len(experiment.protocol.conditions)
    firsts = range(rows.start - rows.start % each, rows.stop, each)
    return len(recorder.groups([max(first, rows.start) for first in firsts]))


def _files_size(folder: Path) -> int:
    """Bytes in all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _peak_memory() -> int | None:
    """Most bytes that this process has held at once; None on Windows, which does not tell."""
    with suppress(ImportError):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return None
