"""The accuracy that a lesion takes, against when it begins, and accuracy over time with and without it.

Question: when are the transitions that a lesion weakens needed?

Method: the response is the class with the largest logit at the times that the protocol names. Loss is accuracy intact
minus accuracy with the lesion, paired over images: 95 % percentile bootstraps draw the same images in both. A lesion
that lasts from target onset to the end of the record is drawn at the side. With runs of several models, accuracy and
loss are means over them, and intervals are over models and images crossed (those of d' are over models alone). If the
run has controls, which were recorded under other policies for normalisation statistics, all are drawn; "holds" in the
table says whether the interval of a loss excludes zero under every policy.

Source: Kar & DiCarlo (2021), Neuron 109:164, for the loss when late recurrent input is missing; Kietzmann et al.
(2019), PNAS 116:21854, for lesions in models.
"""

from pathlib import Path

import numpy as np

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.lesion import lesion_figure
from ventral.figures.saving import save
from ventral.measures.controls import by_policy, holds, refuse_other_graphs, with_other_models
from ventral.measures.lesion import condition_curves, find_intact, find_lesions, lesion_losses
from ventral.measures.over_models import interval_note
from ventral.measures.recorded import recorded_conditions
from ventral.measures.responses import read_responses, readout_times
from ventral.tables import as_rows, write_csv


def analyze(
    run: Run,
    out: Path,
    *,
    at_ms: int | None = None,
    reference: str | None = None,
    runs: tuple[str, ...] | None = None,
    decode: str | None = None,
    observer: str = "instant",
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate the effect of lesions.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for lesion.png, .svg and .pdf, lesion.csv, and accuracy over time in lesion-time.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
    reference
        The condition without a lesion; if not given, the one that shows what the conditions with lesions show.
    runs
        Further runs of the same experiment by models of the same graph, over which accuracy is averaged.
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
    conditions = recorded_conditions(run)
    intact = find_intact(conditions, reference)
    lesions = find_lesions(conditions, intact, np.array(run.protocol.times_ms))
    models = with_other_models(run, runs or ())
    refuse_other_graphs(models)
    found, note = by_policy(models)
    names = [intact, *lesions["condition"]]
    read = {
        policy: [read_responses(each, names, decode, seed, observer) for each in group]
        for policy, group in found.items()
    }
    first = read[run.policy][0]
    losses = as_rows(
        [
            lesion_losses(responses, lesions, policy, ms, resamples, seed)
            for ms in readout_times(run, first, at_ms)
            for policy, responses in read.items()
        ]
    )
    losses["holds"] = holds(losses, ["condition", "at_ms"], "loss", run)
    curves = as_rows([condition_curves(responses, policy, resamples, seed) for policy, responses in read.items()])
    about = provenance([each for group in found.values() for each in group])
    intervals = f"Bars and bands are {interval_note(len(models))}; those of a loss are paired."
    notes = [about, intervals, *([note] if note else [])]
    figure = lesion_figure(losses, curves, 1 / first.attrs["choices"], notes, first.attrs["source"])
    return [
        *save(figure, out / "lesion"),
        write_csv(losses.drop(columns="throughout"), out / "lesion.csv"),
        write_csv(curves, out / "lesion-time.csv"),
    ]
