"""Decoders of class means: the linear discriminant with shrinkage, and the nearest mean by correlation.

The discriminant needs the inverse of the covariance within classes, C. With fewer presentations than features C is
known only up to noise, and is shrunk towards its diagonal, for each class by as much as Ledoit & Wolf derive from its
own presentations. Then C = A'A + D, with the deviations from class means as rows of A and a diagonal D, and Woodbury's
identity turns the inverse into one of (presentation, presentation) where that is the smaller problem.

Sources: Ledoit & Wolf (2004), Journal of Multivariate Analysis 88:365, for the amount of shrinkage; Blankertz et al.
(2011), NeuroImage 56:814, for its use in decoding; Meyers (2013), Frontiers in Neuroinformatics 7:8, for the nearest
mean by correlation.
"""

import torch
from torch import Tensor

TINY = 1e-12  # of a standardised feature's variance


def fit_discriminant(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Weights of a linear discriminant whose covariance is shrunk as Ledoit & Wolf propose.

    Equal to scikit-learn's ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")`` at each tick.

    Parameters
    ----------
    features
        Standardised, in double precision, (tick, presentation, feature).
    labels
        Position of the class of each presentation, (presentation,).
    classes
        Number of classes, each with a presentation.

    Returns
    -------
    weights, intercept
        (tick, feature, class) and (tick, class); the softmax of decision values is the posterior probability.
    """
    means = class_means(features, labels, classes)
    deviations = features - means[:, labels]
    diagonal = torch.zeros_like(features[:, :1])  # (tick, 1, feature) D
    share = torch.bincount(labels, minlength=classes).to(features) / len(labels)
    for label in range(classes):
        rows = labels == label
        within = deviations[:, rows]
        variance = within.square().mean(1, keepdim=True)
        variance = torch.where(variance > 0, variance, 1.0)
        shrinkage, spread = _ledoit_wolf(within / variance.sqrt())
        deviations[:, rows] = within * (share[label] * (1 - shrinkage) / rows.sum()).sqrt()
        diagonal += share[label] * shrinkage * spread * variance
    weights = _solve(deviations, diagonal.clamp(min=TINY), means.mT)
    return weights, share.log() - (means.mT * weights).sum(1) / 2


def fit_nearest_mean(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Weights of a classifier that chooses the class whose mean correlates best with a response.

    The decision value of a class is the correlation over features times the deviation of the response's own features,
    which is the same for all classes: so the order of classes is that of the correlations.

    Parameters
    ----------
    features, labels, classes
        As in `fit_discriminant`.

    Returns
    -------
    weights, intercept
        (tick, feature, class) and (tick, class), of which the latter is 0.
    """
    means = class_means(features, labels, classes)
    centred = means - means.mean(2, keepdim=True)
    size = torch.linalg.vector_norm(centred, dim=2, keepdim=True)
    templates = centred / torch.where(size > 0, size, 1.0)
    return templates.mT, torch.zeros_like(templates[:, :, 0])


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean over the presentations of each class, (tick, class, feature)."""
    members = torch.nn.functional.one_hot(labels, classes).to(features)
    return (members / members.sum(0)).mT @ features


def _ledoit_wolf(features: Tensor) -> tuple[Tensor, Tensor]:
    """Shrinkage of a covariance and its mean variance, both (tick, 1, 1), from centred (tick, presentation, feature).

    Ledoit & Wolf (2004), eq. 14: the shrinkage is b / d with d the squared distance of the covariance S from its target
    m I, and b the squared error of S. ||S|| is that of the Gram matrix of presentations, which is the smaller one here.
    """
    count, size = features.shape[1:]
    power = features.square().sum(2)  # (tick, presentation)
    spread = power.sum(1) / (count * size)
    norm = (features @ features.mT).square().sum((1, 2)) / count**2  # ||S||^2
    distance = (norm - size * spread.square()) / size
    error = (power.square().sum(1) / count - norm) / (count * size)
    error = torch.minimum(error, distance)
    shrinkage = torch.where(error > 0, error / torch.where(distance > 0, distance, 1.0), 0.0)
    return shrinkage[:, None, None], spread[:, None, None]


def _solve(rows: Tensor, diagonal: Tensor, right: Tensor) -> Tensor:
    """Solution X, (tick, feature, class), of (rows' rows + diagonal) X = right."""
    count, size = rows.shape[1:]
    if size <= count:
        matrix = rows.mT @ rows + torch.diag_embed(diagonal[:, 0])
        return torch.cholesky_solve(right, torch.linalg.cholesky(matrix))
    scaled = rows / diagonal
    inner = scaled @ rows.mT + torch.eye(count, dtype=rows.dtype, device=rows.device)
    plain = right / diagonal.mT
    return plain - scaled.mT @ torch.cholesky_solve(rows @ plain, torch.linalg.cholesky(inner))
