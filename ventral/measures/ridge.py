"""Ridge regression at many ticks and penalties at once, each with the penalty that predicts left-out images best.

How it is solved. With standardised features X (presentation, feature) and centred targets Y, the fit of ridge
regression with penalty a is X w = K (K + a)^-1 Y with K = X X'. One eigendecomposition K = U diag(v) U' (the dual
problem) turns this into U diag(v / (v + a)) U' Y, so that each further penalty costs a small product and no new
solution. With fewer features than presentations the decomposition is that of X'X = W diag(v) W' instead, and the
columns of X W, which are orthogonal, take the place of U. `_Spectrum` holds either in one form: the hat matrix is
H = ``scores @ diag(gain / (v + a)) @ scores'``.

How the penalty is chosen. The error on presentations that a fit has not seen follows from the fit with them: if r are
the residuals of the full fit, those of a fit without a set S of presentations are (I - H_SS)^-1 r_S, exactly. For one
presentation that is r_i / (1 - H_ii). Here S is all presentations of one image, because a fit that has seen another
presentation of an image has all but seen the image. The intercept adds 1/n to every element of H, since the mean of the
targets is fitted too. (The standardisation is not redone without S.)

Source: Rifkin & Lippert (2007), MIT-CSAIL-TR-2007-025, for leave-one-out errors without refitting.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCKS = 4  # of rows, of which a Gram matrix is made up to the diagonal


@dataclass(frozen=True, eq=False)
class Exposures:
    """The presentations of each image in a training set; images shown less often than others are filled up."""

    positions: Tensor  # (image, exposure) positions in the training set, 0 where filled up
    real: Tensor  # (image, exposure) False where filled up


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Ridge regression diagonalised (see the top of this file)."""

    values: Tensor  # (tick, component) v
    gain: Tensor  # (tick, component) v in the dual problem, 1 in the primal
    basis: Tensor  # (tick, presentation or feature, component)
    scores: Tensor  # (tick, presentation, component)
    dual: bool


def exposures_of(images: NDArray[np.generic], device: str = "cpu") -> Exposures:
    """Presentations of each image, from the image of each presentation, (presentation,)."""
    _, position, exposures = np.unique(images, return_inverse=True, return_counts=True)
    real = np.arange(exposures.max()) < exposures[:, None]
    filled = np.zeros(real.shape, dtype=np.int64)
    filled[real] = np.argsort(position, kind="stable")
    return Exposures(torch.as_tensor(filled, device=device), torch.as_tensor(real, device=device))


def fit_ridge(
    features: Tensor, targets: Tensor, penalties: Tensor, exposures: Exposures
) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of ridge regression with the penalty that has the least squared error on images left out one at a time.

    For one penalty equal to scikit-learn's ``Ridge(alpha)`` at each tick.

    Parameters
    ----------
    features
        With mean 0 over presentations, (tick, presentation, feature).
    targets
        (presentation, class), in the precision of the features, which is that of the solution.
    penalties
        To choose from, falling, so that of equally good penalties the largest is taken.
    exposures
        Which presentations are of one image.

    Returns
    -------
    weights, intercept, penalty
        (tick, feature, class), (tick, class) and the chosen penalty, (tick,).
    """
    mean = targets.mean(0)
    spectrum = _spectrum(features)
    loadings = spectrum.scores.mT @ (targets - mean)  # (tick, component, class)
    error = _error_left_out(spectrum, loadings, targets - mean, penalties.to(targets.dtype), exposures)
    best = penalties[error.argmin(1)]
    shrunk = loadings / (spectrum.values + best.to(targets.dtype).unsqueeze(1)).unsqueeze(2)
    weights = spectrum.basis @ shrunk
    return features.mT @ weights if spectrum.dual else weights, mean.expand(len(features), -1), best


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
    features, mean, scale = standardised(torch.as_tensor(train_x[None]), 1e-6)
    targets = torch.as_tensor(train_y[:, None]).double()
    penalties = 10.0 ** torch.arange(7, -2, -1, dtype=torch.float64)
    weights, intercept, _ = fit_ridge(features, targets, penalties, exposures_of(np.arange(len(train_x))))
    values = (torch.as_tensor(test_x[None]).double() - mean) * scale @ weights + intercept.unsqueeze(1)
    return np.asarray(values[0, :, 0])


def standardised(
    features: Tensor, resolution: float, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of mean 0 and deviation 1, with the mean and the scale that make them so; constant ones become 0.

    Parameters
    ----------
    features
        As recorded, (tick, presentation, feature).
    resolution
        Relative resolution of the record: a feature that deviates from its mean by less is constant.
    dtype
        Precision of the standardised features.

    Returns
    -------
    standardised, mean, scale
        (tick, presentation, feature), and twice (tick, 1, feature) in double precision: ``standardised = (features -
        mean) * scale``.
    """
    features = features.float() if features.dtype == torch.float16 else features
    origin = features[:, :1]
    from_origin = (features - origin).to(dtype)  # exactly 0 where nothing varies, and rounded once
    shift = from_origin.mean(1, keepdim=True)
    centred = from_origin.sub_(shift)
    mean = origin.double() + shift
    deviation = torch.linalg.vector_norm(centred, dim=1, keepdim=True).double() / features.shape[1] ** 0.5
    constant = deviation <= resolution * mean.abs()
    scale = torch.where(constant, 0.0, 1 / torch.where(constant, 1.0, deviation))
    return centred.mul_(scale), mean, scale


def _spectrum(features: Tensor) -> _Spectrum:
    """The smaller of the two eigenproblems: of presentations (dual), or of features (primal)."""
    if features.shape[1] <= features.shape[2]:
        values, basis = torch.linalg.eigh(_lower_gram(features))
        values = values.clamp(min=0)
        return _Spectrum(values, values, basis, basis, dual=True)
    values, basis = torch.linalg.eigh(_lower_gram(features.mT))
    return _Spectrum(values.clamp(min=0), torch.ones_like(values), basis, features @ basis, dual=False)


def _lower_gram(rows: Tensor) -> Tensor:
    """Products of all rows, (tick, row, row), of (tick, row, column); what lies above the diagonal is not filled in."""
    gram = rows.new_zeros(len(rows), rows.shape[1], rows.shape[1])
    edges = torch.linspace(0, rows.shape[1], BLOCKS + 1).long().tolist()
    for start, stop in itertools.pairwise(edges):
        gram[:, start:stop, :stop] = rows[:, start:stop] @ rows[:, :stop].mT
    return gram


def _error_left_out(
    spectrum: _Spectrum, loadings: Tensor, centred: Tensor, penalties: Tensor, exposures: Exposures
) -> Tensor:
    """Squared error (tick, penalty) on images left out one at a time (see the top of this file)."""
    shrink = spectrum.gain.unsqueeze(2) / (spectrum.values.unsqueeze(2) + penalties)  # (tick, component, penalty)
    fitted = spectrum.scores @ (shrink.unsqueeze(3) * loadings.unsqueeze(2)).flatten(2)
    fitted = fitted.reshape(*fitted.shape[:2], len(penalties), -1)
    residual = centred.unsqueeze(1) - fitted  # (tick, presentation, penalty, class)
    if exposures.real.shape[1] == 1:  # each image was shown once, so that H_SS is one number
        leverage = spectrum.scores.square() @ shrink + 1 / len(centred)
        error: Tensor = (residual.square().sum(3) / (1 - leverage).square()).sum(1)
        return error
    errors = [_error_by_image(spectrum, residual[:, :, k], shrink[:, :, k], exposures) for k in range(len(penalties))]
    return torch.stack(errors, 1)


def _error_by_image(spectrum: _Spectrum, residual: Tensor, shrink: Tensor, exposures: Exposures) -> Tensor:
    """Squared error (tick,) for one penalty, where an image may have been shown several times.

    Images shown less often than others are filled up with rows of zeros, for which H is 0 and the residual is 0.
    """
    real = exposures.real.to(residual).unsqueeze(2)  # (image, exposure, 1)
    scores = spectrum.scores[:, exposures.positions] * real
    hat = (scores * shrink[:, None, None]) @ scores.mT + real @ real.mT / residual.shape[1]
    identity = torch.eye(hat.shape[-1], dtype=hat.dtype, device=hat.device)
    left_out = torch.linalg.solve(identity - hat, residual[:, exposures.positions] * real)
    error: Tensor = left_out.square().sum((1, 2, 3))
    return error
