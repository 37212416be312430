"""`ventral simulate --dry-run`: what a run would take, before anything is recorded."""

import re
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import FLASH, printed, rows, ventral

from ventral.cli.console import spell
from ventral.experiment.recorder import Recorder
from ventral.experiment.run import open_run
from ventral.model import statistics

SHORT = "--set duration_ms=10 --set end_ms=50"  # one condition of six ticks
LESION = '''"""Lesion: intact, or feedback scaled.

Source: none.
"""

from ventral import Condition, Protocol, Scale, Show, target


def protocol(scale: tuple[float, ...] = (0.5, 0.0), end_ms: int = 50) -> Protocol:
    """One condition per scale, and one that is intact."""
    flash = (Show(target, 0, 20),)
    cut = [Condition(f"times_{x}", flash, interventions=(Scale("feedback", 0, 50, x),)) for x in scale]
    return Protocol((Condition("intact", flash), *cut), end_ms=end_ms)
'''


@pytest.fixture(autouse=True)
def cut(tmp_path: Path) -> None:
    """A protocol of lesions, beside the folder in which the command is given."""
    (tmp_path / "cut.py").write_text(LESION)


def costs(out: str) -> dict[str, str]:
    return {row[0]: row[1] for row in rows(out, "this run would take")}


class Clock:
    """Time that passes only while batches are computed (10 s, the first 500 s) and statistics estimated (2000 s)."""

    def __init__(self) -> None:
        self.now = 0.0
        self.batches = 0

    def watch(self, patched: pytest.MonkeyPatch) -> None:
        def counted(of: Callable[..., object], seconds: Callable[..., float]) -> Callable[..., object]:
            def called(*given: object, **named: object) -> object:
                self.now += seconds(*given)
                return of(*given, **named)

            return called

        def computing(recorder: Recorder, presentations: range) -> float:
            count = len(recorder.groups(presentations))
            self.batches += count
            return 10.0 * count + 490.0 * (self.batches == count)

        patched.setattr("ventral.experiment.costs.time.perf_counter", lambda: self.now)
        patched.setattr(Recorder, "record", counted(Recorder.record, computing))
        patched.setattr(statistics, "estimate", counted(statistics.estimate, lambda *_: 2000.0))


@pytest.fixture
def clock(monkeypatch) -> Iterator[Clock]:
    made = Clock()
    made.watch(monkeypatch)
    return made


@pytest.mark.parametrize(("number", "batch"), [(4, 6), (5, 4)])
def test_time_is_that_of_every_batch_without_the_first_s_delay(clock, model_file, number, batch):
    """Conditions differ in scales, so a batch that holds two of them is computed twice."""
    line = f"simulate --protocol ../cut.py --model {model_file} --images {number} --batch {batch}"
    stated = costs(printed(f"{line} --dry-run"))["time"]
    clock.batches = 0
    printed(line)
    assert stated == f"about {spell(10 * clock.batches)} on cpu"


def test_re_estimating_statistics_is_a_line_of_its_own(clock, model_file):
    line = f"simulate --protocol flash {SHORT} --model {model_file} --images 4 --batch 4 --dry-run"
    frozen = costs(printed(line))
    clock.batches = 0
    anew = costs(printed(line + " --policy pooled"))
    assert "statistics" not in frozen
    assert anew["statistics"] == "33 min to re-estimate them, before"
    assert anew["time"] == frozen["time"] == "about 10 s on cpu"


@pytest.mark.parametrize("record", ["units", "channels"])
def test_disk_is_what_the_run_takes(model_file, record, monkeypatch):
    monkeypatch.setattr("ventral.cli.recording.megabytes", lambda size: f"{size / 1e6:.6f} MB")
    line = (
        f"simulate --protocol flash --set duration_ms=10,20,30,50,80 --set end_ms=100 "
        f"--model {model_file} --images 30 --batch 20 --record {record} --out run.zarr"
    )
    stated = costs(printed(line + " --dry-run"))["disk"]
    about, most = (float(number) for number in re.findall(r"([\d.,]+) MB", stated))
    printed(line)
    taken = sum(path.stat().st_size for path in Path("run.zarr").rglob("*") if path.is_file()) / 1e6
    assert about == pytest.approx(taken, abs=1e-3, rel=0.003)  # other batches compress a little differently
    assert taken <= most
    assert stated.endswith("MB in run.zarr")


def test_memory_is_the_process_s_own_peak_and_names_the_images(model_file):
    line = f"simulate --protocol flash {SHORT} --model {model_file} --images 200 --batch 4 --dry-run"
    stated = costs(printed(line))["memory"]
    peak, images = (float(number.replace(",", "")) for number in re.findall(r"([\d.,]+) MB", stated))
    unit = 1 if sys.platform == "darwin" else 1024
    assert peak == pytest.approx(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, rel=0.01)
    assert images == pytest.approx(200 * 3 * 16 * 16 / 1e6, abs=0.05)


def test_a_dry_run_leaves_nothing_and_what_was_recorded_as_it_was(here, model_file):
    line = f"simulate --protocol flash {SHORT} --model {model_file} --images 4 --batch 4"
    printed(line + " --dry-run")
    assert not list(here.iterdir())
    printed(line)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    printed(line + " --dry-run")
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    assert open_run("runs/flash-small.zarr").complete


def test_a_dry_run_that_fails_leaves_nothing(give, here, model_file, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = give(f"simulate --protocol flash {SHORT} --model {model_file} --images 4 --dry-run")
    assert code == 1
    assert "the disk is full" in err
    assert not list(here.iterdir())


def test_a_run_that_does_not_fit_is_refused_before_it_begins(places, here, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    for dry in ("", " --dry-run"):
        outcome = ventral(f"{FLASH} {SHORT} --data {{images}} --images 2{dry}", **places)
        assert outcome.code == 1
        assert "GB free; record fewer images (--images), less of each (--record channels)" in outcome.err
    assert list(here.iterdir()) == []


def test_a_dry_run_states_time_size_and_arrival_and_records_nothing(places, here):
    out = printed(FLASH + " --set end_ms=50 --data {images} --images 4 --batch 6 --dry-run", **places)
    stated = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if line.strip()}
    assert stated["presentations"] == "20"
    assert stated["batches"] == "4, each of at most 6 presentations"
    assert stated["time"].startswith("about ")
    assert stated["disk"].endswith("MB in runs/flash-small.zarr")
    assert [stated[area] for area in ("V1", "V2", "V4", "IT")] == ["0 ms", "10 ms", "20 ms", "30 ms"]
    assert list(here.iterdir()) == []


def test_a_dry_run_also_goes_beyond_the_horizon_when_it_may(places):
    late = " --set duration_ms=10 --set end_ms=310"
    printed(FLASH + late + " --data {images} --images 2 --beyond-horizon held --dry-run", **places)
