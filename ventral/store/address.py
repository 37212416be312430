"""Addresses of runs that do not lie on a disk of this machine: in a bucket, or on a web server."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from ventral.errors import UsageError, quoted

WEB = ("http", "https")
BUCKETS = ("s3", "gs", "az")
KNOWN = "s3://, gs://, az://, http:// or https://"


@dataclass(frozen=True)
class Address:
    """The address of a run, with the parts that a path has.

    Parameters
    ----------
    scheme
        "s3", "gs", "az", "http" or "https".
    parts
        Bucket or server, folders, and last the name.
    """

    scheme: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.scheme}://{'/'.join(self.parts)}"

    def __truediv__(self, name: str) -> Self:
        return type(self)(self.scheme, (*self.parts, *name.split("/")))

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The suffix of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Self:
        """The address of the folder, or of the bucket, that this one lies in."""
        return type(self)(self.scheme, self.parts[:-1] or self.parts)

    def with_name(self, name: str) -> Self:
        """The address of this name in the same folder."""
        return self.parent / name

    @property
    def writable(self) -> bool:
        """Whether a run can be written there: what a web server has can only be read."""
        return self.scheme in BUCKETS


RunPath = Path | Address


def run_path(text: object) -> RunPath:
    """The path or the address of a run, as a user gave it.

    >>> run_path("s3://lab/runs/mask.zarr").name
    'mask.zarr'

    Raises
    ------
    UsageError
        If it is an address that cannot be opened, or one that holds a password.
    """
    if isinstance(text, Path | Address):
        if isinstance(text, Path) and re.match(rf"({'|'.join((*BUCKETS, *WEB))}):/", text.as_posix()):
            raise UsageError(f"{text} was an address before it was made a Path; give it as text, with ://.")
        return text
    scheme, mark, rest = str(text).partition("://")
    if not mark:
        return Path(str(text))
    if scheme not in (*BUCKETS, *WEB):
        raise UsageError(f"addresses of the kind {quoted(scheme)} cannot be opened; one begins with {KNOWN}.")
    parts = tuple(rest.rstrip("/").split("/"))
    if "@" in parts[0] or "?" in rest or "#" in rest:  # not repeated: it may be a secret
        raise UsageError(
            "an address has no user name, password or query, as it is kept with the run; set "
            "credentials in the environment."
        )
    if any(part in ("", ".", "..") for part in parts):
        raise UsageError(f"{quoted(str(text))} has an empty part, or one of dots only; write s3://bucket/run.zarr.")
    return Address(scheme, parts)


def beside(path: RunPath, name: str) -> Path:
    """Path for what is made of a run: beside it, or in the current folder if the run is not on a disk."""
    return path.with_name(name) if isinstance(path, Path) else Path(name)
