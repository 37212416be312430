"""Laws of lesions: which conditions have one, in which order, and which of them lasts throughout."""

import numpy as np
import pytest
from fake_runs import lesioned, masked

from ventral.errors import UsageError
from ventral.measures.lesion import find_lesions

UNMASKED = {"target_ms": 10.0}
LESIONS = {
    "intact": UNMASKED,
    "feedback_40": lesioned("feedback", 40, 60),
    "feedback_0": lesioned("feedback", 0, 20),
    "feedback_half": lesioned("feedback", 0, 20, 0.5),
    "feedback_whole": lesioned("feedback", 0, 100),
    "lateral_0": lesioned("lateral", 0, 20),
}


def test_lesions_are_in_order_and_those_from_onset_to_the_end_are_whole():
    found = find_lesions(LESIONS, np.array([-50, 0, 100]))
    assert list(found["condition"]) == [
        "feedback_0",
        "feedback_40",
        "feedback_whole",
        "feedback_half",
        "lateral_0",
    ]
    assert list(found["condition"][found["throughout"]]) == ["feedback_whole"]
    with pytest.raises(UsageError, match="no condition has a lesion; give a run of a protocol such as lesion"):
        find_lesions({"unmasked": UNMASKED, "soa_20": masked(20)}, np.array([0, 100]))
