"""The cache of decoded images, whose content is checked whenever it is read."""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ventral.errors import StoreError
from ventral.files import expanded, replacing
from ventral.stimuli.decoding import decode


def cache_folder() -> Path:
    """Folder of decoded images: in the one that VENTRAL_CACHE names, or in ~/.cache/ventral."""
    return expanded(os.environ.get("VENTRAL_CACHE") or "~/.cache/ventral") / "images"


def decoded(files: Sequence[Path], size: int) -> torch.Tensor:
    """Decoded images, (image, 3, y, x), from the cache if no file changed since they were decoded."""
    key = _cache_key(files, size)
    cache = cache_folder() / f"{key}.safetensors"
    pixels = _kept(cache, key)
    if pixels is None:
        pixels = torch.empty((len(files), 3, size, size), dtype=torch.uint8)
        for position, file in enumerate(files):
            pixels[position] = torch.from_numpy(decode(file, size).copy())
        _keep(pixels, cache, key)
    return pixels


def _cache_key(files: Sequence[Path], size: int) -> str:
    """A sha256, another one as soon as a file's path, length or time of change differs."""
    digest = hashlib.sha256(f"version 2, size {size}".encode())
    for file in files:
        status = file.stat()
        digest.update(f"\n{file} {status.st_size} {status.st_mtime_ns}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _kept(cache: Path, key: str) -> torch.Tensor | None:
    """The pixels in a cache file; None if it cannot be read, or does not hold what was written for this key."""
    try:
        with safe_open(cache, framework="pt") as file:
            pixels: torch.Tensor = file.get_tensor("pixels")
            digest = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    return pixels if digest == _digest(pixels, key) else None


def _keep(pixels: torch.Tensor, cache: Path, key: str) -> None:
    """Write a cache file whole or not at all; without a place to write, do without."""
    if cache.parts[0] == "~":  # there is no home folder
        return
    with contextlib.suppress(OSError, SafetensorError, StoreError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cache) as partial:
            save_file({"pixels": pixels}, partial, {"sha256": _digest(pixels, key)})


def _digest(pixels: torch.Tensor, key: str) -> str:
    """The sha256 of pixels, their shape and the key of the files that they were decoded from."""
    digest = hashlib.sha256(f"{key} {pixels.dtype} {list(pixels.shape)}".encode())
    digest.update(pixels.numpy().data)
    return digest.hexdigest()
