"""Generalisation of linear decoders over time, and from one condition, area or run to another.

Question: how long does one code hold, does it come back, and is it the same code in another condition?

Method: a decoder that is fitted at one tick is tested at every tick (`ventral.generalise`). A square is a code that
holds still; a diagonal is one that changes. With `train_conditions` the decoders of these conditions are tested in all
conditions, and a delay shows as a shift off the diagonal; with `train_areas` those of these areas are tested in all
areas; `test_run` tests them in another run of the same images, such as one with a lesion. Folds are of images, in
whatever condition: no decoder has seen a tested image. Dashed lines mark when the target can first arrive where
decoders are trained and where they are tested, triangles when a mask can.

The numbers in generalisation-summary.csv are the mean on the diagonal and off it, the width (how long a decoder stays
above half of what it is at its own time) and the asymmetry (decoders tested later than trained, less those tested
earlier), with bootstrap intervals over images. With runs of several models, decoders are fitted in each; matrices and
numbers are means over models, intervals are over models and images crossed (of the width, a bootstrap that draws both),
and the test flips the signs of models.

Source: King & Dehaene (2014), Trends in Cognitive Sciences 18:203; Rajaei et al. (2019), PLoS Computational Biology
15:e1007001, for decoders that are tested on images that are harder to see.
"""

import logging
from pathlib import Path
from typing import Literal

from ventral.experiment.run import Run, open_complete
from ventral.figures.generalisation import generalisation_figure
from ventral.figures.saving import save
from ventral.measures.controls import refuse_other_graphs, with_other_models
from ventral.measures.curve_statistics import CurveTest, TestName
from ventral.measures.decoders import Method
from ventral.measures.generalisation_runs import generalise_run
from ventral.measures.generalisation_tables import matrix_table, summary_table
from ventral.tables import write_csv

LOG = logging.getLogger("ventral.analysis.generalisation")


def analyze(
    run: Run,
    out: Path,
    *,
    areas: tuple[str, ...] | None = None,
    conditions: tuple[str, ...] | None = None,
    train_areas: tuple[str, ...] | None = None,
    train_conditions: tuple[str, ...] | None = None,
    test_run: str | None = None,
    runs: tuple[str, ...] | None = None,
    labels: str | None = None,
    decoder: Literal["ridge", "discriminant", "nearest-mean"] = "ridge",
    scoring: Literal["accuracy", "balanced", "pairwise", "d_prime", "r"] = "accuracy",
    folds: int = 5,
    features: int | None = None,
    test: TestName = "cluster",
    level: float = 0.05,
    permutations: int = 10_000,
    resamples: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> list[Path]:
    """Draw and tabulate generalisation over time; progress is logged.

    Parameters
    ----------
    run
        What `ventral.open_run` gives.
    out
        Folder for generalisation.png, .svg and .pdf, generalisation.csv and generalisation-summary.csv.
    areas, conditions
        Names of areas and conditions in which decoders are tested; all if not given.
    train_areas
        Areas in which decoders are trained, to be tested in all areas; each area has its own if not given. Areas need
        units of the same channels and places to have a code in common.
    train_conditions
        Conditions in which decoders are trained, to be tested in all conditions; each has its own if not given.
    test_run
        Folder of a run in which the decoders are tested, of the same images and units; the run itself if not given.
    runs
        Further runs of the same experiment by models of the same graph, over which scores are averaged.
    labels
        Coordinate of the presentations that is decoded; the class of the image if not given.
    decoder
        ridge, discriminant (with shrinkage) or nearest-mean (by correlation).
    scoring
        accuracy, balanced (over classes), pairwise (mean over pairs of classes), d_prime, or r (labels are a measure,
        which is regressed).
    folds
        Cross-validation folds over images.
    features
        Features drawn from each area; if not given, as many as the smallest of the areas has, at most 1,024.
    test
        Of matrices against chance: cluster, tfce or max (sign flips over images), or fdr (t-tests).
    level
        Level of significance of the test.
    permutations
        Number of sign flips.
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
    there = run if test_run is None else open_complete(test_run)
    found = generalise_run(
        models,
        areas,
        conditions,
        Method(folds, features, seed=seed, device=device, decoder=decoder, scoring=scoring),
        _log,
        labels=labels,
        train_areas=train_areas,
        train_conditions=train_conditions,
        test_run=None if test_run is None else there,
        resamples=resamples,
        test=CurveTest(test, level, permutations, seed),
    )
    known = {"models": len(models), "statistics": there.policy}
    return [
        *save(generalisation_figure(found, models, there, folds), out / "generalisation"),
        write_csv(matrix_table(found).assign(**known), out / "generalisation.csv"),
        write_csv(summary_table(found).assign(**known), out / "generalisation-summary.csv"),
    ]


def _log(done: int, total: int, name: str) -> None:
    LOG.info("tested %s (%d of %d)", name, done, total)
