"""The catalogue of protocols, by name: those of ventral, of other packages, and of a user's own files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ventral.clock import ticks
from ventral.errors import ProtocolError, choose
from ventral.experiment.protocol import Protocol
from ventral.knobs import knobs as turnable
from ventral.plugins import call, load


def load_protocol(name: str, /, **knobs: object) -> Protocol:
    """Protocol of this name, or from a file, with its knobs set: ``load_protocol("flash", duration_ms=(10, 50))``.

    Parameters
    ----------
    name
        As `ventral protocols` lists it ("-" and "_" are the same), or a path to a ``.py`` file.
    knobs
        Arguments of the script's function `protocol`; the others keep their defaults.

    Raises
    ------
    UsageError
        If there is no such protocol, or it has no such knob.
    ClockError
        If a time is not a multiple of the tick.
    ProtocolError
        If the file's function fails or returns something else.
    """
    known = turnable(load("protocols", name).protocol)
    return made_protocol(name, {choose(f"knob of {name}", knob, known): value for knob, value in knobs.items()})


def made_protocol(name: str, knobs: Mapping[str, object]) -> Protocol:
    """Protocol of this name with these knobs, each of which is a name of its function's."""
    function = load("protocols", name).protocol
    for knob, value in knobs.items():
        for ms in value if isinstance(value, tuple) else (value,):
            if knob.endswith("_ms") and isinstance(ms, int):
                ticks(ms, knob)  # here, so that the error has the name that the user gave
    made = call(function, knobs, name, "protocols")
    if not isinstance(made, Protocol):
        raise ProtocolError(f"{name}: protocol returns a value of type {type(made).__name__}; return a Protocol.")
    title = Path(name).stem if name.endswith(".py") else name
    return replace(made, name=title.replace("_", "-"))
