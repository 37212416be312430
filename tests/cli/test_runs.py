"""`ventral export` and `ventral verify`: a run that is handed on, and one that is damaged."""

import shutil
from pathlib import Path

import numpy as np
from commands import ventral, worked


def test_an_export_is_named_and_opens(places):
    outcome = worked("export {run} --to npz --areas V1,IT --out here.npz", **places)
    assert outcome.out == "here.npz\n"
    with np.load("here.npz") as arrays:
        assert arrays["IT"].shape == (40, 11, 20)
        assert "V2" not in arrays
    worked("export {incomplete} --to npz --out half.npz --partial", **places)


def test_a_condition_is_exported_to_a_folder_of_files_one_for_each_area(places):
    outcome = worked("export {run} --to brainscore --conditions soa_20 --areas V4,IT --out here", **places)
    assert outcome.out == "here\n"
    assert sorted(path.name for path in Path("here").iterdir()) == ["IT-soa_20.nc", "V4-soa_20.nc"]
    worked("export {run} --to table --set observers=best --out here.csv", **places)
    assert "reaction_ms_best" in Path("here.csv").read_text().partition("\n")[0]


def test_formats_are_listed_with_their_readers_and_explained():
    listed = worked("exports").out
    for name, reader in (("brainscore", "from_files"), ("nwb", "pynapple.load_file"), ("ndt", "basic_DS")):
        assert any(line.startswith(f" {name} ") and reader in line for line in listed.splitlines())
    shown = worked("exports show table").out
    assert "A file holds the run, its name ends in .csv" in shown
    assert "observers" in shown
    assert "Written with pynwb." in worked("exports show nwb").out


def test_a_flipped_byte_is_found_and_named(places):
    assert worked("verify {run}", **places).out.endswith(
        "mask.zarr is complete, and every file is as it was recorded.\n"
    )
    shutil.copytree(places["run"], "flipped.zarr")
    file = next(Path("flipped.zarr/V4/activity").glob("c.1*"))
    content = bytearray(file.read_bytes())
    content[len(content) // 4] ^= 1
    file.write_bytes(content)
    outcome = ventral("verify flipped.zarr")
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out == f"V4/activity/{file.name} has changed since it was written.\n"
    outcome = ventral("export flipped.zarr --to npz")
    assert outcome.code == 1
    assert f"flipped.zarr is damaged: V4/activity/{file.name} has changed" in outcome.err
    assert not Path("flipped.npz").exists()
