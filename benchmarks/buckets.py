"""How much longer a run takes into and from a bucket than onto and from a disk, as ratios in one run.

The bucket is that of moto, an S3 written in Python, in a process of its own on this machine: a request takes a few ms,
as with a real service. `simulate`, an analysis and `verify` take turns between the disk and the bucket; what they make
is compared, and the requests are counted in the log of the service.

    python benchmarks/buckets.py
    python benchmarks/buckets.py --images 2222 --turns 1  # 20,000 presentations
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

import ventral
from ventral.plugins import load
from ventral.store.address import RunPath, run_path
from ventral.store.bucket import Bucket
from ventral.store.folder import Folder
from ventral.store.verify import verify

SERVER = """
from moto.server import ThreadedMotoServer
import time
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(86400)
"""


@contextmanager
def service(log: Path) -> Iterator[None]:
    """An S3 on this machine, with one bucket, that logs its requests."""
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=file, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        os.environ.update(keys, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
        from http.client import HTTPConnection

        connection = HTTPConnection("127.0.0.1", port)
        connection.request("PUT", "/lab")
        connection.getresponse().read()
        yield
    finally:
        process.terminate()
        process.wait()


def requests(log: Path, start: int) -> str:
    """How many requests of each kind the log has since a position."""
    text = log.read_text(errors="replace")[start:]
    counted = Counter(re.findall(r'"(?:\x1b\[[0-9;]*m)*(GET|PUT|POST|DELETE|HEAD) ', text))
    return ", ".join(f"{count} {method}" for method, count in sorted(counted.items()))


def commands(images: int, folder: Path) -> dict[str, Callable[[RunPath], object]]:
    """What is timed, by name: functions of a run's place."""
    protocol = ventral.load_protocol("backward-mask")
    selection = ventral.select_images("shapes", "test", images, 0, 32, pool=True)
    model = ventral.load_model("shapes")
    turn = iter(range(1000))
    return {
        "simulate": lambda place: ventral.simulate(model, protocol, selection, place),
        "analyze readout": lambda place: load("analysis", "readout").analyze(
            ventral.open_run(place), folder / f"readout-{next(turn)}"
        ),
        "mean of IT": lambda place: mean_of(ventral.open_run(place)["IT"]),
        "verify": lambda place: verify(place),
    }


def mean_of(activity: xr.DataArray) -> float:
    """Mean of all activity, read in one piece."""
    return float(np.nanmean(activity.values))


def files_of(place: RunPath) -> dict[str, str]:
    """Digest of every file of a run, by name."""
    location = Bucket(place) if not isinstance(place, Path) else Folder(place)
    return {name: location.digest(name) for name in sorted(location.names() or ())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, service(Path(name) / "log"):
        folder, log = Path(name), Path(name) / "log"
        timed = commands(given.images, folder)
        seconds: dict[str, dict[str, list[float]]] = {each: {"disk": [], "bucket": []} for each in timed}
        asked: dict[str, str] = {}
        for turn in range(given.turns):
            places = {"disk": folder / f"{turn}.zarr", "bucket": run_path(f"s3://lab/{turn}.zarr")}
            for each, command in timed.items():
                for where, place in places.items():
                    before, start = log.stat().st_size, time.perf_counter()
                    command(place)
                    seconds[each][where].append(time.perf_counter() - start)
                    if where == "bucket":
                        asked[each] = requests(log, before)
            assert files_of(places["disk"]) == files_of(places["bucket"])
        for each, found in seconds.items():
            disk, bucket = (statistics.median(found[where]) for where in ("disk", "bucket"))
            print(f"{each:16s} {disk:7.2f} s disk, {bucket:7.2f} s bucket: {bucket / disk:5.2f}; {asked[each]}")


if __name__ == "__main__":
    main()
