"""Where the files of a run lie and what their digests are made of, as its root says.

Schema 2 differs from schema 1, whose runs are still read, verified and continued as they were made, in three points:
a digest in ``commit`` is of a file's place in a run as well as of its bytes; every area has the coordinates of its
presentations; and attributes are numbers and text, so that a run can be written as netCDF.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ventral.errors import StoreError
from ventral.store.address import RunPath
from ventral.store.failures import DeniedError
from ventral.store.layout import CHECKSUMS, READOUT
from ventral.store.location import Location, locate

SCHEMA = 2
SCHEMAS = (1, SCHEMA)
ROOT = "zarr.json"
OWN_DIGEST = "root_sha256"  # attribute of the root; in schema 1 it is the entry of the root in the manifest
TEXTS = ("identity", "versions", "dims", "manifest")  # attributes of the root that are JSON text since schema 2
NEEDED = {  # attributes of the root without which nothing can be read
    "run_key": str,
    "identity": dict,
    "areas": list,
    "dims": dict,
    "manifest": dict,
    "presentations": int,
    "batch_shape": int,
    "coordinates": str,
}


@dataclass(frozen=True)
class Index:
    """What the root of a run says: enough to find every file of the run.

    Parameters
    ----------
    location
        Where the files lie.
    schema
        Version of the format.
    attrs
        Attributes of the root.
    dims
        Number of dims after presentation and time: of each area in order and, last, of the readout if there is one.
    manifest
        The sha256 of every metadata and coordinate file but the root itself, by its path within the run.
    batches
        Number of batches.
    """

    location: Location
    schema: int
    attrs: dict[str, Any]
    dims: dict[str, int]
    manifest: dict[str, str]
    batches: int

    @property
    def path(self) -> RunPath:
        """Folder or address of the run."""
        return self.location.path

    def files(self, batch: int) -> list[str]:
        """The files of a batch, in the order of its commit row."""
        return [batch_file(area, dims, batch) for area, dims in self.dims.items()]

    @property
    def commit(self) -> str:
        """Path within the run of the array of digests."""
        return "commit" if self.schema == 1 else f"{CHECKSUMS}/commit"

    def commit_file(self, batch: int) -> str:
        """Path within the run of a batch's row of ``commit``."""
        return f"{self.commit}/c.{batch}.0.0"

    def place(self, batch: int, name: str) -> bytes:
        """The place of a file of a batch, which is hashed before its bytes; empty in schema 1.

        A file that was moved to another area, batch or run has another digest there.
        """
        if self.schema == 1:
            return b""
        return json.dumps([self.attrs["run_key"], batch, name]).encode()

    def digest(self, batch: int, name: str, data: bytes) -> bytes:
        """The sha256 of a file of a batch together with its place, as the commit row has it."""
        return hashlib.sha256(self.place(batch, name) + data).digest()

    @property
    def folders(self) -> list[str]:
        """The folders, within the run, that hold the files of batches and their commit rows."""
        return [name.rpartition("/")[0] for name in (*self.files(0), self.commit_file(0))]


def read_index(path: Location | RunPath) -> Index:
    """The index of the run at a path, an address or a location.

    Raises
    ------
    StoreError
        If there is no run, or its root is damaged or of another schema.
    """
    location = locate(path)
    location.expect()
    path = location.path
    try:
        attrs = json.loads(location.read(ROOT))["attributes"]
        schema = attrs["schema_version"]
        if schema not in SCHEMAS:
            known = " and ".join(map(str, SCHEMAS))
            raise StoreError(f"{path} has schema {schema!s:.20}; this ventral reads {known}: upgrade ventral.")
        attrs |= {name: json.loads(attrs[name]) for name in TEXTS if isinstance(attrs.get(name), str)}
        if odd := [name for name, kind in NEEDED.items() if not isinstance(attrs[name], kind)]:
            raise TypeError(f"{odd[0]} is of another kind")
        readout = [READOUT] if READOUT in attrs["dims"] else []
        dims = {area: len(attrs["dims"][area]) for area in (*attrs["areas"], *readout)}
        manifest = {name: digest for name, digest in attrs["manifest"].items() if name != ROOT}
        batches = -(-attrs["presentations"] // attrs["batch_shape"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise StoreError(f"{path} is not a run of ventral, or its {ROOT} is damaged; choose another path.") from error
    if problem := root_problem(location):
        raise StoreError(f"{path} is damaged: {problem} Restore it, or record it anew at another --out.")
    return Index(location, schema, attrs, dims, manifest, batches)


def root_problem(path: Location | RunPath) -> str | None:
    """What is wrong with the root, which holds the digests of everything else; None if nothing is.

    Raises
    ------
    StoreError
        If there is no root, and so no run.
    """
    location = locate(path)
    try:
        raw = location.read(ROOT)
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(f"there is no run at {location.path}.") from None
    except OSError as error:
        return f"{ROOT} cannot be read: {(error.strerror or str(error)).lower()}; nothing can be checked without it."
    try:
        attrs = json.loads(raw)["attributes"]
        wanted = attrs[OWN_DIGEST] if OWN_DIGEST in attrs else attrs["manifest"][ROOT]
    except (ValueError, LookupError, TypeError, RecursionError):
        return f"{ROOT} has changed so that it cannot be read; nothing can be checked without it."
    if wanted != hashlib.sha256(blanked(raw)).hexdigest():
        return f"{ROOT} has changed since it was written; nothing can be checked against it."
    return None


def blanked(root: bytes) -> bytes:
    """The root's bytes with zeros in place of the root's own digest, which no file can hold otherwise."""
    own = re.compile(rb'("(?:zarr\.json|root_sha256)": ")[0-9a-f]{64}(?=")')
    return own.sub(rb"\g<1>" + b"0" * 64, root)


def variable(area: str) -> str:
    """Name of the array of an area or of the readout."""
    return "logits" if area == READOUT else "activity"


def batch_file(area: str, dims: int, batch: int) -> str:
    """Path within the run of the file that holds an area's activity in a batch."""
    return f"{area}/{variable(area)}/c.{batch}" + ".0" * (1 + dims)


def is_there(path: RunPath) -> bool:
    """Whether there is something at a path, or a run at an address."""
    if isinstance(path, Path):
        return path.exists()
    try:
        return bool(locate(path).read(ROOT))
    except (FileNotFoundError, DeniedError):  # where nobody can list, what is not there is denied
        return False


def runs_at(path: RunPath) -> list[RunPath]:
    """The run at a path, or all runs, ``*.zarr``, in a folder that is none itself, by name."""
    known = (path / ROOT).exists() if isinstance(path, Path) else is_there(path)
    return [path] if known else [*locate(path).below()] or [path]
