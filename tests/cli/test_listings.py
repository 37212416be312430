"""`ventral protocols show` and `ventral simulate --dry-run`: an experiment as a person sees it before it is run."""

import re
import resource
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small import small_graph

from ventral.cli.console import spell
from ventral.experiment.run import open_run
from ventral.experiment.simulate import Experiment
from ventral.model.network import Network

MIXED = '''"""Mixed: a little of everything.

Source: none.
"""

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, grey, image, mask, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol


def protocol(soa_ms: tuple[int, ...] = (20, 50), contrast: float = 0.3, end_ms: int = 200) -> Protocol:
    """A few conditions."""
    flash = Show(target, 0, 20)
    return Protocol(
        (
            Condition("plain", (flash,)),
            Condition("faint", (Show(target.changed("contrast", contrast), 0, 20),)),
            Condition("before", (Show(image("other-object", 2), -50, -20), flash)),
            Condition("covered", (Show(target, 0, 60), Show(mask(), 30, 80)), combine="over"),
            Condition("added", (Show(target, 0, 60), Show(mask(), 30, 50)), combine="add"),
            Condition("silent", (flash,), interventions=(Scale("feedback", 50, 100), Scale("V4", -50, 0, 0.5, True))),
            Condition("empty"),
            *(Condition(f"soa_{soa}", (flash, Show(mask("noise"), soa, soa + 50)), soa_ms=soa) for soa in soa_ms),
        ),
        end_ms=end_ms,
        readout_ms=(100, end_ms),
    )
'''
LESION = '''"""Lesion: intact, or feedback scaled.

Source: none.
"""

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol


def protocol(scale: tuple[float, ...] = (0.5, 0.0), end_ms: int = 50) -> Protocol:
    """One condition per scale, and one that is intact."""
    flash = (Show(target, 0, 20),)
    cut = [Condition(f"times_{x}", flash, interventions=(Scale("feedback", 0, 50, x),)) for x in scale]
    return Protocol((Condition("intact", flash), *cut), end_ms=end_ms)
'''


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for two protocols, in which the command is given."""
    (tmp_path / "here").mkdir()
    (tmp_path / "mixed.py").write_text(MIXED)
    (tmp_path / "cut.py").write_text(LESION)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "here"


@pytest.fixture
def worked(give):
    """What a command printed that should work."""

    def run(line: str) -> str:
        code, out, err = give(line)
        assert (code, err) == (0, "")
        return out

    return run


def rows(out: str, title: str) -> list[list[str]]:
    """Cells of the rows of a table, its columns first; those of the last column may be absent."""
    lines = out[out.index(title) :].partition("\n\n")[0].splitlines()[1:]
    return [re.split(r" {3,}", line.strip()) for line in lines if "──" not in line]


# --- protocols show


def test_changes_images_overlaps_and_interventions_are_told(worked):
    told = {row[0]: row[1:] for row in rows(worked("protocols show ../mixed.py"), "conditions, -50 to 200 ms")}
    assert told["condition"] == ["shows (ms)", "overlap (ms)", "scaled in the network (ms)"]
    assert told["plain"] == ["target 0-20"]
    assert told["faint"] == ["target+contrast=0.3 0-20"]
    assert told["before"] == ["image:other-object:2 -50 to -20; target 0-20"]
    assert told["covered"] == ["target 0-60; mask:noise 30-80", "mask:noise over target, 30-60"]
    assert told["added"] == ["target 0-60; mask:noise 30-50", "mask:noise added to target, 30-50"]
    assert told["silent"] == ["target 0-20", "feedback × 0, 50-100; V4 × 0.5 with identity, -50 to 0"]
    assert told["empty"] == ["grey"]
    assert told["soa_50"] == ["target 0-20; mask:noise 50-100"]


def test_columns_that_would_be_empty_are_left_out(worked):
    assert rows(worked("protocols show flash"), "conditions, 0 to 300 ms")[0] == ["condition", "shows (ms)"]


def test_knobs_are_set(worked):
    out = worked("protocols show ../mixed.py --set soa_ms=30 --set contrast=0.1 --set end_ms=120")
    assert "conditions, -50 to 120 ms" in out
    assert "target+contrast=0.1 0-20" in out
    assert "soa_30" in out
    assert "soa_20" not in out
    assert "Between events: grey. Read at 100, 120 ms." in out


def test_arrival_is_told_for_each_time_at_which_a_first_image_comes(worked, model_file):
    out = worked(f"protocols show ../mixed.py --model {model_file}")
    told = rows(out, f"when the first image arrives in the areas of {model_file}")
    assert told == [
        ["onset", "V1", "V2", "V4", "IT"],
        ["-50 ms", "-50 ms", "-40 ms", "-30 ms", "-20 ms"],
        ["0 ms", "0 ms", "10 ms", "20 ms", "30 ms"],
    ]


def test_the_areas_are_those_of_the_model(worked, here):
    assert rows(worked("protocols show flash"), "when the first image")[0][1:] == ["V1", "V2", "V4", "IT"]
    one = worked("protocols show flash --set duration_ms=10 --model two-state:channels=2")
    assert rows(one, "when the first image arrives in the areas of two-state:channels=2")[0][1:] == ["V1", "V2"]
    Path("graph.json").write_text(small_graph().to_json())
    assert "areas of graph.json" in worked("protocols show flash --model graph.json")


def test_a_record_that_outlasts_the_statistics_says_where_they_end(worked, model_file):
    line = f"protocols show ../mixed.py --model {model_file}"  # with statistics to 300 ms, from -50 on
    assert "normalisation statistics" not in worked(line + " --set end_ms=250")
    assert f"In this protocol {model_file} has normalisation statistics to 250 ms; to record later times" in worked(
        line + " --set end_ms=260"
    )
    worked(line + " --set end_ms=260 --figure x.svg")
    assert "no statistics after 250 ms" in texts(Path("x.svg"))


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_a_protocol_is_drawn(worked, form):
    assert worked(f"protocols show flash --figure out/flash.{form}").splitlines()[-1] == f"out/flash.{form}"
    start = Path(f"out/flash.{form}").read_bytes()[:1000]
    assert {"svg": b"<svg", "png": b"PNG", "pdf": b"%PDF"}[form] in start


def texts(path: Path) -> list[str]:
    """What is written in a figure."""
    return ["".join(element.itertext()) for element in ElementTree.parse(path).iter() if element.tag.endswith("text")]


def test_text_and_figure_name_the_same_conditions_with_knobs_set(worked):
    out = worked("protocols show ../mixed.py --set soa_ms=20,30 --figure mixed.svg")
    told = [row[0] for row in rows(out, "conditions, ")[1:]]
    assert told == ["plain", "faint", "before", "covered", "added", "silent", "empty", "soa_20", "soa_30"]
    written = texts(Path("mixed.svg"))
    assert [text for text in written if text in told] == told
    assert "mixed on shapes" in written


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("flash --figure x.jpg", ["'x.jpg'; end its name in .svg, .png or .pdf"]),
        ("flash --model shaeps", ["no model named 'shaeps'; did you mean 'shapes'?"]),
        ("flash --model no.json", ["cannot read no.json: no such file or directory"]),
        ("flash --model two-state", ["condition on_20: with impulse drive an image enters only at"]),
        ("flash --model two-state --figure x.svg", ["condition on_20: with impulse drive an image enters only at"]),
        ("../mixed.py --model two-state:chanels=2", ["no knob named 'chanels'; did you mean 'channels'?"]),
        ("../mixed.py --set soa=20", ["no knob named 'soa'; did you mean 'soa_ms'?"]),
    ],
)
def test_what_cannot_be_shown_is_refused(give, here, line, parts):
    code, _, err = give(f"protocols show {line}")
    assert code == 2
    assert all(part in err for part in parts)
    assert not list(here.iterdir())


def test_an_intervention_on_what_a_model_lacks_is_refused(give):
    Path("deep.py").write_text(MIXED.replace('"V4"', '"TEO"'))
    code, out, err = give("protocols show deep.py --figure x.svg")
    assert code == 2
    assert "no transition, area or class of transitions named 'TEO'" in err
    assert "TEO × 0.5 with identity" in out  # what the protocol shows is told all the same
    assert not Path("x.svg").exists()


# --- simulate --dry-run


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

        def computing(experiment: Experiment, presentations: range) -> float:
            count = len(experiment.groups(presentations))
            self.batches += count
            return 10.0 * count + 490.0 * (self.batches == count)

        patched.setattr("ventral.experiment.costs.time.perf_counter", lambda: self.now)
        patched.setattr(Experiment, "record", counted(Experiment.record, computing))
        patched.setattr(Network, "estimate_statistics", counted(Network.estimate_statistics, lambda *_: 2000.0))


@pytest.fixture
def clock(monkeypatch) -> Iterator[Clock]:
    made = Clock()
    made.watch(monkeypatch)
    return made


@pytest.mark.parametrize(("number", "batch"), [(4, 4), (4, 6), (8, 4), (5, 4), (3, 9)])
def test_time_is_that_of_every_batch_without_the_first_s_delay(worked, clock, model_file, number, batch):
    """Conditions differ in scales, so a shard that holds two of them is computed twice."""
    line = f"simulate --protocol ../cut.py --model {model_file} --images {number} --batch {batch}"
    told = costs(worked(f"{line} --dry-run"))["time"]
    clock.batches = 0
    worked(line)
    assert told == f"about {spell(10 * clock.batches)} on cpu"


def test_re_estimating_statistics_is_a_line_of_its_own(worked, clock, model_file):
    line = f"simulate --protocol flash --set end_ms=50 --model {model_file} --images 4 --batch 4 --dry-run"
    frozen = costs(worked(line))
    clock.batches = 0
    anew = costs(worked(line + " --policy recalibrated"))
    assert "statistics" not in frozen
    assert anew["statistics"] == "33 min to re-estimate them, before"
    assert anew["time"] == frozen["time"] == "about 50 s on cpu"


@pytest.mark.parametrize("record", ["units", "channels"])
def test_disk_is_what_the_run_takes(worked, model_file, record, monkeypatch):
    monkeypatch.setattr("ventral.cli.simulate.megabytes", lambda size: f"{size / 1e6:.6f} MB")
    line = f"simulate --protocol flash --model {model_file} --images 30 --batch 20 --record {record} --out run.zarr"
    told = costs(worked(line + " --dry-run"))["disk"]
    about, most = (float(number) for number in re.findall(r"([\d.,]+) MB", told))
    worked(line)
    taken = sum(path.stat().st_size for path in Path("run.zarr").rglob("*") if path.is_file()) / 1e6
    assert about == pytest.approx(taken, rel=0.003)
    assert taken <= most
    assert told.endswith("MB in run.zarr")


def test_memory_is_the_process_s_own_peak_and_names_the_images(worked, model_file):
    line = f"simulate --protocol flash --set end_ms=50 --model {model_file} --images 200 --batch 4 --dry-run"
    told = costs(worked(line))["memory"]
    peak, images = (float(number.replace(",", "")) for number in re.findall(r"([\d.,]+) MB", told))
    unit = 1 if sys.platform == "darwin" else 1024
    assert peak == pytest.approx(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, rel=0.01)
    assert images == pytest.approx(200 * 3 * 16 * 16 / 1e6, abs=0.05)


def test_a_dry_run_leaves_nothing_and_what_was_recorded_as_it_was(worked, here, model_file):
    line = f"simulate --protocol flash --set end_ms=50 --model {model_file} --images 4 --batch 4"
    worked(line + " --dry-run")
    assert not list(here.iterdir())
    worked(line)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    worked(line + " --dry-run")
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    assert open_run("runs/flash-small.zarr").complete


def test_a_dry_run_that_fails_leaves_nothing(give, here, model_file, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = give(f"simulate --protocol flash --set end_ms=50 --model {model_file} --images 4 --dry-run")
    assert code == 1
    assert "the disk is full" in err
    assert not list(here.iterdir())
