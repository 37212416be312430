"""Laws of what is said of the curves of conditions."""

import numpy as np
import pytest
import xarray as xr
from fake_runs import conditions_of, lesioned, masked

from ventral.errors import UsageError
from ventral.experiment.catalogue import load_protocol
from ventral.measures.curve_statistics import CurveStatistics, reference_of

QUICK = {"permutations": 200, "resamples": 50}


@pytest.fixture(scope="module")
def curves():
    """Correctness of 40 images: high from 40 ms on, until 80 ms in the second condition."""
    time = 10.0 * np.arange(15)
    rates = np.stack([0.1 + 0.8 * (time >= 40), 0.1 + 0.8 * ((time >= 40) & (time < 80))])
    correct = np.random.default_rng(0).random((2, 40, 15)) < rates[:, None]
    coords = {"condition": ["unmasked", "soa_40"], "time": time}
    return xr.DataArray(correct.astype(float), coords, ("condition", "image", "time"), attrs={"chance": 0.1})


@pytest.mark.parametrize("test", ["cluster", "tfce", "max", "fdr"])
def test_every_test_finds_where_curves_are_above_chance(curves, test):
    found = CurveStatistics(test=test, **QUICK).find(curves, "image", "unmasked")
    above = found.columns("soa_40")["significant"]
    assert above[4:8].all()
    assert not above[[0, 1, 11, 12, 13]].any()
    assert found.tested.attrs["unit_of_observation"] == "image"


def test_the_table_has_each_latency_of_each_condition(curves):
    table = (
        CurveStatistics(**QUICK).find(curves, "image", "unmasked").latency_table().set_index(["condition", "latency"])
    )
    assert len(table) == 2 * 6
    assert table["ms"]["soa_40", "divergence"] == 80
    assert np.isnan(table["ms"]["unmasked", "divergence"])
    assert table["delay"]["soa_40", "onset"] == 0
    assert np.isnan(table["delay"]["unmasked", "onset"])


def test_without_a_reference_nothing_is_compared(curves):
    for one, reference in ((curves, None), (curves[:1], "unmasked")):
        table = CurveStatistics(**QUICK).find(one, "image", reference).latency_table()
        assert table["delay"].isna().all()
        assert "divergence" not in table["latency"].values
        assert table["ms"].notna().any()


def test_few_observations_are_said_to_be_few_and_other_mistakes_are_refused(curves):
    few = CurveStatistics().find(curves[:, :4], "image", "unmasked")
    assert few.refused.startswith("4 images permit no p below 0.062")
    assert few.latency_table().empty
    assert np.isnan(few.columns("unmasked")["p"])
    with pytest.raises(UsageError, match="fraction is 2"):
        CurveStatistics(fraction=2, **QUICK).find(curves, "image", "unmasked")


def test_the_reference_shows_a_target_without_a_mask_or_a_lesion():
    plain = {"target_ms": 10.0}
    conditions = {"soa_20": masked(20), "lesioned": lesioned("feedback", 0, 20), "blank": {}, "plain": plain}
    assert reference_of(conditions_of(conditions)) == "plain"
    assert reference_of(conditions_of(conditions)[:3]) is None


REFERENCES = {"backward-mask": "unmasked", "lesion": "intact", "contrast": "contrast_1", "rsvp": None, "flash": None}


@pytest.mark.parametrize(("name", "reference"), REFERENCES.items())
def test_conditions_without_masks_lesions_or_changes_have_no_common_reference(name, reference):
    assert reference_of(load_protocol(name).conditions) == reference
