"""Measure how long decoding and generalisation over time take beside MNE's estimators.

All decode the same synthetic activity with the same folds, in one run and on one thread count, and take turns: in each
round ventral first, then MNE's ``SlidingEstimator`` or ``GeneralizingEstimator`` with ``StandardScaler`` and

- ridge: ``RidgeClassifierCV`` over the same penalties (leave-one-out, the quickest that scikit-learn offers), whose
  decisions must be the same;
- logistic: ``LogisticRegression(solver="liblinear")``, as MNE's tutorials have it, one class against the rest;
- multinomial: ``LogisticRegression`` as scikit-learn has it by default, which is far quicker.

Neither logistic regression chooses its penalty, as ridge does. Ventral's accuracy must not be below theirs by more than
three standard errors of the difference. Which of the two is more accurate depends on the activity: with a strong common
background and a weak signal, as in the synthetic one, logistic regression can be; `--run` decodes a recorded run.

Ratios are of wall time and of processor time; where other programs run, the latter is the better guide.

    python benchmarks/generalisation.py
    python benchmarks/generalisation.py --run runs/mask.zarr --area IT
    python benchmarks/generalisation.py --ticks 4 --presentations 200 --units 256 --peers ridge
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from decoding import synthetic
from mne.decoding import GeneralizingEstimator, SlidingEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import ventral
from ventral.measures.decoders import ALPHAS
from ventral.measures.folds import image_folds

ESTIMATORS = {"sliding": SlidingEstimator, "generalising": GeneralizingEstimator}
OURS: dict[str, Callable[..., xr.DataArray]] = {"sliding": ventral.decode_over_time, "generalising": ventral.generalise}
GOALS = {"ridge": "3", "logistic": "30", "multinomial": "none"}


def pipeline(peer: str) -> Pipeline:
    """What one gives to MNE."""
    if peer == "ridge":
        return make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=sorted(ALPHAS)))
    if peer == "logistic":
        return make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(solver="liblinear")))
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def with_mne(activity: xr.DataArray, folds: int, task: str, peer: str) -> np.ndarray:
    """Fraction correct, (fold, time) or (fold, training time, test time)."""
    label, signals = activity["label"].values, activity.values.swapaxes(1, 2).astype(np.float64)
    fold_of = image_folds(activity["image"].values, label, folds)
    scores = []
    for fold in range(folds):
        train, test = fold_of != fold, fold_of == fold
        estimator = ESTIMATORS[task](pipeline(peer), scoring="accuracy", verbose="error").fit(
            signals[train], label[train]
        )
        scores.append(estimator.score(signals[test], label[test]))
    return np.stack(scores)


def recorded(path: str, area: str) -> xr.DataArray:
    """Activity of the first condition of a run, at the ticks at which the area is present."""
    run = ventral.open_run(path)
    activity = run[area].isel(presentation=run.rows(run.protocol.conditions[0].name)).load()
    return activity.dropna("time", how="all").transpose("presentation", "time", "unit")


def timed(function: Callable[[], np.ndarray]) -> tuple[np.ndarray, float, float]:
    """What a function gives, and the wall and processor time that it takes in s."""
    wall, processor = time.perf_counter(), time.process_time()
    found = function()
    return found, time.perf_counter() - wall, time.process_time() - processor


def compare(ours: np.ndarray, theirs: np.ndarray, presentations: int, peer: str) -> tuple[str, bool]:
    """How accuracies, (fold, ...), compare, in words, and whether they are as they should be."""
    if peer == "ridge":
        each = presentations / len(ours)
        apart = np.abs(ours - theirs) * each
        share = apart.sum() / (ours.size * each)
        return f"at most {apart.max():.0f} decisions of a fold differ, {share:.1e} of all", bool(share < 1e-3)
    difference = ours.mean() - theirs.mean()
    error = np.sqrt(2 * 0.25 / presentations)  # of the accuracy of as many independent responses, twice
    return f"accuracy {ours.mean():.4f} against {theirs.mean():.4f}", bool(difference > -3 * error)


def main() -> int:
    """Measure, compare, print; exit 1 if the results do not agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=20)
    parser.add_argument("--presentations", type=int, default=1000)
    parser.add_argument("--units", type=int, default=1024)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--run", help="a run whose first condition is decoded in place of synthetic activity")
    parser.add_argument("--area", default="IT", help="of the run")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tasks", nargs="+", choices=tuple(ESTIMATORS), default=tuple(ESTIMATORS))
    parser.add_argument("--peers", nargs="+", choices=tuple(GOALS), default=tuple(GOALS))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")

    activity = synthetic(asked.ticks, asked.presentations, asked.units).astype(np.float32)  # as runs are read
    if asked.run:
        activity = recorded(asked.run, asked.area)
        asked.ticks, asked.presentations, asked.units = (
            activity.sizes[dim] for dim in ("time", "presentation", "unit")
        )
    ventral.generalise(activity.isel(time=slice(1)), folds=asked.folds)  # start what is started once
    print(f"{asked.ticks} ticks x {asked.presentations} presentations x {asked.units} units x {asked.folds} folds, ")
    print(f"{len(ALPHAS)} penalties, {torch.get_num_threads()} threads")
    good = True
    for task in asked.tasks:
        for peer in asked.peers:
            ratios = []
            for _ in range(asked.rounds):
                ours, *mine = timed(lambda task=task: OURS[task](activity, folds=asked.folds).values)
                theirs, *others = timed(lambda task=task, peer=peer: with_mne(activity, asked.folds, task, peer))
                ratios.append(np.array(others) / mine)
            words, agree = compare(ours, theirs, asked.presentations, peer)
            wall, processor = np.median(ratios, axis=0)
            good &= agree
            print(f"{task} beside {peer}: ventral {mine[0]:.2f} s, MNE {others[0]:.2f} s, ratio {wall:.1f} ", end="")
            print(f"(processor time {processor:.1f}; goal {GOALS[peer]}); {words}{'' if agree else ': NOT SO'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
