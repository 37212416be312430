"""The untrained control of a run: the same graph with random weights, shown the same images in the same protocol."""

import shlex
from pathlib import Path

from ventral.errors import DataError, UsageError
from ventral.experiment.experiment import Experiment
from ventral.experiment.noise import Noise
from ventral.experiment.recalibration import CALIBRATION
from ventral.experiment.run import Run
from ventral.experiment.settings import Settings
from ventral.model.graph import AreaGraph
from ventral.model.model import untrained_model
from ventral.stimuli.selection import select_images
from ventral.stimuli.shapes import ShapeSettings
from ventral.store.address import beside

NAMED = ("shapes", "cifar10")


def untrained_experiment(
    run: Run,
    source: str | None = None,
    shapes: ShapeSettings | None = None,
    device: str = "cpu",
    calibrate_on: str | None = None,
) -> Experiment:
    """The experiment of a run on an untrained network of its graph, for `ventral.experiment.simulate.record`.

    Parameters
    ----------
    run
        The run of the trained network.
    source
        Where its images are, as `select_images` takes it; what the run's own command named if not given.
    shapes
        How hard the built-in shapes are, if the source is "shapes".
    device
        Where the untrained network runs.
    calibrate_on
        Images from which its statistics are estimated; those of the source that the run does not show if not given.

    Raises
    ------
    UsageError
        If the network has no graph of ventral's own, or it is not known where the images are.
    DataError
        If the images there are not those of the run, or none of them is left to estimate statistics from.
    """
    graph, attrs, images = run.graph, run.attrs, run.attrs["identity"]["images"]
    if not isinstance(graph, AreaGraph):
        raise UsageError(f"{attrs['model']} is an outside network, of which ventral cannot make an untrained one.")
    source = source or source_of(run)
    count, seed = run.image_count(str(run.presentations["condition"].values[0])), int(attrs["seed"])
    made = run.protocol.made()
    selection = select_images(
        source,
        attrs["split"],
        count,
        seed,
        graph[graph.entry].size,
        shapes,
        pool=any(stimulus.role == "mask" for stimulus in made),
        calibration=CALIBRATION,
        calibrate_on=calibrate_on,
        others=max((1 + stimulus.exemplar for stimulus in made if stimulus.role == "image"), default=0),
    )
    if selection.presented.fingerprint != images["fingerprint"]:
        raise DataError(
            f"{count} images of {source} with seed {seed} are not those of {run.path}; record the control with "
            "`ventral simulate --untrained` and give it with --against."
        )
    assert selection.calibration is not None
    end_ms = run.protocol.end_ms - run.protocol.start_ms
    model = untrained_model(graph, selection.calibration, seed, end_ms, f"{attrs['model']}-untrained", run.classes)
    model.network.to(device)
    settings = Settings(
        areas=run.areas,
        record=attrs["record"],
        units=int(attrs["identity"]["units"]),
        policy=run.policy,
        beyond_horizon=attrs["beyond_horizon"],
        repeats=int(attrs["repeats"]),
        noise=None if attrs["noise"] == "none" else Noise.read(attrs["noise"]),
        seed=seed,
        device=device,
    )
    return Experiment(model, run.protocol, selection, settings)


def untrained_path(run: Run) -> Path:
    """Where the untrained control of a run lies: beside it, or in the current folder if the run is in a bucket."""
    return beside(run.path, f"{run.path.stem}-untrained{run.path.suffix}")


def source_of(run: Run) -> str:
    """Where the images of a run are, by name or as its command named it.

    Raises
    ------
    UsageError
        If neither is known.
    """
    words = shlex.split(str(run.attrs.get("command", "")))
    for number, word in enumerate(words):
        if word == "--data" and number + 1 < len(words):
            return words[number + 1]
        if word.startswith("--data="):
            return word.removeprefix("--data=")
    name = str(run.attrs["data"])
    if name not in NAMED:
        raise UsageError(f"the run does not say where its images, {name}, are; say it with --images-from PATH.")
    return name
