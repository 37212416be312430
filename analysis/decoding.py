"""Accuracy of linear decoders over time, in each area and condition.

Question: when is the class of an image linearly readable from each area, and what does a mask leave of it?

Method: at each tick, in each area and condition, a linear decoder is fitted anew and cross-validated over images
(`ventral.decode_over_time`), on the same number of features in every area, so that areas do not differ by their size.
The line is the mean over folds. The band is a 95 % Wilson interval over images for accuracy, and a bootstrap over
images for other scores; both take responses as independent, and since those of a fold share a decoder, a band holds
chance in 88 to 95 % of shuffled labels. Triangles mark when the target and the mask can first reach an area. In
conditions without a target the labels are those of the target that was not shown: decoding should stay at chance. A
bar under each curve says where it is above chance, and marks on it are latencies, both over images as in `readout`; as
images of a fold share a decoder, 5 % (ten classes) to 15 % (two) of curves at chance have a bar at a level of 5 %. With
`labels` any coordinate is decoded; a parameter of conditions, such as contrast, over all conditions together. With runs
of several models, decoders are fitted in each; curves are means over models, intervals are over models and images
crossed, and the test flips the signs of models.

Source: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
"""

import logging
from pathlib import Path
from typing import Literal

import xarray as xr

from ventral.errors import UsageError
from ventral.experiment.run import Run, open_complete
from ventral.figures.decoding import decoding_figure, decoding_notes
from ventral.figures.saving import save
from ventral.measures.controls import refuse_other_graphs, with_other_models
from ventral.measures.curve_statistics import CurveStatistics, TestName
from ventral.measures.decoding_runs import decode_run, mean_decoding
from ventral.measures.decoding_tables import decoding_latencies, decoding_table, find_decoding, join_images
from ventral.tables import write_csv

LOG = logging.getLogger("ventral.analysis.decoding")


def analyze(
    run: Run,
    out: Path,
    *,
    areas: tuple[str, ...] | None = None,
    conditions: tuple[str, ...] | None = None,
    folds: int = 5,
    features: int | None = None,
    labels: str | None = None,
    decoder: Literal["ridge", "discriminant", "nearest-mean"] = "ridge",
    scoring: Literal["accuracy", "balanced", "pairwise", "d_prime", "r"] = "accuracy",
    train_condition: str | None = None,
    test_run: str | None = None,
    runs: tuple[str, ...] | None = None,
    test: TestName = "cluster",
    level: float = 0.05,
    permutations: int = 10_000,
    fraction: float = 0.5,
    consecutive: int = 2,
    resamples: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> list[Path]:
    """Draw and tabulate decoding over time; progress is logged.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for decoding.png, .svg and .pdf, decoding.csv and decoding-latencies.csv.
    areas, conditions
        Names of areas and conditions; all if not given.
    folds
        Cross-validation folds over images.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    labels
        Coordinate of the presentations that is decoded; the class of the image if not given.
    decoder
        ridge, discriminant (with shrinkage) or nearest-mean (by correlation).
    scoring
        accuracy, balanced (over classes), pairwise (mean over pairs of classes), d_prime, or r (labels are a measure,
        which is regressed).
    train_condition
        Condition whose decoders are tested in all conditions; each has its own if not given.
    test_run
        Folder of a run in which the decoders are tested, of the same images and units; the run itself if not given.
    runs
        Further runs of the same experiment by models of the same graph, over which scores are averaged.
    test
        Of curves against chance: cluster, tfce or max (sign flips over images), or fdr (t-tests).
    level
        Level of significance of the test, and of the ticks of an onset.
    permutations
        Number of sign flips.
    fraction
        Of the peak above chance, for the fractional onset.
    consecutive
        Number of significant ticks in a row that make an onset.
    resamples
        Of the bootstrap over images.
    seed
        Seed of folds, features, sign flips and bootstrap.
    device
        Where the decoders are fitted, such as "cpu" or "cuda".

    Returns
    -------
    list of Path
        The files that were written.
    """
    models = with_other_models(run, runs or ())
    refuse_other_graphs(models)
    if test_run is not None and len(models) > 1:
        raise UsageError("decoders are tested in another run (test_run) of one model; give one run.")
    there = run if test_run is None else open_complete(test_run)
    statistics = CurveStatistics(test, level, permutations, fraction, consecutive, resamples, seed)
    of_models, by_image = [], []
    for model in models:
        of_images: list[xr.DataArray] = []
        scores = decode_run(
            model,
            areas,
            conditions,
            folds,
            features,
            seed,
            device,
            _log,
            labels=labels,
            decoder=decoder,
            scoring=scoring,
            train_condition=train_condition,
            test_run=None if test_run is None else there,
            keep=of_images.append,
        )
        of_models.append(scores)
        by_image.append(join_images(there, of_images))
    curves = xr.concat(by_image, "model", coords="different", compat="equals", combine_attrs="override")
    decoded = mean_decoding(of_models, curves)
    over = "image" if len(models) == 1 else ("model", "image")
    curves = curves.isel(model=0) if len(models) == 1 else curves
    found = find_decoding(there, curves, over, statistics)
    notes = decoding_notes(models, there, train_condition, labels, folds, scoring)
    latencies = decoding_latencies(there, curves, over, found, statistics)
    known = {"models": len(models), "statistics": there.policy}
    return [
        *save(decoding_figure(decoded, found, there, decoder, notes), out / "decoding"),
        write_csv(decoding_table(there, decoded, found).assign(**known), out / "decoding.csv"),
        write_csv(latencies.assign(**known), out / "decoding-latencies.csv"),
    ]


def _log(done: int, total: int, name: str) -> None:
    LOG.info("decoded %s (%d of %d)", name, done, total)
