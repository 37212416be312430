"""The course of a training as a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ventral.figures.captions import caption
from ventral.figures.style import AREA_COLOURS, INK, NEUTRAL, STYLE

SMOOTHED = 60  # batches' values are averaged over this share of the training


def training_figure(rows: Sequence[Mapping[str, Any]], source: str) -> Figure:
    """Loss, and accuracy on training and held-out images, against epochs.

    Parameters
    ----------
    rows
        Lines of a training's log: those with "loss" and "accuracy" are of the batches since the line before, those with
        "score" of the images held out, or of test images if none are.
    source
        Model, data and numbers of images, as a sentence for the caption.
    """
    batches = [row for row in rows if "loss" in row]
    scored = [row for row in rows if "score" in row]
    epochs = np.array([row["epoch"] for row in batches])
    width = max(1, len(batches) // SMOOTHED)
    epoch_of = {row["step"]: row["epoch"] for row in batches}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, name, factor in ((left, "loss", 1), (right, "accuracy", 100)):
            values = factor * np.array([row[name] for row in batches])
            smooth = np.convolve(values, np.ones(width) / width, "valid")
            axes.plot(epochs, values, color=NEUTRAL, linewidth=0.8, alpha=0.5)
            axes.plot(epochs[width - 1 :], smooth, color=INK, label="training batches")
            axes.set_xlabel("epoch")
        if scored:
            label = "held-out images" if "held_out_accuracy" in scored[0] else "test images"
            x, y = [epoch_of[row["step"]] for row in scored], [100 * row["score"] for row in scored]
            right.plot(x, y, "o-", color=AREA_COLOURS["IT"], label=label)
        left.set_ylabel("loss")
        right.set_ylabel("% correct")
        right.legend(loc="lower right")
        if batches:
            steps = batches[0]["step"]
            grey = f"Grey: means over {steps} batches" if steps > 1 else "Grey: single batches"
            caption(figure, [source, f"{grey}; black: means over {width} of these."])
    return figure
