"""Recorded data that a test makes up, and the files in which others would hand them over."""

from itertools import combinations
from pathlib import Path

import h5py
import numpy as np

IMAGES = ("zebra.png", "apple.png", "été.png", "kiwi.png", "moose.png")
TIMES_MS = np.array([70.0, 80.0, 90.0, 100.0])


def made_responses(repetitions: int = 3, units: int = 4) -> np.ndarray:
    """(image, repetition, unit, time), every number another."""
    shape = (len(IMAGES), repetitions, units, len(TIMES_MS))
    return np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape).astype(np.float64)


def made_rdms(subjects: int = 2, times: int = 4, images: int = 5) -> np.ndarray:
    """(subject, time, image, image), symmetric with zeros on the diagonal."""
    values = np.random.default_rng(1).random((subjects, times, images, images))
    values = values + np.swapaxes(values, -1, -2)
    values[..., range(images), range(images)] = 0
    return values


def by_pair(rdm, subject=0, time=0) -> dict:
    """Dissimilarity of each pair of names, whatever their order, of an RDM in its form."""
    part = rdm.isel(subject=subject, time=time)
    return {
        frozenset((str(a), str(b))): float(value)
        for a, b, value in zip(part["first"].values, part["second"].values, part.values, strict=True)
    }


def pairs_of(matrix, names) -> dict:
    """The same of a matrix."""
    return {frozenset((names[i], names[j])): matrix[i, j] for i, j in combinations(range(len(names)), 2)}


def write_mat73(path: Path, arrays: dict, texts: dict) -> None:
    """A file as MATLAB 7.3 writes it: axes reversed, text as cells of characters."""
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_group("#refs#")
        for name, values in arrays.items():
            held = file.create_dataset(name, data=np.asarray(values).T)
            held.attrs["MATLAB_class"] = np.bytes_("double")
        for name, words in texts.items():
            references = []
            for number, word in enumerate(words):
                codes = np.array([[ord(letter)] for letter in word], dtype=np.uint16)
                cell = cells.create_dataset(f"{name}{number}", data=codes)
                cell.attrs["MATLAB_class"] = np.bytes_("char")
                references.append(cell.ref)
            held = file.create_dataset(name, data=np.array([references], dtype=h5py.ref_dtype))
            held.attrs["MATLAB_class"] = np.bytes_("cell")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
