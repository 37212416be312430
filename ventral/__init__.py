"""Experiments on models of the ventral stream: stimuli in milliseconds, every area recorded at every tick.

>>> import ventral
>>> "simulate" in dir(ventral)
True
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ventral.areas import Area, AreaGraph, Entry, Transition
    from ventral.checkpoint import load_model
    from ventral.decode import decode_over_time
    from ventral.effective import effective_parameters
    from ventral.network import Network
    from ventral.simulate import simulate
    from ventral.store import open_run
    from ventral.timeline import Condition, Protocol, Show

    __version__: str

__all__ = [
    "Area",
    "AreaGraph",
    "Condition",
    "Entry",
    "Network",
    "Protocol",
    "Show",
    "Transition",
    "__version__",
    "decode_over_time",
    "effective_parameters",
    "load_model",
    "open_run",
    "simulate",
]

# name -> the module that holds it, imported when the name is first used
HOMES = {
    "Area": "areas",
    "AreaGraph": "areas",
    "Condition": "timeline",
    "Entry": "areas",
    "Network": "network",
    "Protocol": "timeline",
    "Show": "timeline",
    "Transition": "areas",
    "decode_over_time": "decode",
    "effective_parameters": "effective",
    "load_model": "checkpoint",
    "open_run": "store",
    "simulate": "simulate",
}


class _Package(ModuleType):
    """The package itself: `ventral.simulate` is the function, also once the module of that name has been imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in HOMES and isinstance(value, ModuleType):
            return  # the import system binding a submodule, which would hide the function
        super().__setattr__(name, value)


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import ventral` stays light."""
    if name == "__version__":
        value: object = _version()
    elif name in HOMES:
        value = getattr(importlib.import_module(f"ventral.{HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'ventral' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("ventral")
    except metadata.PackageNotFoundError:
        return "0+unknown"


sys.modules[__name__].__class__ = _Package
