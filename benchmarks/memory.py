"""Peak memory of `ventral simulate` for a short and a long run: recording is streamed, so they should not differ.

Run it as ``python benchmarks/memory.py --presentations 1000 10000``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CONDITIONS = 3  # of the protocol below: unmasked, mask alone, one SOA


def peak_mb(presentations: int, model: str, record: str, folder: Path) -> float:
    command = [
        *(sys.executable, "-m", "ventral", "simulate", "--protocol", "backward-mask", "--set", "soa_ms=10"),
        *("--model", model, "--images", str(presentations // CONDITIONS), "--record", record),
        *("--out", str(folder / f"{presentations}.zarr")),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presentations", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--model", default="shapes")
    parser.add_argument("--record", default="units")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for count in given.presentations:
            peak = peak_mb(count, given.model, given.record, Path(folder))
            print(f"{count:6d} presentations: {peak:,.0f} MB at most")


if __name__ == "__main__":
    main()
