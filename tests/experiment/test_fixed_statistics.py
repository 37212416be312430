"""Networks of fixed statistics in experiments: no horizon, no policy."""

import numpy as np
import pytest
from small import small_graph

from ventral import Condition, Protocol, ProtocolError, Selection, Show, mask, simulate, target
from ventral.experiment.settings import Settings
from ventral.model.model import untrained_model

FLASH = Condition("flash", (Show(target, 0, 20),))
WIDE = Settings(dtype="float32")  # states of random weights may grow
MASKED = Condition("masked", (Show(target, 0, 20), Show(mask("noise"), 50, 100)), soa_ms=50)


@pytest.fixture(scope="module")
def fixed(images):
    return untrained_model(small_graph(statistics="fixed"), images, horizon_ms=100)


@pytest.fixture(scope="module")
def selection(images, pool):
    return Selection(images.take(range(3)), pool, pool.take(range(10)))


def test_a_run_of_a_second_needs_no_horizon(fixed, selection, tmp_path):
    run = simulate(fixed, Protocol((FLASH, MASKED), end_ms=1000), selection, tmp_path / "run.zarr", WIDE)
    assert run["IT"].sizes["time"] == 101
    assert np.isfinite(run["IT"].sel(time=slice(30, None)).values).all()


def test_a_condition_has_the_same_numbers_alone_and_beside_others(fixed, selection, tmp_path):
    both = simulate(fixed, Protocol((FLASH, MASKED), end_ms=100), selection, tmp_path / "both.zarr")
    alone = simulate(fixed, Protocol((MASKED,), end_ms=100), selection, tmp_path / "alone.zarr")
    np.testing.assert_array_equal(both["IT"][both.rows("masked")].values, alone["IT"].values)


@pytest.mark.parametrize("policy", ["pooled", "per-condition"])
def test_fixed_statistics_are_not_estimated_anew(fixed, selection, tmp_path, policy):
    settings = Settings(policy=policy)
    with pytest.raises(ProtocolError, match=r"untrained has fixed statistics.* leave out --policy"):
        simulate(fixed, Protocol((FLASH,), end_ms=100), selection, tmp_path / "run.zarr", settings)
