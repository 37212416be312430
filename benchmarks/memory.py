"""Peak memory of `ventral simulate` for a short and a long run: recording is streamed, so they should not differ.

A run is of 1,000 images, or of fewer if it has fewer presentations; longer runs show them at more contrasts.

    python benchmarks/memory.py --presentations 1000 10000
    python benchmarks/memory.py --presentations 1000 100000 --record channels --model family/feedforward-0 --end-ms 20
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = 1000
PROTOCOL = """
from ventral import Condition, Protocol, Show, target


def protocol(conditions: int = 1, end_ms: int = 100) -> Protocol:
    shown = [target.changed("contrast", round(1 - number / conditions, 6)) for number in range(conditions)]
    each = [Condition(f"contrast_{number}", (Show(x, 0, 10),)) for number, x in enumerate(shown)]
    return Protocol(tuple(each), end_ms=end_ms)
"""


def peak_mb(presentations: int, given: argparse.Namespace, folder: Path) -> float:
    images = min(IMAGES, presentations)
    (folder / "contrasts.py").write_text(PROTOCOL)
    command = [
        *(sys.executable, "-m", "ventral", "simulate", "--protocol", str(folder / "contrasts.py")),
        *("--set", f"conditions={presentations // images}", "--set", f"end_ms={given.end_ms}"),
        *("--model", given.model, "--data", "shapes", "--images", str(images), "--record", given.record),
        *("--out", str(folder / f"{presentations}.zarr")),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presentations", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--model", default="shapes")
    parser.add_argument("--record", default="units")
    parser.add_argument("--end-ms", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for count in given.presentations:
            print(f"{count:6d} presentations: {peak_mb(count, given, Path(folder)):,.0f} MB at most", flush=True)


if __name__ == "__main__":
    main()
