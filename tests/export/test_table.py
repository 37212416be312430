"""Laws of tables of responses, read by pandas and against logits that are known."""

import numpy as np
import pandas as pd
import pytest
from export_runs import CLASSES, PRESENTATION, TIMES, values

from ventral.errors import ClockError, UsageError
from ventral.export.formats import export_run

NAMES = np.array(CLASSES)
LAST = values("logits")[:, -1].argmax(-1)


def test_a_row_for_each_presentation_has_the_response_at_the_last_readout_time(run, tmp_path):
    table = pd.read_csv(export_run(run, "table", tmp_path / "out.csv"), keep_default_na=False, na_values=[""])
    assert table["presentation"].tolist() == list(range(12))
    assert table["condition"].tolist() == PRESENTATION["condition"].tolist()
    assert table["stimulus_id"].tolist() == PRESENTATION["stimulus_id"].tolist()
    np.testing.assert_array_equal(table["soa_ms"], PRESENTATION["soa_ms"])
    assert table["response_instant"].tolist() == NAMES[LAST].tolist()
    assert table["correct_instant"].tolist() == (PRESENTATION["label"] == LAST).astype(int).tolist()
    logits = values("logits")[:, -1].astype(float)
    wanted = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).max(1)
    np.testing.assert_allclose(table["confidence_instant"], wanted, rtol=1e-12)
    assert set(table["time_ms_instant"]) == {30}


def test_an_observer_that_decides_has_a_reaction_time_and_the_response_of_that_time(run, tmp_path):
    table = pd.read_csv(export_run(run, "table", tmp_path / "out.csv", observers=("threshold:0.5", "instant:20")))
    at = np.searchsorted(TIMES, table["reaction_ms_threshold:0.5"])
    assert set(at) <= {3, 4}
    chosen = values("logits")[np.arange(12), at].argmax(-1)
    assert table["response_threshold:0.5"].tolist() == NAMES[chosen].tolist()
    assert table["correct_threshold:0.5"].tolist() == (chosen == PRESENTATION["label"]).astype(int).tolist()
    assert set(table["reaction_ms_instant:20"]) == {20}
    assert table["response_instant:20"].tolist() == NAMES[values("logits")[:, 3].argmax(-1)].tolist()


@pytest.mark.parametrize("observer", ["instant", "cumulative", "cumulative:0.2", "threshold", "best", "instant:20"])
def test_a_response_is_correct_where_it_names_the_class_of_the_image(run, tmp_path, observer):
    table = pd.read_csv(export_run(run, "table", tmp_path / "out.csv", observers=(observer,)))
    right = table[f"response_{observer}"] == table["label_name"]
    assert table[f"correct_{observer}"].tolist() == right.astype(int).tolist()


def test_what_the_readout_or_the_observers_cannot_say_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match="no observer named 'treshold'; did you mean 'threshold'"):
        export_run(run, "table", tmp_path / "out.csv", observers=("treshold",))
    with pytest.raises(UsageError, match="the readout is absent at 0 ms; it is present from 20 to 30 ms"):
        export_run(run, "table", tmp_path / "out.csv", at_ms=0)
    with pytest.raises(ClockError, match="use 10 or 20"):
        export_run(run, "table", tmp_path / "out.csv", at_ms=15)
    with pytest.raises(UsageError, match="no knob named 'observer'; did you mean 'observers'"):
        export_run(run, "table", tmp_path / "out.csv", observer="instant")
    assert list(tmp_path.iterdir()) == []
