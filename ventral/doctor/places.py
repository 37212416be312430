"""Places on the disk: where runs are written, where decoded images are kept, and where data are."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ventral.doctor.finding import Finding, good, hint, wrong
from ventral.errors import VentralError

LITTLE = 2 * 10**9  # bytes; a run of 1,000 images under 10 conditions takes about 1 GB
NOTHING = 10**8  # bytes; a short run does not fit


def look_at_places() -> Iterator[Finding]:
    """Findings on the working folder, the cache and the data."""
    yield look_at_folder("disk", Path.cwd(), "go to another folder, or give --out")
    yield look_at_cache()
    yield look_at_data()


def look_at_folder(subject: str, folder: Path, otherwise: str) -> Finding:
    """Finding on a folder that is there: whether it can be written, and how much is free on its disk."""
    free = shutil.disk_usage(folder).free
    text = f"{folder}, {free / 1e9:,.1f} GB free"
    values = {"path": str(folder), "free_bytes": free}
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return wrong(
            subject, f"{folder} cannot be written ({os.strerror(error.errno or 0).lower()}); {otherwise}.", **values
        )
    if free < NOTHING:
        return wrong(subject, f"{text}; make room, or {otherwise}.", **values)
    if free < LITTLE:
        return hint(subject, f"{text}; large runs do not fit.", **values)
    return good(subject, text, **values)


def look_at_cache() -> Finding:
    """Finding on the cache of decoded images, without which images are decoded anew in each command."""
    from ventral.stimuli.cache import cache_folder

    folder = cache_folder()
    used = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    above = next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), None)
    text = f"decoded images in {folder}, {used / 1e6:,.0f} MB"
    if above is None or not os.access(above, os.W_OK):
        return hint("cache", f"{text}, which cannot be written; name another place in VENTRAL_CACHE.", path=str(folder))
    free = shutil.disk_usage(above).free
    return good("cache", f"{text} used, {free / 1e9:,.1f} GB free (VENTRAL_CACHE)", path=str(folder), used_bytes=used)


def look_at_data() -> Finding:
    """Finding on CIFAR-10, the only data that have a place of their own."""
    from ventral.stimuli import cifar10
    from ventral.stimuli.archive import default_path
    from ventral.stimuli.folders import class_folders

    path = default_path()
    try:
        there = path.exists() and bool(cifar10.find_files(path) or (path.is_dir() and class_folders(path)))
    except (VentralError, OSError) as error:
        return wrong("data", f"cifar10 in {path} cannot be read: {error}", path=str(path))
    if there:
        return good("data", f"cifar10 in {path.absolute()}; shapes is built in.", path=str(path), cifar10=True)
    text = f"shapes is built in; cifar10 is not at {path} (`ventral data fetch cifar10`, --data PATH or VENTRAL_DATA)"
    values = {"path": str(path), "cifar10": False}
    if not os.environ.get("VENTRAL_DATA"):
        return good("data", f"{text}.", **values)
    if not path.exists():
        return wrong("data", f"{text}; VENTRAL_DATA names a place that is not there.", **values)
    return hint("data", f"{text}; VENTRAL_DATA names a place that holds no images yet.", **values)
