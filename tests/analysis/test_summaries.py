"""Laws of the analyses that sum up a protocol: masking, lesions, difficulty, under both policies."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_runs import changed, fake_run, lesioned, masked, protocol
from matplotlib.text import Text
from scipy.special import log_softmax
from small import small_graph
from ventral.analysis import difficulty, dose, lesion, masking, readout

from ventral.errors import ClockError, DecodingError, StoreError, UsageError
from ventral.experiment.run import Run, open_run
from ventral.experiment.settings import POLICIES
from ventral.figures.saving import SUFFIXES
from ventral.measures import controls, responses
from ventral.measures.crossed import crossed_interval
from ventral.measures.psychophysics import chance_corrected, d_prime
from ventral.measures.series import find_series
from ventral.measures.weibull import fit_weibull
from ventral.model.graph import AreaGraph
from ventral.store.layout import Layout, Recording
from ventral.store.writer import Writer

TIME_MS = np.arange(0, 101, 10)
ARRIVAL_MS = 30
CLASSES = 4
UNMASKED = {"target_ms": 10.0}
QUICK = {"resamples": 100}


def made_up(
    path: Path,
    conditions: dict[str, dict],
    strength: Callable[[str, np.ndarray], np.ndarray],
    images: int = 80,
    repeats: int = 1,
    seed: int = 0,
    **attrs: object,
) -> Run:
    """A run whose readout favours the true class by `strength`, (image,), of a condition from arrival on.

    Each image is the harder the lower its ease, which IT holds at arrival.
    """
    ease = np.random.default_rng(99).normal(size=images)
    draw = np.random.default_rng(seed)
    each = images * repeats
    rows = len(conditions) * each
    image = np.tile(np.tile(np.arange(images)[::-1] * 3, repeats), len(conditions))  # not in rising order
    label = image // 3 % CLASSES
    names = np.repeat(np.array(list(conditions), dtype=object), each)
    columns = {"image": image, "label": label, "condition": names}
    if repeats > 1:
        columns["repeat"] = np.tile(np.repeat(np.arange(repeats), images), len(conditions))
    for name in dict.fromkeys(name for given in conditions.values() for name in given):
        blank = "" if any(isinstance(given.get(name), str) for given in conditions.values()) else np.nan
        columns[name] = np.repeat([given.get(name, blank) for given in conditions.values()], each)
    presentations = xr.Dataset({name: ("presentation", values) for name, values in columns.items()})
    coords = {"time": TIME_MS} | {name: ("presentation", column.values) for name, column in presentations.items()}
    pull = np.concatenate([np.tile(strength(name, ease), repeats) for name in conditions])
    logits = draw.normal(size=(rows, len(TIME_MS), CLASSES))
    logits[:, -1] = logits[:, -2]  # the last readings are alike
    logits[np.arange(rows), :, label] += pull[:, None]
    logits[:, TIME_MS < ARRIVAL_MS] = np.nan
    held = draw.normal(size=(rows, len(TIME_MS), 12))
    first = np.outer(ease, np.linspace(1, 2, 12)) + 0.5 * np.random.default_rng(7).normal(size=(images, 12))
    held[:, TIME_MS == ARRIVAL_MS] = np.tile(first, (repeats * len(conditions), 1))[:, None]
    held[:, TIME_MS < ARRIVAL_MS] = np.nan
    activity = {"IT": xr.DataArray(held, dims=("presentation", "time", "unit"), coords=coords)}
    logits = xr.DataArray(logits, dims=("presentation", "time", "class"), coords=coords)
    known = {"statistics": "frozen", "weights_sha256": "a"} | attrs
    return fake_run(path, protocol(conditions, end_ms=100, readout_ms=(100,)), presentations, logits, activity, **known)


SOAS = (10, 20, 40, 60, 80)
MASKING = {
    "unmasked": UNMASKED,
    "mask_only": {"mask_ms": 50.0, "mask_kind": "noise"},
    "blank": {},
    **{f"soa_{soa}": masked(soa) for soa in reversed(SOAS)},
}


def rising(name: str, ease: np.ndarray) -> np.ndarray:
    """Strength that rises with SOA, and none without a target."""
    if name in ("mask_only", "blank"):
        return 0 * ease
    soa = float(name.removeprefix("soa_")) if "soa_" in name else 200.0
    return 4 * (1 - np.exp(-((soa / 45) ** 2))) + 0 * ease


def graded(name: str, ease: np.ndarray) -> np.ndarray:
    """Strength that rises with SOA and with the ease of an image."""
    return rising(name, ease) / 2 + ease


@pytest.fixture
def run(tmp_path):
    return made_up(tmp_path / "fake.zarr", MASKING, rising, images=200)


@pytest.fixture
def graded_run(tmp_path):
    """A run in which some images are harder than others."""
    return made_up(tmp_path / "fake.zarr", MASKING, graded, images=200)


@pytest.fixture
def beside(monkeypatch):
    """Runs that are found at a path."""
    runs = {}

    def find(path):
        if Path(path) not in runs:
            raise StoreError(f"there is no run at {path}.")
        return runs[Path(path)]

    for name in ("open_run", "open_complete"):
        monkeypatch.setattr(controls, name, find)
    return runs


@pytest.fixture(autouse=True)
def drawn(request, monkeypatch):
    """Words of the figures, by file, which are not rendered unless a test is marked so: that takes long."""
    words = {}

    def keep(figure, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        words[path.name] = " ".join(text.get_text() for text in figure.findobj(Text)).replace("\n", " ")
        return [path.with_suffix(suffix) for suffix in SUFFIXES]

    if "rendered" not in request.fixturenames:
        for analysis in (masking, lesion, difficulty, dose, readout):
            monkeypatch.setattr(analysis, "save", keep)
    return words


@pytest.fixture
def rendered():
    """Figures are written."""


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def number(cell: str) -> float:
    return float(cell) if cell else np.nan


def correct(run: Run, condition: str, ms: float = 100) -> np.ndarray:
    """Whether each presentation of a condition was classified correctly, in the order of its images."""
    mine = run.presentations["condition"].values == condition
    order = np.argsort(run.presentations["image"].values[mine], kind="stable")
    logits = run.logits.sel(time=ms)[mine]
    return (logits.values.argmax(1) == logits["label"].values)[order]


# ---- all of them


@pytest.mark.parametrize(
    ("analysis", "conditions", "files"),
    [
        (masking, "MASKING", ("masking.png", "masking.svg", "masking.pdf", "masking.csv", "masking-fits.csv")),
        (lesion, "LESIONS", ("lesion.png", "lesion.svg", "lesion.pdf", "lesion.csv", "lesion-time.csv")),
        (difficulty, "MASKING", ("difficulty.png", "difficulty.svg", "difficulty.pdf", "difficulty.csv")),
    ],
)
@pytest.mark.usefixtures("rendered")
def test_an_analysis_writes_a_figure_twice_and_its_numbers(tmp_path, analysis, conditions, files):
    run = made_up(tmp_path / "fake.zarr", globals()[conditions], lambda name, ease: 2 + 2 * ease)
    written = analysis.analyze(run, tmp_path / "new", **QUICK)
    assert written == [tmp_path / "new" / name for name in files]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    assert "With frozen statistics only: the run has no control" in written[1].read_text()
    assert all(len(table(path)) > 0 for path in written[3:])


@pytest.mark.parametrize("analysis", [masking, difficulty])
def test_the_same_run_gives_the_same_numbers(graded_run, tmp_path, analysis):
    for name in ("once", "again"):
        analysis.analyze(graded_run, tmp_path / name, **QUICK)
    for path in (tmp_path / "once").glob("*.csv"):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize(("analysis", "knobs"), [(masking, QUICK), (difficulty, QUICK | {"splits": 2}), (readout, {})])
def test_both_policies_are_drawn_and_tabulated_if_there_is_a_control(tmp_path, beside, drawn, analysis, knobs):
    run = made_up(tmp_path / "fake.zarr", MASKING, lambda *of: rising(*of) + of[1], images=200, control="other.zarr")
    weak = made_up(tmp_path / "other.zarr", MASKING, lambda *of: rising(*of) / 4 + of[1], images=200)
    beside[tmp_path / "other.zarr"] = changed(weak, {"statistics": "recalibrated"})
    written = analysis.analyze(run, tmp_path, **knobs)
    words = list(drawn.values())[-1]
    assert "frozen statistics" in words
    assert "pooled statistics" in words
    assert "only: " not in words
    name = next(path.name for path in written if path.suffix == ".csv")
    rows = [row for row in table(tmp_path / name) if row["condition"] == "unmasked"]
    of = {
        policy: np.nanmean([number(row["accuracy"]) for row in rows if row["statistics"] == policy])
        for policy in ("frozen", "pooled")
    }
    assert of["frozen"] > of["pooled"] + 0.3


@pytest.mark.parametrize(
    ("control", "why"),
    [
        (None, "the control, other.zarr, is missing or damaged."),
        ({"statistics": "frozen"}, "other.zarr is not a control of this run."),
        ({"statistics": "recalibrated", "protocol": "another"}, "other.zarr is not a control of this run."),
    ],
)
def test_without_its_control_a_run_is_drawn_alone_and_the_figure_says_why(run, tmp_path, beside, control, why):
    if control is not None:
        beside[tmp_path / "other.zarr"] = changed(run, control)
    found, note = controls.controls_of(changed(run, {"control": "other.zarr"}))
    assert (found, note) == ([], f"With frozen statistics only: {why}")


def stored(path: Path, run: Run, complete: bool = True) -> None:
    """Write what a fake run holds as a real one."""
    area = Recording("IT", ("unit",), (12,), {"channel": np.arange(12)}, {"arrival_ms": ARRIVAL_MS})
    columns = {name: run.presentations[name].values for name in run.presentations}
    names = tuple(f"class {place}" for place in range(CLASSES))
    attrs = run.attrs | {"identity": {"statistics": run.attrs["statistics"]}}
    layout = Layout(columns, TIME_MS, (area,), names, 100, "float32", attrs)
    with Writer.open(path, layout) as writer:
        for batch in writer.pending if complete else writer.pending[:-1]:
            rows = writer.batch_slice(batch)
            writer.write(batch, {"IT": run["IT"].values[rows]}, run.logits.values[rows])


def test_a_control_on_disk_is_found_beside_the_run(run, tmp_path):
    small = made_up(tmp_path / "run.zarr", MASKING, rising, images=20, control="run-recalibrated.zarr")
    other = changed(small, {"control": "run.zarr", "statistics": "recalibrated"})
    stored(tmp_path / "run.zarr", small)
    stored(tmp_path / "run-recalibrated.zarr", other)
    for name, policy in (("run.zarr", "pooled"), ("run-recalibrated.zarr", "frozen")):
        (control,), note = controls.controls_of(open_run(tmp_path / name))
        assert note == "Without per-condition statistics (simulate --control records them)."
        assert control.policy == policy
    moved = tmp_path / "elsewhere" / "run.zarr"
    shutil.copytree(tmp_path / "run.zarr", moved)
    assert controls.controls_of(open_run(moved))[0] == []
    stored(moved.parent / "run-recalibrated.zarr", other, complete=False)
    _, note = controls.controls_of(open_run(moved))
    assert note.endswith("the control, run-recalibrated.zarr, is not complete.")


@pytest.mark.parametrize("asked", range(3))
def test_controls_are_found_from_each_of_the_runs_even_without_their_names(run, tmp_path, asked):
    policies = {"run": "frozen", "run-pooled": "recalibrated", "run-per-condition": "per-condition"}  # as on disk
    small = made_up(tmp_path / "run.zarr", MASKING, rising, images=20)
    for name, stored_policy in policies.items():
        stored(tmp_path / f"{name}.zarr", changed(small, {"statistics": stored_policy}))
    found, note = controls.controls_of(open_run(tmp_path / f"{list(policies)[asked]}.zarr"))
    others = [policy for place, policy in enumerate(POLICIES) if place != asked]
    assert ([control.policy for control in found], note) == (others, "")


INTERVALS = {"frozen": (0.1, 0.2), "pooled": (0.05, 0.3), "per-condition": (0.01, 0.1)}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "yes"),
        ({"per-condition": (-0.01, 0.1)}, "no"),
        ({"per-condition": (-0.2, -0.1)}, "no"),  # the other way round
        ({"frozen": (0.0, 0.1)}, "no"),
        ({"per-condition": None}, "untested"),
        ({"per-condition": None, "pooled": (-0.1, 0.1)}, "no"),
    ],
)
def test_an_effect_holds_if_its_interval_excludes_zero_under_every_policy(run, changes, verdict):
    ends = {policy: pair for policy, pair in (INTERVALS | changes).items() if pair is not None}
    rows = [
        {"soa_ms": 20.0, "statistics": policy, "cost_low": low, "cost_high": high}
        for policy, (low, high) in ends.items()
    ]
    other = [row | {"soa_ms": 80.0, "cost_low": -0.1} for row in rows]
    told = controls.holds(pd.DataFrame(rows + other), ["soa_ms"], "cost", run)
    assert told.tolist() == [verdict] * len(rows) + ["no"] * len(rows)


def test_responses_are_those_that_were_recorded_image_by_image(run):
    read = responses.read_responses(run, ["soa-20", "unmasked"])
    assert read["condition"].values.tolist() == ["soa_20", "unmasked"]
    np.testing.assert_array_equal(read["soa_ms"], [20, np.nan])
    assert read["mask_kind"].values.tolist() == ["noise", ""]
    assert (np.diff(read["image"]) > 0).all()
    np.testing.assert_array_equal(read["label"], read["image"] // 3 % CLASSES)
    for name in ("soa_20", "unmasked"):
        np.testing.assert_array_equal(read["correct"].sel(condition=name, time=60)[:, 0], correct(run, name, 60))
    assert read["correct"].sel(time=slice(None, 20)).isnull().all()
    mine = run.presentations["condition"].values == "unmasked"
    logits = run.logits[mine].sel(time=60)[np.argsort(run.presentations["image"].values[mine])]
    shares = np.exp(logits) / np.exp(logits).sum("class")
    np.testing.assert_allclose(read["confidence"].sel(condition="unmasked", time=60)[:, 0], shares.max("class"))


def test_a_cumulative_observer_decides_by_the_sum_of_log_probabilities(run):
    read = responses.read_responses(run, ["unmasked"], observer="cumulative")
    assert read.attrs["source"] == "cumulative readout"
    mine = np.flatnonzero(run.presentations["condition"].values == "unmasked")
    mine = mine[np.argsort(run.presentations["image"].values[mine])]
    scores = log_softmax(run.logits[mine].sel(time=slice(None, 60)).values, axis=-1)
    decided = np.nansum(scores, axis=1).argmax(1)
    expected = decided == run.presentations["label"].values[mine]
    np.testing.assert_array_equal(read["correct"].sel(condition="unmasked", time=60)[:, 0], expected)
    with pytest.raises(UsageError, match="decoders, fitted at each tick, are instant ones"):
        responses.read_responses(run, ["unmasked"], decode="IT", observer="cumulative")


def test_labels_are_looked_up_by_name_where_classes_have_names(run):
    names = np.array(["d", "c", "b", "a"])
    wanted = responses.read_responses(run, ["unmasked"])
    turned = run.logits[..., ::-1].assign_coords({"class": names[::-1]})
    turned = turned.assign_coords(label_name=("presentation", names[run.presentations["label"].values]))
    found = responses.read_responses(changed(run, logits=turned), ["unmasked"])
    np.testing.assert_array_equal(found["correct"], wanted["correct"])


def test_repeats_are_averaged_for_each_image_before_anything_else(tmp_path):
    run = made_up(tmp_path / "fake.zarr", MASKING, rising, images=40, repeats=5)
    rows = {row["condition"]: row for row in table(masking.analyze(run, tmp_path)[3])}
    mine = correct(run, "soa_40").reshape(40, 5)  # by image
    assert rows["soa_40"]["images"] == "40"
    assert number(rows["soa_40"]["accuracy"]) == pytest.approx(mine.mean())
    # the interval is of 40 images, each with the mean of its repeats
    half = 1.96 * mine.mean(1).std() / np.sqrt(40)
    ends = [number(rows["soa_40"][name]) for name in ("accuracy_low", "accuracy_high")]
    np.testing.assert_allclose(ends, [mine.mean() - half, mine.mean() + half], atol=0.02)


# ---- masking


def test_the_tables_of_masking_are_what_was_recorded(run, tmp_path, drawn):
    files = masking.analyze(run, tmp_path, at_ms=90)
    rows = {row["condition"]: row for row in table(files[3])}
    assert set(rows) == set(MASKING)
    for name, row in rows.items():
        accuracy = correct(run, name, 90).mean()
        assert number(row["accuracy"]) == accuracy
        assert number(row["d_prime"]) == pytest.approx(d_prime(accuracy, CLASSES, 200))
        assert number(row["corrected"]) == pytest.approx(chance_corrected(accuracy, 1 / CLASSES))
        assert number(row["soa_ms"]) == pytest.approx(MASKING[name].get("soa_ms", np.nan), nan_ok=True)
        assert row["mask"] == ("noise" if "soa_ms" in MASKING[name] else "")
        for measure in ("accuracy", "d_prime", "corrected"):
            assert number(row[f"{measure}_low"]) < number(row[measure]) < number(row[f"{measure}_high"])
    (fit,) = table(files[4])
    counts = [correct(run, f"soa_{soa}", 90).sum() for soa in SOAS]
    expected = fit_weibull(SOAS, counts, 200, 0.25, correct(run, "unmasked", 90).mean())
    for name in ("scale_ms", "threshold_ms", "slope", "top"):
        assert number(fit[name]) == pytest.approx(getattr(expected, name))
        assert number(fit[f"{name}_low"]) <= number(fit[name]) <= number(fit[f"{name}_high"])
    assert (fit["top_is"], fit["reason"]) == ("unmasked", "")
    assert "75 % of the range at" in drawn["masking"]
    (free,) = table(masking.analyze(run, tmp_path, at_ms=90, top="free")[4])
    assert number(free["top"]) == pytest.approx(fit_weibull(SOAS, counts, 200, 0.25).top)


def test_the_cost_of_a_mask_is_paired_over_images_and_untested_without_controls(run, tmp_path):
    for row in table(masking.analyze(run, tmp_path, at_ms=90)[3]):
        if not row["mask"]:
            assert (row["cost"], row["holds"]) == ("", "")
            continue
        lost = 1.0 * correct(run, "unmasked", 90) - correct(run, row["condition"], 90)
        half = 1.96 * lost.std() / np.sqrt(200)
        ends = [number(row[name]) for name in ("cost_low", "cost", "cost_high")]
        np.testing.assert_allclose(ends, [lost.mean() - half, lost.mean(), lost.mean() + half], atol=0.015)
        assert row["holds"] == ("untested" if ends[0] > 0 or ends[2] < 0 else "no")


def test_where_nothing_can_be_fitted_the_figure_and_the_table_say_why(tmp_path, drawn):
    flat = made_up(tmp_path / "fake.zarr", MASKING, lambda name, ease: 0 * ease + 2 * (name == "unmasked"), images=200)
    files = masking.analyze(flat, tmp_path)
    (fit,) = table(files[4])
    assert fit["threshold_ms"] == fit["slope_low"] == ""
    assert fit["reason"].startswith("accuracy does not rise with SOA; it is 2")
    assert f"no function, {fit['reason']}." in drawn["masking"]


def test_human_observers_are_drawn_beside_targets_that_stay_on_until_the_mask(tmp_path, run, drawn):
    until = {f"soa_{soa}": masked(soa, target_ms=None) | {"target_ms": float(soa)} for soa in SOAS}
    alone = {f"unmasked_{soa}": {"target_ms": float(soa)} for soa in SOAS}
    like = made_up(tmp_path / "fake.zarr", until | alone, lambda name, ease: rising(name, ease) + ("un" in name))
    masking.analyze(like, tmp_path)
    assert "human observers, parts of objects, masked" in drawn["masking"]
    assert "Tang et al. (2018)" in drawn["masking"]
    (series,) = find_series(like.protocol.conditions)
    assert series.unmasked == tuple(f"unmasked_{soa}" for soa in SOAS)
    assert series.level is None
    masking.analyze(run, tmp_path)
    assert "human observers" not in drawn["masking"]


def test_several_models_give_their_mean_and_what_each_did(run, tmp_path, beside):
    for seed in (1, 2):
        other = made_up(
            tmp_path / f"seed-{seed}.zarr", MASKING, rising, images=200, seed=seed, weights_sha256=f"{seed}"
        )
        beside[other.path] = other
    paths = tuple(str(path) for path in beside)
    files = masking.analyze(run, tmp_path, runs=paths)
    rows = [row for row in table(files[3]) if row["condition"] == "soa_40"]
    each = [number(row["accuracy"]) for row in rows if row["interval"] == "images"]
    assert each == [correct(each, "soa_40").mean() for each in (run, *beside.values())]
    (mean,) = [row for row in rows if row["interval"] == "models and images"]
    crossed = crossed_interval([np.stack([correct(each, "soa_40") for each in (run, *beside.values())])])
    numbers = [number(mean[name]) for name in ("accuracy", "accuracy_low", "accuracy_high")]
    np.testing.assert_allclose(numbers, [crossed.middle, crossed.low, crossed.high])
    assert numbers[0] == pytest.approx(np.mean(each))
    primes = [number(row["d_prime"]) for row in rows if row["interval"] == "images"]
    half = 4.302652730 * np.std(primes, ddof=1) / np.sqrt(3)  # Student's, 2 degrees of freedom
    numbers = [number(mean[name]) for name in ("d_prime", "d_prime_low", "d_prime_high")]
    np.testing.assert_allclose(numbers, np.mean(primes) + np.array([0, -half, half]))
    fits = table(files[4])
    assert [row["model"] for row in fits] == ["fake", "seed-1", "seed-2", "mean of 3"]
    thresholds = [number(row["threshold_ms"]) for row in fits]
    assert thresholds[3] == pytest.approx(np.mean(thresholds[:3]))


def test_a_mean_over_models_is_of_one_graph(run, tmp_path, beside):
    other = changed(run, {"weights_sha256": "b", "graph": small_graph(drive="impulse", readout_ms=(40,)).to_json()})
    beside[tmp_path / "b.zarr"] = other
    with pytest.raises(UsageError, match=r"is of a network with other drive \(impulse instead of sustained\) and"):
        masking.analyze(run, tmp_path / "out", runs=(str(tmp_path / "b.zarr"),))
    graph = small_graph()
    fewer = AreaGraph(graph.areas, graph.transitions[:-1], readout="IT")
    beside[tmp_path / "b.zarr"] = changed(run, {"weights_sha256": "b", "graph": fewer.to_json()})
    with pytest.raises(UsageError, match=rf"with other transitions \({graph.transitions[-1].name}\); give runs of one"):
        masking.analyze(run, tmp_path / "out", runs=(str(tmp_path / "b.zarr"),))


def test_soas_whose_mask_cannot_have_arrived_are_marked(run, tmp_path, drawn):
    files = masking.analyze(run, tmp_path, at_ms=90, **QUICK)
    arrival = {row["soa_ms"]: number(row["mask_arrival_ms"]) for row in table(files[3])}
    assert arrival["80.0"] == 80 + ARRIVAL_MS > 90 >= arrival["60.0"]
    assert "Read at 90 ms: at SOAs of 80 ms the mask cannot have arrived." in drawn["masking"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"weights_sha256": "a"}, UsageError, "is of a model that is given already; models differ in their weights"),
        ({"weights_sha256": "b", "protocol": "x"}, UsageError, "has another protocol or other images"),
        ({"weights_sha256": "b", "statistics": "recalibrated"}, UsageError, "give runs with frozen ones"),
        (None, StoreError, "there is no run at"),
    ],
)
def test_further_runs_are_of_the_same_experiment_on_other_weights(run, tmp_path, beside, changes, error, message):
    if changes is not None:
        beside[tmp_path / "b.zarr"] = changed(run, changes)
    with pytest.raises(error, match=message):
        masking.analyze(run, tmp_path / "out", runs=(str(tmp_path / "b.zarr"),))
    assert not (tmp_path / "out").exists()


# ---- lesions


LESIONS = {
    "intact": UNMASKED,
    "feedback_40": lesioned("feedback", 40, 60),
    "feedback_0": lesioned("feedback", 0, 20),
    "feedback_half": lesioned("feedback", 0, 20, 0.5),
    "feedback_whole": lesioned("feedback", 0, 100),
    "lateral_0": lesioned("lateral", 0, 20),
}


def test_the_table_of_lesions_is_what_each_took_from_the_same_images(tmp_path, drawn):
    strengths = {"intact": 3.0, "feedback_0": 3.0, "feedback_40": 1.0}
    run = made_up(tmp_path / "fake.zarr", LESIONS, lambda name, ease: 0 * ease + strengths.get(name, 0.0))
    files = lesion.analyze(run, tmp_path)
    assert [path.name for path in files] == ["lesion.png", "lesion.svg", "lesion.pdf", "lesion.csv", "lesion-time.csv"]
    rows = {row["condition"]: row for row in table(files[3])}
    assert set(rows) == set(LESIONS) - {"intact"}
    intact = correct(run, "intact")
    for name, row in rows.items():
        loss = intact.mean() - correct(run, name).mean()
        assert number(row["loss"]) == pytest.approx(loss)
        assert number(row["start_ms"]) == LESIONS[name]["lesion_start_ms"]
        # of paired differences, not of two independent rates
        error = np.std(intact.astype(float) - correct(run, name)) / np.sqrt(80)
        width = number(row["loss_high"]) - number(row["loss_low"])
        assert width == pytest.approx(2 * 1.96 * error, rel=0.2)
    over_time = {(row["condition"], row["time_ms"]): number(row["accuracy"]) for row in table(files[4])}
    assert over_time["feedback_40", "60.0"] == correct(run, "feedback_40", 60).mean()
    assert np.isnan(over_time["intact", "20.0"])
    assert all(text in drawn["lesion"] for text in ("throughout", "0 to 20 ms", "40 to 60 ms", "50 % left", "lateral"))


def test_a_lesion_that_changes_nothing_costs_exactly_nothing(tmp_path):
    run = made_up(tmp_path / "fake.zarr", LESIONS, lambda name, ease: 1 + 0 * ease)
    logits = run.logits.copy()
    same = run.presentations["condition"].values
    logits[same == "feedback_40"] = logits.values[same == "intact"]
    (row,) = [
        row for row in table(lesion.analyze(changed(run, logits=logits), tmp_path)[3]) if "40" in row["condition"]
    ]
    assert [number(row[name]) for name in ("loss", "loss_low", "loss_high", "d_prime_loss")] == [0, 0, 0, 0]


# ---- doses


DOSES = {f"covered_{share:g}": {"target_ms": 10.0, "coverage": share} for share in (0.8, 0.4, 0.0)}


def test_a_dose_is_a_curve_of_the_accuracies_that_were_recorded(tmp_path, drawn):
    strengths = {"covered_0": 4.0, "covered_0.4": 2.0, "covered_0.8": 0.5}
    run = made_up(tmp_path / "fake.zarr", DOSES, lambda name, ease: strengths[name] + 0 * ease)
    rows = table(dose.analyze(run, tmp_path, **QUICK)[-1])
    assert [(number(row["amount"]), row["condition"]) for row in rows] == [
        (0, "covered_0"),
        (0.4, "covered_0.4"),
        (0.8, "covered_0.8"),
    ]
    for row in rows:
        assert number(row["accuracy"]) == correct(run, row["condition"]).mean()
        assert number(row["accuracy_low"]) <= number(row["accuracy"]) <= number(row["accuracy_high"])
        assert row["images"] == "80"
    assert all(text in drawn["dose"] for text in ("occluded blocks", "readout, % correct", "read at 100 ms"))


# ---- decoders in place of the readout


def of_other_classes(path: Path, conditions: dict[str, dict]) -> Run:
    """A run of images whose classes the network does not know; IT tells them from arrival on."""
    run = made_up(path, conditions, lambda name, ease: 0 * ease, images=60)
    label = run.presentations["label"].values
    names = {"label_name": ("presentation", np.array([f"strange {each}" for each in label]))}
    signal = 9 * np.eye(12)[label][:, None] * np.ones((1, len(TIME_MS), 1))
    activity = {"IT": run["IT"] + signal}
    activity["IT"].attrs["arrival_ms"] = ARRIVAL_MS
    logits = run.logits.assign_coords({"class": [f"known {each}" for each in range(CLASSES)], **names})
    return changed(run, logits=logits, activity=activity)


@pytest.mark.parametrize(("analysis", "conditions"), [(masking, MASKING), (lesion, "LESIONS"), (dose, DOSES)])
def test_images_of_other_classes_are_decoded_where_the_readout_cannot_name_them(tmp_path, drawn, analysis, conditions):
    run = of_other_classes(tmp_path / "fake.zarr", LESIONS if conditions == "LESIONS" else conditions)
    with pytest.raises(DecodingError, match="'strange 0' is none of them; fit a decoder instead"):
        analysis.analyze(run, tmp_path, **QUICK)
    files = analysis.analyze(run, tmp_path, decode="IT", **QUICK)
    (rows,) = (table(path) for path in files if path.name == f"{analysis.__name__.rpartition('.')[2]}.csv")
    assert all(number(row["accuracy"]) == 1 for row in rows)
    assert "decoder of IT, % correct" in list(drawn.values())[-1]


@pytest.mark.parametrize(
    ("analysis", "conditions"), [(masking, MASKING), (lesion, "LESIONS"), (dose, DOSES), (difficulty, MASKING)]
)
def test_every_table_has_its_intervals_and_the_number_of_images(tmp_path, analysis, conditions):
    shown = LESIONS if conditions == "LESIONS" else conditions
    run = made_up(tmp_path / "fake.zarr", shown, lambda name, ease: 2 + 2 * ease, images=200)
    for path in analysis.analyze(run, tmp_path, **QUICK)[len(SUFFIXES) :]:
        columns = table(path)[0].keys()
        assert "images" in columns
        assert {name.removesuffix("_low") for name in columns if name.endswith("_low")} <= columns
        assert any(name.endswith("_low") for name in columns)


# ---- difficulty


def test_difficulty_is_predicted_from_activity_that_all_conditions_share(graded_run, tmp_path, drawn):
    run = graded_run
    files = difficulty.analyze(run, tmp_path, conditions=("soa_10", "soa_40"), splits=3, **QUICK)
    assert "difficulty predicted from IT at 30 ms" in drawn["difficulty"]
    rows = table(files[3])
    assert {row["condition"] for row in rows} == {"unmasked", "soa_10", "soa_40"}
    for name in ("unmasked", "soa_10", "soa_40"):
        groups = [number(row["accuracy"]) for row in rows if row["condition"] == name and row["group"] != "hard - easy"]
        assert np.mean(groups) == pytest.approx(correct(run, name).mean())  # two halves make a whole
    of = {(row["condition"], row["group"]): row for row in rows}
    for scale in ("accuracy", "d_prime", "log_odds"):
        hard, easy, between = (number(of["soa_40", g][f"{scale}_loss"]) for g in ("hard", "easy", "hard - easy"))
        assert between == pytest.approx(hard - easy)
    assert number(of["soa_40", "hard"]["accuracy_loss"]) == pytest.approx(
        number(of["unmasked", "hard"]["accuracy"]) - number(of["soa_40", "hard"]["accuracy"])
    )


def test_the_activity_that_predicts_is_that_which_is_shared(tmp_path):
    run = made_up(tmp_path / "fake.zarr", MASKING, lambda name, ease: 1.5 + ease, images=200)
    (row, *_) = table(difficulty.analyze(run, tmp_path, conditions=("soa_10",), splits=5, **QUICK)[3])
    assert number(row["agreement"]) > 0.3  # IT holds the ease of an image at arrival, and noise at other times


def test_difficulty_has_another_models_confidence_or_repeats_where_there_are(tmp_path, beside, drawn):
    for name, seed in (("a", 0), ("b", 1)):
        path = tmp_path / f"{name}.zarr"
        beside[path] = made_up(path, MASKING, lambda name, ease: 2 + ease, images=200, seed=seed, weights_sha256=name)
    files = difficulty.analyze(beside[tmp_path / "a.zarr"], tmp_path, other=str(tmp_path / "b.zarr"), **QUICK)
    assert "difficulty from another model" in drawn["difficulty"]
    assert 0.2 < number(table(files[3])[0]["agreement"]) < 0.9
    repeated = made_up(tmp_path / "repeated.zarr", MASKING, lambda name, ease: 2 + ease, images=40, repeats=4)
    files = difficulty.analyze(repeated, tmp_path, groups=3, **QUICK)
    assert "difficulty from half of the repeats" in drawn["difficulty"]
    assert {row["group"] for row in table(files[3])} == {"hard", "middle", "easy", "hard - easy"}


def graded_models(tmp_path, beside, number: int = 3) -> list[Run]:
    """Runs of models of their own, in which some images are harder than others."""
    runs = []
    for seed in range(number):
        path = tmp_path / f"{seed}.zarr"
        runs.append(made_up(path, MASKING, graded, images=200, seed=seed, weights_sha256=f"{seed}"))
        beside[path] = runs[-1]
    return runs


def test_difficulty_of_several_models_is_the_mean_of_what_it_is_in_each(tmp_path, beside, drawn):
    models = graded_models(tmp_path, beside)
    knobs = {"conditions": ("soa_10", "soa_40"), "splits": 3, **QUICK}
    each = [pd.read_csv(difficulty.analyze(run, tmp_path / run.path.stem, **knobs)[3]) for run in models]
    others = tuple(str(run.path) for run in models[1:])
    together = pd.read_csv(difficulty.analyze(models[0], tmp_path / "all", runs=others, **knobs)[3])
    columns = ["agreement", "accuracy", "accuracy_loss", "d_prime_loss", "log_odds_loss"]
    np.testing.assert_allclose(together[columns], np.mean([table[columns] for table in each], axis=0))
    assert set(together["models"]) == {3}
    known = together.dropna(subset="d_prime_loss")
    assert (known["d_prime_loss_low"] < known["d_prime_loss"]).all()
    assert "in each of 3 models; correlation" in drawn["difficulty"]
    assert "95 % intervals over 3 models and images, crossed, the grouping held" in drawn["difficulty"]


def test_another_model_says_how_hard_images_are_for_all(tmp_path, beside, drawn):
    *models, other = graded_models(tmp_path, beside, 3)
    knobs = {"conditions": ("soa_40",), "other": str(other.path), **QUICK}
    each = [pd.read_csv(difficulty.analyze(run, tmp_path / run.path.stem, **knobs)[3]) for run in models]
    together = difficulty.analyze(models[0], tmp_path / "all", runs=(str(models[1].path),), **knobs)
    found = pd.read_csv(together[3])
    np.testing.assert_allclose(found["accuracy"], np.mean([table["accuracy"] for table in each], axis=0))
    assert set(found["models"]) == {2}
    assert "difficulty from another model's confidence, in each of 2 models" in drawn["difficulty"]


def test_a_model_whose_images_cannot_be_told_apart_is_named(tmp_path, beside):
    models = graded_models(tmp_path, beside, 2)
    beside[tmp_path / "flat.zarr"] = made_up(
        tmp_path / "flat.zarr", MASKING, rising, images=200, seed=5, weights_sha256="flat"
    )
    with pytest.raises(UsageError, match="flat: at 100 ms hard and easy images cannot be told apart"):
        difficulty.analyze(models[0], tmp_path, conditions=("soa_10",), runs=(str(tmp_path / "flat.zarr"),), **QUICK)


def test_an_interaction_at_chance_or_at_ceiling_is_marked(tmp_path):
    strengths = {"unmasked": (3.0, 0.6), "soa_10": (0.0, 0.0), "soa_20": (1.5, 0.6), "soa_40": (99.0, 0.0)}

    def strength(name: str, ease: np.ndarray) -> np.ndarray:
        mean, slope = strengths.get(name, (1.0, 0.0))
        return mean + slope * ease

    run = made_up(tmp_path / "fake.zarr", MASKING, strength, images=200)
    knobs = {"conditions": ("soa_10", "soa_20", "soa_40"), "splits": 3}
    rows = table(difficulty.analyze(run, tmp_path, **knobs, **QUICK)[3])
    limit = {row["condition"]: row["limit"] for row in rows if row["group"] == "hard - easy"}
    assert limit == {"soa_10": "chance", "soa_20": "", "soa_40": "ceiling"}


@pytest.mark.parametrize(
    ("strength", "knobs"),
    [
        (rising, {}),  # no image is harder than another
        (lambda name, ease: 99 + ease, {}),  # the network is as confident of each as of the others
    ],
)
def test_a_grouping_that_separates_nothing_is_refused(tmp_path, strength, knobs):
    """Law: no effect is reported for groups whose measure does not predict confidence in trials it was not made of."""
    run = made_up(tmp_path / "fake.zarr", MASKING, strength, images=200)
    with pytest.raises(UsageError, match="hard and easy images cannot be told apart, and groups of them would mean"):
        difficulty.analyze(run, tmp_path / "out", conditions=("soa_10",), splits=5, **QUICK, **knobs)
    assert not (tmp_path / "out").exists()


def test_nothing_is_predicted_from_activity_that_differs(graded_run, tmp_path):
    run = graded_run
    other = run["IT"].copy()
    other[run.presentations["condition"].values == "soa_10"] += 1
    other = changed(run, activity={"IT": other})
    with pytest.raises(UsageError, match=r"never the same in unmasked and soa_80, soa_60, soa_40, \.\.\., so"):
        difficulty.analyze(other, tmp_path)
    assert difficulty.analyze(other, tmp_path, conditions=("soa_20",), splits=1, **QUICK)


# ---- refusals


@pytest.mark.parametrize(
    ("analysis", "conditions", "knobs", "error", "message"),
    [
        (
            masking,
            LESIONS,
            {},
            UsageError,
            "no condition has a target and a mask; masking needs a protocol such",
        ),
        (masking, MASKING, {"at_ms": 45}, ClockError, "at_ms is 45 ms; the clock ticks every 10 ms, so use 40 or 50"),
        (
            masking,
            MASKING,
            {"at_ms": 20},
            UsageError,
            "the readout is absent at 20 ms; it is present from 30 to 100 ms",
        ),
        (masking, MASKING, {"resamples": 0}, UsageError, "resamples is 0; give a whole number from 1"),
        (lesion, MASKING, {}, UsageError, "no condition has a lesion"),
        (lesion, LESIONS, {"reference": "intcat"}, UsageError, "no condition named 'intcat'"),
        (lesion, MASKING, {"reference": "unmasked"}, UsageError, "no condition has a lesion"),
        (
            difficulty,
            {"flash": UNMASKED, "again": UNMASKED},
            {},
            UsageError,
            "flash, again could be the reference; say which is the reference",
        ),
        (difficulty, {"intact": UNMASKED}, {}, UsageError, "there is no condition to compare with intact"),
        (difficulty, MASKING, {"conditions": ("soa_30",)}, UsageError, "no condition named 'soa_30'; did you mean"),
        (difficulty, MASKING, {"groups": 1}, UsageError, "groups is 1 and splits 20; give at least 2 and 1"),
        (difficulty, MASKING, {"groups": 30}, UsageError, "the run has 80 images; 30 groups need at least 120"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, analysis, conditions, knobs, error, message):
    run = made_up(tmp_path / "fake.zarr", conditions, rising)
    with pytest.raises(error, match=message):
        analysis.analyze(run, tmp_path / "out", **knobs)
    assert not (tmp_path / "out").exists()


def test_conditions_of_other_images_are_not_compared(run):
    image = run.presentations["image"].values.copy()
    image[run.presentations["condition"].values == "soa_10"] += 1
    moved = changed(run, logits=run.logits.assign_coords(image=("presentation", image)))
    with pytest.raises(UsageError, match="soa_10 was shown to other images, or more often, than unmasked"):
        responses.read_responses(moved)
