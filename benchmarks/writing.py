"""How much longer a run takes that is written to the disk, than computing it alone.

Three ways take turns: computing alone, as `simulate` does without a disk; `simulate`, whose batches are written while
the next are computed; and writing each batch before the next is computed. The first turn warms up. Of each the median
is printed, with the ratio to computing alone, and of the two ways that write it is checked that the files are the same.

    python benchmarks/writing.py
    python benchmarks/writing.py --models cifar10 --images 1000 --precision bfloat16 --out /mnt/scratch
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

import torch

import ventral
from ventral.experiment.experiment import Experiment
from ventral.experiment.recorder import Recorder
from ventral.experiment.settings import Settings
from ventral.experiment.writing import Writing
from ventral.store.layout import Layout
from ventral.store.writer import Writer


def computed(recorder: Recorder, batches: int) -> None:
    """Compute every batch and let go of it."""
    for _ in recorder.record_tasks(recorder.tasks(range(batches))):
        pass


def written_beside(recorder: Recorder, layout: Layout, path: Path) -> None:
    """Write a batch while the next is computed, as `simulate` does."""
    with (
        Writer.open(path, layout) as writer,
        Writing(writer) as writing,
        closing(recorder.record_tasks(recorder.tasks(writer.pending))) as computing,
    ):
        for batch, activity, logits in computing:
            writing.write(batch, activity, logits)
            del activity, logits


def written_after(recorder: Recorder, layout: Layout, path: Path) -> None:
    """Write a batch, and then compute the next."""
    with Writer.open(path, layout) as writer:
        for found in recorder.record_tasks(recorder.tasks(writer.pending)):
            writer.write(*found)


def seconds(compute: Callable[[], object]) -> float:
    """Time that something takes, until a GPU has done it."""
    start = time.perf_counter()
    compute()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def same_files(folder: Path) -> float:
    """Check that both runs in a folder are the same files, remove them, and give the size of one in MB."""
    first, other = folder / "beside.zarr", folder / "after.zarr"
    files = [file.relative_to(first) for file in first.rglob("*") if file.is_file()]
    assert files
    assert all((first / name).read_bytes() == (other / name).read_bytes() for name in files)
    size = sum((first / name).stat().st_size for name in files)
    shutil.rmtree(first)
    shutil.rmtree(other)
    return size / 1e6


def compare(experiment: Experiment, rounds: int, out: str | None = None) -> None:
    """Time the three ways in turns, and print what was found."""
    layout, presentations = Recorder(experiment).layout(), experiment.presentations
    with tempfile.TemporaryDirectory(dir=out) as name:
        folder = Path(name)
        ways: dict[str, Callable[[Recorder], None]] = {
            "computing alone": partial(computed, batches=layout.batches),
            "written beside": partial(written_beside, layout=layout, path=folder / "beside.zarr"),
            "written after": partial(written_after, layout=layout, path=folder / "after.zarr"),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        # a GPU's steps are captured once; without one a recorder only remembers what was grey
        recorders = {way: Recorder(experiment) for way in ways}
        for turn in range(rounds + 1):
            for way, compute in ways.items():
                taken = seconds(partial(compute, recorders[way]))
                if turn:
                    times[way].append(taken)
            size = same_files(folder)
    alone = median(times["computing alone"])
    for way, taken_each in times.items():
        clock = median(taken_each)
        rate = f", {size / clock:.0f} MB/s" if way.startswith("written") else ""
        print(
            f"  {way:16s} {clock:7.2f} s, {clock / alone:.3f} times as long, {presentations / clock:.0f} "
            f"presentations/s{rate}; {', '.join(f'{each:.2f}' for each in taken_each)} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["family/full-0"])
    parser.add_argument("--protocol", default="backward-mask")
    parser.add_argument("--data", default="shapes", help="images; cifar10 or a path of CIFAR-10")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--batch", type=int, default=100, help="divides the images")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", help="folder on the disk that is written to; that of temporary files if not given")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for model in given.models:
        selection = ventral.select_images(given.data, "test", given.images, pool=True, others=6)
        how = Settings(batch=given.batch, precision=given.precision)
        experiment = Experiment(ventral.load_model(model), ventral.load_protocol(given.protocol), selection, how)
        print(f"{model}, {given.protocol}: {experiment.presentations} presentations, {given.threads} threads")
        compare(experiment, given.rounds, given.out)


if __name__ == "__main__":
    main()
