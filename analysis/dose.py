"""Accuracy against the amount of a change of the target: how much may be covered, blurred, noisy or low in contrast.

Question: how does what the network classifies fall with the amount of a change, and under other normalisation
statistics?

Method: conditions that differ in the amount of the target's last change only make a series; they are found in the
events of the protocol, so that your own protocols have theirs. The response is the class with the largest logit at the
times that the protocol names, or that of a linear decoder (`decode`). Intervals are 95 % percentile bootstraps over
images, the same images drawn in every condition; with runs of several models, accuracy is a mean over them, and its
interval is over models and images crossed (that of d' is a t-interval over models). If the run has controls, which were
recorded under other policies for normalisation statistics, all are drawn.

Source: Geirhos et al. (2018), NeurIPS, for accuracy against contrast and noise; Tang et al. (2018), PNAS 115:8835, for
accuracy against the part of an object that is seen.
"""

from pathlib import Path

from ventral.experiment.run import Run
from ventral.figures.captions import provenance
from ventral.figures.dose import dose_figure
from ventral.figures.saving import save
from ventral.measures.controls import by_policy, refuse_other_graphs, with_other_models
from ventral.measures.dose import dose_accuracy
from ventral.measures.over_models import interval_note
from ventral.measures.recorded import recorded_conditions
from ventral.measures.responses import read_responses, readout_times
from ventral.measures.series import find_doses
from ventral.tables import as_rows, write_csv


def analyze(
    run: Run,
    out: Path,
    *,
    at_ms: int | None = None,
    runs: tuple[str, ...] | None = None,
    decode: str | None = None,
    observer: str = "instant",
    resamples: int = 1000,
    seed: int = 0,
) -> list[Path]:
    """Draw and tabulate accuracy against the amount of each change.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for dose.png, .svg and .pdf, and dose.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
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
    doses = find_doses(recorded_conditions(run))
    names = [name for group in doses.values() for series in group for name in series.conditions]
    models = with_other_models(run, runs or ())
    refuse_other_graphs(models)
    found, note = by_policy(models)
    read = {
        policy: [read_responses(each, names, decode, seed, observer) for each in group]
        for policy, group in found.items()
    }
    first = read[run.policy][0]
    accuracy = as_rows(
        [
            dose_accuracy(responses, doses, policy, ms, resamples, seed)
            for ms in readout_times(run, first, at_ms)
            for policy, responses in read.items()
        ]
    )
    about = provenance([each for group in found.values() for each in group])
    notes = [about, f"Bars are {interval_note(len(models))}.", *([note] if note else [])]
    figure = dose_figure(accuracy, 1 / first.attrs["choices"], first.attrs["source"], notes)
    return [*save(figure, out / "dose"), write_csv(accuracy, out / "dose.csv")]
