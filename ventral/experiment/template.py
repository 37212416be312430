"""A protocol to begin with: a file that runs as it is and shows what a protocol can say."""

import keyword
from pathlib import Path

from ventral.errors import UsageError
from ventral.plugins import list_scripts

PROTOCOL = '''"""{title}: the question of this experiment, in one line.

Design: what is shown when, and which conditions are compared.

Source: where the design comes from. Departures: what differs from there.
"""

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, image, mask, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol


def protocol(
    target_ms: int = 20,  # a knob has a default and a type: --set target_ms=30
    soa_ms: tuple[int, ...] = (20, 50),  # several values: --set soa_ms=20,50,80
    contrast: float = 0.3,
    end_ms: int = 200,
) -> Protocol:
    """One condition per SOA, and some to compare them with."""
    # An event is on in [start, stop), in ms from target onset, multiples of 10. Between events the screen is grey.
    flash = Show(target, 0, target_ms)
    faint = Show(target.changed("contrast", contrast), 0, target_ms)  # or "blur", "gaussian-noise", "occluded-blocks"
    after = Show(image("other-object"), 50, 100)  # an image of another class
    silent = Scale("feedback", 50, 100, 0.0)  # transitions, an area or one transition, times 0 to 1 for a while
    conditions = [
        Condition("unmasked", (flash,)),
        Condition("faint", (faint,), parameters={{"target_contrast": contrast}}),  # a coordinate of each presentation
        Condition("replaced", (flash, after)),
        Condition("no_feedback", (flash,), interventions=(silent,)),
    ]
    for soa in soa_ms:
        masked = (flash, Show(mask("noise"), soa, soa + 50))
        conditions.append(Condition(f"soa_{{soa}}", masked, soa_ms=soa))
    read_ms = tuple(sorted({{min(100, end_ms), end_ms}}))  # when accuracy is summed up; every 10 ms are recorded anyway
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=read_ms, source=__doc__ or "")
'''


def write_protocol(name: str, path: Path | None = None) -> Path:
    """Write a protocol to begin with.

    Parameters
    ----------
    name
        What it is called, as on the command line: "my-masking".
    path
        The file; ``my_masking.py`` in the current folder if not given.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    UsageError
        If it cannot be called so, if there is a protocol of that name, or if the file is there already.
    """
    module = name.replace("-", "_")
    fits = module.isascii() and module.isidentifier() and not module.startswith("_")
    if not fits or keyword.iskeyword(module):
        raise UsageError(f"a protocol cannot be called {name!r}; use letters, digits and -, as in my-masking.")
    if taken := [one for one in list_scripts("protocols") if one.name.replace("-", "_") == module]:
        raise UsageError(f"{taken[0].origin} has a protocol {taken[0].name}; choose another name.")
    path = path or Path(f"{module}.py")
    if path.suffix != ".py":
        raise UsageError(f"--out is {path}; give a file that ends in .py.")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(PROTOCOL.format(title=module.replace("_", " ").capitalize()))
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name, or another place with --out.") from None
    return path
