"""What an image is: pixels and what is known of each, drawing some of many, and what a network sees of them.

An image keeps its place in its data set (`index`) and its name (`stimulus_id`) wherever it is taken, so that nothing
computed from it depends on what it was loaded or batched with.
"""

import hashlib
import json
from collections.abc import Sized
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ventral.errors import DataError, UsageError
from ventral.seeds import stream

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Images:
    """Images with what is known about each.

    Parameters
    ----------
    pixels
        (image, 3, y, x), uint8.
    labels
        Class of each image, (image,), int64.
    index
        Position of each image in its data set's split, (image,), int64; it stays with the image when it is taken.
    stimulus_ids
        Name of each image: "shapes/test/000012", "cifar10/test/00000", or its path within a folder.
    label_names
        Name of each class.
    name, split
        The data set, and "train" or "test".
    coordinates
        Parameters of each image, by name; empty for photographs.
    """

    pixels: torch.Tensor
    labels: Integers
    index: Integers
    stimulus_ids: tuple[str, ...]
    label_names: tuple[str, ...]
    name: str
    split: str
    coordinates: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4 or self.pixels.shape[1] != 3:
            raise DataError(
                f"pixels are {self.pixels.dtype} of shape {tuple(self.pixels.shape)}; give uint8 (image, 3, y, x)."
            )
        columns: dict[str, Sized] = {
            "labels": self.labels,
            "index": self.index,
            "stimulus_ids": self.stimulus_ids,
            **self.coordinates,
        }
        for what, column in columns.items():
            if len(column) != len(self):
                raise DataError(f"{what} has {len(column)} entries for {len(self)} images; give one for each.")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.label_names):
            raise DataError(
                f"labels go from {self.labels.min()} to {self.labels.max()}; there are {len(self.label_names)} classes."
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, positions: npt.ArrayLike) -> "Images":
        """The images at these positions (of this object, not of the data set), in this order."""
        at = checked_positions(positions, len(self))
        return Images(
            pixels=self.pixels[torch.from_numpy(at)],
            labels=self.labels[at],
            index=self.index[at],
            stimulus_ids=tuple(self.stimulus_ids[i] for i in at),
            label_names=self.label_names,
            name=self.name,
            split=self.split,
            coordinates={what: column[at] for what, column in self.coordinates.items()},
        )

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of pixels, labels and names, in hexadecimal."""
        digest = hashlib.sha256(json.dumps([list(self.pixels.shape), self.stimulus_ids]).encode())
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").tobytes())
        for chunk in torch.split(self.pixels, 4096):
            digest.update(chunk.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def moments(self) -> npt.NDArray[np.float64]:
        """Mean and mean square of each image's channels, in grey levels, (image, channel, 2)."""
        area = self.pixels.shape[2] * self.pixels.shape[3]
        parts = []
        for chunk in torch.split(self.pixels, 4096):
            levels = chunk.flatten(2).to(torch.int32)
            parts.append(torch.stack([levels.sum(-1), levels.square().sum(-1)], dim=-1))
        sums: npt.NDArray[np.float64] = torch.cat(parts).numpy() / area
        return sums

    @cached_property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean over all images, in grey levels, (channel,)."""
        return np.asarray(self.moments[..., 0].mean(axis=0))

    @cached_property
    def contrasts(self) -> npt.NDArray[np.float64]:
        """RMS contrast of each image about its own mean, in grey levels, (image, channel)."""
        return np.asarray(np.sqrt(np.maximum(self.moments[..., 1] - self.moments[..., 0] ** 2, 0)))

    @cached_property
    def contrast(self) -> npt.NDArray[np.float64]:
        """RMS contrast of an image about its own mean, pooled over images, in grey levels, (channel,)."""
        return np.asarray(np.sqrt((self.contrasts**2).mean(axis=0)))


@dataclass(frozen=True)
class Preprocessing:
    """From grey levels to what a network sees: the mean colour becomes zero, typical contrast becomes one.

    Parameters
    ----------
    mean
        Mean of red, green and blue, from 0 to 1.
    scale
        RMS contrast over all channels, from 0 to 1.
    """

    mean: tuple[float, float, float]
    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(level) for level in self.mean))
        if len(self.mean) != 3 or not np.isfinite(self.mean).all():
            raise DataError(f"the mean is {self.mean}; give three numbers, for red, green and blue.")
        if not 0 < self.scale < float("inf"):
            raise DataError(f"the scale is {self.scale}; give a number above 0 (are all pixels the same?).")

    @classmethod
    def of(cls, images: Images) -> "Preprocessing":
        """The preprocessing under which these images have zero mean and unit RMS contrast."""
        if not len(images):
            raise DataError("preprocessing cannot be measured on no images; give at least one.")
        red, green, blue = images.mean / 255
        variance = (images.moments[..., 1].mean(axis=0) - images.mean**2).mean()
        return cls((float(red), float(green), float(blue)), float(np.sqrt(max(variance, 0)) / 255))

    def __call__(
        self, pixels: torch.Tensor, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Pixels as a network sees them, (image, 3, y, x); computed in float32 whatever the dtype returned."""
        if pixels.dtype != torch.uint8:
            raise DataError(f"pixels are {pixels.dtype}; give uint8, from 0 to 255.")
        levels = pixels.to(device).float()
        mean = torch.tensor(self.mean, dtype=torch.float32, device=levels.device).view(3, 1, 1)
        return ((levels / 255 - mean) / self.scale).to(dtype)


# ---- choosing images


def checked_positions(positions: npt.ArrayLike, count: int) -> Integers:
    """Positions as whole numbers from 0 to count - 1, or an error."""
    at = np.atleast_1d(np.asarray(positions))
    if at.size == 0:
        return np.zeros(0, dtype=np.int64)
    if at.ndim != 1 or at.dtype.kind not in "iu":
        raise UsageError(f"positions are {at.dtype} of shape {at.shape}; give a list of whole numbers.")
    if at.min() < 0 or at.max() >= count:
        raise UsageError(f"positions go from {at.min()} to {at.max()}; there are {count} images, 0 to {count - 1}.")
    return at.astype(np.int64)


def evenly(labels: npt.ArrayLike, count: int, seed: int = 0) -> Integers:
    """Positions of `count` images drawn evenly over classes; a smaller draw is part of a larger one.

    Parameters
    ----------
    labels
        Class of each image, (image,), integers.
    count
        How many; what is left over after dividing by the classes goes to classes in a seeded order.
    seed
        Decides which images of a class come first.

    Returns
    -------
    ndarray
        Sorted positions, (count,).

    Raises
    ------
    DataError
        If a class has too few images.
    """
    classes, sizes = np.unique(np.asarray(labels), return_counts=True)
    if count < 1:
        raise UsageError(f"{count} images cannot be drawn; ask for 1 or more.")
    if not len(classes):
        raise DataError(f"{count} images cannot be drawn from none.")
    each, rest = divmod(count, len(classes))
    wanted = each + (np.argsort(np.argsort(stream("classes", seed).random(len(classes)))) < rest)
    short = np.flatnonzero(wanted > sizes)
    if len(short):
        raise DataError(
            f"{count} images evenly over {len(classes)} classes need {wanted[short[0]]} of class {classes[short[0]]}, "
            f"which has {sizes[short[0]]}; ask for at most {len(classes) * sizes.min()}."
        )
    drawn = [_shuffled(labels, cls, seed)[:some] for cls, some in zip(classes, wanted, strict=True)]
    return np.sort(np.concatenate(drawn))


def _shuffled(labels: npt.ArrayLike, cls: int, seed: int) -> Integers:
    members = np.flatnonzero(np.asarray(labels) == cls)
    return members[np.argsort(stream("images", seed, int(cls)).random(len(members)), kind="stable")]


def hold_out(labels: npt.ArrayLike, count: int = 5000, seed: int = 0) -> tuple[Integers, Integers]:
    """Positions to keep and positions held out (0 for none), the latter drawn evenly over classes; both sorted."""
    held = evenly(labels, count, seed) if count else np.zeros(0, int)
    return np.setdiff1d(np.arange(len(np.asarray(labels))), held), held
