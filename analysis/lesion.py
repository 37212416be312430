"""The accuracy that a lesion takes, against when it begins, and accuracy over time with and without it.

Question: when are the transitions that a lesion weakens needed?

Method: the response is the class with the largest logit at the times that the protocol names. Loss is accuracy intact
minus accuracy with the lesion, paired over images: 95 % percentile bootstraps draw the same images in both. A lesion
that lasts from target onset to the end of the record is drawn at the side. If the run has a control, which was recorded
under the other policy for normalisation statistics, both are drawn.

Source: Kar & DiCarlo (2021), Neuron 109:164, for the loss when late recurrent input is missing; Kietzmann et al.
(2019), PNAS 116:21854, for lesions in models.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ventral.errors import choose
from ventral.experiment.run import Run
from ventral.figures.lesion import LossPanel, Trace, TracePanel, lesion_figure
from ventral.figures.lines import Line
from ventral.figures.saving import save
from ventral.measures.controls import by_policy
from ventral.measures.lesion import (
    ConditionCurves,
    Lesion,
    LesionLosses,
    condition_curves,
    find_lesions,
    lesion_losses,
)
from ventral.measures.responses import parameters, read_responses, readout_times
from ventral.tables import write_csv


def analyze(
    run: Run, out: Path, *, at_ms: int | None = None, reference: str = "intact", resamples: int = 1000, seed: int = 0
) -> list[Path]:
    """Draw and tabulate the effect of lesions.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for lesion.png, lesion.svg, lesion.csv and accuracy over time in lesion-time.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
    reference
        The condition without a lesion.
    resamples, seed
        Of the bootstrap over images.

    Returns
    -------
    list of Path
        The files that were written.
    """
    described = parameters(run)
    intact = choose("condition", reference, described)
    lesions = find_lesions(described, run.logits["time"].values)
    found, note = by_policy([run])
    names = [intact, *(lesion.condition for lesion in lesions)]
    read = {policy: read_responses(each, names) for policy, (each,) in found.items()}
    first = read[run.policy]
    losses = {
        ms: [lesion_losses(responses, lesions, policy, ms, resamples, seed) for policy, responses in read.items()]
        for ms in readout_times(run, first, at_ms)
    }
    curves = [condition_curves(responses, policy, resamples, seed) for policy, responses in read.items()]
    panels = [_loss_panel(ms, each) for ms, each in losses.items()]
    traces = [panel for each in curves for panel in _trace_panels(each, intact, lesions, len(read) > 1)]
    scales = list(dict.fromkeys(lesion.left for lesion in sorted(lesions, key=lambda lesion: lesion.scale)))
    figure = lesion_figure(panels, traces, scales, 1 / first.attrs["choices"], [note] if note else [])
    rows = [row for each in losses.values() for loss in each for row in loss.rows()]
    return [
        *save(figure, out / "lesion"),
        write_csv(rows, out / "lesion.csv"),
        write_csv([row for each in curves for row in each.rows()], out / "lesion-time.csv"),
    ]


def _loss_panel(ms: int, losses: Sequence[LesionLosses]) -> LossPanel:
    """Losses at one time: a line for each kind of lesion, scale and policy, apart for lesions throughout."""
    windows: list[Line] = []
    throughout: list[Line] = []
    for each in losses:
        scales = sorted({lesion.scale for lesion in each.lesions})
        for kind in dict.fromkeys((lesion.target, lesion.scale, lesion.throughout) for lesion in each.lesions):
            target, scale, whole = kind
            own = [
                place
                for place, lesion in enumerate(each.lesions)
                if (lesion.target, lesion.scale, lesion.throughout) == kind
            ]
            x = np.array([0.0 if whole else each.lesions[place].start_ms for place in own])
            line = Line(target, each.policy, x, each.estimates["loss"][own], shape=scales.index(scale))
            (throughout if whole else windows).append(line)
    return LossPanel(ms, tuple(windows), tuple(throughout))


def _trace_panels(
    curves: ConditionCurves, intact: str, lesions: Sequence[Lesion], several: bool
) -> Iterator[TracePanel]:
    """A panel for each kind of lesion and scale; the row names the scale and the policy if there are several."""
    scales = {lesion.scale for lesion in lesions}
    for kind in dict.fromkeys((lesion.target, lesion.scale) for lesion in lesions):
        own = [lesion for lesion in lesions if (lesion.target, lesion.scale) == kind]
        row = ([own[0].left] if len(scales) > 1 else []) + ([curves.policy] if several else [])
        traces = []
        for lesion in own:
            window = None if lesion.throughout else (lesion.start_ms, lesion.stop_ms)
            traces.append(Trace(window, curves.time_ms, curves.of(lesion.condition)))
        yield TracePanel(kind[0], ", ".join(row), Trace(None, curves.time_ms, curves.of(intact)), tuple(traces))
