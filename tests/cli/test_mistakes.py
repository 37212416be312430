"""Mistakes of the user: each is explained in one line that names it, and leaves nothing on the disk."""

import pytest
from commands import EVALUATE, FLASH, MASK, TRAIN, ventral

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
    "another format": ("export {run} --to matlab", 2, "no format named 'matlab'; there is: brainscore, mne"),
    "a condition to export": (
        "export {run} --to npz --conditions soa_30",
        2,
        "no condition named 'soa_30'; did you mean 'soa_20'?",
    ),
    "a knob of a format": ("export {run} --to table --set observer=best", 2, "no knob named 'observer'; did you mean"),
    "a knob of a format without knobs": ("export {run} --to npz --set x=1", 2, "no knob named 'x'; there is: none."),
    "a format to show": ("exports show npy", 2, "no format named 'npy'; did you mean 'npz'?"),
    "an analysis": ("analyze readuot {run}", 2, "no analysis named 'readuot'; did you mean 'readout'?"),
    "a condition": ("analyze readout {run} --set conditions=soa_2", 2, "no condition named 'soa_2'; did you mean"),
    "a split": (FLASH + " --split tset", 2, "no split named 'tset'; did you mean 'test'?"),
    "a mask": (MASK + " --set kind=nois --images 10", 2, "no mask named 'nois'; did you mean 'noise'?"),
    "a kind of record": (FLASH + " --record map", 2, "no kind of record named 'map'; did you mean 'maps'?"),
    "a dtype": (FLASH + " --dtype float61", 2, "no dtype named 'float61'; did you mean 'float16'?"),
    "a policy": (FLASH + " --beyond-horizon hold", 2, "no policy beyond the horizon named 'hold'; did you mean"),
    "a model to evaluate": ("evaluate cifra10", 2, "no model named 'cifra10'; did you mean 'cifar10'?"),
    "a graph to evaluate": ("evaluate two-state", 2, "two-state is a graph and has no weights; train it"),
    "a policy to evaluate with": (EVALUATE + " --policy forzen", 2, "no policy named 'forzen'; did"),
    "a split to evaluate": (EVALUATE + " --split tset", 2, "no split named 'tset'; did you mean 'test'?"),
    "a split that is not there": (EVALUATE + " --data {onlytrain}", 1, "has no folder 'test'; lay images out as <fol"),
    "images of other classes": (
        EVALUATE + " --data {images}",
        1,
        "small distinguishes 10 classes (arrow, ",
        "and images has 2 classes (cat, dog); give images of the same classes",
    ),
    "a response before the arrival": (
        EVALUATE + " --at 20",
        2,
        "the readout is absent at 20 ms; it is present from 30 to 300 ms",
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
        MASK + " --control --policy pooled",
        2,
        "--control records a run under each policy (frozen, pooled, per-condition); leave out --policy.",
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
    "a protocol that exits": ("simulate --protocol {exiting}", 2, "exiting.py, line 4: SystemExit: 3."),
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
        "the readout is absent at 10 ms; it is present from 30 to",
    ),
    "too many folds": ("analyze decoding {run} --set folds=9", 1, "class 0 has 1 images for 9 folds; use more images"),
    # places
    "this folder for a run": (FLASH + " --out .", 2, "--out is .; give the run a folder of its own, as in runs/mask.z"),
    "the folder above for a run": (FLASH + " --out ..", 2, "--out is ..; give the run a folder of its own"),
    "this folder for a dry run": (FLASH + " --out . --dry-run", 2, "--out is .; give the run a folder of its own"),
    "this folder for two runs": (FLASH + " --out . --control", 2, "--out is .; give the run a folder of its own"),
    "this folder for an export": ("export {run} --to npz --out .", 1, "."),
    **{
        f"the {what} for {command.split()[0]}": (f"{command} --out {place}", 2, message)
        for what, place, message in (
            (
                "root of the disk",
                "/",
                "Invalid value for '--out': / is the root of the disk; give a folder or a file of",
            ),
            ("empty path", "''", "Invalid value for '--out': it is empty; give a path."),
        )
        for command in (FLASH, TRAIN, EVALUATE, "analyze readout {run}", "export {run} --to npz", "reproduce fig8")
    },
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
    outcome = ventral(line, **places)
    error = outcome.err.splitlines()[-1]
    assert outcome.code == code
    assert error.startswith("Error: ")
    assert [part for part in message if part not in error] == []
    assert "Traceback" not in outcome.err
    assert len(outcome.err.splitlines()) == 1 or outcome.err.startswith("Usage:")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "simulate --protocol {long}",
        "simulate --protocol flash --model {long}",
        "simulate --protocol flash --{long}",
        "{long}",
        FLASH + " --set {long}=3",
        FLASH + " --images {long}",
        FLASH + " --areas {long}",
        FLASH + " --device {long}",
        FLASH + " --areas V1,{long}",
        "models show {long}",
        "reproduce {long}",
        "reproduce fig8 --scale {long}",
    ],
)
def test_an_error_repeats_little_of_what_was_given(places, here, line):
    outcome = ventral(line, **places, long="x" * 10_000)
    assert outcome.code == 2
    assert "Error: " in outcome.err
    assert len(outcome.err) < 1000
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
    outcome = ventral(line, **places)
    assert outcome.code == 2
    assert outcome.err.startswith(f"Error: {knob} is ")
    assert outcome.err.endswith(f"the clock ticks every 10 ms, so use {right}.\n")
    assert list(here.iterdir()) == []
