"""Linear decoders of a class or a measure, fitted to the presentations of each fold at many ticks at once.

Whatever a decoder is, it ends as weights and an intercept for each class in the units of the recorded activity, so that
it can be tested on any other activity of as many features by one matrix product.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from ventral.errors import DecodingError, UsageError, choose
from ventral.measures.discriminant import fit_discriminant, fit_nearest_mean
from ventral.measures.labels import fold_by_image
from ventral.measures.recorded import images_of, labels_of, resolution_of
from ventral.measures.ridge import Exposures, exposures_of, fit_ridge, standardised
from ventral.measures.scores import Scoring, choose_scoring

ALPHAS = tuple(float(10 ** (power / 2)) for power in range(13))
"""Ridge penalties to choose from: 1 to a million in half decades; standardised features have variance 1."""

CHUNK_BYTES = 256 * 2**20
"""Memory that the ticks decoded together may take, about."""

Decoder = Literal["ridge", "discriminant", "nearest-mean"]
DECODERS: tuple[Decoder, ...] = get_args(Decoder)


@dataclass(frozen=True)
class Method:
    """How to decode: the arguments that all public functions of decoding share, with their defaults.

    Raises
    ------
    UsageError
        If there is no such decoder or scoring, or they do not fit each other.
    DecodingError
        If a penalty is not above zero.
    """

    folds: int = 5
    features: int | None = None
    alphas: Sequence[float] = ALPHAS
    seed: int = 0
    device: str = "cpu"
    decoder: str = "ridge"
    scoring: str = "accuracy"

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder", choose("decoder", self.decoder, DECODERS))
        object.__setattr__(self, "scoring", choose_scoring(self.scoring))
        if self.scoring == "r" and self.decoder != "ridge":
            raise UsageError(f"scoring is r, and a {self.decoder} decoder knows classes only; use the ridge decoder.")
        penalties = np.asarray(self.alphas, dtype=float)
        if penalties.size == 0 or not (np.isfinite(penalties) & (penalties > 0)).all():
            raise DecodingError(f"alphas are {tuple(self.alphas)}; give one or more numbers above 0.")


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: which presentations train and test, and the training presentations of each image."""

    train: Tensor  # (presentation,) positions
    test: Tensor  # (presentation,) positions
    exposures: Exposures


@dataclass(frozen=True, eq=False)
class Task:
    """What is decoded from which features, the same at every tick."""

    method: Method
    scoring: Scoring
    classes: NDArray[np.generic]  # (class,) rising; none for a measure
    codes: NDArray[np.generic]  # (presentation,) positions of classes, or the measure
    images: NDArray[np.generic]  # (presentation,)
    fold_of: NDArray[np.int64]  # (presentation,)
    features: int  # of the area
    drawn: NDArray[np.int64]  # (feature,) positions of the features that are decoded
    resolution: float
    targets: Tensor  # (presentation, class): +1 and -1, or the measure
    folds: tuple[Fold, ...]
    penalties: Tensor  # falling, so that the first of the best is the largest
    dtype: torch.dtype

    def chunks(self, ticks: int) -> Iterator[slice]:
        """Consecutive ticks that fit the memory together."""
        presentations, features = len(self.codes), len(self.drawn)
        penalised = len(self.penalties) * self.targets.shape[1]
        tick_bytes = 8 * presentations * (4 * features + 6 * min(features, presentations) + 3 * penalised)
        step = max(1, CHUNK_BYTES // tick_bytes)
        return (slice(start, min(start + step, ticks)) for start in range(0, ticks, step))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Decoders of one fold at some ticks: decision values are ``activity @ weights + intercept``."""

    fold: Fold
    weights: Tensor  # (tick, feature, class), double precision
    intercept: Tensor  # (tick, class)
    penalty: Tensor  # (tick,) NaN of decoders without one


def task_of(activity: xr.DataArray, labels: xr.DataArray | str | None, method: Method) -> Task:
    """What a method decodes from activity, (presentation, time, ...).

    Raises
    ------
    DecodingError
        If labels, images or folds do not allow it, or more features are asked for than there are.
    """
    scoring = choose_scoring(method.scoring)
    images, found = images_of(activity), labels_of(activity, labels)
    fold_of = fold_by_image(images, found, labels, method.folds, method.seed, measured=scoring == "r")
    classes, codes = (found[:0], found.astype(float)) if scoring == "r" else np.unique(found, return_inverse=True)
    count = int(np.prod(activity.shape[2:], dtype=int))
    drawn = draw_features(count, method.features, method.seed)
    penalties = np.sort(np.asarray(method.alphas, dtype=float))[::-1].copy()
    targets = torch.as_tensor(codes)[:, None] if scoring == "r" else one_against_rest(codes, len(classes))
    return Task(
        method,
        scoring,
        classes,
        codes,
        images,
        fold_of,
        count,
        drawn,
        resolution_of(activity),
        targets.to(method.device),
        tuple(split(fold_of == fold, images, method.device) for fold in range(method.folds)),
        torch.as_tensor(penalties, device=method.device),
        precision(penalties, len(codes) * (method.folds - 1) // method.folds, len(drawn))
        if method.decoder == "ridge"
        else torch.float64,
    )


def fit_decoders(block: Tensor, task: Task) -> list[Fitted]:
    """Decoders of each fold, from the activity of all presentations at some ticks.

    On a CPU each fold and tick is a job of its own, on one thread: threads scale better over jobs than within the
    decomposition of one matrix, and numbers do not depend on how many there are.

    Parameters
    ----------
    block
        Any precision, (tick, presentation, feature).
    task
        What is decoded.
    """
    if block.device.type != "cpu":
        return [fit_decoder(block[:, fold.train], task, fold) for fold in task.folds]
    jobs = [(tick, fold) for fold in task.folds for tick in range(len(block))]
    with _one_thread_each() as threads, ThreadPoolExecutor(threads) as pool:
        fitted = list(pool.map(lambda job: fit_decoder(block[job[0], job[1].train][None], task, job[1]), jobs))
    return [_joined(fitted[start : start + len(block)]) for start in range(0, len(jobs), len(block))]


def fit_decoder(train: Tensor, task: Task, fold: Fold) -> Fitted:
    """Decoders of one fold, from the activity of its training presentations, (tick, presentation, feature)."""
    features, mean, scale = standardised(train, task.resolution, task.dtype)
    targets, penalty = task.targets[fold.train], torch.full_like(mean[:, 0, 0], torch.nan)
    if task.method.decoder == "ridge":
        weights, intercept, penalty = fit_ridge(features, targets.to(task.dtype), task.penalties, fold.exposures)
    else:
        fit = fit_discriminant if task.method.decoder == "discriminant" else fit_nearest_mean
        weights, intercept = fit(features, targets.argmax(1), len(task.classes))
    weights = weights.double() * scale.mT
    return Fitted(fold, weights, intercept.double() - (mean @ weights)[:, 0], penalty)


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Let PyTorch use one thread for each operation meanwhile; gives the number of threads that it used before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def _joined(fitted: Sequence[Fitted]) -> Fitted:
    """Decoders of one fold at ticks that were fitted one by one."""
    parts = zip(*((each.weights, each.intercept, each.penalty) for each in fitted), strict=True)
    weights, intercept, penalty = (torch.cat(part) for part in parts)
    return Fitted(fitted[0].fold, weights, intercept, penalty)


def split(tested: NDArray[np.bool_], images: NDArray[np.generic], device: str) -> Fold:
    """The fold that tests some presentations, (presentation,), of images, (presentation,), and trains on the others."""
    train, test = np.flatnonzero(~tested), np.flatnonzero(tested)
    positions = [torch.as_tensor(rows, device=device) for rows in (train, test)]
    return Fold(positions[0], positions[1], exposures_of(images[train], device))


def one_against_rest(codes: NDArray[np.generic], classes: int) -> Tensor:
    """Targets (presentation, class): +1 for the presentation's class and -1 for the others."""
    return 2.0 * torch.nn.functional.one_hot(torch.as_tensor(codes), classes).double() - 1


def precision(penalties: NDArray[np.float64], presentations: int, features: int) -> torch.dtype:
    """Single precision where its rounding, some eps of the Gram matrix's trace, stays below every penalty."""
    rounding = 10 * float(np.finfo(np.float32).eps) * presentations * features
    return torch.float32 if rounding <= penalties.min() else torch.float64


def draw_features(count: int, features: int | None, seed: int) -> NDArray[np.int64]:
    """Positions of the features to decode from, rising."""
    if features is None:
        return np.arange(count)
    if not 1 <= features <= count:
        raise DecodingError(f"{features} features were asked for; this area has {count}, so use 1 to {count}.")
    return np.sort(np.random.default_rng(seed).choice(count, features, replace=False))
