"""`ventral models`: listed, explained, drawn and described."""

import re
from pathlib import Path

import pytest
from commands import ventral, worked


def test_models_are_listed_and_shown(places):
    assert {"shapes", "cifar10"} <= {line.split()[0] for line in worked("models").out.splitlines() if line.strip()}
    shown = worked("models show {model}", **places).out
    assert "IT     2x2x5       30 ms                   BRDx2   BRCx2" in shown
    assert "sustained drive), through a 3x3 convolution, into V1." in shown
    assert "\n ms   effective parameters   multiply-adds per image\n" in shown
    assert "accuracy on 40 test images of shapes" in shown
    assert "arrival" in worked("models show cifar10").out
    assert "arrival" in worked("models show {graph}", **places).out


def test_a_graph_of_the_paper_is_shown_with_its_knobs_set():
    text = worked("models show two-state:readout_ms=20,sharing=per-tick").out
    assert "(Fig. 6; read at 20, 30, 50 or 100 ms in Fig. 8)" in text
    assert " V1     32x32x64      0 ms   BRCx2+I   BRCx2\n" in text
    assert " 20                297,994   304 M\n" in text
    assert re.search(r"\n sharing +over-time +over-time or per-tick\n", text)
    assert "[30, 40)" in worked("models show three-state-resnet").out
    assert " 30                220,114" in worked("models show cifar10").out


def test_a_description_written_is_a_model_wherever_one_can_be_named(places):
    assert worked("models show two-state:channels=2 --json two.json").out.splitlines()[-1] == "two.json"
    assert worked("models show two.json").out.count("BRCx2+I") == 2
    outcome = ventral("simulate --protocol flash --model two.json --data {images}", **places)
    assert "two.json is a graph and has no weights; train it (`ventral train two.json --data ...`)" in outcome.err
    flash = "simulate --protocol flash --set duration_ms=10 --set end_ms=30 --model two.json --images 4 --untrained"
    outcome = ventral(flash + " --data {images}", **places)
    assert "the readout" not in outcome.out  # a description of one's own says how many classes there are
    assert "the graph tells 10 classes apart and" in outcome.err


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_a_graph_is_drawn(form):
    assert worked(f"models show two-state --figure out/two.{form}").out.splitlines()[-1] == f"out/two.{form}"
    head = Path(f"out/two.{form}").read_bytes()[:100]
    assert {"svg": b"<svg", "png": b"PNG", "pdf": b"%PDF"}[form] in Path(f"out/two.{form}").read_bytes()[:1000], head
