"""A protocol to begin with: a copy of ``protocols/_template.py`` under another name."""

import keyword
from importlib import resources
from pathlib import Path

from ventral.errors import UsageError
from ventral.plugins import list_scripts


def write_protocol(name: str, path: Path | None = None) -> Path:
    """Write a protocol to begin with, which runs as it is and shows what a protocol can say.

    Parameters
    ----------
    name
        Name of the protocol, as on the command line: "my-masking".
    path
        The file; ``my_masking.py`` in the current folder if not given.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    UsageError
        If the name cannot be used, there is a protocol of that name, or the file is there already.
    """
    module = name.replace("-", "_")
    fits = module.isascii() and module.isidentifier() and not module.startswith("_")
    if not fits or keyword.iskeyword(module):
        raise UsageError(f"a protocol cannot be called {name!r}; use letters, digits and -, as in my-masking.")
    if taken := [script for script in list_scripts("protocols") if script.name.replace("-", "_") == module]:
        raise UsageError(f"{taken[0].origin} has a protocol {taken[0].name}; choose another name.")
    path = path or Path(f"{module}.py")
    if path.suffix != ".py":
        raise UsageError(f"--out is {path}; give a file that ends in .py.")
    template = resources.files("ventral.protocols").joinpath("_template.py").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template.replace("Template", module.replace("_", " ").capitalize(), 1))
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name, or another place with --out.") from None
    return path
