"""Measure how long decoding over time takes beside the obvious scikit-learn pipeline.

Both decode the same synthetic activity at each tick with the same folds and the same ridge penalties, in one run and
on one thread count, and their accuracies must agree. The pipeline is ``StandardScaler`` and a ridge classifier whose
penalty is chosen by ``RidgeClassifierCV`` (leave-one-out, the quickest that scikit-learn offers) or, with
``--search grid``, by ``GridSearchCV``. The penalty of the latter is chosen by inner folds, so its accuracies agree
within chance only and are not checked.

    python benchmarks/decoding.py
    python benchmarks/decoding.py --presentations 200 --units 256 --ticks 4
"""

import argparse
import sys
import time

import numpy as np
import torch
import xarray as xr
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ventral.measures.decoding import ALPHAS, decode_over_time
from ventral.measures.folds import image_folds


def synthetic(ticks: int, presentations: int, units: int, classes: int = 10, seed: int = 0) -> xr.DataArray:
    """Activity with a correlated background and a class signal that grows over time."""
    draw = np.random.default_rng(seed)
    label = np.arange(presentations) % classes
    background = draw.normal(size=(units // 8, units))
    growth = np.linspace(0, 0.15, ticks)
    prototypes = draw.normal(size=(classes, units))
    activity = np.stack(
        [
            draw.normal(size=(presentations, units // 8)) @ background / 4
            + draw.normal(size=(presentations, units))
            + strength * prototypes[label]
            for strength in growth
        ],
        axis=1,
    )
    return xr.DataArray(
        activity.astype(np.float16),
        dims=("presentation", "time", "unit"),
        coords={
            "time": np.arange(ticks) * 10,
            "label": ("presentation", label),
            "image": ("presentation", np.arange(presentations)),
        },
    )


def pipeline(search: str) -> Pipeline | GridSearchCV:
    """What one would write with scikit-learn."""
    if search == "grid":
        grid = {"ridgeclassifier__alpha": sorted(ALPHAS)}
        return GridSearchCV(make_pipeline(StandardScaler(), RidgeClassifier()), grid, cv=5)
    return make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=sorted(ALPHAS)))


def decode_with_sklearn(activity: xr.DataArray, folds: int, search: str) -> np.ndarray:
    """Fraction correct (fold, time), one fit for each."""
    label = activity["label"].values
    fold_of = image_folds(activity["image"].values, label, folds)
    accuracy = np.empty((folds, activity.sizes["time"]))
    for tick in range(activity.sizes["time"]):
        values = activity.isel(time=tick).to_numpy().astype(np.float64)
        for fold in range(folds):
            tested = fold_of == fold
            model = pipeline(search).fit(values[~tested], label[~tested])
            accuracy[fold, tick] = model.score(values[tested], label[tested])
    return accuracy


def main() -> int:
    """Measure, compare, print; exit 1 if the accuracies differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=20)
    parser.add_argument("--presentations", type=int, default=1000)
    parser.add_argument("--units", type=int, default=1024)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--search", choices=("loo", "grid"), default="loo")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3, help="of ours; the median counts")
    asked = parser.parse_args()

    activity = synthetic(asked.ticks, asked.presentations, asked.units)
    decode_over_time(activity.isel(time=slice(1)), folds=asked.folds, device=asked.device)  # start the device
    times = []
    for _ in range(asked.repeats):
        start = time.perf_counter()
        ours = decode_over_time(activity, folds=asked.folds, device=asked.device).values
        times.append(time.perf_counter() - start)
    ours_s = float(np.median(times))
    start = time.perf_counter()
    theirs = decode_with_sklearn(activity, asked.folds, asked.search)
    theirs_s = time.perf_counter() - start

    apart = np.abs(ours - theirs) * asked.presentations / asked.folds
    print(f"{asked.ticks} ticks x {asked.presentations} presentations x {asked.units} units x {asked.folds} folds, ")
    print(f"{len(ALPHAS)} penalties, {torch.get_num_threads()} threads, device {asked.device}")
    print(f"mean accuracy   ventral {ours.mean():.4f}   scikit-learn {theirs.mean():.4f}")
    print(f"time            ventral {ours_s:.2f} s   scikit-learn ({asked.search}) {theirs_s:.2f} s")
    print(f"ratio           {theirs_s / ours_s:.1f}")
    print(f"presentations decided differently, at most in one fold and tick: {apart.max():.0f}")
    if asked.search == "grid":
        print("accuracies are not compared: the penalties are chosen in another way")
        return 0
    agree = apart.max() <= 1.5 and abs(ours.mean() - theirs.mean()) < 1e-3
    print("accuracies agree" if agree else "accuracies DIFFER")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
