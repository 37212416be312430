"""Laws of series of masks: conditions that differ in SOA only, with the condition without a mask they belong to."""

import pytest
from fake_runs import conditions_of, masked

from ventral.errors import UsageError
from ventral.experiment.catalogue import load_protocol
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, mask, target
from ventral.experiment.interventions import Scale
from ventral.measures.series import find_doses, find_series


def test_each_kind_of_mask_has_its_line_and_its_unmasked_condition():
    hard = {"coverage": 0.8}
    conditions = {
        "clear": {"target_ms": 10.0, "coverage": 0.0},
        "covered": {"target_ms": 10.0} | hard,
        "clear_40": masked(40, coverage=0.0),
        "clear_20": masked(20, coverage=0.0),
        "covered_20": masked(20, **hard),
        "block_20": masked(20, "block", coverage=0.0) | {"mask_ms": 90.0},
        "alone": {"mask_ms": 50.0, "mask_kind": "noise"},
    }
    found = find_series(conditions_of(conditions))
    assert [(each.name, each.conditions, each.values, each.level) for each in found] == [
        ("noise, 50 ms, coverage 0", ("clear_20", "clear_40"), (20, 40), "clear"),
        ("noise, 50 ms, coverage 0.8", ("covered_20",), (20,), "covered"),
        ("block, 90 ms, coverage 0", ("block_20",), (20,), "clear"),
    ]


def test_an_soa_that_is_not_given_is_that_of_the_events():
    events = (Show(target, 0, 10), Show(mask("noise"), 30, 80))
    (series,) = find_series([Condition("masked", events), Condition("alone", events[:1])])
    assert (series.values, series.unmasked) == ((30,), ("alone",))


def test_masks_with_a_lesion_are_a_series_of_their_own():
    events = (Show(target, 0, 10), Show(mask("noise"), 30, 80))
    lesion = (Scale("feedback", 0, 50),)
    conditions = [Condition("masked", events), Condition("lesioned", events, interventions=lesion)]
    intact, lesioned = find_series(conditions)
    assert (intact.name, intact.conditions) == ("noise", ("masked",))
    assert (lesioned.name, lesioned.conditions) == ("noise, lesion feedback x 0 at 0 to 50 ms", ("lesioned",))


def test_doses_are_found_in_the_changes_of_the_target():
    """Law: a dose is the amount of the target's last change, whatever the conditions are called."""
    conditions = load_protocol("occlusion", soa_ms=(30,)).conditions
    alone, masked_30 = find_doses(conditions)["occluded-bubbles"]
    assert alone.values == masked_30.values == (0, 0.2, 0.4, 0.6, 0.8)
    assert alone.conditions[0] == "occluded-bubbles_0"
    assert (alone.name, masked_30.name) == ("occluded-bubbles", "occluded-bubbles, SOA 30 ms")
    contrast = find_doses(load_protocol("contrast", kind=("contrast", "blur")).conditions)
    assert [series.values[-1] for series in (contrast["contrast"][0], contrast["blur"][0])] == [1, 3]
    with pytest.raises(UsageError, match="no two conditions differ in how much the target is changed; dose needs"):
        find_doses(load_protocol("backward-mask").conditions)


def test_a_series_without_unmasked_conditions_has_no_level():
    (series,) = find_series(conditions_of({"soa_20": masked(20), "soa_40": masked(40)}))
    assert (series.name, series.unmasked, series.level) == ("noise", (), None)
