"""Files to begin with: a copy of a template, as ``protocols/_template.py``, under another name."""

import keyword
from importlib import resources
from pathlib import Path

from ventral.errors import UsageError
from ventral.plugins import GroupName, list_scripts

NOUNS = {"protocols": "a protocol", "analysis": "an analysis"}
EXAMPLES = {"protocols": "my-masking", "analysis": "my-measure"}


def write_template(group: GroupName, name: str, path: Path | None = None) -> Path:
    """Write a protocol or an analysis to begin with, which runs as it is and shows what it can be.

    Parameters
    ----------
    group
        "protocols" or "analysis".
    name
        Its name, as on the command line: "my-masking".
    path
        The file; ``my_masking.py`` in the current folder if not given.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    UsageError
        If the name cannot be used, there is one of that name, or the file is there already.
    """
    module, noun = name.replace("-", "_"), NOUNS[group]
    fits = module.isascii() and module.isidentifier() and not module.startswith("_")
    if not fits or keyword.iskeyword(module):
        raise UsageError(f"{noun} cannot be called {name!r}; use letters, digits and -, as in {EXAMPLES[group]}.")
    if taken := [script for script in list_scripts(group) if script.name.replace("-", "_") == module]:
        raise UsageError(f"{taken[0].origin} has {noun} {taken[0].name}; choose another name.")
    path = path or Path(f"{module}.py")
    if path.suffix != ".py":
        raise UsageError(f"--out is {path}; give a file that ends in .py.")
    template = resources.files(f"ventral.{group}").joinpath("_template.py").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            title = module.replace("_", " ").capitalize()
            file.write(template.replace("Template", title, 1).replace("template.", f"{name}."))
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name, or another place with --out.") from None
    return path
