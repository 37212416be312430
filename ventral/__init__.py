"""Experiments on models of the ventral stream: stimuli in milliseconds, every area recorded at every tick.

>>> import ventral
>>> "simulate" in dir(ventral)
True
"""

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ventral.experiment.simulate import simulate
    from ventral.experiment.timeline import Condition, Protocol, Show
    from ventral.measures.decoding import decode_over_time
    from ventral.model.checkpoint import load_model
    from ventral.model.counting import effective_parameters
    from ventral.model.graph import Area, AreaGraph, Entry, Transition
    from ventral.model.network import Network
    from ventral.store.run import open_run

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
    "Area": "model.graph",
    "AreaGraph": "model.graph",
    "Condition": "experiment.timeline",
    "Entry": "model.graph",
    "Network": "model.network",
    "Protocol": "experiment.timeline",
    "Show": "experiment.timeline",
    "Transition": "model.graph",
    "decode_over_time": "measures.decoding",
    "effective_parameters": "model.counting",
    "load_model": "model.checkpoint",
    "open_run": "store.run",
    "simulate": "experiment.simulate",
}


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
