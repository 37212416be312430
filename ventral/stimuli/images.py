"""Images with what is known about each, and what a network sees of them.

An image keeps its position in its data set (`index`) and its name (`stimulus_id`) when it is taken from others, so that
nothing computed from it depends on what it was loaded or batched with.
"""

import hashlib
import json
from collections.abc import Sized
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ventral.errors import DataError, UsageError
from ventral.stimuli.arrays import Integers


@dataclass(frozen=True, eq=False)
class Images:
    """Pixels of images with what is known about each image.

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
        for name, column in columns.items():
            if len(column) != len(self):
                raise DataError(f"{name} has {len(column)} entries for {len(self)} images; give one for each.")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.label_names):
            raise DataError(
                f"labels go from {self.labels.min()} to {self.labels.max()}; there are {len(self.label_names)} classes."
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, positions: npt.ArrayLike) -> "Images":
        """The images at these positions (of this object, not of the data set), in this order."""
        at = checked_positions(positions, len(self))
        return replace(
            self,
            pixels=self.pixels[torch.from_numpy(at)],
            labels=self.labels[at],
            index=self.index[at],
            stimulus_ids=tuple(self.stimulus_ids[i] for i in at),
            coordinates={name: column[at] for name, column in self.coordinates.items()},
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
        RMS contrast over all channels, from 0 to 1; or one number for each of red, green and blue.
    """

    mean: tuple[float, float, float]
    scale: float | tuple[float, float, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(level) for level in self.mean))
        if len(self.mean) != 3 or not np.isfinite(self.mean).all():
            raise DataError(f"the mean is {self.mean}; give three numbers, for red, green and blue.")
        if not all(0 < scale < float("inf") for scale in np.atleast_1d(self.scale)):
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
        scale = self.scale  # a number stays one: on a GPU, dividing by a tensor gives other last bits
        if isinstance(scale, tuple):
            return ((levels / 255 - mean) / levels.new_tensor(scale).view(3, 1, 1)).to(dtype)
        return ((levels / 255 - mean) / scale).to(dtype)


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
