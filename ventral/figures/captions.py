"""Captions under figures: what was measured on which model and images under which policy, and what intervals mean."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ventral.experiment.run import Run
from ventral.figures.style import INK

CHARACTERS = 14  # of a caption, an inch
LINE = 0.2  # inches from one line to the next
CAPTION = "caption"  # name of the caption's group in an SVG


def caption(figure: Figure, notes: Sequence[str]) -> None:
    """Write sentences under a figure, which grows in height by as much."""
    width = round(CHARACTERS * figure.get_figwidth())
    lines = [line for note in notes for line in textwrap.wrap(note, width, break_on_hyphens=False)]
    if lines:
        figure.set_figheight(figure.get_figheight() + LINE * len(lines))
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=9, color=INK).set_gid(CAPTION)


def provenance(runs: Sequence[Run]) -> str:
    """Models, images, policies and protocol of runs of one experiment, as a sentence."""
    attrs, models = runs[0].attrs, dict.fromkeys(run.attrs["model"] for run in runs)
    weights = {run.attrs["weights_sha256"] for run in runs}
    model = ", ".join(models) if len(weights) == len(models) else f"{len(weights)} models ({', '.join(models)})"
    images = len(np.unique(runs[0].presentations["image"]))
    parts = [f"{model} on {images:,} images of {attrs['data']} ({attrs['split']})"]
    policies = ["fixed"] if runs[0].graph.statistics == "fixed" else dict.fromkeys(run.policy for run in runs)
    parts.append(f"{' and '.join(policies)} normalisation statistics")
    if attrs["repeats"] > 1:
        parts.append(f"{attrs['repeats']} repeats of each image")
    if attrs["noise"] != "none":
        parts.append(f"noise {attrs['noise']}")
    return f"{', '.join(parts)}; protocol {runs[0].protocol.name}."
