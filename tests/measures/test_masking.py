"""Laws of series of masks: conditions that differ in SOA only, with the condition without a mask they belong to."""

from fake_runs import masked

from ventral.measures.masking import find_series


def test_each_kind_of_mask_has_its_line_and_its_unmasked_condition():
    hard = {"coverage": 0.8}
    found = find_series(
        {
            "clear": {"target_ms": 10.0, "coverage": 0.0},
            "covered": {"target_ms": 10.0} | hard,
            "clear_40": masked(40, coverage=0.0),
            "clear_20": masked(20, coverage=0.0),
            "covered_20": masked(20, **hard),
            "block_20": masked(20, "block", coverage=0.0) | {"mask_ms": 90.0},
            "alone": {"mask_ms": 50.0, "mask_kind": "noise"},
        }
    )
    assert [(one.name, one.conditions, one.soa_ms, one.level) for one in found] == [
        ("noise, 50 ms, coverage 0", ("clear_20", "clear_40"), (20, 40), "clear"),
        ("noise, 50 ms, coverage 0.8", ("covered_20",), (20,), "covered"),
        ("block, 90 ms, coverage 0", ("block_20",), (20,), "clear"),
    ]
    (one,) = find_series({"soa_20": masked(20), "soa_40": masked(40)})
    assert (one.name, one.unmasked, one.level) == ("noise", (), None)
