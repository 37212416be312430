"""Accuracy over time: of linear decoders fitted at each tick, and of the network's own readout.

A decoder is a ridge classifier (one class against the rest, targets +1 and -1). Its exact solution needs one
eigendecomposition for each fold and tick, which serves every regularisation strength at once: of the Gram matrix of
the presentations (the dual problem) or, with fewer features than presentations, of that of the features.

Sources: Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT; Rifkin & Lippert (2007),
MIT-CSAIL-TR-2007-025, for leave-one-out errors without refitting.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from ventral.errors import DecodingError

ALPHAS = tuple(float(10 ** (power / 2)) for power in range(13))
"""Ridge penalties to choose from: 1 to a million in half decades; standardised features have variance 1."""

CHUNK_BYTES = 256 * 2**20
"""Memory that the ticks decoded together may take, about."""

Z95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


def decode_over_time(
    activity: xr.DataArray,
    labels: xr.DataArray | None = None,
    folds: int = 5,
    features: int | None = None,
    alphas: Sequence[float] = ALPHAS,
    seed: int = 0,
    device: str = "cpu",
) -> xr.DataArray:
    """Cross-validated accuracy of a linear decoder, fitted anew at each tick.

    Features are standardised with the mean and deviation of the training folds; a feature that does not vary there by
    more than the resolution of the record counts as zero. The penalty is chosen inside the training folds, for each
    fold and tick, by the squared error on images left out one at a time with all their presentations (exact, without
    refitting, given the standardisation); of equally good penalties the largest is taken.

    Parameters
    ----------
    activity
        One area, dims (presentation, time, ...) and the coordinate `image`; every other dim is a feature. Read a few
        ticks at a time.
    labels
        Class of each presentation, (presentation,); the coordinate `label` if not given.
    folds
        Cross-validation folds over images, each with its share of every class: presentations of one image never
        straddle two folds.
    features
        Decode from this many features, drawn with the seed, so that areas can be compared; all if not given.
    alphas
        Ridge penalties to choose from, above zero.
    seed
        Decides the folds and the drawn features.
    device
        Where the linear algebra runs, such as "cpu" or "cuda".

    Returns
    -------
    xr.DataArray
        Fraction correct, dims (fold, time), time in ms from target onset, and the chosen penalty as the coordinate
        `alpha`. NaN where the area is absent. ``attrs["chance"]`` is what always naming the most frequent class
        would score: one over the number of classes where they are balanced. ``attrs["arrival_ms"]`` is the area's
        own or, if it has none, the first time that could be decoded.

    Raises
    ------
    DecodingError
        If a class has fewer images than folds, there is one class only, the image coordinate is missing, activity is
        missing for some presentations of a tick and not for others, or more features are asked for than there are.

    References
    ----------
    Hung, Kreiman, Poggio & DiCarlo (2005), Science 310:863, for the method in monkey IT.
    """
    activity = _ordered(activity)
    penalties = _penalties(alphas)
    images = _images(activity)
    classes, answers = np.unique(_labels(activity, labels), return_inverse=True)
    fold_of = image_folds(images, answers, folds, seed)
    count = int(np.prod(activity.shape[2:], dtype=int))
    drawn = _draw(count, features, seed)
    task = _Task(
        targets=_one_against_rest(torch.as_tensor(answers), len(classes)).to(device),
        answers=torch.as_tensor(answers, device=device),
        splits=tuple(_split(fold_of == fold, images, device) for fold in range(folds)),
        penalties=torch.as_tensor(penalties, dtype=torch.float64, device=device),
        dtype=_precision(penalties, len(answers) * (folds - 1) // folds, len(drawn)),
    )
    accuracy = np.full((folds, activity.sizes["time"]), np.nan)
    alpha = accuracy.copy()
    for ticks in _chunks(activity.sizes["time"], len(answers), count):
        block = activity.isel(time=ticks).to_numpy().reshape(len(answers), -1, count)
        present = _present(block, activity["time"].values[ticks])
        if present.any():
            resolution = float(np.finfo(block.dtype).eps) if block.dtype.kind == "f" else 0.0
            chosen = np.ascontiguousarray(block[:, present][:, :, drawn].swapaxes(0, 1))
            at = np.flatnonzero(present) + ticks.start
            accuracy[:, at], alpha[:, at] = _decode(torch.as_tensor(chosen), resolution, task)
    return _labelled(accuracy, alpha, activity, float(np.bincount(answers).max() / len(answers)), len(drawn), seed)


def accuracy_over_time(logits: xr.DataArray, labels: xr.DataArray | None = None) -> xr.DataArray:
    """Accuracy of the network's own readout at each tick.

    Parameters
    ----------
    logits
        The readout, dims (presentation, time, class).
    labels
        Class of each presentation as its position in `class`, (presentation,). If not given, `label_name` is looked up
        among the names of `class`, so that data and network may list their classes in another order; without names,
        the coordinate `label`.

    Returns
    -------
    xr.DataArray
        Fraction correct, dims (time,); NaN where the readout is absent. ``attrs["chance"]`` is one over the number of
        classes of the readout.

    Raises
    ------
    DecodingError
        If the dims are others, a label is not a class of the readout, or logits are missing for some presentations of
        a tick and not for others.
    """
    if set(logits.dims) != {"presentation", "time", "class"}:
        raise DecodingError(f"logits have the dims {logits.dims}; they should be (presentation, time, class).")
    logits = logits.transpose("presentation", "time", "class")
    answers = named_labels(logits) if labels is None else _labels(logits, labels)
    classes = logits.sizes["class"]
    if not np.isin(answers, np.arange(classes)).all():
        wrong = answers[~np.isin(answers, np.arange(classes))][0]
        raise DecodingError(f"label {wrong} is none of the readout's classes, 0 to {classes - 1}.")
    values = logits.to_numpy()
    present = _present(values, logits["time"].values)
    accuracy = np.full(len(present), np.nan)
    accuracy[present] = (values[:, present].argmax(-1) == answers[:, None]).mean(0)
    return xr.DataArray(accuracy, dims="time", coords={"time": logits["time"]}, attrs={"chance": 1 / classes})


def named_labels(logits: xr.DataArray) -> NDArray[np.generic]:
    """Class of each presentation as its position among the readout's classes."""
    if "label_name" not in logits.coords or "class" not in logits.coords:
        return _labels(logits, None)
    known = {str(name): position for position, name in enumerate(logits["class"].values)}
    names = [str(name) for name in logits["label_name"].values]
    if strange := sorted(set(names) - known.keys()):
        raise DecodingError(
            f"the readout tells {', '.join(known)} apart, and {strange[0]!r} is none of them; fit a decoder instead "
            "(ventral analyze decoding)."
        )
    return np.array([known[name] for name in names])


def wilson_interval(accuracy: NDArray[np.float64], images: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds of the 95 % Wilson score interval of fractions correct.

    Presentations of one image are not independent, so the images are counted and not the presentations: exact where
    each image is shown once, and wider than need be otherwise.

    Parameters
    ----------
    accuracy
        Fractions correct, any shape; NaN stays NaN.
    images
        How many different images they were measured on.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22:209.
    """
    share = Z95**2 / images
    centre = (accuracy + share / 2) / (1 + share)
    half = Z95 * np.sqrt(accuracy * (1 - accuracy) / images + share / (4 * images)) / (1 + share)
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def ridge_predict(
    train_x: Tensor, train_y: Tensor, test_x: Tensor, alpha: float, resolution: float | None = None
) -> Tensor:
    """Decision values of ridge classifiers on standardised features, one classifier a tick.

    Equal to scikit-learn's ``make_pipeline(StandardScaler(), RidgeClassifier(alpha))`` at each tick, except that two
    classes have two columns here, of opposite sign.

    Parameters
    ----------
    train_x
        Features to learn from, (tick, presentation, feature).
    train_y
        Class of each training presentation, (presentation,), from 0.
    test_x
        Features to judge, (tick, presentation, feature).
    alpha
        Ridge penalty.
    resolution
        Of the record, relative: a feature that varies by less counts as zero; that of the features' type if not given.

    Returns
    -------
    Tensor
        Decision values, (tick, presentation, class); the largest names the class.
    """
    least = torch.finfo(train_x.dtype).eps if resolution is None else resolution
    train, test = _standardised(train_x, test_x, least)
    targets = _one_against_rest(train_y, int(train_y.max()) + 1).to(train)
    penalty = torch.full((len(train),), alpha, dtype=train.dtype, device=train.device)
    return _decisions(_spectrum(train, test), targets, penalty)


def image_folds(
    images: NDArray[np.generic], labels: NDArray[np.generic], folds: int, seed: int = 0
) -> NDArray[np.int64]:
    """Fold of each presentation: images are dealt to folds within each class, in an order drawn with the seed.

    Parameters
    ----------
    images
        Image of each presentation.
    labels
        Class of each presentation.
    folds
        How many folds; at least 2.
    seed
        Decides the deal, which does not depend on the order of the presentations.

    Raises
    ------
    DecodingError
        If there is one class only, a class has fewer images than folds, or an image has two labels.
    """
    if folds < 2:
        raise DecodingError(f"folds is {folds}; cross-validation needs at least 2.")
    names, first, which = np.unique(images, return_index=True, return_inverse=True)
    answer = labels[first]
    if (answer[which] != labels).any():
        odd = int(np.flatnonzero(answer[which] != labels)[0])
        raise DecodingError(f"image {images[odd]} is labelled both {answer[which][odd]} and {labels[odd]}; use one.")
    classes, sizes = np.unique(answer, return_counts=True)
    if len(classes) < 2:
        raise DecodingError(f"every image is of class {classes[0]}; decoding needs at least 2 classes.")
    if sizes.min() < folds:
        few = int(sizes.argmin())
        raise DecodingError(
            f"class {classes[few]} has {sizes[few]} images for {folds} folds; use more images or at most "
            f"{sizes[few]} folds."
        )
    draw = np.random.default_rng(seed)
    order = np.concatenate([draw.permutation(np.flatnonzero(answer == one)) for one in classes])
    fold_of = np.empty(len(names), dtype=np.int64)
    fold_of[order] = np.arange(len(names)) % folds
    return fold_of[which]


@dataclass(frozen=True)
class _Split:
    """One fold: which presentations train and test, and the training presentations of each image."""

    train: Tensor  # (presentation,) positions
    test: Tensor  # (presentation,) positions
    shown: Tensor  # (image, exposure) positions within train, filled up with 0
    real: Tensor  # (image, exposure) False where filled up


@dataclass(frozen=True)
class _Task:
    """What is decoded, the same at every tick."""

    targets: Tensor  # (presentation, class) +1 and -1
    answers: Tensor  # (presentation,)
    splits: tuple[_Split, ...]
    penalties: Tensor  # falling
    dtype: torch.dtype


@dataclass(frozen=True)
class _Spectrum:
    """Ridge regression diagonalised: ``left @ diag(1 / (values + alpha)) @ right.mT`` is the hat matrix."""

    values: Tensor  # (tick, component)
    basis: Tensor  # (tick, presentation or feature, component)
    left: Tensor  # (tick, training presentation, component)
    right: Tensor  # (tick, training presentation, component)
    test: Tensor  # (tick, test presentation, presentation or feature)


def _decode(block: Tensor, resolution: float, task: _Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fraction correct and chosen penalty, both (fold, tick), from activity (tick, presentation, feature)."""
    block = block.to(task.targets.device)
    accuracy, alpha = [], []
    for split in task.splits:
        train, test = _standardised(block[:, split.train].double(), block[:, split.test].double(), resolution)
        spectrum = _spectrum(train.to(task.dtype), test.to(task.dtype))
        targets = task.targets[split.train].to(task.dtype)
        error = _error_left_out(spectrum, targets, task.penalties.to(task.dtype), split)
        best = task.penalties[error.argmin(1)]
        decided = _decisions(spectrum, targets, best.to(task.dtype)).argmax(-1)
        accuracy.append((decided == task.answers[split.test]).double().mean(1))
        alpha.append(best)
    return torch.stack(accuracy).cpu().numpy(), torch.stack(alpha).cpu().numpy()


def _standardised(train: Tensor, test: Tensor, resolution: float) -> tuple[Tensor, Tensor]:
    """Both (tick, presentation, feature) with the training mean 0 and deviation 1; constant features become 0."""
    origin = train[:, :1]  # differences from it are exactly 0 where nothing varies
    deviation, mean = torch.std_mean(train - origin, 1, correction=0, keepdim=True)
    mean = mean + origin
    constant = deviation <= resolution * mean.abs()
    scale = torch.where(constant, 0.0, 1 / torch.where(constant, 1.0, deviation))
    return (train - mean) * scale, (test - mean) * scale


def _spectrum(train: Tensor, test: Tensor) -> _Spectrum:
    if train.shape[1] <= train.shape[2]:
        values, basis = torch.linalg.eigh(train @ train.mT)
        values = values.clamp(min=0)
        return _Spectrum(values, basis, basis * values.unsqueeze(1), basis, test @ train.mT)
    values, basis = torch.linalg.eigh(train.mT @ train)
    scores = train @ basis
    return _Spectrum(values.clamp(min=0), basis, scores, scores, test)


def _decisions(spectrum: _Spectrum, targets: Tensor, penalty: Tensor) -> Tensor:
    """Decision values (tick, presentation, class) for one penalty a tick."""
    mean = targets.mean(0)
    loadings = spectrum.right.mT @ (targets - mean)
    shrunk = loadings / (spectrum.values + penalty.unsqueeze(1)).unsqueeze(2)
    return spectrum.test @ (spectrum.basis @ shrunk) + mean


def _error_left_out(spectrum: _Spectrum, targets: Tensor, penalties: Tensor, split: _Split) -> Tensor:
    """Squared error (tick, penalty) on images left out one at a time.

    The residuals r of a fit become those of a fit without some presentations by (I - H)^-1 r, with H the block of the
    hat matrix (of the features and the intercept) that belongs to them.
    """
    shrink = 1 / (spectrum.values.unsqueeze(2) + penalties)  # (tick, component, penalty)
    centred = targets - targets.mean(0)
    loadings = spectrum.right.mT @ centred
    fitted = spectrum.left @ (shrink.unsqueeze(3) * loadings.unsqueeze(2)).flatten(2)
    fitted = fitted.reshape(*fitted.shape[:2], len(penalties), -1)
    residual = centred.unsqueeze(1) - fitted  # (tick, presentation, penalty, class)
    if split.shown.shape[1] == 1:
        leverage = (spectrum.left * spectrum.right) @ shrink + 1 / len(targets)
        error: Tensor = (residual / (1 - leverage).unsqueeze(3)).square().sum((1, 3))
        return error
    errors = [_error_by_image(spectrum, residual[:, :, k], shrink[:, :, k], split) for k in range(len(penalties))]
    return torch.stack(errors, 1)


def _error_by_image(spectrum: _Spectrum, residual: Tensor, shrink: Tensor, split: _Split) -> Tensor:
    """Squared error (tick,) for one penalty, where an image may have been shown several times."""
    real = split.real.to(residual).unsqueeze(2)  # (image, exposure, 1)
    left = spectrum.left[:, split.shown] * real * shrink[:, None, None]
    right = spectrum.right[:, split.shown] * real
    hat = left @ right.mT + real @ real.mT / residual.shape[1]
    identity = torch.eye(hat.shape[-1], dtype=hat.dtype, device=hat.device)
    error: Tensor = torch.linalg.solve(identity - hat, residual[:, split.shown] * real).square().sum((1, 2, 3))
    return error


def _split(tested: NDArray[np.bool_], images: NDArray[np.generic], device: str) -> _Split:
    train = np.flatnonzero(~tested)
    _, which, exposures = np.unique(images[train], return_inverse=True, return_counts=True)
    real = np.arange(exposures.max()) < exposures[:, None]
    shown = np.zeros(real.shape, dtype=np.int64)
    shown[real] = np.argsort(which, kind="stable")
    parts = (train, np.flatnonzero(tested), shown, real)
    return _Split(*(torch.as_tensor(part, device=device) for part in parts))


def _one_against_rest(answers: Tensor, classes: int) -> Tensor:
    """Targets (presentation, class): +1 for the presentation's class and -1 for the others."""
    return 2.0 * torch.nn.functional.one_hot(answers, classes).double() - 1


def _precision(penalties: NDArray[np.float64], presentations: int, features: int) -> torch.dtype:
    """Single precision where its rounding, some eps of the Gram matrix's trace, stays below every penalty."""
    rounding = 10 * float(np.finfo(np.float32).eps) * presentations * features
    return torch.float32 if rounding <= penalties.min() else torch.float64


def _chunks(ticks: int, presentations: int, features: int) -> Iterator[slice]:
    """Consecutive ticks that fit the memory together."""
    tick_bytes = 8 * presentations * (4 * features + 6 * min(features, presentations))
    step = max(1, CHUNK_BYTES // tick_bytes)
    return (slice(start, min(start + step, ticks)) for start in range(0, ticks, step))


def _draw(count: int, features: int | None, seed: int) -> NDArray[np.int64]:
    if features is None:
        return np.arange(count)
    if not 1 <= features <= count:
        raise DecodingError(f"{features} features were asked for; this area has {count}, so use 1 to {count}.")
    return np.sort(np.random.default_rng(seed).choice(count, features, replace=False))


def _penalties(alphas: Sequence[float]) -> NDArray[np.float64]:
    """The penalties from large to small, so that the first of the best is the largest."""
    penalties = np.sort(np.asarray(alphas, dtype=float))[::-1].copy()
    if penalties.size == 0 or not (np.isfinite(penalties) & (penalties > 0)).all():
        raise DecodingError(f"alphas are {tuple(alphas)}; give one or more numbers above 0.")
    return penalties


def _ordered(activity: xr.DataArray) -> xr.DataArray:
    for dim in ("presentation", "time"):
        if dim not in activity.dims:
            raise DecodingError(f"activity has the dims {activity.dims}; it should have (presentation, time, ...).")
    if "time" not in activity.coords:
        raise DecodingError("activity has no coordinate time; give each tick its time in ms.")
    return activity.transpose("presentation", "time", ...)


def _images(activity: xr.DataArray) -> NDArray[np.generic]:
    if "image" not in activity.coords:
        raise DecodingError(
            "activity has no coordinate image, so presentations of one image could straddle folds; open it with its "
            "presentation coordinates or assign image=(presentation,)."
        )
    return np.asarray(activity["image"].values)


def _labels(recorded: xr.DataArray, labels: xr.DataArray | None) -> NDArray[np.generic]:
    if labels is None and "label" not in recorded.coords:
        raise DecodingError("there is no coordinate label; give labels, one class for each presentation.")
    answers = np.asarray(recorded["label"].values if labels is None else labels.values)
    if answers.shape != (recorded.sizes["presentation"],):
        raise DecodingError(
            f"labels have the shape {answers.shape}; there are {recorded.sizes['presentation']} presentations, so give "
            "one label for each."
        )
    return answers


def _present(block: NDArray[np.floating], times: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which ticks (tick,) of (presentation, tick, feature) hold activity; refuses ticks that hold some."""
    bad = ~np.isfinite(block)
    present: NDArray[np.bool_] = ~np.isnan(block).all((0, 2))
    for tick in np.flatnonzero(bad.any((0, 2)) & present):
        count = int(bad[:, tick].any(1).sum())
        raise DecodingError(
            f"at {times[tick]:g} ms {count} of {len(block)} presentations have missing or infinite values; an area is "
            "absent for all or none: finish the run, or decode one condition at a time."
        )
    return present


def _labelled(
    accuracy: NDArray[np.float64],
    alpha: NDArray[np.float64],
    activity: xr.DataArray,
    chance: float,
    features: int,
    seed: int,
) -> xr.DataArray:
    decoded = np.flatnonzero(~np.isnan(accuracy[0]))
    first = float(activity["time"].values[decoded[0]]) if decoded.size else float("nan")
    arrival_ms = activity.attrs.get("arrival_ms")
    return xr.DataArray(
        accuracy,
        dims=("fold", "time"),
        coords={"fold": np.arange(len(accuracy)), "time": activity["time"], "alpha": (("fold", "time"), alpha)},
        name="accuracy",
        attrs={
            "chance": chance,
            "arrival_ms": first if arrival_ms is None else arrival_ms,
            "features": features,
            "seed": seed,
            "long_name": "fraction correct",
        },
    )
