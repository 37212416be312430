"""Laws of recorded conditions: they are those that were recorded, in the order of the protocol."""

import xarray as xr
from fake_runs import fake_run, masked, protocol

from ventral.measures.recorded import recorded_conditions

CONDITIONS = {
    "soa_20": masked(20),
    "not_recorded": {"target_ms": 10.0},
    "mask_only": {"mask_ms": 50.0, "mask_kind": "noise"},
}


def test_conditions_follow_the_protocol_and_only_recorded_ones_appear(tmp_path):
    presentations = xr.Dataset({"condition": ("presentation", ["mask_only", "soa_20", "mask_only"])})
    made = protocol(CONDITIONS, 100)
    run = fake_run(tmp_path / "fake.zarr", made, presentations, None, {})
    soa_20, mask_only = recorded_conditions(run)
    assert (soa_20, mask_only) == (made.condition("soa_20"), made.condition("mask_only"))
    assert (soa_20.soa_ms, mask_only.soa_ms, mask_only.target) == (20, None, None)
    assert soa_20.coordinates() == CONDITIONS["soa_20"]
