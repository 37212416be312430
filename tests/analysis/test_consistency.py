"""The analysis of consistency: what it tabulates is what the responses of run and observers give, matched by name."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fake_runs import fake_run, protocol
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score
from ventral.analysis import consistency

from ventral.errors import UsageError

CLASSES = ("cat", "dog", "owl", "fox")
IMAGES, SUBJECTS = 80, 6
TIMES_MS = np.arange(0, 90, 10)
LABELS = np.arange(IMAGES) % len(CLASSES)
NAMES = np.array([f"test/{CLASSES[label]}/{number:03d}.png" for number, label in enumerate(LABELS)], dtype=object)
HARD = np.random.default_rng(0).random(IMAGES)
QUICK = {"resamples": 20, "shuffles": 20}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network that is right later, and less certain, on images that are hard."""
    draw = np.random.default_rng(1)
    gain = np.clip((TIMES_MS[None] - 10 - 40 * HARD[:, None]) / 20, -1, 3)
    values = gain[:, :, None] * np.eye(4)[LABELS][:, None] + 0.1 * draw.normal(size=(IMAGES, len(TIMES_MS), 4))
    values[:, 0] = np.nan
    columns = {
        "image": np.arange(IMAGES),
        "stimulus_id": NAMES,
        "label": LABELS,
        "label_name": np.array(CLASSES, dtype=object)[LABELS],
        "condition": np.array(["on"] * IMAGES, dtype=object),
    }
    presentations = xr.Dataset({name: ("presentation", column) for name, column in columns.items()})
    coords = {"time": TIMES_MS, "class": list(CLASSES)} | {n: ("presentation", c) for n, c in columns.items()}
    logits = xr.DataArray(values.astype(np.float32), coords, ("presentation", "time", "class"))
    conditions = protocol({"on": {"target_ms": 10}}, 80)
    path = tmp_path_factory.mktemp("runs") / "fake.zarr"
    return fake_run(path, conditions, presentations, logits, {}, identity={"classes": list(CLASSES)})


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """People who are wrong and slow on the same images, in no order; one image was not shown to them."""
    draw, rows = np.random.default_rng(2), []
    for subject in range(SUBJECTS):
        for image in range(1, IMAGES):
            deadline = float(draw.choice([300, 500, 700]))
            right = draw.random() < 0.25 + 0.7 * (deadline - 300) / 400 * (1 - 0.4 * HARD[image])
            said = LABELS[image] if right else draw.choice([c for c in range(4) if c != LABELS[image]])
            rt_ms = np.exp(6 + 0.5 * HARD[image] + 0.2 * subject + 0.1 * draw.normal())
            rows.append((NAMES[image], CLASSES[said], rt_ms, f"s{subject}", deadline))
    table = pd.DataFrame(rows, columns=["stimulus_id", "response", "rt_ms", "subject", "deadline_ms"])
    path = tmp_path_factory.mktemp("people") / "responses.csv"
    table.sample(frac=1, random_state=0).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def written(run, trials, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    files = consistency.analyze(run, out, humans=str(trials), at_ms=40, **QUICK)
    return {file.name: file for file in files}


def test_a_figure_and_all_tables_are_written(written):
    tables = [f"consistency{part}.csv" for part in ("", "-times", "-unmatched", "-subjects", "-speed")]
    assert list(written) == [*(f"consistency.{form}" for form in ("png", "svg", "pdf")), *tables]


def test_what_does_not_match_is_listed(written):
    lost = pd.read_csv(written["consistency-unmatched.csv"])
    assert lost.to_numpy().tolist() == [[NAMES[0], "run"]]


def test_kappa_with_each_subject_is_that_of_the_table(run, trials, written):
    found = pd.read_csv(written["consistency-subjects.csv"]).set_index("subject")
    table = pd.read_csv(trials)
    right = dict(zip(NAMES, run.logits.sel(time=40).values.argmax(1) == LABELS, strict=True))
    for subject, own in table.groupby("subject"):
        model = [right[name] for name in own["stimulus_id"]]
        correct = [f"/{response}/" in name for response, name in zip(own["response"], own["stimulus_id"], strict=True)]
        assert found.loc[subject, "kappa"] == pytest.approx(cohen_kappa_score(model, correct))


def test_times_of_the_model_go_with_reaction_times(run, trials, written):
    table = pd.read_csv(written["consistency-times.csv"]).set_index(["time", "human"])
    human = pd.read_csv(trials)
    human["log"] = np.log(human["rt_ms"])
    human["log"] -= human.groupby("subject")["log"].transform("mean")
    mean = human.groupby("stimulus_id")["log"].mean().reindex(NAMES[1:])
    values = run.logits.values[1:, 1:]
    right = values.argmax(-1) == LABELS[1:, None]
    settled = [next((t for k, t in enumerate(TIMES_MS[1:]) if row[k:].all()), np.nan) for row in right]
    known = np.isfinite(settled)
    expected = spearmanr(np.array(settled)[known], mean[known]).statistic
    row = table.loc[("settled", "reaction time")]
    assert row["value"] == pytest.approx(expected)
    assert row["images"] == known.sum()
    assert row["p"] < 0.1
    assert row["value"] > 0.5


def test_values_ceilings_and_ratios_stand_side_by_side(written):
    table = pd.read_csv(written["consistency.csv"])
    assert set(table["measure"]) == {"cross_entropy", "tempered", "entropy", "kappa", "confusion"}
    assert table[table["time_ms"] == 0].empty  # before the first response
    assert np.allclose(table["ratio"], table["value"] / table["ceiling"], equal_nan=True)
    assert (table["images"] == IMAGES - 1).all()
    assert (table["labels"] == (IMAGES - 1) * SUBJECTS).all()


def test_the_network_is_laid_over_forced_responses_by_each_half(written):
    table = pd.read_csv(written["consistency-speed.csv"])
    assert table["half"].tolist() == [0, 1]
    assert (table["held_out_bits"] < table["flat_bits"]).all()
    assert table["fitted_trials"].sum() == (IMAGES - 1) * SUBJECTS


def test_what_cannot_be_compared_is_refused(run, trials, tmp_path):
    with pytest.raises(UsageError, match=r"give the file of human labels, as in --set humans=cifar10h-counts.npy"):
        consistency.analyze(run, tmp_path)
    with pytest.raises(UsageError, match="no condition named 'onn'; did you mean 'on'"):
        consistency.analyze(run, tmp_path, humans=str(trials), condition="onn")
    table = pd.read_csv(trials)
    table.assign(response=table["response"].str.replace("cat", "kitten")).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(UsageError, match="observers responded 'kitten', which the readout does not know; it distingui"):
        consistency.analyze(run, tmp_path, humans=str(tmp_path / "other.csv"))
    table.assign(stimulus_id="x" + table["stimulus_id"]).to_csv(tmp_path / "names.csv", index=False)
    with pytest.raises(UsageError, match="none of the 80 stimuli of the run is among the 79 of the data"):
        consistency.analyze(run, tmp_path, humans=str(tmp_path / "names.csv"))
