"""Accuracy and d' against SOA, with a psychometric function: what a mask leaves, and until when it acts.

Question: how long must a target be processed undisturbed to be classified, and does that hold for other kinds of mask,
for other models and under other normalisation statistics?

Method: the response is the class with the largest logit at the times that the protocol names. Intervals are 95 %
percentile bootstraps over images, the same images drawn in every condition; with runs of several models (`runs`), the
mean over models and its t-interval, each model a thin line. d' is that of a forced choice among the readout's classes.
A Weibull function rises from chance to `top`: accuracy without a mask, or a fitted one. Its threshold is the SOA at
which 75 % of that range is reached; it is given only where the data determine it, else the reason is. Where the target
stays on until the mask comes, human observers are drawn beside the model, both corrected for chance. The table also has
the cost of each mask, paired over images, and "holds": whether its interval excludes zero under every policy for
normalisation statistics.

Source: Tang et al. (2018), PNAS 115:8835, for accuracy against SOA; the numbers of human observers were computed from
its released trials (github.com/kreimanlab/occlusion-classification; five-way, masks of 500 ms). Wichmann & Hill (2001),
Perception & Psychophysics 63:1293, for the function.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.lines import NO_MASK, Line
from ventral.figures.masking import MaskingPanel, masking_figure
from ventral.figures.saving import save
from ventral.measures.controls import by_policy, holds, model_names, refuse_other_graphs, with_other_models
from ventral.measures.human import CHANCE, SOA_MS, SOURCE, TANG_2018
from ventral.measures.intervals import Estimate, unknown
from ventral.measures.masking import fit_series, masked_accuracy
from ventral.measures.psychophysics import chance_corrected
from ventral.measures.recorded import recorded_conditions
from ventral.measures.responses import arrival_of, read_responses, readout_times
from ventral.measures.series import Series, find_series, target_until_mask
from ventral.tables import as_rows, write_csv


def analyze(
    run: Run,
    out: Path,
    *,
    at_ms: int | None = None,
    runs: tuple[str, ...] = (),
    top: Literal["unmasked", "free"] = "unmasked",
    decode: str | None = None,
    observer: str = "instant",
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate accuracy and d' against SOA.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for masking.png, .svg and .pdf, masking.csv, and the functions in masking-fits.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
    runs
        Further runs of the same experiment, by models of the same graph with other weights.
    top
        Accuracy at long SOAs: that of the target without a mask, or free, to be fitted.
    decode
        Area whose activity linear decoders classify in place of the network's readout, as in `decoding`; for images of
        classes that the network does not know.
    observer
        Of the readout: instant, cumulative[:leak], instant:MS, threshold[:bits] or best (see the docs of observers).
    resamples, seed
        Of the bootstrap over images; the seed also decides the folds of decoders.

    Returns
    -------
    list of Path
        The files that were written.
    """
    models = with_other_models(run, runs)
    refuse_other_graphs(models)
    found, note = by_policy(models)
    conditions = recorded_conditions(run)
    series = find_series(conditions)
    names = model_names(models)
    read = {
        policy: [read_responses(each, None, decode, seed, observer) for each in group]
        for policy, group in found.items()
    }
    first = read[run.policy][0]
    times = readout_times(run, first, at_ms)
    arrival_ms = arrival_of(run, decode)
    accuracies, fits = [], []
    for ms in times:
        for policy, responses in read.items():
            accuracies.append(masked_accuracy(responses, names, series, policy, ms, arrival_ms, resamples, seed))
            fits += [fit_series(each, responses, names, policy, ms, top, resamples, seed) for each in series]
    accuracy, fitted = as_rows(accuracies), as_rows(fits)
    accuracy["holds"] = holds(accuracy, ["condition", "at_ms", "model"], "cost", run).where(
        accuracy["cost"].notna(), ""
    )
    panels = [
        _panel(ms, ms - arrival_ms, accuracy[accuracy["at_ms"] == ms], fitted[fitted["at_ms"] == ms], series)
        for ms in times
    ]
    notes = _sentences([fit for panel in panels for _, fit in panel.fits], len(read) > 1)
    notes += [sentence for ms in times if (sentence := _too_late(series, ms, ms - arrival_ms))]
    beside = None
    if target_until_mask(conditions):
        beside = (list(_lines(accuracy[accuracy["at_ms"] == times[-1]], series, "corrected")), _human_lines())
        notes.append(f"Human observers: {SOURCE}, five-way. Both corrected for chance, read at {times[-1]} ms.")
    over = f"over {len(models)} models and images, crossed" if len(models) > 1 else "over images (bootstrap)"
    about = provenance([each for group in found.values() for each in group])
    notes = [about, f"Bars are 95 % intervals {over}.", *notes, *([note] if note else [])]
    figure = masking_figure(panels, 1 / first.attrs["choices"], beside, notes, first.attrs["source"])
    return [
        *save(figure, out / "masking"),
        write_csv(accuracy, out / "masking.csv"),
        write_csv(fitted, out / "masking-fits.csv"),
    ]


def _too_late(series: Sequence[Series], ms: int, latest_ms: float) -> str:
    """Which SOAs are too long for the mask to have arrived at a time, for the caption; empty if none is."""
    soas = sorted({soa for each in series for soa in each.values if soa > latest_ms})
    which = ", ".join(f"{soa:g}" for soa in soas)
    return f"Read at {ms} ms: at SOAs of {which} ms the mask cannot have arrived." if soas else ""


def _panel(
    ms: int, latest_ms: float, accuracy: pd.DataFrame, fits: pd.DataFrame, series: Sequence[Series]
) -> MaskingPanel:
    """Lines of all policies at one time, each with the function fitted to it (with several models, their mean)."""
    lines, d_prime = (tuple(_lines(accuracy, series, scale)) for scale in ("accuracy", "d_prime"))
    line_of = {(line.policy, line.name): line for line in lines}
    last = fits.groupby(["statistics", "mask"], sort=False).tail(1).to_dict("records")
    functions = tuple((line_of[fit["statistics"], fit["mask"]], fit) for fit in last)
    return MaskingPanel(ms, lines, d_prime, functions, latest_ms)


def _lines(accuracy: pd.DataFrame, series: Sequence[Series], scale: str) -> Iterator[Line]:
    """Lines of each policy and series and, where the condition without a mask differs with SOA, of those conditions."""
    without = dict.fromkeys((each.unmasked, each.values) for each in series if each.unmasked and not each.level)
    names = [NO_MASK if place == 0 else f"{NO_MASK} ({place + 1})" for place in range(len(without))]
    alone = [Series(name, *pair, ()) for name, pair in zip(names, without, strict=True)]
    for policy, table in accuracy.groupby("statistics", sort=False):
        *models, total = [own.set_index("condition") for _, own in table.groupby("model", sort=False)]
        for each in [*series, *alone]:
            shown = list(each.conditions)
            level = Estimate.of(total.loc[[each.level]], scale)[0] if each.level else unknown()
            own = np.array([model.loc[shown, scale] for model in models]) if models else np.empty((0, 0))
            yield Line(each.name, policy, np.array(each.values), Estimate.of(total.loc[shown], scale), level, own)


def _human_lines() -> list[Line]:
    """Human observers, corrected for chance; their intervals are not known."""
    nothing = np.full(len(SOA_MS), np.nan)
    return [
        Line(name, "frozen", np.array(SOA_MS), Estimate(chance_corrected(correct, CHANCE), nothing, nothing))
        for name, correct in TANG_2018.items()
    ]


def _sentences(fits: Sequence[Mapping[str, Any]], several: bool) -> list[str]:
    """What was found of each function, for the caption; functions of which the same was found share a sentence."""
    found: dict[str, dict[str, list[str]]] = {}
    for fit in fits:
        mask = f"{fit['mask']}, {fit['statistics']}" if several else str(fit["mask"])
        found.setdefault(_finding(fit), {}).setdefault(mask, []).append(str(fit["at_ms"]))
    sentences = []
    for finding, times in found.items():
        masks: dict[str, list[str]] = {}
        for mask, ms in times.items():
            masks.setdefault(" and ".join(ms), []).append(mask)
        read = [f"{'; '.join(names)}, read at {ms} ms" for ms, names in masks.items()]
        sentences.append(f"{'; '.join(read)}: {finding}")
    return sentences


def _finding(fit: Mapping[str, Any]) -> str:
    """Threshold and slope of a function, or the reason why there is none."""
    if fit["reason"]:
        return f"no function, {fit['reason']}."
    return (
        f"75 % of the range at {fit['threshold_ms']:.0f} ms "
        f"[{fit['threshold_ms_low']:.0f}, {fit['threshold_ms_high']:.0f}], "
        f"slope {fit['slope']:.1f} [{fit['slope_low']:.1f}, {fit['slope_high']:.1f}].".replace("inf", "∞")
    )
