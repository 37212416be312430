"""Packages: the Python, what ventral requires, and its extras."""

import importlib
import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from ventral.doctor.finding import Finding, good, hint, wrong
from ventral.doctor.requirement import Requirement, requirements
from ventral.errors import few

IMPORTED_AS = {"pillow": "PIL"}  # name of a package -> what is imported
# what each extra is for
PURPOSES = {
    "cluster": "runs and sweeps on many machines",
    "dev": "tests and checks of the code",
    "docs": "building the documentation",
    "export": "the export formats mne and nwb",
    "peers": "reading exports back in the tests",
    "remote": "runs in object stores",
}


def look_at_packages() -> Iterator[Finding]:
    """Findings on Python, the packages that ventral requires, and its extras."""
    try:
        needed, about = requirements(), metadata.metadata("ventral")
    except metadata.PackageNotFoundError:
        yield wrong("ventral", "it is not installed, only found on the path; install it with pip.")
        return
    yield look_at_python(about["Requires-Python"] or "")
    always = [requirement for requirement in needed if not requirement.extra]
    faults = [fault for requirement in always if (fault := fault_of(requirement))]
    versions = {requirement.name: requirement.installed for requirement in always}
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    state = hint if faults else good
    yield state("packages", f"{there}{'; see below.' if faults else ''}", **versions)
    for fault in faults:
        yield wrong("packages", fault)
    for extra in sorted(about.get_all("Provides-Extra") or []):
        yield look_at_extra(extra, members(extra, needed))


def look_at_python(versions: str) -> Finding:
    """Finding on the Python that runs, which should be one of some versions, as in ">=3.11"."""
    version = platform.python_version()
    text = f"{version} on {platform.system()} {platform.machine()}, {sys.executable}"
    if not Requirement("python", versions=versions).allows(version):
        return wrong("python", f"{text}; ventral needs {versions}.", version=version)
    return good("python", text, version=version, executable=sys.executable)


def fault_of(requirement: Requirement) -> str:
    """What is wrong with a package that is required; empty if nothing is."""
    name, version = requirement.name, requirement.installed
    remedy = f"install it: pip install '{name}{requirement.versions}'."
    if version is None:
        return f"{name} is not installed; {remedy}"
    if not requirement.allows(version):
        return f"{name} is {version}, and ventral needs {requirement.versions}; {remedy}"
    try:
        importlib.import_module(IMPORTED_AS.get(name, name.replace("-", "_")))
    except Exception as error:  # whatever a damaged package does when it is imported
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return f"{name} {version} cannot be imported ({reason}); pip install --force-reinstall '{name}=={version}'."
    return ""


def members(extra: str, needed: list[Requirement]) -> list[Requirement]:
    """Packages of an extra, with those of the extras of ventral that it includes."""
    found: list[Requirement] = []
    for requirement in needed:
        if requirement.extra != extra:
            continue
        if requirement.name == "ventral":
            found += [member for other in requirement.extras.split(",") for member in members(other.strip(), needed)]
        else:
            found.append(requirement)
    return found


def look_at_extra(extra: str, packages: list[Requirement]) -> Finding:
    """Finding on an extra, which need not be installed: what it is for, and which of its packages are missing."""
    missing = [each.name for each in packages if each.installed is None]
    old = [each for each in packages if each.installed is not None and not each.allows(each.installed)]
    text = f"{extra}, for {PURPOSES.get(extra, ', '.join(each.name for each in packages))}: "
    values = {"extra": extra, "missing": missing, "installed": not missing}
    if old:
        wanted = few([f"{each.name} {each.installed}, not {each.versions}" for each in old])
        return hint("extra", f"{text}{wanted}; pip install --upgrade 'ventral[{extra}]'.", **values)
    if not missing:
        return good("extra", f"{text}installed.", **values)
    return good("extra", f"{text}not installed ({few(missing)} missing; pip install 'ventral[{extra}]').", **values)
