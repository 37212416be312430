"""Laws of the analyses: what they draw is what they tabulate, and that is what was recorded."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_runs import fake_run, protocol
from ventral.analysis import decoding, readout

from ventral.errors import ClockError, UsageError
from ventral.experiment.run import Run
from ventral.measures import decoding_runs as decoders
from ventral.measures.decoding import decode_images, decode_over_time
from ventral.measures.decoding_runs import decode_run
from ventral.measures.latency import latencies
from ventral.measures.responses import read_responses

ARRIVALS = {"V1": 0, "V2": 10, "V4": 20}
END_MS = 80


def made_up(path, soas=(20, 40), images=60, units=24, classes=4, end_ms=END_MS, arrivals=ARRIVALS, seed=0):
    """Activity that tells the class from an area's arrival on, and ever less once the mask has reached it."""
    draw = np.random.default_rng(seed)
    mask = {"mask_ms": 50, "mask_kind": "noise"}
    conditions = {"unmasked": {"target_ms": 10}, "mask_only": mask}
    conditions |= {f"soa_{soa}": mask | {"target_ms": 10, "soa_ms": soa} for soa in soas}
    names = list(conditions)
    time = np.arange(0, end_ms + 1, 10)
    soa_ms = [np.nan, np.nan, *map(float, soas)]
    label = np.tile(np.arange(images) % classes, len(names))
    presentations = xr.Dataset(
        {
            "image": ("presentation", np.tile(np.arange(images) * 3 + 100, len(names))),
            "label": ("presentation", label),
            "condition": ("presentation", np.repeat(np.array(names, dtype=object), images)),
            "soa_ms": ("presentation", np.repeat(soa_ms, images)),
        }
    )
    onset = np.repeat([np.inf, -np.inf, *soas], images)  # of the mask
    coords = {"time": time} | {name: ("presentation", column.values) for name, column in presentations.items()}

    def code(arrival, size, last):
        since = time - arrival
        rise = np.clip(since / 60 + 0.2, 0, 1)
        masked = np.clip((time - arrival - onset[:, None]) / 40, 0, 1)
        strength = np.clip(1.6 * rise - 1.9 * masked, 0.0, None)
        prototypes = np.eye(classes) if last else draw.normal(size=(classes, size)) / 2
        values = strength[:, :, None] * prototypes[label][:, None] + 0.8 * draw.normal(
            size=(len(label), len(time), size)
        )
        values[:, since < 0] = np.nan
        return values.astype(np.float16)

    activity = {
        area: xr.DataArray(
            code(arrival, units + 8 * place, last=False),
            dims=("presentation", "time", "unit"),
            coords=coords,
            attrs={"arrival_ms": arrival},
        )
        for place, (area, arrival) in enumerate(arrivals.items())
    }
    logits = xr.DataArray(
        code(max(arrivals.values()), classes, last=True),
        dims=("presentation", "time", "class"),
        coords=coords,
    )
    return fake_run(path, protocol(conditions, end_ms), presentations, logits, activity)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made_up(tmp_path_factory.mktemp("runs") / "fake.zarr")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def number(cell: str) -> float:
    return float(cell) if cell else np.nan


def of_condition(data: xr.DataArray, run: Run, condition: str) -> xr.DataArray:
    return data[run.presentations.condition.values == condition]


@pytest.mark.parametrize(("analysis", "name"), [(readout, "readout"), (decoding, "decoding")])
def test_an_analysis_writes_a_figure_in_three_formats_and_its_numbers(run, tmp_path, analysis, name):
    written = analysis.analyze(run, tmp_path / "new")
    names = [f"{name}.{kind}" for kind in ("png", "svg", "pdf", "csv")]
    assert written == [tmp_path / "new" / each for each in (*names, f"{name}-latencies.csv")]
    png, svg, pdf, numbers = (path.read_bytes() for path in written[:4])
    assert png.startswith(b"\x89PNG")
    assert b"<svg" in svg
    assert pdf.startswith(b"%PDF")
    assert b"time from target onset (ms)" in svg
    assert numbers.startswith(b"condition,soa_ms," if name == "readout" else b"area,condition,soa_ms,")


def test_the_table_of_the_readout_is_what_was_recorded(run, tmp_path):
    rows = table(readout.analyze(run, tmp_path)[-2])
    assert len(rows) == 4 * 9
    for row in rows:
        logits = of_condition(run.logits, run, row["condition"]).sel(time=float(row["time_ms"]))
        expected = (logits.argmax("class", skipna=False) == logits.label).mean() if logits.notnull().all() else np.nan
        assert number(row["accuracy"]) == pytest.approx(float(expected), nan_ok=True)
        assert (row["n"], row["soa_ms"]) == ("60", {"soa_20": "20.0", "soa_40": "40.0"}.get(row["condition"], ""))
        if row["accuracy"]:
            assert number(row["low"]) <= number(row["accuracy"]) <= number(row["high"])


def test_the_readout_is_above_chance_where_its_activity_tells_the_class(run, tmp_path):
    """Law: it is from arrival on without a mask, never without a target, and until the mask has arrived with one."""
    found = pd.read_csv(readout.analyze(run, tmp_path, permutations=500, resamples=50)[-2])
    above = found.pivot_table(index="condition", columns="time_ms", values="significant").astype(bool)
    assert above.loc["unmasked", 30:].all()
    assert not above.loc["mask_only"].any()
    assert above.loc["soa_40", 30:50].all()
    assert not above.loc["soa_20", 80:].any()
    assert found.loc[found["time_ms"] < 20, ["t", "p"]].isna().all(axis=None)


def test_the_latencies_of_the_readout_are_those_of_its_responses(run, tmp_path):
    found = pd.read_csv(readout.analyze(run, tmp_path, resamples=50, seed=3)[-1])
    responses = read_responses(run)
    correct = responses["correct"].mean("repeat").assign_attrs(chance=0.25)
    expected = latencies(correct, "image", resamples=50, seed=3).to_dataframe(["condition", "latency"])
    rows = found[found["latency"] != "divergence"].set_index(["condition", "latency"])
    np.testing.assert_allclose(rows[["ms", "ms_low", "ms_high"]], expected[["ms", "ms_low", "ms_high"]])
    np.testing.assert_allclose(rows["ms_undefined"], expected["undefined"])
    ms, delay = rows["ms"].unstack(), rows["delay"].unstack()
    np.testing.assert_allclose(delay.loc[["soa_20", "soa_40"]], ms.loc[["soa_20", "soa_40"]] - ms.loc["unmasked"])
    assert delay.loc["unmasked"].isna().all()
    parted = found[found["latency"] == "divergence"].set_index("condition")["ms"]
    assert np.isnan(parted["unmasked"])
    assert parted["mask_only"] == 30  # the readout is there at 20 ms, at chance still
    assert 40 < parted["soa_20"] <= 70  # the mask comes to it at 40 ms and acts from then on


def test_few_images_have_curves_and_no_statistics(tmp_path):
    few = made_up(tmp_path / "few.zarr", images=4)
    *_, accuracy, found = readout.analyze(few, tmp_path)
    assert pd.read_csv(accuracy)["p"].isna().all()
    assert pd.read_csv(found).empty
    drawn = " ".join((tmp_path / "readout.svg").read_text().split())
    assert "No bars and latencies: 4 images permit no p below 0.062" in drawn


def test_the_table_of_the_decoders_is_decoding_within_each_condition(run, tmp_path):
    rows = table(decoding.analyze(run, tmp_path, areas=("V2", "v4".upper()), conditions=("soa-20", "unmasked"))[-2])
    assert len(rows) == 2 * 2 * 9 * 5
    assert {row["condition"] for row in rows} == {"soa_20", "unmasked"}
    for area in ("V2", "V4"):
        expected = decode_over_time(of_condition(run[area], run, "soa_20"), features=32)  # as many as V2 has
        mine = [row for row in rows if (row["area"], row["condition"]) == (area, "soa_20")]
        found = [number(row["accuracy"]) for row in mine]
        np.testing.assert_allclose(np.reshape(found, (9, 5)).T, expected)
        assert {row["soa_ms"] for row in mine} == {"20.0"}


def test_the_latencies_of_decoders_are_those_of_images_in_each_area(run, tmp_path):
    """Law: the mean over images is the score that is drawn, and the delay of an area is that after the first."""
    of_images = []
    decode_run(run, ["V1", "V4"], ["unmasked"], keep=of_images.append)
    files = decoding.analyze(run, tmp_path, areas=("V1", "V4"), conditions=("unmasked",), resamples=50)
    accuracy, found = (pd.read_csv(path) for path in files[-2:])
    for each in of_images:
        drawn = accuracy[(accuracy["area"] == each["area"].item()) & (accuracy["fold"] == 0)]
        np.testing.assert_allclose(each.mean("image", skipna=False), drawn["mean"])
        rows = found[found["area"] == each["area"].item()]
        np.testing.assert_allclose(rows["ms"], latencies(each, "image", resamples=1)["ms"])
    ms = found.pivot_table(index="latency", columns="area", values="ms", sort=False)
    delay = found[found["area"] == "V4"].set_index("latency")["area_delay"]
    np.testing.assert_allclose(delay[ms.index], ms["V4"] - ms["V1"])
    assert found.loc[found["area"] == "V1", "area_delay"].isna().all()


def test_decoders_have_bars_where_their_scores_are_means_over_images(run, tmp_path):
    knobs = {"areas": ("V4",), "conditions": ("unmasked", "mask_only"), "permutations": 500, "resamples": 50}
    for scoring in ("pairwise", "d_prime"):
        accuracy = pd.read_csv(decoding.analyze(run, tmp_path / scoring, scoring=scoring, **knobs)[-2])
        late = accuracy[accuracy["time_ms"] >= 60].groupby("condition")["significant"]
        words = " ".join((tmp_path / scoring / "decoding.svg").read_text().split())
        if scoring == "pairwise":
            assert late.all()["unmasked"]
            assert "Bars: above chance" in words
        else:
            assert late.count().sum() == 0
            assert "No bars and latencies: d_prime is not a mean over images." in words


def test_areas_are_compared_on_as_many_features_as_the_smallest_has(run, monkeypatch):
    asked = []
    monkeypatch.setattr(
        decoders, "decode_images", lambda *given: asked.append(given[2].features) or decode_images(*given)
    )
    decode_run(run, conditions=["unmasked"])
    decode_run(run, conditions=["unmasked"], features=8)
    assert asked == [24, 24, 24, 8, 8, 8]


def test_decoding_falls_only_after_the_mask_has_arrived_and_stays_at_chance_without_a_target(run):
    accuracy = decode_run(run, areas=["V2"]).squeeze("area").mean("fold")
    decoded = {str(scores["condition"].item()): scores for scores in accuracy}
    # standard error 0.056 over 60 images: 0.2 is beyond 3 of them
    assert (abs(decoded["mask_only"] - 0.25).dropna("time") < 0.2).all()
    early = slice(None, 50)  # the mask at 40 ms is in V2 at 50 ms, where it begins to act
    np.testing.assert_allclose(decoded["soa_40"].sel(time=early), decoded["unmasked"].sel(time=early), atol=0.2)
    assert decoded["unmasked"].sel(time=80) > decoded["soa_20"].sel(time=80) + 0.4


def test_progress_counts_every_area_and_condition_once(run):
    steps = []
    decode_run(run, areas=["V1", "V4"], conditions=["unmasked"], progress=lambda *step: steps.append(step))
    assert steps == [(1, 2, "V1, unmasked"), (2, 2, "V4, unmasked")]


def test_only_one_area_and_condition_is_read_at_a_time(run, monkeypatch):
    read = []
    monkeypatch.setattr(decoders, "decode_images", lambda *given: read.append(given[0]) or decode_images(*given))
    decode_run(run, areas=["V1"])
    assert [(data.sizes["presentation"], set(data.condition.values)) for data in read] == [
        (60, {name}) for name in ("unmasked", "mask_only", "soa_20", "soa_40")
    ]


@pytest.mark.parametrize(
    ("analysis", "knobs", "error", "message"),
    [
        (readout, {"conditions": ("soa_30",)}, UsageError, r"no condition named 'soa_30'; did you mean 'soa_"),
        (readout, {"at_ms": 45}, ClockError, r"at_ms is 45 ms; the clock ticks every 10 ms, so use 40 or 50"),
        (readout, {"test": "clusters"}, UsageError, r"no test named 'clusters'; did you mean 'cluster'\?"),
        (readout, {"level": 2}, UsageError, r"level is 2; give a number between 0 and 1"),
        (readout, {"permutations": 10}, UsageError, r"60 images permit no p below 0.1 with 10 sign flips"),
        (readout, {"at_ms": 10}, UsageError, r"the readout is absent at 10 ms; it is present from 20 to 80 ms"),
        (decoding, {"areas": ("V3",)}, UsageError, r"no area named 'V3'; there is: V1, V2, V4"),
        (decoding, {"conditions": ("maskonly",)}, UsageError, r"did you mean 'mask_only'\?"),
    ],
)
def test_a_knob_that_does_not_fit_is_refused(run, tmp_path, analysis, knobs, error, message):
    with pytest.raises(error, match=message):
        analysis.analyze(run, tmp_path, **knobs)
    assert not list(tmp_path.iterdir())
