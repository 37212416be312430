"""Measure comparisons with a brain beside rsatoolbox and scikit-learn, in turns, and compare what they give.

RSA: RDMs of 120 areas and ticks of a model by 300 times of a brain, Spearman and whitened cosine, against
``rsatoolbox.rdm.compare``. Encoding: 800 stimuli x 1,024 units to 600 targets with 13 penalties, one for each target,
against ``RidgeCV(alpha_per_target=True)``. Exit 1 if results differ by more than 1e-6. With ``--memory``, the peak of
one comparison, and of those with ten times the units and ten times the stimuli, each in a process of its own.

    python benchmarks/compare.py
    python benchmarks/compare.py --stimuli 92 --repeats 1
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from ventral.compare.pairs import Draw, pair_count
from ventral.compare.rdm import dissimilarities
from ventral.compare.ridge import PENALTIES, fit_ridge_targets
from ventral.compare.similarity import Movie, likeness, likenesses

TOLERANCE = 1e-6


def in_turns(ours: Callable[[], np.ndarray], theirs: Callable[[], np.ndarray], repeats: int, title: str) -> bool:
    """Time both by turns, print medians, and say whether they agree."""
    seconds: tuple[list[float], list[float]] = ([], [])
    apart = 0.0
    for _ in range(repeats):
        results = []
        for times, call in zip(seconds, (ours, theirs), strict=True):
            start = time.perf_counter()
            results.append(call())
            times.append(time.perf_counter() - start)
        apart = max(apart, float(np.abs(results[0] - results[1]).max()))
    middle = [float(np.median(times)) for times in seconds]
    print(
        f"{title:34} ventral {middle[0]:6.2f} s   other {middle[1]:6.2f} s   ratio {middle[1] / middle[0]:4.1f}",
        end="   ",
    )
    print(f"apart at most {apart:.1g}")
    return apart <= TOLERANCE


def rsa(stimuli: int, repeats: int) -> bool:
    from rsatoolbox.rdm import RDMs, compare

    chance = np.random.default_rng(0)
    model, brain = (chance.random((rows, pair_count(stimuli))) for rows in (120, 300))
    agree = True
    for measure, method in (("spearman", "spearman"), ("rho-a", "rho-a"), ("whitened-cosine", "cosine_cov")):
        agree &= in_turns(
            lambda measure=measure: likeness(model, brain, measure),
            lambda method=method: compare(RDMs(model), RDMs(brain), method=method),
            repeats,
            f"{measure}, 120 x 300, {stimuli} stimuli",
        )
    return agree


def encoding(repeats: int) -> bool:
    from sklearn.linear_model import RidgeCV

    chance = np.random.default_rng(0)
    features = chance.normal(size=(800, 1024))
    targets = features @ chance.normal(size=(1024, 600)) / 32 * chance.random(600)
    targets += chance.choice([0.1, 1, 3], 600) * chance.normal(size=targets.shape)
    return in_turns(
        lambda: fit_ridge_targets(features, targets)[0].T,
        lambda: RidgeCV(alphas=PENALTIES, alpha_per_target=True).fit(features, targets).coef_,
        repeats,
        "ridge, 800 x 1,024 to 600 targets",
    )


def peak(stimuli: int, units: int) -> None:
    """Compare movies of 20 RDMs of so many stimuli and units, and print the peak of memory in MB."""
    chance = np.random.default_rng(0)
    movies = [Movie.empty(20, stimuli, "spearman") for _ in range(2)]
    for movie in movies:
        for row in range(20):
            parts = (chance.normal(size=(stimuli, 64)) for _ in range(units // 64))
            movie.put(row, dissimilarities(parts, "correlation"))
    likenesses(*movies, Draw(np.ones(stimuli)))
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def memory() -> None:
    for stimuli, units in ((200, 1024), (200, 10240), (2000, 1024)):
        command = [sys.executable, __file__, "--peak", str(stimuli), str(units)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"{stimuli:5} stimuli x {units:6,} units: {out.strip()} MB at most")


def main() -> int:
    """Measure, compare, print; exit 1 if results differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stimuli", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=int, nargs=2, metavar=("STIMULI", "UNITS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak:
        peak(*asked.peak)
        return 0
    if asked.memory:
        memory()
        return 0
    print(f"{torch.get_num_threads()} threads")
    return 0 if rsa(asked.stimuli, asked.repeats) & encoding(asked.repeats) else 1


if __name__ == "__main__":
    sys.exit(main())
