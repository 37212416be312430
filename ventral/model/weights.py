"""Models that can be loaded by name: files of weights in the package, and in the results of a source tree.

A name is the path below the folder of weights without its ending, such as "cifar10" or "family/full-0".
"""

import re
from collections.abc import Collection
from importlib import resources
from pathlib import Path

from ventral.errors import UsageError, choose

FAMILY_FOLDER = "family/"
SEED = re.compile(r"-\d+$")


def shipped() -> dict[str, Path]:
    """Name and file of every model that can be loaded by name, those of the package first."""
    package = Path(str(resources.files("ventral")))
    found: dict[str, Path] = {}
    for folder in (package / "weights", package.parent / "results" / "weights"):
        for path in sorted(folder.rglob("*.safetensors")):
            found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return dict(sorted(found.items(), key=lambda item: (item[0].count("/"), _by_number(item[0]))))


def seeds_of(names: list[str]) -> dict[str, list[str]]:
    """Names of models grouped by what they are: those that differ in the seed of their training only are together.

    >>> seeds_of(["shapes", "family/full-0", "family/full-1"])
    {'shapes': ['shapes'], 'family/full': ['family/full-0', 'family/full-1']}
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(SEED.sub("", name), []).append(name)
    return groups


def choose_shipped(name: str, others: Collection[str] = ()) -> str:
    """The full name of a model that can be loaded by name: of one of ours, or of others that are known by name.

    Raises
    ------
    UsageError
        If there is none, with the nearest.
    """
    try:
        return choose("model", name, [*shipped(), *others])
    except UsageError as error:
        if name.startswith(FAMILY_FOLDER):
            raise UsageError(
                f"{name} does not come with the package; its weights lie in results/weights of the source tree. Give "
                "the path of the file."
            ) from None
        raise UsageError(f"{error} A trained one is given by the path of its .safetensors file.") from None


def _by_number(name: str) -> tuple[str, int]:
    """A name so that seed 10 comes after seed 9."""
    seed = SEED.search(name)
    return SEED.sub("", name), int(seed.group()[1:]) if seed else -1
