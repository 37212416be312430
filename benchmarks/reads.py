"""What analyses read of a run: files, bytes, and pieces (inner chunks) that they decode, beside those that there are.

The run is recorded by the script, as maps, with conditions that do not end where files end. Each analysis is counted
twice: as it is, and without keeping decoded pieces.

    python benchmarks/reads.py
    python benchmarks/reads.py --images 200 --batch 50 --record units --analyses population
"""

import argparse
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import matplotlib as mpl
import numpy as np

import ventral
from ventral.plugins import load
from ventral.store import manifest, pieces
from ventral.store.pieces import Reading
from ventral.store.values import Array

ANALYSES = ("decoding", "population", "generalisation")


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count the pieces that are decoded, their calls and their bytes, and the files that are checked."""
    found: Counter[str] = Counter()
    decode, check = Reading._decoded, manifest.file_problem

    def decoded(reading: Reading, batch: int, numbers: Sequence[int]) -> Iterator[tuple[int, Array]]:
        for number, piece in decode(reading, batch, numbers):
            found.update(pieces=1, bytes=piece.nbytes)
            yield number, piece

    def checked(*given: object) -> str | None:
        found.update(files="/activity/c." in f"{given[1]}" or "/logits/c." in f"{given[1]}")
        return check(*given)  # type: ignore[arg-type]

    with patch.object(Reading, "_decoded", decoded), patch.object(manifest, "file_problem", checked):
        yield found


def count(path: Path, name: str, folder: Path) -> Counter[str]:
    """What an analysis reads of a run that nobody has read yet."""
    copy = Path(shutil.copytree(path, folder / "copy.zarr"))  # of the run itself, digests are remembered
    with counting() as found, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load("analysis", name).analyze(ventral.open_run(copy), folder / name)
    shutil.rmtree(copy)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--record", default="maps")
    parser.add_argument("--analyses", nargs="+", default=list(ANALYSES))
    given = parser.parse_args()
    mpl.use("Agg")
    protocol = ventral.load_protocol("backward-mask", soa_ms=(20, 50), end_ms=80)
    selection = ventral.select_images("shapes", "test", given.images, pool=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        how = ventral.Settings(batch=given.batch, record=given.record)
        run = ventral.simulate("shapes", protocol, selection, folder / "run.zarr", how)
        stored = [run.store.array(area) for area in run.areas]
        raw = sum(x.size for x in stored) * np.dtype(how.dtype).itemsize
        print(f"{len(run.batches) * (len(run.areas) + 1)} files, {raw / 1e6:.1f} MB of activity")
        for analysis in given.analyses:
            kept = count(run.path, analysis, folder)
            with patch.object(pieces, "KEPT_BYTES", 0):
                anew = count(run.path, analysis, folder)
            for how_read, each in (("as it is", kept), ("without keeping pieces", anew)):
                print(
                    f"  {analysis:16s} {how_read:24s} checks {each['files']:4d} files, decodes {each['pieces']:5d} "
                    f"pieces, {each['bytes'] / 1e6:8.1f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
