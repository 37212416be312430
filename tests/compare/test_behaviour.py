"""Tables of trials: columns by their usual names, in any order, with subjects and reaction times."""

import numpy as np
import pandas as pd
import pytest

from ventral.compare.human_labels import read_human_labels
from ventral.compare.human_times import mean_reactions, reaction_reliability, relative_reactions
from ventral.compare.neural import read
from ventral.errors import DataError

TRIALS = pd.DataFrame(
    {
        "image": ["a.png", "b.png", "a.png", "ü.png"],
        "choice": ["cat", "dog", "cat", "dog"],
        "rt_ms": [512.0, np.nan, 640.5, 720.0],
        "participant": ["s1", "s1", "s2", "s2"],
        "deadline_ms": [400, 400, 800, 800],
    }
)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_trials_are_read_by_the_usual_names_of_columns(tmp_path, separator):
    TRIALS.to_csv(tmp_path / "x.txt", sep=separator, index=False)
    found = read(tmp_path / "x.txt")
    assert list(found) == ["stimulus_id", "response", "rt_ms", "subject", "deadline_ms"]
    assert found["stimulus_id"].tolist() == TRIALS["image"].tolist()
    assert found["rt_ms"].fillna(0).tolist() == [512, 0, 640.5, 720]
    assert found["deadline_ms"].tolist() == [400, 400, 800, 800]


def test_times_in_seconds_become_ms(tmp_path):
    TRIALS.assign(rt_ms=TRIALS["rt_ms"] / 1000).rename(columns={"rt_ms": "rt"}).to_csv(tmp_path / "x.csv", index=False)
    assert read(tmp_path / "x.csv", unit="s")["rt_ms"].fillna(0).tolist() == [512, 0, 640.5, 720]


def test_columns_may_be_named(tmp_path):
    renamed = TRIALS.rename(columns={"image": "picture", "choice": "said", "rt_ms": "when", "participant": "who"})
    renamed.to_csv(tmp_path / "x.csv", index=False)
    found = read(tmp_path / "x.csv", stimulus="picture", response="said", reaction="when", subject="who")
    assert found["subject"].tolist() == ["s1", "s1", "s2", "s2"]
    assert found["rt_ms"].tolist()[0] == 512


def test_the_raw_file_of_cifar_10h_is_read_without_its_attention_checks(tmp_path):
    raw = pd.DataFrame(
        {
            "annotator_id": [0, 0, 1],
            "is_attn_check": [0, 1, 0],
            "chosen_category": ["cat", "dog", "ship"],
            "cifar10_test_test_idx": [7, -99999, 12],
            "reaction_time": [1512.0, 900.0, 1400.0],
        }
    )
    raw.to_csv(tmp_path / "cifar10h-raw.csv", index=False)
    found = read(tmp_path / "cifar10h-raw.csv")
    assert found["stimulus_id"].tolist() == ["cifar10/test/00007", "cifar10/test/00012"]
    labels = read_human_labels(tmp_path / "cifar10h-raw.csv")
    assert labels.names_as_here(["test/cat/00007.jpg", "cifar10/test/00012"]) == found["stimulus_id"].tolist()


@pytest.mark.parametrize("shift", range(4))
def test_letters_of_several_bytes_may_stand_anywhere(tmp_path, shift):
    lines = [f"{'x' * shift}顔é{number},cat" for number in range(200)]
    (tmp_path / "x.csv").write_text("stimulus,response\n" + "\n".join(lines), encoding="utf-8")
    assert len(read(tmp_path / "x.csv")) == 200
    (tmp_path / "y.csv").write_text("stimulus,response\né,cat\n", encoding="latin-1")
    with pytest.raises(DataError, match="or a table of text in UTF-8"):
        read(tmp_path / "y.csv")


def test_counts_do_not_depend_on_the_order_of_trials(tmp_path):
    TRIALS.to_csv(tmp_path / "a.csv", index=False)
    TRIALS.iloc[[2, 3, 0, 1]].to_csv(tmp_path / "b.csv", index=False)
    first, second = (read_human_labels(tmp_path / f"{name}.csv") for name in "ab")
    assert np.array_equal(first.counts, second.counts)
    positions, counts, match = first.beside(["ü.png", "c.png", "a.png"], ("dog", "cat"), np.array([0, 0, 1]))
    assert (positions.tolist(), counts.tolist()) == ([0, 2], [[1, 0], [0, 2]])
    assert (match.only_run, match.only_data) == (("c.png",), ("b.png",))


def timed(seed=0, images=200, subjects=8, noise=0.3):
    """Trials of subjects of different speed on images of different difficulty."""
    draw = np.random.default_rng(seed)
    hard, slow = draw.normal(0, 0.2, images), draw.normal(0, 0.5, subjects)
    rows = [
        {
            "stimulus_id": f"{image:03d}",
            "subject": f"s{subject}",
            "rt_ms": np.exp(6.5 + hard[image] + slow[subject] + e),
        }
        for image in range(images)
        for subject, e in enumerate(draw.normal(0, noise, subjects))
    ]
    return pd.DataFrame(rows), hard, [f"{image:03d}" for image in range(images)]


def test_slow_subjects_do_not_make_hard_images():
    trials, _, names = timed()
    slower = trials.assign(rt_ms=trials["rt_ms"] * np.where(trials["subject"] == "s3", 5, 1))
    first, second = (mean_reactions(relative_reactions(each), names) for each in (trials, slower))
    assert np.allclose(first, second)


def test_reliability_is_that_of_the_mean_of_all_trials():
    """The truth: variance of difficulty over that plus the noise left in the mean of eight trials."""
    trials, hard, names = timed(images=400)
    found = reaction_reliability(relative_reactions(trials), names, splits=10, seed=0)
    truth = 0.2**2 / (0.2**2 + 0.3**2 / 8)
    assert found == pytest.approx(truth, abs=0.06)  # rank correlations are a little lower
    measured = np.corrcoef(mean_reactions(relative_reactions(trials), names), hard)[0, 1]
    assert measured == pytest.approx(np.sqrt(found), abs=0.04)
