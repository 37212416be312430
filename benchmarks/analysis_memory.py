"""Peak memory of an analysis on recorded maps of few and of many images: it should not grow with the size of maps.

The run is made up: maps of V1, (16, 32, 32), of noise, at six times, in one condition.

    python benchmarks/analysis_memory.py --images 100 1000
    python benchmarks/analysis_memory.py --images 100 1000 --analysis generalisation
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import ventral
from ventral.store.layout import Layout, Recording
from ventral.store.writer import Writer

SHAPE = (16, 32, 32)
TIMES_MS = np.arange(0, 60, 10)
CLASSES = 10
BATCH = 100


def write_run(path: Path, images: int) -> None:
    """Write a run of maps of noise, one presentation for each image."""
    protocol = ventral.Protocol((ventral.Condition("flash", (ventral.Show(ventral.target, 0, 50),)),), end_ms=50)
    columns = {
        "image": np.arange(images),
        "label": np.arange(images) % CLASSES,
        "condition": np.full(images, "flash", dtype=object),
    }
    sites = {dim: np.arange(size) for dim, size in zip(("channel", "y", "x"), SHAPE, strict=True)}
    area = Recording("V1", ("channel", "y", "x"), SHAPE, sites, {"arrival_ms": 0})
    attrs = {"protocol": protocol.to_json(), "graph": ventral.load_model("shapes").graph.to_json(), "identity": {}}
    attrs |= {"model": "noise", "weights_sha256": "", "data": "noise", "split": "test", "repeats": 1, "noise": "none"}
    names = tuple(map(str, range(CLASSES)))
    draw = np.random.default_rng(0)
    with Writer.open(path, Layout(columns, TIMES_MS, (area,), names, BATCH, "float16", attrs)) as writer:
        for batch in writer.pending:
            shape = (min(BATCH, images - batch * BATCH), len(TIMES_MS))
            maps = draw.normal(size=(*shape, *SHAPE)).astype(np.float32)
            writer.write(batch, {"V1": maps}, draw.normal(size=(*shape, CLASSES)).astype(np.float32))


def peak_mb(run: Path, analysis: str) -> float:
    """Peak memory of an analysis in a process of its own, in MB."""
    command = [sys.executable, "-m", "ventral", "analyze", analysis, str(run), "--out", str(run.parent / "analysis")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--analysis", default="decoding")
    asked = parser.parse_args()
    for images in asked.images:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "maps.zarr"
            write_run(run, images)
            print(f"{images:6d} images: {peak_mb(run, asked.analysis):,.0f} MB at most")


if __name__ == "__main__":
    main()
