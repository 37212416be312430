"""A Python file that gives a model, on the command line."""

from pathlib import Path

import pytest
from commands import rows, texts, ventral, worked

from ventral.experiment.run import open_run

STATIC = '''"""A static network of three layers."""

import torch
from torch import nn

from ventral import wrap


def model():
    """Two areas, and a readout."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), nn.Flatten(), nn.Linear(54, 10)]
    return wrap(
        nn.Sequential(*layers).eval(),
        size=16,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        layers={"V1": "0", "IT": "2"},
        latency_ms={"V1": 10, "IT": 30},
        readout=READOUT,
        classes=CLASSES,
        name="static",
    )
'''


@pytest.fixture
def file(images):
    """The file, in the folder in which the command is given."""
    path = Path("static.py")
    path.write_text(STATIC.replace("READOUT", '"4"').replace("CLASSES", repr(images.label_names)))
    return path


@pytest.fixture
def mute():
    """A file whose network has no readout."""
    path = Path("mute.py")
    path.write_text(STATIC.replace("READOUT", "None").replace("CLASSES", "()"))
    return path


def test_a_run_is_recorded_analysed_verified_and_exported(file):
    flash = f"simulate --protocol flash --set duration_ms=50 --set end_ms=50 --model {file} --data shapes --images 20"
    printed = worked(f"{flash} --out run.zarr").out
    assert "20 images of shapes (test) on static, 0 to 50 ms" in printed
    assert "% correct at the readout (chance 10)" in printed
    assert open_run("run.zarr").graph["IT"].layer == "2"
    assert worked("analyze readout run.zarr").out
    assert worked("verify run.zarr").out
    assert worked("export run.zarr --to npz").out
    assert "was complete already" in worked(f"{flash} --out run.zarr").out
    file.write_text(file.read_text().replace("manual_seed(0)", "manual_seed(1)"))
    assert "weights differ" in ventral(f"{flash} --out run.zarr").err


def test_a_network_without_a_readout_is_recorded_and_decoded(mute):
    flash = f"simulate --protocol flash --set duration_ms=50 --set end_ms=50 --model {mute} --data shapes --images 20"
    printed = worked(f"{flash} --out run.zarr").out
    assert "no accuracy: run.zarr has no logits, because its network has no readout; decode an area" in printed
    assert printed.splitlines()[-1] == "next:  ventral analyze decoding run.zarr"
    assert ventral("analyze decoding run.zarr --set folds=2").code == 0
    assert "has no logits" in ventral("analyze readout run.zarr").err


def test_responses_to_images_that_stay_on_are_evaluated(file, mute):
    printed = worked(f"evaluate {file} --data shapes --images 20 --out evaluation").out
    assert rows(printed, "accuracy of static on 20 images")[1][0] == "30"
    mistake = f"evaluate {file} --data shapes --images 20 --end-ms 20"
    assert "it is first present at 30 ms" in " ".join(ventral(mistake).err.split())
    refused = ventral(f"evaluate {mute} --data shapes --images 20").err
    assert "static has no readout, so there are no responses to evaluate; record it and decode" in refused


def test_a_dry_run_says_when_the_stimulus_arrives(file):
    printed = worked(f"simulate --protocol flash --model {file} --data shapes --images 10 --dry-run").out
    arrivals = printed[printed.index("the stimulus arrives") :]
    assert [line.split() for line in arrivals.splitlines() if line.split()[:1] in (["V1"], ["IT"])] == [
        ["V1", "10", "ms"],
        ["IT", "30", "ms"],
    ]


def test_the_areas_of_a_file_are_shown(file):
    printed = worked(f"models show {file}").out
    assert "static.py: areas of an outside network" in printed
    assert ["IT", "6x3x3", "30", "ms", "output", "of", "2"] in [line.split() for line in printed.splitlines()]
    assert (
        "It takes images of 16x16 pixels, from 0 to 1, minus (0.5, 0.5, 0.5), divided by (0.25, 0.25, 0.25)." in printed
    )
    error = ventral(f"models show {file} --figure graph.svg").err
    assert "the transitions of static.py are not known, so there is no graph to draw; leave out --figure" in error


def test_a_protocol_is_drawn_with_its_arrivals(file):
    printed = worked(f"protocols show backward-mask --model {file} --figure mask.svg").out
    assert "when the first image arrives in the areas of static.py" in printed
    assert {"V1", "IT"} <= set(texts(Path("mask.svg")))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "simulate --protocol flash --model static.py",
            "static has no data of its own; say with --data which images it is shown",
        ),
        ("simulate --protocol flash --model static.py --data shapes --policy pooled", "leave out --policy"),
        ("simulate --protocol flash --model static.py --data shapes --noise gaussian:1", "leave out --noise"),
        ("simulate --protocol flash --model static.py --data shapes --drive impulse", "leave out --drive"),
        ("simulate --protocol flash --model static.py --data shapes --untrained", "a network with weights of its own"),
        ("simulate --protocol lesion --model static.py --data shapes", "transitions are not known"),
        ("train static.py --data shapes", "static.py gives a network with weights of its own, not a graph; train it"),
        (
            "simulate --protocol flash --model statik.py --data shapes",
            "no file named 'statik.py'; did you mean 'static.py'",
        ),
        ("simulate --protocol flash --model number.py --data shapes", "number.py: model returns a int; return a Model"),
        ("simulate --protocol flash --model broken.py --data shapes", "broken.py, line 2: ValueError: it cannot be"),
        ("simulate --protocol flash --model empty.py --data shapes", "empty.py has no function model; give it one"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(file, command, message):
    Path("number.py").write_text("def model():\n    return 3\n")
    Path("broken.py").write_text("def model():\n    raise ValueError('it cannot be')\n")
    Path("empty.py").write_text("")
    outcome = ventral(command)
    assert outcome.code in (1, 2)
    assert message in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err
