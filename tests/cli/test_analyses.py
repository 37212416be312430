"""`ventral analyses` and `ventral analyze`."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from commands import stopped_at, ventral, worked

from ventral.knobs import knobs
from ventral.plugins import list_scripts, load


@pytest.mark.parametrize("name", [script.name for script in list_scripts("analysis")])
def test_an_analysis_is_listed_and_explained_by_its_docstrings_and_every_knob(name):
    assert f" {name} " in worked("analyses").out
    text = worked(f"analyses show {name}").out
    function = load("analysis", name).analyze
    table = text.partition("knobs (--set)")[2]
    for knob in knobs(function).values():
        assert re.search(rf"^ {knob.name} .* {re.escape(knob.help)}$", table, re.MULTILINE)
        assert knob.help
    assert text.startswith((load("analysis", name).__doc__ or "").splitlines()[0])


def test_an_analysis_that_is_stopped_just_stops(places, monkeypatch):
    monkeypatch.setattr("ventral.cli.analyze.open_named", stopped_at(1, print))
    outcome = ventral("analyze readout {run}", **places)
    assert outcome.code == 130
    assert outcome.err == "\nstopped.\n"


def test_numbers_are_not_replaced_by_those_of_other_knobs(places, tmp_path):
    """Law: a folder of an analysis holds its knobs, and numbers with others need another folder."""
    folder = tmp_path / "figures"
    again = f"analyze readout {{run}} --out {folder}"
    worked(again, **places)
    recorded = json.loads((folder / "readout.json").read_text())
    assert recorded["knobs"].items() >= {"conditions": None, "at_ms": None, "test": "cluster"}.items()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused = ventral(f"{again} --set at_ms=100", **places)
    assert refused.code != 0
    assert "holds this analysis with at_ms = None, as readout.json says; give another folder (--out)" in refused.err
    worked(again, **places)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_several_runs_are_those_of_a_folder_and_are_averaged(give, model_file, tmp_path, here):

    from ventral.model.checkpoint import read_checkpoint, write_checkpoint

    tensors, header = read_checkpoint(model_file)
    other = tmp_path / "other.safetensors"
    changed = {name: x * 1.1 if name.endswith("weight") else x for name, x in tensors.items()}
    write_checkpoint(other, changed, {key: value for key, value in header.items() if key != "digest"})
    command = "simulate --protocol flash --set duration_ms=20 --set end_ms=60 --data shapes --images 20 --units 8"
    for name, file in (("a", model_file), ("b", other)):
        assert give(f"{command} --model {file} --out runs/{name}.zarr")[0] == 0
    code, _, err = give("analyze", "readout", "runs", "--out", "together", "--set", "permutations=100")
    assert code == 0, err
    rows = (here / "together" / "readout.csv").read_text().splitlines()
    place = rows[0].split(",").index("models")
    assert {row.split(",")[place] for row in rows[1:]} == {"2"}
    assert (
        give("analyze", "readout", "runs/a.zarr", "runs/b.zarr", "--out", "other", "--set", "permutations=100")[0] == 0
    )
    assert (here / "other" / "readout.csv").read_bytes() == (here / "together" / "readout.csv").read_bytes()
    settings = ("folds=2", "areas=IT", "permutations=100", "resamples=100")
    knobs = [word for each in settings for word in ("--set", each)]
    for names in (("a", "b"), ("a",), ("b",)):
        paths = [f"runs/{name}.zarr" for name in names]
        code, _, err = give("analyze", "decoding", *paths, "--out", "decoded-" + "".join(names), *knobs)
        assert code == 0, err
    both, first, second = (pd.read_csv(here / f"decoded-{names}" / "decoding.csv") for names in ("ab", "a", "b"))
    assert set(both["models"]) == {2}
    for column in ("accuracy", "mean"):
        np.testing.assert_allclose(both[column], (first[column] + second[column]) / 2)
    code, _, err = give("analyze", "networks", "runs/a.zarr", "runs/b.zarr", "--out", "networks")
    assert code == 0, err
    assert set(pd.read_csv(here / "networks" / "networks.csv")["network"]) == {"small", "other"}
    assert give("analyze", "receptive-fields", "runs/a.zarr", "runs/b.zarr") == (
        2,
        "",
        "Error: receptive-fields analyses one run; 2 were given.\n",
    )
    code, _, err = give("analyze", "readout", "runs/a.zarr", "runs/a.zarr", "--out", "same")
    assert code == 2
    assert "models differ in their weights" in err
