"""How fast a cluster of two workers of one thread each records, beside one process with two threads.

Both record the same experiment to the disk, in turns; the workers are started once, before, and have loaded what they
need in a turn that does not count. Of each the median over turns is printed, and what a cluster costs once: the time
from asking for workers to their first batch. The outputs are compared: with one thread in one process byte for byte,
with two threads by the largest difference of a logit, since torch gives other last bits for another number of threads.

    python benchmarks/cluster.py
    python benchmarks/cluster.py --model family/full-0 --images 400 --rounds 5
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import dask
import numpy as np
import torch
from distributed import LocalCluster

import ventral
from ventral.experiment.cluster import CONFIG, Cluster


@contextmanager
def workers(count: int) -> Iterator[str]:
    """The address of a cluster as `Cluster(workers=count)` starts one, which lasts for several recordings."""
    with (
        dask.config.set(CONFIG),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster.scheduler_address


def files(path: Path) -> dict[str, bytes]:
    """The files of a run by their paths within it."""
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="family/full-0")
    parser.add_argument("--protocol", default="backward-mask")
    parser.add_argument("--data", default="shapes", help="images; cifar10 or a path of CIFAR-10")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    protocol = ventral.load_protocol(given.protocol)
    selection = ventral.select_images(given.data, "test", given.images, pool=True, others=6)
    settings = ventral.Settings(batch=given.batch)
    count = given.images * len(protocol.conditions)

    with tempfile.TemporaryDirectory() as folder, workers(2) as address:
        made = iter(range(10**6))

        def record(threads: int, cluster: Cluster | None) -> tuple[float, Path]:
            path = Path(folder) / f"{next(made)}.zarr"
            torch.set_num_threads(threads)
            start = time.perf_counter()
            ventral.simulate(given.model, protocol, selection, path, settings, cluster=cluster)
            return time.perf_counter() - start, path

        ways: dict[str, Callable[[], tuple[float, Path]]] = {
            "one process, 2 threads": lambda: record(2, None),
            "2 workers, 1 thread each": lambda: record(1, Cluster(scheduler=address)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        last: dict[str, Path] = {}
        for turn in range(given.rounds + 1):
            for name, way in ways.items():
                took, last[name] = way()
                if turn:  # the first warms up
                    seconds[name].append(took)
        print(f"{given.model}, {given.protocol}: {count} presentations, {given.rounds} rounds")
        one, two = (median(times) for times in seconds.values())
        for name, times in seconds.items():
            print(f"  {name:25s} {count / median(times):6.0f} presentations/s")
        print(f"  the cluster is {one / two:.2f} times as fast")
        whole, path = record(1, Cluster(workers=2))
        print(f"  with workers that are started for it: {whole:.1f} s instead of {two:.1f}")
        _, alone = record(1, None)
        assert files(alone) == files(path) == files(last["2 workers, 1 thread each"])
        print("  the files are those of one process with 1 thread, byte for byte")
        logits = [ventral.open_run(last[name]).logits.values for name in ways]
        print(f"  from 2 threads, logits differ by at most {np.nanmax(abs(logits[0] - logits[1])):.2g}")


if __name__ == "__main__":
    main()
