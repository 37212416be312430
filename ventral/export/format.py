"""Formats: what a file of another tool holds, who reads it, and what is needed to write it."""

import importlib.util
from dataclasses import dataclass
from typing import Literal

from ventral.errors import UsageError

Whole = Literal["run", "area", "condition"]


@dataclass(frozen=True)
class Format:
    """A format of files, which a module for `ventral.export` names as its ``FORMAT``.

    Parameters
    ----------
    suffix
        How a file's name ends: ".nc".
    reader
        Who reads it, for the list of formats: "xarray.open_datatree, MATLAB ncread".
    tried
        The reader and the version of it with which files were read back: "xarray 2026.9"; empty if none was.
    holds
        What one file holds: the whole "run"; one "area" where the reader has one time axis; one area in one "condition"
        where the reader would also average over conditions.
    value_bytes
        Bytes of one number in the file, from which the size is foretold.
    packages
        Packages that write the file and that ventral itself does not need.
    """

    suffix: str
    reader: str
    tried: str = ""
    holds: Whole = "run"
    value_bytes: int = 4
    packages: tuple[str, ...] = ()

    def check_packages(self, name: str) -> None:
        """Refuse a format whose packages are not installed.

        Raises
        ------
        UsageError
            With the command that installs them.
        """
        missing = [package for package in self.packages if importlib.util.find_spec(package) is None]
        if missing:
            raise UsageError(
                f"the format {name} is written by {' and '.join(missing)}, which is not installed; give the command "
                f"`pip install {' '.join(missing)}`."
            )
