"""Laws of lesions: which conditions have one, in which order, and which of them lasts throughout."""

import numpy as np
import pytest
from fake_runs import conditions_of, lesioned, masked

from ventral.errors import UsageError
from ventral.experiment.catalogue import load_protocol
from ventral.experiment.condition import Condition
from ventral.experiment.interventions import Scale
from ventral.measures.lesion import find_intact, find_lesions
from ventral.templates import write_template

UNMASKED = {"target_ms": 10.0}
LESIONS = {
    "intact": UNMASKED,
    "feedback_40": lesioned("feedback", 40, 60),
    "feedback_0": lesioned("feedback", 0, 20),
    "feedback_half": lesioned("feedback", 0, 20, 0.5),
    "feedback_whole": lesioned("feedback", 0, 100),
    "lateral_0": lesioned("lateral", 0, 20),
}


def test_a_new_protocol_has_lesions_that_are_found_in_it(tmp_path):
    """Law: what `ventral protocols new` writes can be analysed; a lesion needs no parameters of its own."""
    conditions = load_protocol(str(write_template("protocols", "my-experiment", tmp_path / "mine.py"))).conditions
    intact = find_intact(conditions)
    (lesion,) = find_lesions(conditions, intact, np.arange(0, 201, 10)).to_dict("records")
    assert intact == "unmasked"
    assert lesion == {
        "condition": "no_feedback",
        "lesion": "feedback",
        "lesion_scale": 0,
        "start_ms": 50,
        "stop_ms": 100,
        "throughout": False,
    }


def test_lesions_of_several_displays_need_a_reference():
    long = {"target_ms": 50.0}
    conditions = conditions_of(LESIONS | {"long": long, "long_lesioned": LESIONS["feedback_0"] | long})
    with pytest.raises(UsageError, match="lesions are of what intact and long show; say which condition they are comp"):
        find_intact(conditions)
    assert find_lesions(conditions, "long", np.array([0, 100]))["condition"].tolist() == ["long_lesioned"]
    with pytest.raises(UsageError, match="no condition shows the same intact; say which condition"):
        find_intact(conditions_of({"unmasked": long, "feedback_0": LESIONS["feedback_0"]}))


def test_several_interventions_are_one_lesion():
    changes = (Scale("feedback", 0, 20, 0.5), Scale("lateral", 10, 40, 0.0))
    intact, lesioned_twice = Condition("intact"), Condition("both", interventions=changes)
    (lesion,) = find_lesions([intact, lesioned_twice], "intact", np.array([0, 100])).to_dict("records")
    assert lesion["lesion"] == "feedback x 0.5 + lateral x 0"
    assert (lesion["start_ms"], lesion["stop_ms"], lesion["lesion_scale"]) == (0, 40, 0)


def test_lesions_are_in_order_and_those_from_onset_to_the_end_are_whole():
    found = find_lesions(conditions_of(LESIONS), "intact", np.array([-50, 0, 100]))
    assert list(found["condition"]) == [
        "feedback_0",
        "feedback_40",
        "feedback_whole",
        "feedback_half",
        "lateral_0",
    ]
    assert list(found["condition"][found["throughout"]]) == ["feedback_whole"]
    with pytest.raises(UsageError, match="no condition has a lesion; give a run of a protocol such as lesion"):
        find_intact(conditions_of({"unmasked": UNMASKED, "soa_20": masked(20)}))
