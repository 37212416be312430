"""Where the files of a run lie, as its root tells."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ventral.errors import StoreError
from ventral.store.layout import READOUT

SCHEMA = 1
ROOT = "zarr.json"


@dataclass(frozen=True)
class Index:
    """What the root of a run says: enough to find every file of the run.

    Parameters
    ----------
    path
        Folder of the run.
    attrs
        Attributes of the root.
    dims
        Number of dims after presentation and time: of each area in order and, last, of the readout.
    manifest
        The sha256 of every metadata and coordinate file but the root itself, by its path within the run.
    batches
        Number of batches.
    """

    path: Path
    attrs: dict[str, Any]
    dims: dict[str, int]
    manifest: dict[str, str]
    batches: int

    def files(self, batch: int) -> list[str]:
        """The files of a batch, in the order of its commit row."""
        return [batch_file(area, dims, batch) for area, dims in self.dims.items()]

    @property
    def folders(self) -> list[Path]:
        """The folders that hold the files of batches and their commit rows."""
        return [(self.path / name).parent for name in (*self.files(0), commit_file(0))]


def read_index(path: Path) -> Index:
    """The index of the run at a path.

    Raises
    ------
    StoreError
        If there is no run, or its root is damaged or of another schema.
    """
    if not path.exists():
        raise StoreError(f"there is no run at {path}.")
    if not path.is_dir():
        raise StoreError(f"{path} is not a run of ventral, which is a folder; choose another path.")
    try:
        attrs = json.loads((path / ROOT).read_bytes())["attributes"]
        if attrs["schema_version"] != SCHEMA:
            raise StoreError(f"{path} has schema {attrs['schema_version']}, not {SCHEMA}; upgrade ventral to read it.")
        dims = {area: len(attrs["dims"][area]) for area in (*attrs["areas"], READOUT)}
        manifest = {name: digest for name, digest in attrs["manifest"].items() if name != ROOT}
        return Index(path, attrs, dims, manifest, -(-attrs["presentations"] // attrs["batch_shape"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise StoreError(f"{path} is not a run of ventral, or its {ROOT} is damaged; choose another path.") from error


def variable(area: str) -> str:
    """Name of the array of an area or of the readout."""
    return "logits" if area == READOUT else "activity"


def batch_file(area: str, dims: int, batch: int) -> str:
    """Path within the run of the file that holds an area's activity in a batch."""
    return f"{area}/{variable(area)}/c.{batch}" + ".0" * (1 + dims)


def commit_file(batch: int) -> str:
    """Path within the run of a batch's row of ``commit``."""
    return f"commit/c.{batch}.0.0"
