"""A requirement: a package that a distribution needs, in which versions, and for which extra."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

PARTS = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?")
EXTRA = re.compile(r"extra\s*==\s*[\"']([^\"']+)[\"']")
CLAUSE = re.compile(r"(>=|<=|==|!=|>|<)\s*([0-9][0-9.]*)$")
COMPARED: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Requirement:
    """A package that a distribution needs.

    Parameters
    ----------
    name
        Of the package.
    extras
        Extras of that package which are needed, with commas between; empty for none.
    versions
        Versions that do, as in ">=3.1.6,<4"; empty for any.
    extra
        The extra of the distribution that needs it; empty if it is always needed.
    """

    name: str
    extras: str = ""
    versions: str = ""
    extra: str = ""

    @classmethod
    def read(cls, text: str) -> "Requirement":
        """Requirement from the text in which the metadata of a distribution has it.

        >>> Requirement.read("ventral[peers]; extra == 'dev'")
        Requirement(name='ventral', extras='peers', versions='', extra='dev')
        """
        found = PARTS.fullmatch(text.strip())
        if found is None:
            return cls(text)
        name, extras, versions, marker = (part or "" for part in found.groups())
        extra = EXTRA.search(marker)
        return cls(name, extras, versions.replace(" ", ""), extra[1] if extra else "")

    @property
    def installed(self) -> str | None:
        """Version of the package that is installed; None if there is none."""
        try:
            return metadata.version(self.name)
        except metadata.PackageNotFoundError:
            return None

    def allows(self, version: str) -> bool:
        """Whether a version does; a clause of another form than ">=3.1" is taken to.

        >>> Requirement("zarr", versions=">=3.1.6,<4").allows("3.10.0+local")
        True
        """
        clauses = filter(None, map(CLAUSE.match, self.versions.split(",")))
        return all(
            COMPARED[sign](*_aligned(version, wanted)) for sign, wanted in (clause.groups() for clause in clauses)
        )


def requirements(distribution: str = "ventral") -> list[Requirement]:
    """What an installed distribution requires, as its metadata say.

    Raises
    ------
    PackageNotFoundError
        If it is not installed.
    """
    return [Requirement.read(text) for text in metadata.requires(distribution) or []]


def _aligned(*versions: str) -> list[tuple[int, ...]]:
    """Numbers of the releases of versions, with zeros up to the length of the longest."""
    found = [re.match(r"[0-9]+(\.[0-9]+)*", version) for version in versions]
    numbers = [tuple(map(int, match[0].split("."))) if match else () for match in found]
    longest = max(map(len, numbers))
    return [number + (0,) * (longest - len(number)) for number in numbers]
