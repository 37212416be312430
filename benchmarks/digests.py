"""How much longer commands take because they check the digest of every file they read, as a ratio in one run.

Each command is timed with and without the check, in turns, on a run of masking that the script records; the first
turn, which also loads what the others use again, does not count. "Once more" is `simulate` on a run that is complete,
which reads all of it.

    python benchmarks/digests.py
    python benchmarks/digests.py --images 50 --turns 2 --only "export npz" "analyze readout"
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import ventral
from ventral.experiment.settings import Settings
from ventral.export.formats import export_run
from ventral.plugins import load
from ventral.store import manifest, reader


@contextmanager
def unchecked() -> Iterator[None]:
    """Read files without looking at their digests."""
    with patch.object(reader, "refuse_changed", lambda *_: None):
        yield


def seconds(command: Callable[[], object]) -> float:
    """Time that a command takes in a process that has read nothing yet."""
    manifest._checked.clear()
    start = time.perf_counter()
    command()
    return time.perf_counter() - start


def commands(images: int, folder: Path) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    protocol = ventral.load_protocol("backward-mask")
    selection = ventral.select_images("shapes", "test", images, 0, 32, pool=True)
    path = folder / "run.zarr"

    def simulate(place: Path = path) -> None:
        ventral.simulate("shapes", protocol, selection, place, Settings())

    def simulate_anew() -> None:
        shutil.rmtree(folder / "new.zarr", ignore_errors=True)
        simulate(folder / "new.zarr")

    simulate()
    return {
        "simulate": simulate_anew,
        "simulate once more": simulate,
        "analyze readout": lambda: load("analysis", "readout").analyze(ventral.open_run(path), folder / "readout"),
        "analyze decoding": lambda: load("analysis", "decoding").analyze(
            ventral.open_run(path), folder / "decoding", areas=("IT",), conditions=("unmasked",)
        ),
        "export npz": lambda: export_run(ventral.open_run(path), "npz", folder / "run.npz"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="names of commands; all if not given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        timed = commands(given.images, Path(folder))
        for name in given.only or timed:
            command = timed[name]
            checked, plain = [], []
            for _ in range(given.turns + 1):
                with unchecked():
                    plain.append(seconds(command))
                checked.append(seconds(command))
            without, with_check = statistics.median(plain[1:]), statistics.median(checked[1:])
            print(
                f"{name:20s} {without:7.2f} s without, {with_check:7.2f} s with: {with_check / without:.2f}", flush=True
            )


if __name__ == "__main__":
    main()
