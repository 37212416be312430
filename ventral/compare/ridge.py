"""Ridge regression of many targets, each with the penalty that predicts left-out stimuli best.

With centred features X = U diag(sqrt(v)) W' and centred targets Y, the residuals of penalty a are
R + U diag(a / (v + a)) U'Y, where R is what no feature explains: 0 if there are as many features as stimuli. Leaving
stimulus i out multiplies its residual by 1 / (1 - H_ii), and 1 - H_ii = 1 - 1/n - sum of U_ik^2 v_k / (v_k + a); the
1/n is that of the fitted mean. So one decomposition serves all penalties, all targets and all times, and what is left
for each penalty is a product of U with U'Y. These products, which only rank penalties, are made in single precision;
the solution is computed in double.

Source: Rifkin & Lippert (2007), MIT-CSAIL-TR-2007-025. Equal to scikit-learn's ``RidgeCV(alpha_per_target=True)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ventral.errors import UsageError

Array = NDArray[np.float64]

PENALTIES = tuple(float(10 ** (power / 2)) for power in range(-2, 11))
"""Penalties to choose from: 0.1 to 100,000 in half decades; standardised features have variance 1."""

NEGLIGIBLE = 1e-12  # of the largest eigenvalue


@dataclass(frozen=True, eq=False)
class RidgeBasis:
    """Features of training stimuli, decomposed for any targets.

    Parameters
    ----------
    left
        U, (stimulus, component).
    values
        v, (component,).
    slopes
        X'U, (feature, component): weights are ``slopes @ (U'Y / (v + a))``.
    mean
        Of the features, (feature,).
    complete
        Whether U spans all that centred targets can be.
    """

    left: Tensor
    values: Tensor
    slopes: Tensor
    mean: Tensor
    complete: bool

    @classmethod
    def of(cls, features: Tensor) -> "RidgeBasis":
        """Decompose features, (stimulus, feature), in double precision."""
        mean = features.mean(0)
        centred = features - mean
        if len(centred) <= centred.shape[1]:
            values, left = torch.linalg.eigh(centred @ centred.T)
            return cls(left, values.clamp(min=0), centred.T @ left, mean, complete=True)
        values, right = torch.linalg.eigh(centred.T @ centred)
        kept = values > NEGLIGIBLE * values[-1].clamp(min=0)
        root = values[kept].sqrt()
        left = (centred @ right[:, kept]) / root
        return cls(left, values[kept], right[:, kept] * root, mean, complete=False)

    def fit(self, targets: Tensor, penalties: Sequence[float]) -> "Ridge":
        """Fit targets, (stimulus, target), each with its own penalty.

        Parameters
        ----------
        targets
            In double precision.
        penalties
            To choose from; of equally good ones the largest is taken.
        """
        mean = targets.mean(0)
        centred = targets - mean
        loadings = self.left.T @ centred
        falling = sorted(penalties, reverse=True)
        rest = None if self.complete else (centred - self.left @ loadings).float()
        errors = self._errors(loadings, rest, falling) if len(falling) > 1 else torch.zeros(1, targets.shape[1])
        chosen = torch.tensor(falling, dtype=torch.float64, device=targets.device)[errors.argmin(0).to(targets.device)]
        return Ridge(self, loadings / (self.values[:, None] + chosen), mean, chosen)

    def _errors(self, loadings: Tensor, rest: Tensor | None, penalties: Sequence[float]) -> Tensor:
        """Squared error on stimuli left out one at a time, (penalty, target), in single precision."""
        count = len(self.left)
        square = self.left.square()
        outside = -1 / count if self.complete else 1 - 1 / count - square.sum(1)
        left, single = self.left.float(), loadings.float()
        errors = []
        for penalty in penalties:
            share = penalty / (self.values + penalty)
            left_out = (1 / (outside + square @ share)).float()[:, None]
            residual = left @ (share.float()[:, None] * single)
            if rest is not None:
                residual += rest
            errors.append(residual.mul_(left_out).square_().sum(0))
        return torch.stack(errors)


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted ridge regression.

    Parameters
    ----------
    basis
        Of the training features.
    loadings
        U'Y / (v + a), (component, target).
    mean
        Of the targets, (target,).
    penalty
        That was chosen for each target, (target,).
    """

    basis: RidgeBasis
    loadings: Tensor
    mean: Tensor
    penalty: Tensor

    def predict(self, features: Tensor) -> Tensor:
        """Predictions for other stimuli, (stimulus, target), from their features, (stimulus, feature)."""
        return (features - self.basis.mean) @ self.basis.slopes @ self.loadings + self.mean

    @property
    def weights(self) -> Tensor:
        """Weights, (feature, target)."""
        return self.basis.slopes @ self.loadings


def fit_ridge_targets(
    features: Array, targets: Array, penalties: Sequence[float] = PENALTIES
) -> tuple[Array, Array, Array]:
    """Weights, (feature, target), intercepts and penalties, both (target,), of ridge regression.

    Parameters
    ----------
    features
        (stimulus, feature), taken as they are.
    targets
        (stimulus, target).
    penalties
        To choose from by the squared error on stimuli left out one at a time, for each target alone.

    Raises
    ------
    UsageError
        If a penalty is not above 0.
    """
    check_penalties(penalties)
    fit = RidgeBasis.of(torch.as_tensor(features, dtype=torch.float64)).fit(
        torch.as_tensor(targets, dtype=torch.float64), penalties
    )
    weights = fit.weights
    return weights.numpy(), (fit.mean - fit.basis.mean @ weights).numpy(), fit.penalty.numpy()


def check_penalties(penalties: Sequence[float]) -> None:
    """Refuse penalties that are not numbers above 0."""
    numbers = np.asarray(penalties, dtype=float)
    if numbers.size == 0 or not (np.isfinite(numbers) & (numbers > 0)).all():
        raise UsageError(f"penalties are {tuple(penalties)}; give one or more numbers above 0.")
