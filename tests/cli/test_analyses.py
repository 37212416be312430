"""`ventral analyses` and `ventral analyze`."""

import json
import re

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
