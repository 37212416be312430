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
images, the grouping held. With runs of several models, images are grouped within each model (or for all by the other
model), all numbers are means over models, and intervals are over models and images crossed.

Source: Abadie, Chingos & West (2018), Review of Economics and Statistics 100:567, for repeated split samples against
endogenous stratification; Tang et al. (2018), PNAS 115:8835, for masks that hurt hard objects more; Kar et al. (2019),
Nature Neuroscience 22:974, for images that need late IT.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.difficulty import condition_places, difficulty_figure, strata_note
from ventral.figures.saving import save
from ventral.measures.controls import by_policy, holds, model_names, refuse_other_graphs, with_other_models
from ventral.measures.difficulty import compared_conditions, difficulty_effect
from ventral.measures.over_models import interval_note
from ventral.measures.recorded import recorded_conditions
from ventral.measures.responses import read_responses, readout_times
from ventral.measures.strata import shared_activity, stratify_models
from ventral.tables import write_csv


def analyze(
    run: Run,
    out: Path,
    *,
    at_ms: int | None = None,
    reference: str | None = None,
    conditions: tuple[str, ...] | None = None,
    other: str | None = None,
    runs: tuple[str, ...] | None = None,
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
    runs
        Further runs of the same experiment by models of the same graph, over which effects are averaged.
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
    models = with_other_models(run, [*(runs or ()), *([other] if other else [])])
    number = len(models) - bool(other)
    refuse_other_graphs(models[:number])
    found, note = by_policy(models)
    read = {
        policy: [read_responses(each, names, decode, seed, observer) for each in group]
        for policy, group in found.items()
    }
    first = read[run.policy][0]
    predict = not other and first.sizes["repeat"] == 1
    shared = {
        policy: [shared_activity(each, names) if predict else None for each in group[:number]]
        for policy, group in found.items()
    }
    if first.sizes["image"] < 4 * groups:
        raise UsageError(f"the run has {first.sizes['image']} images; {groups} groups need at least {4 * groups}.")
    choices = first.attrs["choices"]
    tables, notes = [], []
    for ms in readout_times(run, first, at_ms):
        strata = {
            policy: stratify_models(
                dict(zip(model_names(models), each[:number], strict=False)),
                each[-1] if other else None,
                shared[policy],
                ms,
                groups,
                splits,
                seed,
            )
            for policy, each in read.items()
        }
        for policy, each in strata.items():
            tables.append(difficulty_effect(each, names, policy, ms, choices, resamples, seed))
            notes.append(strata_note(each, f"{ms} ms, {policy} statistics" if len(read) > 1 else f"{ms} ms"))
    effects = pd.concat(tables, ignore_index=True)
    told = holds(effects, ["condition", "group", "at_ms"], "accuracy_loss", run)
    effects["holds"] = told.where(effects["accuracy_loss"].notna(), "")
    soa_ms = first["soa_ms"].values[1:] if "soa_ms" in first.coords else np.full(len(names) - 1, np.nan)
    x, labels = condition_places(names[1:], soa_ms)
    notes += [f"Bars are {interval_note(number)}, the grouping held.", *([note] if note else [])]
    about = provenance([each for group in found.values() for each in group[:number]])
    figure = difficulty_figure(effects, x, 1 / choices, labels, [about, *notes])
    return [*save(figure, out / "difficulty"), write_csv(effects, out / "difficulty.csv")]
