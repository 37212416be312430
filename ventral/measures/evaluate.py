"""Evaluation of a network on images that stay on.

An evaluation is an experiment of one condition, of which only the readout is kept.
"""

from collections.abc import Callable

import numpy as np

from ventral.clock import ticks, to_ms
from ventral.errors import DataError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.experiment import Experiment, limit_of
from ventral.experiment.protocol import Protocol
from ventral.experiment.recorder import Recorder
from ventral.experiment.settings import Settings
from ventral.measures.evaluation import Evaluation
from ventral.measures.readout import reading_times
from ventral.model.model import Model
from ventral.stimuli.images import Images
from ventral.stimuli.selection import Selection


def evaluate(
    model: Model,
    images: Images,
    at_ms: int | None = None,
    end_ms: int | None = None,
    policy: str = "frozen",
    beyond_horizon: str = "refuse",
    calibration: Images | None = None,
    batch: int = 250,
    precision: str = "float32",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Evaluation of a network on images that stay on (with impulse drive, that enter once), at every tick.

    Parameters
    ----------
    model
        On the device on which it is to run.
    images
        Of the model's classes.
    at_ms
        Time of the measures per class. By default the last time at which the network was made to be read: of the
        graph's readouts, or else of its training's, or else `end_ms`.
    end_ms
        Last time; by default, of the normalisation statistics.
    policy, beyond_horizon
        As `ventral.experiment.settings.Settings` takes them.
    calibration
        Images that statistics are re-estimated from, if the policy asks for it.
    batch
        Images computed together.
    precision
        As `ventral.experiment.settings.Settings` takes it.
    progress
        Called with the number of images done and their total.

    Raises
    ------
    ClockError
        If a time is off the clock.
    UsageError
        If there is no response at a time, or no statistics.
    DataError
        If the images have other classes than the model, or another size.
    StoreError
        If logits are not finite.
    """
    last = model.network.horizon_ms if end_ms is None else end_ms
    ticks(last, "end_ms")
    _check_classes(model, images)
    settings = Settings(
        areas=(model.graph.areas[-1].name,),  # any: only the logits are kept
        record="channels",
        batch=max(1, min(batch, len(images))),
        policy=policy,
        beyond_horizon=beyond_horizon,
        precision=precision,
        device=str(next(model.network.parameters()).device),
    )
    limit = _limit_ms(model, settings, last)
    at = _readout_ms(model, last, at_ms)
    once = model.graph.drive == "impulse"
    on = Condition("image on", (Show(target, 0, to_ms(1) if once else last + to_ms(1)),))
    experiment = Experiment(model, Protocol((on,), last), Selection(images, calibration=calibration), settings)
    recorder = Recorder(experiment)
    logits = np.empty((len(images), experiment.protocol.count, len(model.label_names)), np.float32)
    for start in range(0, len(images), settings.batch):
        stop = min(start + settings.batch, len(images))
        _, logits[start:stop] = recorder.record(range(start, stop))
        progress(stop, len(images))
    return Evaluation(
        logits,
        images.labels,
        model.label_names,
        at,
        settings.policy + (f", held after {limit} ms" if last > limit else ""),
        model.name,
        f"{images.name} ({images.split})",
        str(model.metadata.get("note", "")),
        once,
    )


def _check_classes(model: Model, images: Images) -> None:
    """Refuse images of other classes; the message lists the names of both, those that only one side has first."""
    ours, theirs = model.label_names, images.label_names
    if not ours:
        raise UsageError(f"{model.name} has no readout, so there are no responses to evaluate; record it and decode.")
    if ours == theirs:
        return
    listed = []
    for names, others in ((ours, theirs), (theirs, ours)):
        ordered = sorted(names, key=lambda name: name in others) if set(ours) != set(theirs) else names
        listed.append(f"{len(names)} classes ({', '.join(ordered[:10])}{', ...' if len(names) > 10 else ''})")
    raise DataError(
        f"{model.name} distinguishes {listed[0]}, and {images.name} has {listed[1]}; give images of the same classes, "
        "in the same order (--data)."
    )


def _limit_ms(model: Model, settings: Settings, last: int) -> int:
    """The last time for which the network has statistics and weights; refuses a later end unless they may be held."""
    what, end = limit_of(model, settings.policy)
    limit = last if end is None else end
    if last > limit and settings.beyond_horizon == "refuse":
        raise UsageError(
            f"end_ms is {last}, but {model.name} has {what} only to {limit} ms; end by then (--end-ms), or hold the "
            "last (--beyond-horizon held)."
        )
    return limit


def _readout_ms(model: Model, last: int, at_ms: int | None) -> int:
    """Time of the measures per class: the one asked for, or the last at which the network was made to be read."""
    graph = model.graph
    present = [to_ms(t) for t, present in enumerate(graph.presence_until(last)[graph.readout]) if present]
    if not present:
        raise UsageError(
            f"end_ms is {last}, and {graph.readout} is absent until then; it is first present at "
            f"{graph.arrival_ms[graph.readout]} ms."
        )
    recipe = model.metadata.get("recipe", {})
    trained_to = [recipe["end_ms"]] if "end_ms" in recipe else []
    made_for = graph.readout_ms or recipe.get("readout_ms") or trained_to
    return max(reading_times(np.array(present), at_ms, made_for))
