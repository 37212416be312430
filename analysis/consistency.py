"""Consistency with human observers, image by image: labels, errors, confusions, and when a model decides.

Question: does a model find the same images hard, make the same errors and confuse the same classes as people do, and
when?

Method: human labels are matched to the run by the names of stimuli. At each time: the bits that a human label takes
when it is expected with the model's probabilities (also after a temperature that is fitted on the other half of the
images), the rank correlation of the model's and the labels' entropies, error consistency with an observer drawn anew
for each image, and the rank correlation of confusions without the diagonal. Ceilings are from random halves of the
labels (Spearman-Brown), that of error consistency from two observers. Of a model's times, when its readout is first
right and stays so, and when an observer with a threshold of entropy decides, the rank correlation with the entropy of
labels and with reaction times. Controls: human labels shuffled among images of a class (of confusions: wrong classes
shuffled), and an untrained network, if its run is given. Where trials have deadlines, the model's accuracy over time is
laid over them by an offset, a scale and a gain that are fitted on one half of the images and evaluated on the other.

Source: Peterson et al. (2019), ICCV, for CIFAR-10H; Geirhos, Meding & Wichmann (2020), NeurIPS 33:13890, for error
consistency; Spoerer et al. (2020), PLoS Comput. Biol. 16:e1008215, for times of decisions.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import xarray as xr

from ventral.compare.consistency_runs import (
    Shown,
    beside_times,
    by_subject,
    model_times,
    over_time,
    shown_images,
    time_maps,
)
from ventral.compare.human_labels import HumanLabels, read_human_labels
from ventral.compare.soft_labels import entropy_bits
from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.consistency import consistency_figure
from ventral.figures.saving import save
from ventral.measures.controls import model_names, with_other_models
from ventral.measures.recorded import recorded_conditions
from ventral.tables import write_csv

UNTRAINED = "-untrained"
BANDS = "Bands are 95 % intervals over images (bootstrap); bars are standard errors over images."


def analyze(
    run: Run,
    out: Path,
    *,
    humans: str = "",
    runs: tuple[str, ...] | None = None,
    condition: str | None = None,
    at_ms: int | None = None,
    missing: str = "refuse",
    unit: str | None = None,
    resamples: int = 200,
    shuffles: int = 200,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate consistency with human observers.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for consistency.png, .svg and .pdf, and consistency*.csv.
    humans
        File of human labels: cifar10h-counts.npy, or a table with the columns stimulus_id and response, and rt_ms,
        subject and deadline_ms where they are known.
    runs
        Further runs of the same experiment, by other models; an untrained network among them is the control.
    condition
        The condition that is compared; if not given, the first that shows the target.
    at_ms
        Time of the model's responses beside those of each subject; the last if not given.
    missing
        What to do about trials without a response: refuse or drop.
    unit
        Of reaction times in a table, ms or s, where it is not clear.
    resamples, shuffles, seed
        Draws of images for intervals, shuffles for controls, and their seed.

    Returns
    -------
    list of Path
        The files that were written.
    """
    if not humans:
        raise UsageError("give the file of human labels, as in --set humans=cifar10h-counts.npy.")
    human = read_human_labels(humans, missing, **({"unit": unit} if unit else {}))
    known = recorded_conditions(run)
    first = next((each.name for each in known if each.target), known[0].name)
    name = choose("condition", condition, [each.name for each in known]) if condition else first
    models = with_other_models(run, runs or ())
    shown = {title: shown_images(each, name, human) for title, each in zip(model_names(models), models, strict=True)}
    curves = {title: over_time(each, resamples, shuffles, seed) for title, each in shown.items()}
    when = {title: (model_times(each, seed), entropy_bits(each.counts)) for title, each in shown.items()}
    decided = pd.concat(
        [beside_times(each, human, resamples, seed).assign(model=title) for title, each in shown.items()]
    )
    maps = {title: found for title, each in shown.items() if (found := time_maps(each, human, run.classes, seed))}
    speed = {title: (*found, shown[title].times_ms, shown[title].correct.mean(0)) for title, found in maps.items()}
    trained = not any(str(each.attrs["model"]).endswith(UNTRAINED) for each in models)
    match = shown[next(iter(shown))].match
    notes = [provenance(models), f"Condition {name}; {human.name}: {match}", BANDS]
    notes += ["No untrained network is beside it (simulate --untrained records one)."] if trained else []
    tables = {
        "consistency": _table(curves),
        "consistency-times": decided[["model", *(column for column in decided if column != "model")]],
        "consistency-unmatched": _unmatched(shown),
        "consistency-subjects": _subjects(shown, human, at_ms, run.classes),
        "consistency-speed": pd.DataFrame(
            [
                {"model": title, "half": half} | asdict(each)
                for title, found in maps.items()
                for half, each in enumerate(found[:2])
            ]
        ),
    }
    drawn = save(consistency_figure(curves, when, speed, notes), out / "consistency")
    return [*drawn, *(write_csv(table, out / f"{title}.csv") for title, table in tables.items() if len(table))]


def _table(curves: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """A row for each model, measure and time."""
    parts = [
        found.to_dataframe().reset_index().rename(columns={"time": "time_ms"}).assign(model=title, **found.attrs)
        for title, found in curves.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    first = ["model", "measure", "time_ms", "value", "low", "high", "ceiling", "ratio"]
    return table[[*first, *(column for column in table if column not in first)]]


def _unmatched(shown: Mapping[str, Shown]) -> pd.DataFrame:
    """Stimuli that are only in the run, or only in the labels; the runs show the same images."""
    match = next(iter(shown.values())).match
    names = {"run": match.only_run, "labels": match.only_data}
    return pd.DataFrame([{"stimulus_id": each, "only_in": place} for place, held in names.items() for each in held])


def _subjects(
    shown: Mapping[str, Shown], human: HumanLabels, at_ms: int | None, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Error consistency of each model with each subject."""
    parts = []
    for title, each in shown.items():
        if at_ms is not None and at_ms not in each.times_ms:
            raise UsageError(f"{title} has no response at {at_ms} ms; it has from {each.times_ms[0]:g} ms on.")
        time_ms = float(each.times_ms[-1] if at_ms is None else at_ms)
        parts.append(by_subject(each, human, time_ms, classes).assign(model=title, time_ms=time_ms))
    return pd.concat(parts, ignore_index=True)
