"""Files of a run that are damaged, exchanged or of another run are refused by whatever reads them."""

import hashlib
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from small_runs import contents, create, layout, record, values

from ventral.errors import StoreError
from ventral.experiment.run import open_run
from ventral.export.formats import export_run
from ventral.store import manifest
from ventral.store.index import OWN_DIGEST, ROOT, blanked
from ventral.store.verify import verify
from ventral.store.writer import Writer

FILES = ("V1/activity/c.{}.0.0", "IT/activity/c.{}.0.0.0.0", "A2/activity/c.{}.0.0", "readout/logits/c.{}.0.0")
ROW = "checksums/commit/c.{}.0.0"


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A complete run that no test may change."""
    return record(tmp_path_factory.mktemp("runs") / "run.zarr", layout())


@pytest.fixture
def copy(complete, tmp_path):
    return Path(shutil.copytree(complete, tmp_path / "copy.zarr"))


def exchange(first, second):
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def test_batches_that_change_places_with_their_rows_are_named(copy):
    for name in (*FILES, ROW):
        exchange(copy / name.format(0), copy / name.format(1))
    assert verify(copy) == [f"{name.format(n)} has changed since it was written." for n in (0, 1) for name in FILES]


def test_a_batch_of_another_run_is_named_also_with_its_row(copy, tmp_path):
    other = record(tmp_path / "other.zarr", layout(seed=1))
    for name in (*FILES, ROW):
        shutil.copy(other / name.format(1), copy / name.format(1))
    assert verify(copy) == [f"{name.format(1)} has changed since it was written." for name in FILES]


DAMAGES = {
    "emptied": lambda copy, other: (copy / FILES[0].format(1)).write_bytes(b""),
    "exchanged": lambda copy, other: exchange(copy / FILES[0].format(1), copy / FILES[0].format(0)),
    "of another run": lambda copy, other: shutil.copy(other / FILES[0].format(1), copy / FILES[0].format(1)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_the_recorded_one_is_refused_by_all_that_read_it(copy, tmp_path, damage):
    DAMAGES[damage](copy, record(tmp_path / "other.zarr", layout(presentations=6, dtype="float32")))
    refusal = r"copy.zarr is damaged: V1/activity/c\.[01]\.0\.0 has changed .*delete it and record the run again"
    run = open_run(copy)
    with pytest.raises(StoreError, match=refusal):
        run["V1"].mean("presentation").load()
    with pytest.raises(StoreError, match=refusal):
        export_run(run, "npz", tmp_path / "out.npz")
    with pytest.raises(StoreError, match=refusal):
        Writer.open(copy, layout())
    assert np.isfinite(run["IT"][:, 1:].values).all()  # the others can be used


def test_a_deleted_file_is_recorded_again(copy, complete):
    (copy / FILES[2].format(1)).write_bytes(b"damaged")
    with pytest.raises(StoreError, match="delete it"):
        Writer.open(copy, layout())
    (copy / FILES[2].format(1)).unlink()
    record(copy, layout())
    assert contents(copy) == contents(complete)


def test_a_file_is_read_for_its_digest_once_and_again_when_it_changes(copy, monkeypatch):
    run, read, check = open_run(copy), [], manifest.file_problem
    monkeypatch.setattr(manifest, "file_problem", lambda *given: read.append(given[1]) or check(*given))
    for _ in range(3):
        run["V1"][:3].load()
    assert read == [FILES[0].format(0)]
    (copy / FILES[0].format(0)).write_bytes(b"damaged")
    with pytest.raises(StoreError, match="has changed"):
        run["V1"][:3].load()


def test_only_the_files_of_the_rows_that_are_read_are_checked(copy):
    (copy / FILES[0].format(2)).write_bytes(b"")
    activity = open_run(copy)["V1"]
    assert np.array_equal(
        activity[:6].values, np.concatenate([values(layout(), b, "V1") for b in (0, 1)]).astype("f2"), True
    )


def test_a_file_that_was_not_committed_is_not_data(copy):
    (copy / ROW.format(1)).unlink()
    with pytest.warns(UserWarning, match="2 of 3 batches"):
        run = open_run(copy)
    assert np.isnan(run["V1"][3:6].values).all()
    assert np.isfinite(run["V1"][[0, 6], 1].values).all()
    assert np.isnan(run["V1"][4, 2, 1].values)


def test_a_file_that_cannot_be_read_is_named_and_not_the_export(copy, tmp_path):
    (copy / FILES[1].format(0)).unlink()
    (copy / FILES[1].format(0)).mkdir()
    run = open_run(copy)
    with pytest.raises(StoreError, match=r"copy.zarr is damaged: IT/activity/c\.0.* cannot be read: is a directory"):
        export_run(run, "netcdf", tmp_path / "out.nc")
    assert sorted(tmp_path.iterdir()) == [copy]


def test_stray_arrays_and_groups_in_the_folder_are_not_opened(copy):
    """An array of version 2 could name a filter that runs code."""
    for place in ("stray", "V1/stray"):
        (copy / place).mkdir()
        (copy / place / ".zarray").write_text('{"filters": [{"id": "pickle"}], "zarr_format": 2')
        (copy / place / "zarr.json").write_text("{}")
    (copy / ".zgroup").write_text("not JSON")
    assert np.isfinite(open_run(copy)["V1"].values[:, 1:]).all()
    assert "stray/.zarray is not part of the run." in verify(copy)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[" * 100_000, b"{}", b'{"attributes": {"schema_version": 2}}', b"7"])
def test_a_root_of_something_else_is_refused_in_a_sentence(copy, text):
    (copy / "zarr.json").write_bytes(text)
    with pytest.raises(StoreError, match=r"is not a run of ventral, or its zarr\.json is damaged; choose another path"):
        open_run(copy)
    assert verify(copy)[0].startswith("zarr.json has changed")


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_metadata_file_is_refused_in_a_sentence(copy, seed):
    chance = np.random.default_rng(seed)
    file = chance.choice(sorted(copy.rglob("zarr.json")))
    data = bytearray(file.read_bytes())
    position = chance.integers(len(data))
    data[position : position + chance.integers(3)] = chance.bytes(chance.integers(1, 4))
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"is damaged|is not a run|has schema"):
        open_run(copy)
    with pytest.raises(StoreError, match=r"is damaged|is not a run|has schema"):
        Writer.open(copy, layout())


def write_signed(path, change):
    """Change what a run says of itself, and make the digests anew, as another program could."""
    root = json.loads((path / ROOT).read_text())
    attrs = root["attributes"]
    described = {name: json.loads((path / name).read_text()) for name in ("label/zarr.json", "V1/zarr.json")}
    change(attrs, described)
    manifest = json.loads(attrs.pop("manifest"))
    for name, metadata in described.items():
        data = json.dumps(metadata).encode()
        (path / name).write_bytes(data)
        manifest[name] = hashlib.sha256(data).hexdigest()
    attrs |= {"manifest": json.dumps(manifest), OWN_DIGEST: "0" * 64}
    data = json.dumps(root).encode()
    (path / ROOT).write_bytes(data.replace(b"0" * 64, hashlib.sha256(blanked(data)).hexdigest().encode()))


ODD = {
    "a shape of another size": lambda attrs, described: described["label/zarr.json"].update(shape=[2]),
    "a dtype of nothing": lambda attrs, described: described["label/zarr.json"].update(data_type="complex7"),
    "codecs of nothing": lambda attrs, described: described["label/zarr.json"].update(codecs=[{"name": "pickle"}]),
    "an area without coordinates": lambda attrs, described: described["V1/zarr.json"].update(attributes={}),
    "a coordinate that is not there": lambda attrs, described: attrs.update(coordinates="label color"),
    "more presentations than rows": lambda attrs, described: attrs.update(presentations=10**12),
}


@pytest.mark.parametrize("change", ODD)
def test_a_run_that_another_program_describes_otherwise_is_refused_in_a_sentence(copy, change):
    write_signed(copy, ODD[change])
    with pytest.raises(StoreError, match=r"copy\.zarr is not as ventral writes a run, and cannot be read \("):
        open_run(copy)


@pytest.mark.parametrize("name", ["coordinates", "dims", "identity", "run_key", "areas"])
def test_a_root_that_says_something_of_another_kind_is_refused_in_a_sentence(copy, name):
    write_signed(copy, lambda attrs, described: attrs.update({name: 7}))
    with pytest.raises(StoreError, match=r"is not a run of ventral, or its zarr\.json is damaged"):
        open_run(copy)


def test_a_run_that_simulate_did_not_record_says_what_it_lacks(copy):
    run = open_run(copy)
    with pytest.raises(StoreError, match="does not say its protocol, so `ventral simulate` did not record it"):
        _ = run.protocol
    write_signed(copy, lambda attrs, described: attrs.pop("graph"))
    with pytest.raises(StoreError, match="does not say its graph, so `ventral simulate` did not record it"):
        _ = open_run(copy).graph


# --- plain xarray


def test_plain_xarray_groups_an_area_by_any_coordinate_of_its_presentations(complete):
    tree = xr.open_datatree(complete, engine="zarr", consolidated=False, zarr_format=3)
    for area in ("V1", "IT", "readout"):
        node = tree[area].to_dataset()
        data = node["logits" if area == "readout" else "activity"].astype("float32")
        assert {*layout().presentation} <= {*node.coords}
        assert [str(name) for name, _ in data.groupby("condition")] == ["masked", "unmasked"]


def test_a_run_can_be_written_as_netcdf_by_plain_xarray(complete, tmp_path):
    tree = xr.open_datatree(complete, engine="zarr", consolidated=False, zarr_format=3)
    tree.to_netcdf(tmp_path / "run.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "run.nc", engine="h5netcdf") as read:
        np.testing.assert_array_equal(read["IT/activity"].values, tree["IT/activity"].values)
        assert read["condition"].values.tolist() == layout().presentation["condition"].tolist()
        assert read.attrs["run_key"] == layout().run_key


def test_the_store_says_what_averages_of_float16_need(complete, tmp_path):
    activity = xr.open_datatree(complete, engine="zarr", consolidated=False, zarr_format=3)["V1/activity"]
    assert ".astype('float32')" in activity.attrs["comment"]
    read = open_run(complete)["V1"].attrs
    assert "comment" not in read
    assert read["resolution"] == np.finfo(np.float16).eps
    create(tmp_path / "wide.zarr", layout(dtype="float32"))
    wide = xr.open_datatree(tmp_path / "wide.zarr", engine="zarr", consolidated=False, zarr_format=3)
    assert "comment" not in wide["V1/activity"].attrs


def test_averages_of_a_run_are_those_of_its_numbers(tmp_path):
    plan = layout(presentations=300, batch=100)
    large = {target.area: 200 + values(plan, 0, target.area)[:1] for target in plan.targets}
    with Writer.open(tmp_path / "run.zarr", plan) as writer:
        for batch in writer.pending:
            numbers = {area: np.repeat(x, 100, axis=0) for area, x in large.items()}
            writer.write(batch, numbers, numbers.pop("readout"))
    run = open_run(tmp_path / "run.zarr")
    for area in run.areas:
        stored = large[area].astype(np.float16).astype(np.float64)[0]
        np.testing.assert_allclose(run[area].mean("presentation"), stored, rtol=1e-6)
        np.testing.assert_allclose(
            run[area].sum(("presentation", *run[area].dims[2:]))[1], 300 * stored[1].sum(), rtol=1e-5
        )


# --- several processes


def test_of_processes_that_make_one_run_at_once_one_wins(tmp_path):
    path, outcomes = tmp_path / "run.zarr", []

    def make():
        try:
            create(path, layout())
            outcomes.append("made")
        except StoreError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=make) for _ in range(8)]  # each has locks of its own, as processes do
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("made") == 1
    others = [outcome for outcome in outcomes if outcome != "made"]
    assert all("another process" in outcome or "exists already" in outcome for outcome in others)
    assert list(tmp_path.iterdir()) == [path]
    record(path, layout())
    assert verify(path) == []
