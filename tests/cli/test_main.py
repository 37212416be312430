"""The command line as a person meets it: what it says, its exit code, and what it leaves on the disk.

Every command goes through `ventral.cli.main.main` with the arguments as they would be typed; some, through a new
process.
"""

import errno
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from small import small_graph

from ventral.cli import main as cli
from ventral.experiment.run import open_run
from ventral.experiment.simulate import Experiment
from ventral.knobs import knobs
from ventral.model.checkpoint import read_checkpoint, write_checkpoint
from ventral.plugins import list_scripts, load
from ventral.training.train import Trainer

SHORT = "--set epochs=2 --set batch=4 --set held_out=4 --set statistics_images=8 --set end_ms=50 --set horizon_ms=100"
SHORT += " --set precision=float32"  # "auto" goes by the clock, and two trainings are compared


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def ventral(line: str, **places: object) -> Said:
    """Give a command; {names} in it stand for places."""
    words = ["ventral", *shlex.split(line.format(**places))]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", words):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Said(code, out.getvalue(), err.getvalue())


def worked(line: str, **places: object) -> Said:
    """Give a command that should work."""
    said = ventral(line, **places)
    assert (said.code, said.err) == (0, "")
    return said


@pytest.fixture(scope="module", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One in which nothing of the person's own is found or written."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VENTRAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        patched.delenv("VENTRAL_DATA", raising=False)
        yield


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the command is given."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def places(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the commands name: a model, a run, images, and things that are none."""
    root = tmp_path_factory.mktemp("places")
    at = {
        name: root / file
        for name, file in {
            "run": "mask.zarr",
            "incomplete": "incomplete.zarr",
            "images": "images",
            "corrupt": "corrupt",
            "classless": "classless",
            "empty": "empty",
            "onlytrain": "onlytrain",
            "noise": "noise.safetensors",
            "other": "other.safetensors",
            "cut": "cut.safetensors",
            "text": "text.txt",
            "graph": "graph.json",
            "badgraph": "badgraph.json",
            "notjson": "notjson.json",
            "syntax": "syntax.py",
            "functionless": "functionless.py",
            "mistaken": "mistaken.py",
            "number": "number.py",
        }.items()
    }
    for folder in ("images", "corrupt"):
        make_images(at[folder], size=16)
    (at["corrupt"] / "test" / "cat" / "3.png").write_bytes(b"this is no image")
    (at["classless"] / "test").mkdir(parents=True)
    (at["classless"] / "test" / "1.png").write_bytes((at["images"] / "test" / "cat" / "1.png").read_bytes())
    at["empty"].mkdir()
    shutil.copytree(at["images"] / "train", at["onlytrain"] / "train")
    at["noise"].write_bytes(np.random.default_rng(0).bytes(1000))
    save_file({"x": torch.zeros(3)}, at["other"])
    at["cut"].write_bytes(model_file.read_bytes()[:-100])
    at["text"].write_text("a note")
    at["graph"].write_text(small_graph(classes=2).to_json())
    at["badgraph"].write_text('{"areas": [{"name": "V1", "chanels": 3}]}')
    at["notjson"].write_text("V1 -> V2")
    at["syntax"].write_text("def protocol(:\n")
    at["mistaken"].write_text(
        "from ventral import Condition, Protocol, Show, target\n\n"
        "def protocol() -> Protocol:\n    return Protocol((Condition('on', Show(target, 0, 10)),))\n"
    )
    at["functionless"].write_text("soa_ms = 20\n")
    at["number"].write_text("def protocol(soa_ms: int = 20):\n    return soa_ms\n")
    worked("simulate " + masking(model_file, at["run"]))
    shutil.copytree(at["run"], at["incomplete"])
    next((at["incomplete"] / "commit").glob("c.1*")).unlink()
    return {**at, "model": model_file}


def make_images(folder: Path, size: int, count: int = 6) -> None:
    """A few images of two classes in both splits."""
    chance = np.random.default_rng(1)
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                pixels = chance.integers(0, 256, (size, size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / label / f"{number}.png")


def masking(model: Path, out: object) -> str:
    return (
        f"--protocol backward_mask --set soa_ms=20 --set end_ms=100 --images 10 --batch 10 --model {model} --out {out}"
    )


# --- what goes wrong

FLASH = "simulate --protocol flash --model {model}"
MASK = "simulate --protocol backward-mask --model {model}"
EVALUATE = "evaluate {model} --images 10"
TRAIN = "train {graph} --data {images} --set held_out=4 --set batch=4"

MISTAKES = {
    # names
    "a protocol": ("simulate --protocol backward_msk", 2, "no protocol named 'backward_msk'; did you mean 'backward-m"),
    "a model": (
        "simulate --protocol flash --model shaeps",
        2,
        "no model named 'shaeps'",
        "path of its .safetensors file.",
    ),
    "a model's file": ("simulate --protocol flash --model no.safetensors", 1, "no checkpoint at no.safetensors"),
    "a model to show": ("models show cifra10", 2, "no model named 'cifra10'; did you mean 'cifar10'?"),
    "a model to train": ("train shaeps", 2, "no model named 'shaeps'; did you mean 'shapes'?"),
    "an analysis to show": ("analyses show decodin", 2, "no analysis named 'decodin'; did you mean 'decoding'?"),
    "a protocol to show": ("protocols show flahs", 2, "no protocol named 'flahs'; did you mean 'flash'?"),
    "a knob": (FLASH + " --set durations_ms=10", 2, "no knob named 'durations_ms'; did you mean 'duration_ms'?"),
    "a knob of a recipe": (TRAIN + " --set epohcs=1", 2, "no knob named 'epohcs'; did you mean 'epochs'?"),
    "a knob of an analysis": ("analyze readout {run} --set conditon=a", 2, "did you mean 'conditions'?"),
    "a knob of shapes": (FLASH + " --data shapes:cluter=1", 2, "no knob named 'cluter'; did you mean 'clutter'?"),
    "an area": (FLASH + " --data {images} --images 2 --areas V3", 2, "no area named 'V3'; there is: IT, V1, V2, V4."),
    "an area's case": (FLASH + " --data {images} --images 2 --areas it", 2, "no area named 'it'; did you mean 'IT'?"),
    "no area": (FLASH + " --areas ,", 2, "--areas is ','; write it as V1,IT or leave it out"),
    "an area to export": ("export {run} --to npz --areas V5", 2, "no area named 'V5'; there is: IT, V1, V2, V4."),
    "a format": ("export {run} --to npy", 2, "no format named 'npy'; did you mean 'npz'?"),
    "another format": ("export {run} --to matlab", 2, "no format named 'matlab'; there is: brainscore, npz."),
    "an analysis": ("analyze readuot {run}", 2, "no analysis named 'readuot'; did you mean 'readout'?"),
    "a condition": ("analyze readout {run} --set conditions=soa_2", 2, "no condition named 'soa_2'; did you mean"),
    "a split": (FLASH + " --split tset", 2, "no split named 'tset'; did you mean 'test'?"),
    "a mask": (MASK + " --set kind=nois --images 10", 2, "no mask named 'nois'; did you mean 'noise'?"),
    "a kind of record": (FLASH + " --record map", 2, "no kind of record named 'map'; did you mean 'maps'?"),
    "a dtype": (FLASH + " --dtype float61", 2, "no dtype named 'float61'; did you mean 'float16'?"),
    "a policy": (FLASH + " --beyond-horizon hold", 2, "no policy beyond the horizon named 'hold'; did you mean"),
    "a model to evaluate": ("evaluate cifra10", 2, "no model named 'cifra10'; did you mean 'cifar10'?"),
    "a graph to evaluate": ("evaluate two-state", 2, "two-state is a graph and has no weights; train it"),
    "a policy to evaluate with": (EVALUATE + " --policy forzen", 2, "no policy for statistics named 'forzen'; did"),
    "a split to evaluate": (EVALUATE + " --split tset", 2, "no split named 'tset'; did you mean 'test'?"),
    "a split that is not there": (EVALUATE + " --data {onlytrain}", 1, "has no folder 'test'; lay images out as <fol"),
    "images of other classes": (
        EVALUATE + " --data {images}",
        1,
        "small distinguishes 10 classes (arrow, ",
        "apart, and images has 2 classes (cat, dog); give images of the same classes",
    ),
    "a response before the arrival": (
        EVALUATE + " --at 20",
        2,
        "IT is absent at 20 ms; it can be read at 30 to 300 ms",
    ),
    "an evaluation beyond the statistics": (
        EVALUATE + " --end-ms 400",
        2,
        "end_ms is 400, but small has normalisation statistics only to 300 ms; end by then (--end-ms)",
        "--beyond-horizon held",
    ),
    "an evaluation in a text": (EVALUATE + " --out {text}", 1, "text.txt is a file, not a folder; choose another"),
    "a device": (FLASH + " --device cudaa", 2, "there is no device 'cudaa' here; use cpu, or cuda"),
    "a device without numbers": (FLASH + " --device meta", 2, "there is no device 'meta' here; use cpu, or cuda"),
    "a device to train on": (TRAIN + " --device gpu", 2, "there is no device 'gpu' here; use cpu, or cuda"),
    "an option": (FLASH + " --imagse 3", 2, "No such option '--imagse'"),
    "a command": ("simulat --protocol flash", 2, "No such command 'simulat'", "'simulate'"),
    # values
    "a word for a number": (FLASH + " --set duration_ms=ten", 2, "duration_ms is 'ten'; it takes whole numbers"),
    "no value": (FLASH + " --set duration_ms", 2, "gives no value; write it as duration_ms=10,20,50,100,200."),
    "a knob twice": (MASK + " --set mask_ms=20 --set mask_ms=30", 2, "knob mask_ms is set twice; set it once"),
    "an SOA twice": (MASK + " --set soa_ms=20,20", 2, "two conditions are called 'soa_20'; a value is given twice"),
    "an SOA shorter than the target": (
        MASK + " --set target_ms=30 --set soa_ms=20",
        2,
        "condition soa_20: mask:noise starts at 20 ms while target is on until 30 ms; start it at 30 or later",
    ),
    "an early end": (MASK + " --set end_ms=-10", 2, "end_ms is -10, but the record starts at 0 ms; end later."),
    "a mask after the end": (MASK + " --set end_ms=100", 2, "mask:noise starts at 120 ms", "use a later end_ms"),
    "a readout after the end": (
        "simulate --protocol variable-readout --model {model} --set readout_ms=350",
        2,
        "readout_ms 350 is outside the record, 0 to 200 ms; read within it, or use a later end_ms.",
    ),
    "a protocol beyond the statistics": (
        FLASH + " --data {images} --images 2 --set end_ms=400",
        2,
        "the protocol runs for 400 ms, but small has normalisation statistics only to 300 ms; end earlier",
        "--beyond-horizon held",
    ),
    "both policies and one": (
        MASK + " --control --policy recalibrated",
        2,
        "--control records a run under each policy, frozen and recalibrated; leave out --policy.",
    ),
    "an option that was renamed": (
        FLASH + " --statistics recalibrated",
        2,
        "the option --statistics is called --policy now; write --policy recalibrated.",
    ),
    "an option of evaluate that was renamed": (EVALUATE + " --statistics frozen", 2, "write --policy frozen."),
    "a drive": (FLASH + " --drive sustaned", 2, "no drive named 'sustaned'; did you mean 'sustained'?"),
    "a drive that an event outlasts": (
        FLASH + " --drive impulse",
        2,
        "condition on_20: with impulse drive an image enters only at the tick of its onset",
    ),
    "repeats without noise": (FLASH + " --repeats 3", 2, "without noise all 3 repeats of an image would be the same"),
    "a kind of noise": (FLASH + " --noise pink:1", 2, "no kind of noise named 'pink'; there is: gaussian, poisson."),
    "a level of noise": (FLASH + " --noise gaussian:high", 2, "noise is 'gaussian:high'; write it as gaussian:0.5"),
    "noise in no area": (FLASH + " --noise gaussian:1:V9", 2, "no area named 'V9'; there is: IT, V1, V2, V4."),
    "a lesion of nothing": (
        "simulate --protocol lesion --model {model} --set what=V1->V3",
        2,
        "no transition, area or class of transitions named 'V1->V3'; did you mean 'V1->V",
    ),
    "a change out of range": (
        "simulate --protocol noise --model {model} --set sd=1.5",
        2,
        "sd is 1.5; give 0 to 1.",
    ),
    "a forward mask backwards": (
        "simulate --protocol forward-mask --model {model} --set soa_ms=50",
        2,
        "soa_ms is 50; here the mask comes first: give -50, or use backward-mask.",
    ),
    "an SOA off the clock": (MASK + " --set soa_ms=25", 2, "soa_ms is 25 ms; the clock ticks every 10 ms, so use 20"),
    "a knob of another type": (MASK + " --set soa_ms=soon", 2, "knob soa_ms is 'soon'; it takes whole numbers"),
    "a kind of mask": (MASK + " --set kind=nose", 2, "no mask named 'nose'; did you mean 'noise'?"),
    "more images than there are": (FLASH + " --data {images} --images 99", 1, "99 images evenly", "at most 12"),
    "no images": (FLASH + " --images 0", 2, "Invalid value for '--images': 0 is not in the range x>=1."),
    "clutter of 2": (FLASH + " --data shapes:clutter=2", 2, "clutter is 2.0; give a number from 0 to 1, or none to"),
    # images
    "no CIFAR-10": (FLASH + " --data cifar10", 1, "CIFAR-10 is not at .data/cifar10; put", "VENTRAL_DATA"),
    "CIFAR-10 with settings": (FLASH + " --data cifar10:clutter=1", 2, "'cifar10' has no settings; only shapes does"),
    "no images there": (FLASH + " --data nowhere/at/all", 1, "no images at 'nowhere/at/all'; give 'shapes',"),
    "a folder without classes": (FLASH + " --data {classless}", 1, "has no class folders; lay images out as <fol"),
    "a folder without splits": (FLASH + " --data {empty}", 1, "has no folder 'test'; lay images out as <fol"),
    "a text for images": (FLASH + " --data {text}", 1, "text.txt is not an archive; give cifar-10-binary.tar.gz or"),
    "a broken image to mask with": (
        MASK + " --data {corrupt} --split train --images 4",
        1,
        "test/cat/3.png cannot be read as an image (it is in no known format); replace or remove it.",
    ),
    "a broken image": (FLASH + " --data {corrupt} --images 4", 1, "3.png cannot be read as an image", "replace"),
    "no data to show": ("data show {empty}", 1, "has no folder 'train'; lay images out as"),
    # models
    "random bytes": ("simulate --protocol flash --model {noise}", 1, "noise.safetensors is not a whole checkpoint"),
    "somebody else's weights": ("simulate --protocol flash --model {other}", 1, "but not a ventral checkpoint; give"),
    "a truncated checkpoint": ("simulate --protocol flash --model {cut}", 1, "not a whole checkpoint", "copy it again"),
    "a folder for a checkpoint": ("simulate --protocol flash --model {images}", 1, "there is no checkpoint at"),
    "random bytes to show": ("models show {noise}", 1, "noise.safetensors is not a whole checkpoint"),
    # scripts
    "a syntax error": ("simulate --protocol {syntax}", 2, "syntax.py, line 1: invalid syntax."),
    "a mistake inside a protocol": (
        "simulate --protocol {mistaken}",
        2,
        "mistaken.py, line 4: TypeError: 'Show' object is not iterable.",
    ),
    "a mistake inside a protocol to show": ("protocols show {mistaken}", 2, "mistaken.py, line 4: TypeError"),
    "a kind of mask to show": ("protocols show backward-mask --set kind=nose", 2, "no mask named 'nose'; did you mean"),
    "a syntax error to show": ("protocols show {syntax}", 2, "syntax.py, line 1: invalid syntax."),
    "no function": ("simulate --protocol {functionless}", 2, "has no function protocol; give it one, such as"),
    "not a protocol": ("simulate --protocol {number}", 2, "protocol returns a value of type int; return a Protocol."),
    "no file": ("simulate --protocol backwards.py", 2, "no file named 'backwards.py'"),
    "a folder for a protocol": ("simulate --protocol {images}", 2, "is not a Python file; give a name, or the path"),
    # runs
    "no run to analyse": ("analyze readout {run}s", 1, "there is no run at", "did you mean", "mask.zarr?"),
    "no run to export": ("export nothing.zarr --to npz", 1, "no run at nothing.zarr; `ventral simulate` records one."),
    "no run to verify": ("verify nothing.zarr", 1, "there is no run at nothing.zarr; `ventral simulate` records one."),
    "a text to verify": ("verify {text}", 1, "there is no run at"),
    "images to analyse": ("analyze readout {images}", 1, "is not a run of ventral"),
    "images to export": ("export {images} --to npz", 1, "is not a run of ventral"),
    "images to verify": ("verify {images}", 1, "there is no run at"),
    "half a run to analyse": ("analyze readout {incomplete}", 1, "has 3 of 4 batches", "resume with `ventral sim"),
    "half a run to export": ("export {incomplete} --to npz", 1, "has 3 of 4 batches", "resume with", "with --partial."),
    "a time that is not there": (
        "analyze readout {run} --set at_ms=10",
        2,
        "at_ms is 10; the readout is present from 30 to",
    ),
    "too many folds": ("analyze decoding {run} --set folds=9", 1, "class 0 has 1 images for 9 folds; use more images"),
    # places
    "a place that is images": (FLASH + " --data {images} --images 2 --out {images}", 1, "is not a run of ventral"),
    "a place that is a text": (FLASH + " --data {images} --images 2 --out {text}", 1, "is not a run of ventral"),
    "a place in a text": (FLASH + " --data {images} --images 2 --out {text}/a.zarr", 1, "cannot be written"),
    "an analysis in a text": ("analyze readout {run} --out {text}", 1, "choose another place with --out."),
    "an export in a text": ("export {run} --to npz --out {text}/a.npz", 1, "a.npz"),
    # training
    "no graph": ("train nothing.json", 2, "cannot read nothing.json: no such file or directory; give a file of JSON"),
    "a graph that is not one": ("train {notjson}", 1, "notjson.json: the description of the graph is not JSON"),
    "a graph with a misspelt field": ("train {badgraph}", 1, "badgraph.json: area: no field named 'chanels'"),
    "a graph without data": ("train {graph}", 2, "has no data of its own; say with --data"),
    "too few images to hold out": (
        "train {graph} --data {images}",
        2,
        "held_out is 5000: 5000 images evenly over 2 classes need 2500 of class 0, which has 6; ask for at most 12.",
    ),
    "too few images for a batch": (
        "train {graph} --data {images} --set held_out=4",
        2,
        "8 images are left for training and a batch takes 64; use a smaller batch, hold out fewer (held_out)",
    ),
    "an uphill rate": (
        TRAIN + " --set learning_rate=-1",
        2,
        "learning_rate, momentum and weight_decay are -1, 0.9 and 0.0005; give a",
    ),
    "no momentum": (TRAIN + " --set momentum=0", 2, "a momentum between 0 and 1"),
    "no epochs": (TRAIN + " --set epochs=0", 2, "training takes at least 1 epoch"),
    "no images for statistics": (TRAIN + " --set statistics_images=0", 2, "statistics_images is 0; give a whole"),
    "a precision": (TRAIN + " --set precision=float16", 2, "no precision named 'float16'; did you mean 'bfloat16'?"),
    "a loss before the arrival": (TRAIN + " --set readout_ms=20", 2, "IT is absent at 20 ms; it is present at 30, 40"),
    "an end before the arrival": (TRAIN + " --set end_ms=20", 2, "no loss can be taken up to 20 ms; IT is first"),
    "a horizon before the end": (TRAIN + " --set horizon_ms=50", 2, "horizon_ms is 50; it must not be before the end"),
    "a broken image to train on": ("train {graph} --data {corrupt}", 1, "3.png cannot be read as an image"),
}


@pytest.mark.parametrize(("line", "code", "message"), [(m[0], m[1], m[2:]) for m in MISTAKES.values()], ids=MISTAKES)
def test_a_mistake_is_explained_and_leaves_nothing(places, here, line, code, message):
    said = ventral(line, **places)
    error = said.err.splitlines()[-1]
    assert said.code == code
    assert error.startswith("Error: ")
    assert [part for part in message if part not in error] == []
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1 or said.err.startswith("Usage:")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "knob", "right"),
    [
        (MASK + " --set soa_ms=20,25", "soa_ms", "20 or 30"),
        (MASK + " --set soa_ms=-5", "soa_ms", "-10 or 0"),
        (MASK + " --set target_ms=17", "target_ms", "10 or 20"),
        (MASK + " --set mask_ms=45", "mask_ms", "40 or 50"),
        (MASK + " --set end_ms=201", "end_ms", "200 or 210"),
        (FLASH + " --set duration_ms=16", "duration_ms", "10 or 20"),
        (FLASH + " --set end_ms=1", "end_ms", "0 or 10"),
        ("simulate --protocol variable-readout --set readout_ms=33", "readout_ms", "30 or 40"),
        ("simulate --protocol variable-readout --set end_ms=95", "end_ms", "90 or 100"),
        ("protocols show flash --set duration_ms=16", "duration_ms", "10 or 20"),
        ("analyze readout {run} --set at_ms=55", "at_ms", "50 or 60"),
        (EVALUATE + " --at 55", "--at", "50 or 60"),
        (EVALUATE + " --end-ms 99", "--end-ms", "90 or 100"),
        (TRAIN + " --set end_ms=99", "end_ms", "90 or 100"),
        (TRAIN + " --set late_end_ms=99", "late_end_ms", "90 or 100"),
        (TRAIN + " --set readout_ms=30,45", "readout_ms", "40 or 50"),
        (TRAIN + " --set horizon_ms=305", "horizon_ms", "300 or 310"),
    ],
)
def test_a_time_off_the_clock_is_refused_by_the_name_that_was_typed(places, here, line, knob, right):
    said = ventral(line, **places)
    assert said.code == 2
    assert said.err.startswith(f"Error: {knob} is ")
    assert said.err.endswith(f"the clock ticks every 10 ms, so use {right}.\n")
    assert list(here.iterdir()) == []


# --- the disk


def refusing(number: int, when: Callable[[], bool] = lambda: True) -> Callable[..., None]:
    """A call to the system that fails from some moment on."""

    def refuse(*_: object, **__: object) -> None:
        if when():
            raise OSError(number, os.strerror(number))

    return refuse


def test_a_run_that_does_not_fit_is_refused_before_it_begins(places, here, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    for dry in ("", " --dry-run"):
        said = ventral(FLASH + " --data {images} --images 2" + dry, **places)
        assert said.code == 1
        assert "GB free; record fewer images (--images), less of each (--record channels)" in said.err
    assert list(here.iterdir()) == []


def test_a_disk_that_fills_up_ends_in_a_sentence_and_the_same_command_goes_on(places, here, monkeypatch):
    line = "simulate " + masking(places["model"], "mask.zarr")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refusing(errno.ENOSPC, when=lambda: any(here.glob("mask.zarr/commit/c.*"))))
        said = ventral(line)
    assert said.code == 1
    assert "mask.zarr cannot be written: the disk is full. First make room; then give the same command" in said.err
    assert "Traceback" not in said.err
    assert ventral("verify mask.zarr").code == 1
    assert "recorded in mask.zarr" in worked(line).out
    worked("verify mask.zarr")


def test_a_place_that_cannot_be_written_is_named(places, here, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", refusing(errno.EROFS))
    said = ventral(FLASH + " --data {images} --images 2", **places)
    assert said.code == 1
    assert "runs/flash-small.zarr cannot be written: read-only file system. First make it writable" in said.err
    said = ventral(TRAIN, **places)
    assert said.code == 1
    assert "checkpoints/graph cannot be written: read-only file system. First make it writable" in said.err
    said = ventral("analyze readout {run} --out figures", **places)
    assert said.code == 1
    assert "read-only file system; check the disk, or choose another place with --out." in said.err
    assert list(here.iterdir()) == []


# --- going on


def test_a_finished_run_is_left_alone(places):
    said = worked("simulate " + masking(places["model"], places["run"]))
    assert "mask.zarr was complete already; nothing was computed." in said.out


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ("--seed 1", "seed is 0 there and 1 here"),
        ("--dtype float32", 'dtype is "float16" there and "float32" here'),
        ("--set mask_ms=60", "protocol.conditions"),
    ],
)
def test_another_run_in_the_same_place_is_refused_by_the_field_that_differs(places, changed, field):
    said = ventral(f"simulate {masking(places['model'], places['run'])} {changed}")
    assert said.code == 1
    assert "mask.zarr was recorded otherwise: " in said.err
    assert field in said.err
    assert said.err.endswith("Use the same values, or another --out.\n")
    assert len(said.err.splitlines()) == 1


def stopped_at(call: int, function: Callable[..., object]) -> Callable[..., object]:
    """A function in which a person presses Ctrl-C at some call."""
    calls = 0

    def stopping(*given: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return function(*given, **named)

    return stopping


def test_a_recording_that_is_stopped_says_how_to_go_on_and_goes_on(places, monkeypatch):
    line = "simulate " + masking(places["model"], "mask.zarr")
    with monkeypatch.context() as patched:
        patched.setattr(Experiment, "record", stopped_at(2, Experiment.record))
        said = ventral(line)
    assert said.code == 130
    assert said.err == "\nstopped; mask.zarr keeps what is recorded. Give the same command again to resume.\n"
    assert "1 of 4 batches" not in said.out
    half = ventral("verify mask.zarr")
    assert (half.code, "3 of 4 batches are not recorded" in half.out) == (1, True)
    with monkeypatch.context() as patched:
        patched.setattr(Experiment, "record", stopped_at(4, Experiment.record))  # the first three are what is left
        worked(line)
    worked("verify mask.zarr")


def test_an_analysis_that_is_stopped_just_stops(places, monkeypatch):
    monkeypatch.setattr("ventral.cli.analyze.open_named", stopped_at(1, print))
    said = ventral("analyze readout {run}", **places)
    assert said.code == 130
    assert said.err == "\nstopped.\n"


# --- training


@pytest.fixture(scope="module")
def trained(places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Said, Path]:
    """What a short training said, and its folder."""
    out = tmp_path_factory.mktemp("trained") / "pets"
    return worked("train {graph} --data {images} --out {out} " + SHORT, out=out, **places), out


def test_a_graph_is_trained_and_the_command_it_names_next_works(trained, places):
    said, out = trained
    lines = said.out.splitlines()
    assert lines[0].startswith("epoch 1 of 2, held out: ")
    assert lines[-2] == f"weights in {out}/model.safetensors"
    assert lines[-1].startswith("next:  ventral simulate --protocol backward-mask --model ")
    following = lines[-1].removeprefix("next:  ventral ")
    said = worked(following + " --images 4 --set soa_ms=20 --set end_ms=60")
    assert "next:  ventral analyze readout runs/backward-mask-pets.zarr" in said.out
    said = ventral("simulate --protocol flash --model {out}/model.safetensors", out=out)
    assert said.code == 2
    assert "pets was trained on images; say with --data where images are to be found." in said.err


def test_a_training_that_is_stopped_says_how_to_go_on_and_goes_on(trained, places, here, monkeypatch):
    line = "train {graph} --data {images} --out half " + SHORT
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "advance", stopped_at(4, Trainer.advance))
        said = ventral(line, **places)
    assert said.code == 130
    assert said.err == "\nstopped; half keeps what is done. Give the same command again to resume.\n"
    assert "going on from step 2 of 4" in worked(line, **places).out
    assert Path("half/model.safetensors").read_bytes() == (trained[1] / "model.safetensors").read_bytes()


def test_going_on_with_another_recipe_names_the_knob(trained, places):
    said = ventral(
        "train {graph} --data {images} --out {out} --set learning_rate=0.1 " + SHORT, out=trained[1], **places
    )
    assert said.code == 1
    assert (
        "made with another recipe (learning_rate is 0.05 there and 0.1 here); give another --out or the same sett"
        in said.err
    )


def test_a_named_graph_takes_the_classes_of_the_data(places, monkeypatch):
    monkeypatch.setattr("ventral.model.zoo.GRAPHS", {"shapes": lambda: small_graph()})
    said = worked("train shapes --data {images} --set epochs=1 " + SHORT.removeprefix("--set epochs=2 "), **places)
    assert said.out.splitlines()[0] == f"the readout tells 2 classes apart, those of {places['images']}"


# --- what goes well


def test_a_recording_ends_with_a_table_and_the_next_command(places):
    said = worked("simulate " + masking(places["model"], "new.zarr"))
    lines = said.out.splitlines()
    assert lines[0] == "backward-mask: 4 conditions x 10 images of shapes (test) on small, 0 to 100 ms"
    assert lines[1] == "% correct at the readout (chance 10)"
    assert [line.split()[0] for line in lines[4:8]] == ["unmasked", "mask_only", "soa_20", "blank"]
    assert lines[-2:] == ["recorded in new.zarr", "next:  ventral analyze readout new.zarr"]
    worked(lines[-1].removeprefix("next:  ventral "))
    assert sorted(path.name for path in Path("new-analysis").iterdir()) == ["readout.csv", "readout.png", "readout.svg"]


def test_a_dry_run_tells_time_size_and_arrival_and_records_nothing(places, here):
    said = worked(FLASH + " --data {images} --images 4 --batch 6 --dry-run", **places)
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in said.out.splitlines() if line.strip()}
    assert told["presentations"] == "20"
    assert told["batches"] == "4, each of at most 6 presentations"
    assert told["time"].startswith("about ")
    assert told["disk"].endswith("MB in runs/flash-small.zarr")
    assert [told[area] for area in ("V1", "V2", "V4", "IT")] == ["0 ms", "10 ms", "20 ms", "30 ms"]
    assert list(here.iterdir()) == []


def test_a_dry_run_also_goes_beyond_the_horizon_when_it_may(places):
    worked(FLASH + " --data {images} --images 2 --set end_ms=310 --beyond-horizon held --dry-run", **places)


def test_images_of_other_classes_have_no_accuracy(places):
    said = worked(FLASH + " --data {images} --images 2 --set duration_ms=10 --set end_ms=50", **places)
    assert "no accuracy: the readout tells arrow, " in said.out
    assert ", triangle, and 'cat' is none of them; fit a decoder instead (ventral analyze decoding)." in said.out
    assert "% correct" not in said.out
    assert said.out.endswith("next:  ventral analyze decoding runs/flash-small.zarr\n")


def test_many_readout_times_are_rows(places):
    said = worked("simulate --protocol variable-readout --model {model} --images 10", **places)
    assert "variable-readout: 1 condition x 10 images" in said.out
    times = [int(line.split()[0]) for line in said.out.splitlines()[4:15]]
    assert times == [30, 50, 60, 70, 80, 90, 100, 110, 120, 150, 200]


def test_readout_times_are_those_within_the_record(places):
    said = worked("simulate --protocol variable-readout --set end_ms=100 --model {model} --images 10", **places)
    header = next(line for line in said.out.splitlines() if line.split()[:1] == ["condition"])
    assert header.replace("ms", "").split()[1:] == ["30", "50", "60", "70", "80", "90", "100"]


def test_images_that_would_only_make_masks_are_not_read_where_there_are_none(places):
    worked(FLASH + " --data {corrupt} --split train --images 2 --set duration_ms=10 --set end_ms=50", **places)


def test_images_are_counted_without_being_decoded(places):
    assert " test    cat          6\n" in worked("data show {corrupt}", **places).out


def test_an_export_is_named_and_opens(places):
    said = worked("export {run} --to npz --areas V1,IT --out here.npz", **places)
    assert said.out == "here.npz\n"
    with np.load("here.npz") as arrays:
        assert arrays["IT"].shape == (40, 11, 20)
        assert "V2" not in arrays
    worked("export {incomplete} --to npz --out half.npz --partial", **places)


def test_a_flipped_byte_is_found_and_named(places):
    assert worked("verify {run}", **places).out.endswith(
        "mask.zarr is complete, and every file is as it was recorded.\n"
    )
    shutil.copytree(places["run"], "flipped.zarr")
    file = next(Path("flipped.zarr/V4/activity").glob("c.1*"))
    content = bytearray(file.read_bytes())
    content[len(content) // 4] ^= 1
    file.write_bytes(content)
    said = ventral("verify flipped.zarr")
    assert (said.code, said.err) == (1, "")
    assert said.out == f"V4/activity/{file.name} has changed since it was written.\n"
    said = ventral("export flipped.zarr --to npz")
    assert said.code == 1
    assert f"flipped.zarr is damaged: V4/activity/{file.name} has changed" in said.err
    assert not Path("flipped.npz").exists()


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
    said = worked("models show two-state:readout_ms=20,sharing=per-tick").out
    assert "(Fig. 6; read at 20, 30, 50 or 100 ms in Fig. 8)" in said
    assert " V1     32x32x64      0 ms   BRCx2+I   BRCx2\n" in said
    assert " 20                297,994   304 M\n" in said
    assert " sharing      over-time   over-time or per-tick\n" in said
    assert "[30, 40)" in worked("models show three-state-resnet").out
    assert " 30                220,114" in worked("models show cifar10").out


def test_a_description_written_is_a_model_wherever_one_can_be_named(places):
    assert worked("models show two-state:channels=2 --json two.json").out.splitlines()[-1] == "two.json"
    assert worked("models show two.json").out.count("BRCx2+I") == 2
    said = ventral("simulate --protocol flash --model two.json --data {images}", **places)
    assert "two.json is a graph and has no weights; train it (`ventral train two.json --data ...`)" in said.err
    flash = "simulate --protocol flash --set duration_ms=10 --set end_ms=30 --model two.json --images 4 --untrained"
    said = ventral(flash + " --data {images}", **places)
    assert "the readout" not in said.out  # a description of one's own says how many classes there are
    assert "the graph tells 10 classes apart and" in said.err


def test_a_control_records_a_run_under_each_of_the_statistics_and_goes_on_with_both(places, here):
    line = "simulate " + masking(places["model"], here / "mask.zarr") + " --control"
    said = worked(line)
    runs = {name: open_run(here / name) for name in ("mask.zarr", "mask-recalibrated.zarr")}
    assert [run.attrs["statistics"] for run in runs.values()] == ["frozen", "recalibrated"]
    assert [run.attrs["control"] for run in runs.values()] == [*reversed(runs)]
    assert said.out.index("policy frozen") < said.out.index("policy recalibrated")
    assert worked(line).out.count("was complete already") == 2
    assert np.array_equal(runs["mask.zarr"].logits.values, open_run(places["run"]).logits.values, equal_nan=True)


def test_noise_and_repeats_are_recorded_and_told(places, here):
    said = worked("simulate " + masking(places["model"], here / "r.zarr") + " --noise poisson:2:IT --repeats 2")
    run = open_run(here / "r.zarr")
    assert "10 images x 2 repeats of shapes" in said.out
    assert run.attrs["noise"] == "poisson:2:IT"
    assert set(run.presentations["repeat"].values) == {0, 1}


def test_an_untrained_network_is_recorded_as_a_control(places):
    flash = "simulate --protocol flash --set duration_ms=10 --set end_ms=50 --images 4 --batch 4 --untrained"
    line = flash + " --model two-state:channels=2 --data {images}"
    said = worked(line + " --out one.zarr", **places)
    assert said.out.splitlines()[0] == f"the readout tells 2 classes apart, those of {places['images']}"
    assert "on two-state-channels-2-untrained, 0 to 50 ms" in said.out.splitlines()[1]
    worked(line + " --out again.zarr", **places)
    worked(line + " --out other.zarr --seed 1", **places)
    one, again, other = (open_run(f"{name}.zarr") for name in ("one", "again", "other"))
    assert one.attrs["run_key"] == again.attrs["run_key"]
    assert np.array_equal(one.logits.values, again.logits.values, equal_nan=True)
    assert one.attrs["weights_sha256"] != other.attrs["weights_sha256"]


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_a_graph_is_drawn(form):
    assert worked(f"models show two-state --figure out/two.{form}").out.splitlines()[-1] == f"out/two.{form}"
    head = Path(f"out/two.{form}").read_bytes()[:100]
    assert {"svg": b"<svg", "png": b"PNG", "pdf": b"%PDF"}[form] in Path(f"out/two.{form}").read_bytes()[:1000], head


@pytest.mark.parametrize("statistics", ["frozen", "recalibrated"])
def test_an_evaluation_prints_accuracy_classes_files_the_policy_and_where_the_data_come_from(places, here, statistics):
    tensors, header = read_checkpoint(places["model"])
    write_checkpoint(here / "noted.safetensors", tensors, {**header, "note": "A copy: of something else."})
    said = worked(f"evaluate noted.safetensors --images 20 --end-ms 60 --at 50 --policy {statistics}")
    lines = said.out.splitlines()
    assert lines[0] == (
        f"accuracy of noted on 20 images of shapes (test), normalisation statistics: {statistics}, model of A copy"
    )
    assert [line.split()[0] for line in lines[3:7]] == ["30", "40", "50", "60"]
    assert f"classes at 50 ms, {statistics} statistics" in lines
    assert any(line.split()[:2] == ["triangle", "2"] for line in lines)
    told = "statistics estimated, without labels, on 200 images of shapes (train)"
    assert (told in lines) == (statistics == "recalibrated")
    folder = Path(f"runs/evaluation-noted-test-{statistics}")
    files = {line for line in lines if line.startswith("runs/")}
    assert files == {str(path) for path in folder.iterdir()}
    assert len(files) == 10
    assert lines[-1] == "A copy: of something else."


def test_statistics_are_recalibrated_on_request(places):
    line = "simulate --protocol flash --set duration_ms=10,20 --set end_ms=50 --images 4 --batch 4 --model {model} "
    for how in ("frozen", "recalibrated"):
        worked(f"{line} --policy {how} --out {how}.zarr", **places)
    assert open_run("recalibrated.zarr").attrs["statistics"] == "recalibrated"
    assert open_run("recalibrated.zarr").statistics
    assert not open_run("frozen.zarr").statistics


def test_protocols_and_data_are_listed(places):
    listed = worked("protocols").out
    assert all(script.name in listed and script.summary in listed for script in list_scripts("protocols"))
    assert all(source in worked("data").out for source in ("shapes", "cifar10", "PATH"))
    assert " train   arrow        3,000\n" in worked("data show shapes:clutter=0.5").out
    assert " test    dog          6\n" in worked("data show {images}", **places).out
    shutil.copytree(places["images"] / "test", "only/test")
    only = worked("data show only").out
    assert " test    dog          6\n" in only
    assert "has no folder 'train'" in only


@pytest.mark.parametrize("name", [script.name for script in list_scripts("protocols")])
def test_a_protocol_is_explained_by_its_docstring_knobs_and_conditions(name):
    said = worked(f"protocols show {name}").out
    assert "Source: " in said
    assert "knobs (--set)" in said
    assert "end_ms" in said
    assert "shows (ms)" in said
    assert re.search(r"target\S* 0-", said)


@pytest.mark.parametrize("name", [script.name for script in list_scripts("analysis")])
def test_an_analysis_is_listed_and_explained_by_its_docstrings_and_every_knob(name):
    assert f" {name} " in worked("analyses").out
    said = worked(f"analyses show {name}").out
    function = load("analysis", name).analyze
    table = said.partition("knobs (--set)")[2]
    for knob in knobs(function).values():
        assert re.search(rf"^ {knob.name} .* {re.escape(knob.help)}$", table, re.MULTILINE)
        assert knob.help
    assert said.startswith((load("analysis", name).__doc__ or "").splitlines()[0])


COMMANDS = ["", *cli.commands.commands, "models show", "protocols show", "analyses show", "data show", "data fetch"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    said = worked(f"{command} --help")
    assert said.out.startswith(f"Usage: ventral {command}".rstrip())
    assert all(len(line) <= 110 for line in said.out.splitlines())


# --- in a new interpreter


def new_process(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ventral", *words], capture_output=True, text=True)


def test_help_imports_nothing_heavy():
    check = (
        "import sys; sys.argv = ['ventral', 'simulate', '--help']; from ventral.cli.main import main; main(); "
        "sys.exit(str({'torch', 'numpy', 'xarray', 'matplotlib', 'rich'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_a_misspelt_protocol_in_a_new_process():
    done = new_process("simulate", "--protocol", "backward_msk")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "Error: no protocol named 'backward_msk'; did you mean 'backward-mask'?\n"


def test_a_reader_that_goes_away_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "ventral", "protocols", "show", "flash"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
