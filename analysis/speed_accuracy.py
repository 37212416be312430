"""Speed and accuracy of the readout: by deadline, and when the network decides by itself.

Question: does more time make responses better, when would the network decide, and is it right to be confident then?

Method: "asked" is accuracy when a response is asked for at each time, by the instant observer (the logits of that
tick) and the cumulative one (the sum of log probabilities so far). "decides" lets the network respond to each image
as soon as the entropy of its readout falls to a threshold: a point for each threshold, fast ones at the left.
"decisions" is the fraction of presentations that are decided by each time, at the threshold that gives most correct
responses on the other half of the images; "confidence" is how often those responses are correct, against the
probability that the network gave them. A feedforward network whose image stays on cannot trade: its point stays where
it is. With runs of several models, accuracies and reaction times are means over them, with intervals over models and
images crossed, and decisions and confidence are those of all their responses.

Source: Spoerer et al. (2020), PLoS Comput. Biol. 16:e1008215, for reaction times from entropy; Wickelgren (1977), Acta
Psychologica 41:67, for trading speed for accuracy.
"""

from pathlib import Path

import pandas as pd
import xarray as xr

from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.conditions import few_conditions
from ventral.figures.saving import save
from ventral.figures.speed_accuracy import speed_accuracy_figure
from ventral.measures.controls import controls_of, refuse_other_graphs, with_other_models
from ventral.measures.observers import Observer
from ventral.measures.over_models import interval_note
from ventral.measures.recorded import recorded_conditions
from ventral.measures.responses import read_responses
from ventral.measures.speed_accuracy import (
    deadline_accuracy,
    decision_confidence,
    reaction_distribution,
    reaction_quantiles,
    threshold_accuracy,
)
from ventral.tables import write_csv


def analyze(
    run: Run,
    out: Path,
    *,
    conditions: tuple[str, ...] | None = None,
    runs: tuple[str, ...] | None = None,
    observer: str = "threshold",
    thresholds: int = 25,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate accuracy by deadline and by threshold, and reaction times.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for speed-accuracy.png, .svg and .pdf, speed-accuracy.csv, speed-accuracy-reactions.csv and
        speed-accuracy-confidence.csv.
    conditions
        Names of conditions. If not given, all that show the target are tabulated, and up to six of them are drawn.
    runs
        Further runs of the same experiment by models of the same graph, over which accuracy is averaged.
    observer
        Whose decisions and confidence are drawn: threshold (fitted), threshold:H (bits of entropy), instant:MS or best.
    thresholds
        Number of thresholds.
    resamples, seed
        Of the bootstrap over images; the seed also decides the halves on which a threshold is fitted.

    Returns
    -------
    list of Path
        The files that were written.
    """
    if not Observer.named(observer).decides:
        raise UsageError(
            f"the observer {observer} does not decide by itself; give threshold, threshold:1 or instant:100."
        )
    known = {condition.name: condition for condition in recorded_conditions(run)}
    shown = [name for name, condition in known.items() if condition.target] or list(known)
    names = [choose("condition", name, known) for name in conditions] if conditions else shown
    models = with_other_models(run, runs or ())
    refuse_other_graphs(models)
    of_models = [read_responses(model, names, observer=observer, seed=seed) for model in models]
    decisions = xr.concat(of_models, "repeat", combine_attrs="override")  # responses to an image, whoever made them
    deadlines = deadline_accuracy(models, names, resamples, seed)
    traded = threshold_accuracy(models, names, thresholds, resamples, seed)
    _, missing = controls_of(run)
    decided = f"Decisions, and confidence in them, are those of the observer {observer}."
    notes = [
        provenance(models),
        f"Bands and bars are {interval_note(len(models))}. {decided}",
        *([missing] if missing else []),
    ]
    chance = 1 / decisions.attrs["choices"]
    drawn = [known[name] for name in names] if conditions else few_conditions([known[name] for name in names])
    if len(drawn) < len(names):
        notes.insert(1, f"{len(drawn)} of {len(names)} conditions are drawn (others with --set conditions=).")
    confidence = decision_confidence(decisions)
    figure = speed_accuracy_figure(
        drawn, deadlines, traded, reaction_distribution(decisions), confidence, chance, notes
    )
    images = decisions.sizes["image"]
    tables = {
        "speed-accuracy": _table(deadlines, traded),
        "speed-accuracy-reactions": reaction_quantiles(decisions),
        "speed-accuracy-confidence": confidence,
    }
    written = [
        write_csv(table.assign(images=images, models=len(models)), out / f"{name}.csv")
        for name, table in tables.items()
    ]
    return [*save(figure, out / "speed-accuracy"), *written]


def _table(deadlines: xr.Dataset, traded: xr.Dataset) -> pd.DataFrame:
    """A row for each deadline and observer, and one for each threshold, of each condition."""
    asked = deadlines.to_dataframe().dropna().reset_index().rename(columns={"time": "deadline_ms"})
    decides = traded.to_dataframe().reset_index().rename(columns={"threshold": "threshold_bits"})
    order = ["condition", "observer", "deadline_ms", "threshold_bits"]
    table = pd.concat([asked, decides.assign(observer="threshold")], ignore_index=True)
    return table[[*order, *(name for name in table if name not in order)]]
