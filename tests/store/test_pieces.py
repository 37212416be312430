import shutil

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_runs import TICKS, layout, record

from ventral.errors import StoreError
from ventral.experiment.run import open_run
from ventral.store import pieces
from ventral.store.layout import Recording
from ventral.store.pieces import Pieces, Reading

SHAPE = (70, TICKS, 300)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A run of one area with a piece for each two ticks, and a small one in one piece."""
    units = Recording("V1", ("unit",), SHAPE[2:], {}, {})
    maps = Recording("IT", ("channel", "y", "x"), (2, 2, 3), {}, {})
    plan = layout(SHAPE[0], 60, recordings=(units, maps))
    made = record(tmp_path_factory.mktemp("runs") / "run.zarr", plan)
    assert zarr.open_group(made, mode="r")["V1/activity"].chunks == (60, 2, 300)
    return made


@pytest.fixture
def decoded(monkeypatch):
    """How often each piece is decoded, by area, batch and number."""
    found: dict[tuple[str, int, int], int] = {}
    decode = Reading._decoded

    def counted(reading, batch, numbers):
        for number in numbers:
            place = reading.area, batch, number
            found[place] = found.get(place, 0) + 1
        return decode(reading, batch, numbers)

    monkeypatch.setattr(Reading, "_decoded", counted)
    return found


def keys(size):
    """A number, a slice with any step, or positions in any order."""
    inside = st.integers(0, size - 1)
    return st.one_of(
        inside,
        st.slices(size),
        st.lists(inside, max_size=6).map(np.array).map(lambda x: x.astype(int)),
        st.just(slice(None)),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.tuples(*map(keys, SHAPE)), kept=st.sampled_from([0, 10**5, 10**9]), together=st.sampled_from([1, 10**9]))
def test_a_part_is_what_zarr_reads(path, key, kept, together):
    stored = zarr.open_group(path, mode="r")["V1/activity"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "KEPT_BYTES", kept)
        patch.setattr(pieces, "TOGETHER_BYTES", together)
        reading = Reading(stored, "V1", 60, Pieces())
        whole = np.asarray(stored[:], np.float32)
        expected = whole
        for axis, part in reversed([*enumerate(key)]):
            expected = expected[(slice(None),) * axis + (part,)]
        for _ in range(2):
            found = reading.read(key, np.array([True, True]))
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, expected)


def test_batches_that_are_not_recorded_are_nan_and_not_read(path, decoded):
    stored = zarr.open_group(path, mode="r")["V1/activity"]
    found = Reading(stored, "V1", 60, Pieces()).read((slice(None),) * 3, np.array([False, True]))
    assert np.isnan(found[:60]).all()
    assert not np.isnan(found[60:, 1:]).any()
    assert {batch for _, batch, _ in decoded} == {1}


def test_parts_that_end_anywhere_decode_each_piece_once(path, decoded):
    run = open_run(path)
    for start in range(0, SHAPE[0], 7):
        for tick in range(TICKS):
            run["V1"][start : start + 7, tick].load()
    run["V1"].isel(presentation=np.arange(1, 70, 3)).load()
    run["IT"].load()
    assert decoded == {("V1", batch, number): 1 for batch in (0, 1) for number in (0, 1)} | {
        ("IT", batch, 0): 1 for batch in (0, 1)
    }


def test_one_time_decodes_no_other_piece(path, decoded):
    open_run(path)["V1"][:, 3].load()
    assert decoded == {("V1", 0, 1): 1, ("V1", 1, 1): 1}


def test_pieces_take_no_more_memory_than_may_be_kept(monkeypatch):
    monkeypatch.setattr(pieces, "KEPT_BYTES", 1000)
    kept = Pieces()
    for number in range(9):
        kept.keep(("V1", 0, number), np.zeros(300, np.uint8))
        assert sum(piece.nbytes for piece in kept._kept.values()) == kept._bytes <= 1000
    assert [number for _, _, number in kept._kept] == [6, 7, 8]
    assert kept.find(("V1", 0, 6)) is not None
    kept.keep(("V1", 0, 9), np.zeros(300, np.uint8))
    assert kept.find(("V1", 0, 7)) is None  # it was not used for longest
    kept.keep(("V1", 0, 10), np.zeros(3000, np.uint8))
    assert kept.find(("V1", 0, 10)) is None


def test_a_file_that_changes_after_it_was_read_is_refused(path, tmp_path):
    copy = shutil.copytree(path, tmp_path / "copy.zarr")
    run = open_run(copy)
    run["V1"].load()
    file = next((copy / "V1" / "activity").glob("c.0.*"))
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(StoreError, match=r"V1/activity/c\.0\.0\.0 has changed"):
        run["V1"].load()
