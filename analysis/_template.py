"""Template: the question of this analysis, in one line.

Method: what is computed, over what the intervals are, and which control would make the effect go away.

Source: where the method comes from. Departures: what differs from there.
"""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ventral import Run, read_responses


def analyze(
    run: Run,
    out: Path,
    *,
    observer: str = "instant",  # a knob has a default and a type: --set observer=cumulative
    conditions: tuple[str, ...] | None = None,  # several values: --set conditions=unmasked,soa_20
) -> list[Path]:
    """Draw and tabulate accuracy over time.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for a figure and a table.
    observer
        Of the readout: instant, cumulative[:leak], instant:MS, threshold[:bits] or best.
    conditions
        Names of conditions; all if not given.

    Returns
    -------
    list of Path
        The files that were written.
    """
    # "correct" is 0 or 1, (condition, image, repeat, time); run["IT"] is the activity, (presentation, time, unit)
    correct = read_responses(run, conditions, observer=observer)["correct"].mean("repeat")
    accuracy = correct.mean("image")
    half = 1.96 * (accuracy * (1 - accuracy) / correct.sizes["image"]) ** 0.5  # of a 95 % interval over images
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name in accuracy["condition"].values:
        curve, bar = accuracy.sel(condition=name), half.sel(condition=name)
        axes.fill_between(curve["time"], curve - bar, curve + bar, alpha=0.15)
        axes.plot(curve["time"], curve, label=name)
    axes.axhline(1 / len(run.logits["class"]), color="grey", linestyle="--", label="chance")
    axes.set_xlabel("time from target onset (ms)")
    axes.set_ylabel("fraction correct")
    axes.legend()
    out.mkdir(parents=True, exist_ok=True)
    files = [out / "template.png", out / "template.csv"]
    figure.savefig(files[0], dpi=200)
    table = pd.DataFrame({"accuracy": accuracy.to_series(), "half_interval": half.to_series()}).dropna()
    table.assign(images=correct.sizes["image"]).to_csv(files[1])
    return files
