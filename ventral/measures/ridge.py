"""Ridge classifiers, one class against the rest (targets +1 and -1), at many ticks and penalties at once.

How they are solved. With standardised features X (presentation, feature) and centred targets Y, the decision values of
ridge regression with penalty a are X w = X X' (X X' + a)^-1 Y. One eigendecomposition X X' = U diag(v) U' (the dual
problem) turns this into U diag(v / (v + a)) U' Y, so that each further penalty costs two products and no new solution.
With fewer features than presentations the decomposition is that of X'X = W diag(v) W' instead, and X W takes the place
of U. `_Spectrum` holds either in one form, ``left @ diag(1 / (v + a)) @ right'``, the hat matrix H.

How the penalty is chosen. The error on presentations that a fit has not seen follows from the fit with them: if r are
the residuals of the full fit, those of a fit without a set S of presentations are (I - H_SS)^-1 r_S, exactly. For one
presentation that is r_i / (1 - H_ii). Here S is all presentations of one image, because a fit that has seen another
presentation of an image has all but seen the image. The intercept adds 1/n to every element of H, since the mean of the
targets is fitted too. (The standardisation is not redone without S.)

Source: Rifkin & Lippert (2007), MIT-CSAIL-TR-2007-025, for leave-one-out errors without refitting.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Split:
    """One fold: which presentations train and test, and the training presentations of each image."""

    train: Tensor  # (presentation,) positions
    test: Tensor  # (presentation,) positions
    exposures: Tensor  # (image, exposure) positions within train, filled up with 0
    real: Tensor  # (image, exposure) False where filled up


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Ridge regression diagonalised: ``left @ diag(1 / (values + alpha)) @ right.mT`` is the hat matrix."""

    values: Tensor  # (tick, component)
    basis: Tensor  # (tick, presentation or feature, component)
    left: Tensor  # (tick, training presentation, component)
    right: Tensor  # (tick, training presentation, component)
    test: Tensor  # (tick, test presentation, presentation or feature)


def split(tested: NDArray[np.bool_], images: NDArray[np.generic], device: str) -> Split:
    """The fold that tests some presentations, (presentation,), of images, (presentation,), and trains on the others."""
    train = np.flatnonzero(~tested)
    _, position, exposures = np.unique(images[train], return_inverse=True, return_counts=True)
    real = np.arange(exposures.max()) < exposures[:, None]
    filled = np.zeros(real.shape, dtype=np.int64)
    filled[real] = np.argsort(position, kind="stable")
    parts = (train, np.flatnonzero(tested), filled, real)
    return Split(*(torch.as_tensor(part, device=device) for part in parts))


def predict_classes(
    train: Tensor, test: Tensor, targets: Tensor, penalties: Tensor, fold: Split, resolution: float
) -> tuple[Tensor, Tensor]:
    """Decision values of test presentations, with the penalty that has the least error on images left out.

    For one penalty equal to scikit-learn's ``make_pipeline(StandardScaler(), RidgeClassifier(alpha))`` at each tick,
    except that two classes have two columns here, of opposite sign.

    Parameters
    ----------
    train, test
        Features in double precision, (tick, presentation, feature).
    targets
        Of the training presentations, (presentation, class), in the precision of the solution.
    penalties
        To choose from, falling, so that of equally good penalties the largest is taken.
    fold
        Which training presentations are of one image.
    resolution
        Relative resolution of the record: a feature that varies by less counts as zero.

    Returns
    -------
    values, penalty
        Decision values, (tick, presentation, class), and the chosen penalty, (tick,).
    """
    train, test = _standardised(train, test, resolution)
    spectrum = _spectrum(train.to(targets.dtype), test.to(targets.dtype))
    error = _error_left_out(spectrum, targets, penalties.to(targets.dtype), fold)
    best = penalties[error.argmin(1)]
    return _decisions(spectrum, targets, best.to(targets.dtype)), best


def ridge_regress(
    train_x: NDArray[np.float64], train_y: NDArray[np.float64], test_x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Prediction of a ridge regression, its penalty chosen among 0.1 to ten million by leaving out one image at a time.

    Parameters
    ----------
    train_x, test_x
        One presentation of each image, (image, feature).
    train_y
        (image,).

    Returns
    -------
    ndarray
        (image,), for `test_x`.
    """
    images = np.arange(len(train_x))
    fold = split(np.zeros(len(train_x), dtype=bool), images, "cpu")
    train, test, targets = (torch.as_tensor(part).double() for part in (train_x[None], test_x[None], train_y[:, None]))
    penalties = 10.0 ** torch.arange(7, -2, -1, dtype=torch.float64)
    values, _ = predict_classes(train, test, targets, penalties, fold, 1e-6)
    return np.asarray(values[0, :, 0])


def one_against_rest(labels: Tensor, classes: int) -> Tensor:
    """Targets (presentation, class): +1 for the presentation's class and -1 for the others."""
    return 2.0 * torch.nn.functional.one_hot(labels, classes).double() - 1


def _standardised(train: Tensor, test: Tensor, resolution: float) -> tuple[Tensor, Tensor]:
    """Both (tick, presentation, feature) with the training mean 0 and deviation 1; constant features become 0."""
    origin = train[:, :1]  # differences from it are exactly 0 where nothing varies
    deviation, mean = torch.std_mean(train - origin, 1, correction=0, keepdim=True)
    mean = mean + origin
    constant = deviation <= resolution * mean.abs()
    scale = torch.where(constant, 0.0, 1 / torch.where(constant, 1.0, deviation))
    return (train - mean) * scale, (test - mean) * scale


def _spectrum(train: Tensor, test: Tensor) -> _Spectrum:
    """The smaller of the two eigenproblems: of presentations (dual), or of features (primal)."""
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


def _error_left_out(spectrum: _Spectrum, targets: Tensor, penalties: Tensor, fold: Split) -> Tensor:
    """Squared error (tick, penalty) on images left out one at a time (see the top of this file)."""
    shrink = 1 / (spectrum.values.unsqueeze(2) + penalties)  # (tick, component, penalty)
    centred = targets - targets.mean(0)
    loadings = spectrum.right.mT @ centred
    fitted = spectrum.left @ (shrink.unsqueeze(3) * loadings.unsqueeze(2)).flatten(2)
    fitted = fitted.reshape(*fitted.shape[:2], len(penalties), -1)
    residual = centred.unsqueeze(1) - fitted  # (tick, presentation, penalty, class)
    if fold.exposures.shape[1] == 1:  # each image was shown once, so that H_SS is one number
        leverage = (spectrum.left * spectrum.right) @ shrink + 1 / len(targets)
        error: Tensor = (residual / (1 - leverage).unsqueeze(3)).square().sum((1, 3))
        return error
    errors = [_error_by_image(spectrum, residual[:, :, k], shrink[:, :, k], fold) for k in range(len(penalties))]
    return torch.stack(errors, 1)


def _error_by_image(spectrum: _Spectrum, residual: Tensor, shrink: Tensor, fold: Split) -> Tensor:
    """Squared error (tick,) for one penalty, where an image may have been shown several times.

    Images shown less often than others are filled up with rows of zeros, for which H is 0 and the residual is 0.
    """
    real = fold.real.to(residual).unsqueeze(2)  # (image, exposure, 1)
    left = spectrum.left[:, fold.exposures] * real * shrink[:, None, None]
    right = spectrum.right[:, fold.exposures] * real
    hat = left @ right.mT + real @ real.mT / residual.shape[1]
    identity = torch.eye(hat.shape[-1], dtype=hat.dtype, device=hat.device)
    error: Tensor = torch.linalg.solve(identity - hat, residual[:, fold.exposures] * real).square().sum((1, 2, 3))
    return error
