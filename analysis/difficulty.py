"""Whether a mask or a lesion takes more from hard images than from easy ones.

Question: is the recurrent processing that a mask or a lesion cuts short needed more for hard images?

Method: an image is hard if the network is not confident of it without a mask (softmax probability of its response at
the readout time). But the trials that show the effect must not choose the images: a network that was confident in the
unmasked trial was also correct in it more often than it would be again, so that splitting by that trial inflates the
effect on "easy" images and hides it on "hard" ones (regression to the mean; endogenous stratification). Difficulty is
therefore measured elsewhere, in one of three ways:

- another model's confidence in the same images, if a run of it is given (`other`);
- the confidence in half of the repeats, drawn anew in each of several splits, if images were repeated with other noise;
  the effect is measured in the other half;
- else, a prediction: a ridge regression learns in half of the images to predict confidence from activity at a time at
  which it is still the same, bit by bit, in all conditions that are compared, and is applied to the other half, and the
  other way round, in several splits. The response in an image's own unmasked trial has no part in its group, and the
  activity that decides its group is the same in all its trials.

Groups are of equal size, by rank within a half. How well they separate images is measured by the correlation of
difficulty with confidence in trials that it was not made of; where chance alone could give it, the analysis is refused.

The effect on a group is its loss: accuracy in the reference minus accuracy in the condition. Two groups that differ
without a mask cannot have the same loss on every scale, so that losses are also given in d' and in log odds, of the
rate of each group. On these scales too, an effect that is the same for every image comes out somewhat smaller in a
group whose images differ more among themselves, and nothing can be concluded for a group at chance or at ceiling. The
interaction is the loss of the hardest group minus that of the easiest. Intervals are 95 % percentile bootstraps over
images, the grouping held.

Source: Abadie, Chingos & West (2018), Review of Economics and Statistics 100:567, for repeated split samples against
endogenous stratification; Tang et al. (2018), PNAS 115:8835, for masks that hurt hard objects more; Kar et al. (2019),
Nature Neuroscience 22:974, for images that need late IT.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.difficulty import difficulty_figure
from ventral.figures.saving import save
from ventral.measures.controls import by_policy, holds, with_other_models
from ventral.measures.difficulty import compared_conditions, difficulty_effect
from ventral.measures.recorded import recorded_conditions
from ventral.measures.responses import read_responses, readout_times
from ventral.measures.strata import Strata, shared_activity, stratify
from ventral.tables import write_csv

INTERVALS = "Bars are 95 % bootstrap intervals over images, the grouping held."


def analyze(
    run: Run,
    out: Path,
    *,
    at_ms: int | None = None,
    reference: str | None = None,
    conditions: tuple[str, ...] | None = None,
    other: str | None = None,
    decode: str | None = None,
    observer: str = "instant",
    groups: int = 2,
    splits: int = 20,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate the effect on images that are hard and on images that are easy.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for difficulty.png, .svg and .pdf, and difficulty.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
    reference
        The condition that the others are compared with; if not given, "unmasked" or "intact", or else the only one that
        shows the target alone to the intact network.
    conditions
        Conditions that are compared with it; all that show the target if not given.
    other
        A run of the same experiment by another model, whose confidence says how hard an image is.
    decode
        Area whose activity linear decoders classify in place of the network's readout, as in `decoding`; for images of
        classes that the network does not know.
    observer
        Of the readout: instant, cumulative[:leak], instant:MS, threshold[:bits] or best (see the docs of observers).
    groups
        Number of groups, of equal size.
    splits
        Number of times that images (or repeats) are halved.
    resamples, seed
        Of the bootstrap over images; the seed also decides the halves.

    Returns
    -------
    list of Path
        The files that were written.
    """
    if groups < 2 or splits < 1:
        raise UsageError(f"groups is {groups} and splits {splits}; give at least 2 and 1.")
    names = compared_conditions(recorded_conditions(run), reference, conditions)
    found, note = by_policy(with_other_models(run, [other] if other else []))
    read = {
        policy: [read_responses(each, names, decode, seed, observer) for each in group]
        for policy, group in found.items()
    }
    first = read[run.policy][0]
    predict = not other and first.sizes["repeat"] == 1
    shared = {policy: shared_activity(group[0], names) if predict else None for policy, group in found.items()}
    if first.sizes["image"] < 4 * groups:
        raise UsageError(f"the run has {first.sizes['image']} images; {groups} groups need at least {4 * groups}.")
    choices = first.attrs["choices"]
    tables, notes = [], []
    for ms in readout_times(run, first, at_ms):
        strata = {policy: stratify(each, shared[policy], ms, groups, splits, seed) for policy, each in read.items()}
        for policy, each in strata.items():
            tables.append(difficulty_effect(each, names, policy, ms, choices, resamples, seed))
            notes.append(_sentence(each, f"{ms} ms, {policy} statistics" if len(read) > 1 else f"{ms} ms"))
    effects = pd.concat(tables, ignore_index=True)
    told = holds(effects, ["condition", "group", "at_ms"], "accuracy_loss", run)
    effects["holds"] = told.where(effects["accuracy_loss"].notna(), "")
    x, labels = _positions(names[1:], first)
    notes += [INTERVALS, *([note] if note else [])]
    about = provenance([each for group in found.values() for each in group[:1]])
    figure = difficulty_figure(effects, x, 1 / choices, labels, [about, *notes])
    return [*save(figure, out / "difficulty"), write_csv(effects, out / "difficulty.csv")]


def _positions(names: Sequence[str], responses: xr.Dataset) -> tuple[dict[str, float], list[str]]:
    """Position of each condition on the x axis: its SOA if all have one, else its number, with labels."""
    soa_ms = responses["soa_ms"].values[1:] if "soa_ms" in responses.coords else np.full(len(names), np.nan)
    if len(set(soa_ms)) == len(soa_ms) and not np.isnan(soa_ms).any():
        return {name: float(soa) for name, soa in zip(names, soa_ms, strict=True)}, []
    return {name: float(place) for place, name in enumerate(names)}, [name.replace("_", " ") for name in names]


def _sentence(strata: Strata, read: str) -> str:
    """How difficulty was measured, for the caption."""
    return f"Read at {read}: {strata.how}; correlation with confidence in other trials {strata.agreement:.2f}."
