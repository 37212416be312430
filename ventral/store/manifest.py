"""Whether the metadata and coordinates of a run are those that were written."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from ventral.errors import StoreError
from ventral.store.encoding import blanked
from ventral.store.index import ROOT, Index
from ventral.store.values import digest


def refuse_damage(index: Index) -> None:
    """Refuse a run whose metadata or coordinates are not those that were written.

    Raises
    ------
    StoreError
        With the first file that is missing or has changed.
    """
    root = root_problem(index.path)
    if problems := [root] if root else file_problems(index.path, index.manifest):
        raise StoreError(f"{index.path} is damaged: {problems[0]} Restore it, or record it anew at another --out.")


def root_problem(path: Path) -> str | None:
    """What is wrong with the root, which holds the digests of everything else; None if nothing is.

    Raises
    ------
    StoreError
        If there is no root, and so no run.
    """
    try:
        raw = (path / ROOT).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(f"there is no run at {path}.") from None
    except OSError as error:
        return f"{ROOT} cannot be read: {(error.strerror or str(error)).lower()}; nothing can be checked without it."
    try:
        wanted = json.loads(raw)["attributes"]["manifest"][ROOT]
    except (ValueError, LookupError, TypeError):
        return f"{ROOT} has changed so that it cannot be read; nothing can be checked without it."
    if wanted != digest(blanked(raw)):
        return f"{ROOT} has changed since it was written; nothing can be checked against it."
    return None


def file_problems(path: Path, expected: Mapping[str, str]) -> list[str]:
    """One sentence for each file that is missing or does not have the sha256 expected of it."""
    problems = []
    for name, wanted in expected.items():
        try:
            with (path / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            problems.append(f"{name} is missing.")
        except OSError as error:
            problems.append(f"{name} cannot be read: {error.strerror}.")
        else:
            if found != wanted:
                problems.append(f"{name} has changed since it was written.")
    return problems
