"""On which images: a few of a run's images as each condition shows them, event by event."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ventral.compare.untrained import source_of
from ventral.errors import DataError
from ventral.experiment.condition import Condition
from ventral.experiment.experiment import Experiment
from ventral.experiment.run import Run
from ventral.experiment.screen import Screen, Shown
from ventral.experiment.settings import Settings
from ventral.figures.protocol_words import stimulus_words
from ventral.knobs import apply_settings
from ventral.measures.recorded import recorded_conditions
from ventral.model.model import Model
from ventral.report.design import interval
from ventral.report.pictures import Picture, of_pixels
from ventral.report.texts import named
from ventral.stimuli.images import Images
from ventral.stimuli.selection import Selection, select_images
from ventral.stimuli.shapes import ShapeSettings

SHOWN = 4  # images
LARGEST, DRAWN = 96, 48  # most pixels of an image's edge, and how long that is in the page
MOST = 16  # different sequences of events
GAP = 2  # pixels between images


@dataclass(frozen=True)
class Frame:
    """What is on the screen for some time, for each of the images: a picture of all side by side."""

    what: str
    when: str
    picture: Picture


@dataclass(frozen=True)
class Sequence:
    """What conditions show, one frame after another; conditions that show the same share one."""

    conditions: str
    frames: list[Frame]


@dataclass(frozen=True)
class Strip:
    """Images under each condition.

    Parameters
    ----------
    names
        Names of the images and of their classes.
    sequences
        What each condition shows, at most `MOST`.
    more
        Number of sequences that are left out.
    """

    names: list[tuple[str, str]]
    sequences: list[Sequence]
    more: int


def strip(run: Run, model: Model, source: str | None = None) -> Strip:
    """A few images of a run under each of its conditions.

    Parameters
    ----------
    run
        The run.
    model
        Its model, whose mean colour is the grey of the screen.
    source
        Where its images are; what the run's own command named if not given.

    Raises
    ------
    UsageError, DataError
        If the images are not found, or are not those of the run.
    """
    selection = images_of(run, source)
    settings = Settings(seed=int(run.attrs["seed"]), beyond_horizon="held")
    screen = Screen(Experiment(model, run.protocol, selection, settings))
    few = _few(selection.presented)
    known = {name: str(text) for name, text in enumerate(few.label_names)}
    names = [(str(ident), known[int(place)]) for ident, place in zip(few.stimulus_ids, few.labels, strict=True)]
    shown: dict[str, list[Condition]] = {}
    for condition in recorded_conditions(run):
        shown.setdefault(str(condition.content["events"]), []).append(condition)
    groups = list(shown.values())
    sequences = [Sequence(_title(group), _frames(screen, group[0], few)) for group in groups[:MOST]]
    return Strip(names, sequences, max(0, len(groups) - MOST))


def images_of(run: Run, source: str | None = None) -> Selection:
    """The images of a run, with those that its masks and other images are made of.

    Raises
    ------
    UsageError
        If it is not known where they are.
    DataError
        If they are not there, or are others.
    """
    place, shapes = _source(source or source_of(run))
    made, graph = run.protocol.made(), run.graph
    first = str(run.presentations["condition"].values[0])
    selection = select_images(
        place,
        str(run.attrs["split"]),
        None if "--images all" in str(run.attrs.get("command", "")) else run.image_count(first),
        int(run.attrs["seed"]),
        graph.image_shape[-1],
        shapes,
        pool=any(stimulus.role == "mask" for stimulus in made),
        others=max((1 + stimulus.exemplar for stimulus in made if stimulus.role == "image"), default=0),
    )
    if selection.presented.fingerprint != run.attrs["identity"]["images"]["fingerprint"]:
        raise DataError(f"the images at {place} are not those of the run; say with --data where these are.")
    return selection


def _source(text: str) -> tuple[str, ShapeSettings | None]:
    """Name or path of images, and how hard the built-in shapes are, as ``--data`` takes them."""
    name, colon, given = text.partition(":")
    if name != "shapes" or not colon:
        return text, None
    settings: dict[str, Any] = apply_settings(ShapeSettings, [part for part in given.split(",") if part])
    return name, ShapeSettings(**settings)


def _few(images: Images) -> Images:
    """A few images of different classes, the first of each."""
    _, first = np.unique(images.labels, return_index=True)
    order = np.concatenate([np.sort(first), np.setdiff1d(np.arange(len(images)), first)])
    return images.take(order[:SHOWN])


def _title(conditions: list[Condition]) -> str:
    """Names of conditions that show the same."""
    first = named(conditions[0])
    return first if len(conditions) == 1 else f"{first}, and {len(conditions) - 1} that show the same"


def _frames(screen: Screen, condition: Condition, images: Images) -> list[Frame]:
    """What a condition shows, from one change of the screen to the next; gaps are left out."""
    edges = sorted({ms for event in condition.events for ms in (event.start_ms, event.stop_ms)})
    numbered = {(event.what.role, event.what.kind) for event in condition.events if event.what.exemplar}
    frames = []
    for start_ms, stop_ms in pairwise(edges):
        if on := condition.shows(start_ms):
            words = " + ".join(stimulus_words(what, numbered) for what in on)
            pixels = screen.pixels(Shown(on, condition.combine), images)
            frames.append(Frame(words, interval(start_ms, stop_ms), _picture(screen, pixels)))
    return frames


def _picture(screen: Screen, seen: torch.Tensor) -> Picture:
    """What is on the screen for each image, side by side, as a picture."""
    mean = seen.new_tensor(screen.preprocessing.mean).view(3, 1, 1)
    scale = seen.new_tensor(np.broadcast_to(screen.preprocessing.scale, 3).copy()).view(3, 1, 1)
    levels = ((seen * scale + mean) * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    tiles = [_small(each) for each in levels]
    edge = np.full((tiles[0].shape[0], GAP, 3), 255, dtype=np.uint8)
    row = np.concatenate([part for tile in tiles for part in (tile, edge)][:-1], axis=1)
    return of_pixels(row, DRAWN / tiles[0].shape[0])


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image that is no larger than the page shows it."""
    if pixels.shape[0] <= LARGEST:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((LARGEST, LARGEST), Image.Resampling.LANCZOS))


def images_in_words(run: Run) -> str:
    """How many images of which data a run presented, and of which classes."""
    table = run.presentations[["image", "label_name"]].to_dataframe().drop_duplicates("image")
    counts = table["label_name"].value_counts(sort=False)
    attrs, each = run.attrs, dict.fromkeys(counts.tolist())
    number = f"{next(iter(each)):,} of each" if len(each) == 1 else f"{min(each):,} to {max(each):,} of each"
    classes = "one class" if len(counts) == 1 else f"{len(counts)} classes ({number})"
    repeats = f", each {attrs['repeats']} times with noise {attrs['noise']}" if attrs["repeats"] > 1 else ""
    return f"{len(table):,} images of {attrs['data']} ({attrs['split']}), of {classes}{repeats}."
