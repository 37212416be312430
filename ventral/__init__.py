"""Experiments on models of the ventral stream: stimuli in milliseconds, every area recorded at every tick.

>>> import ventral
>>> "simulate" in dir(ventral)
True
"""

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ventral.compare.compare import compare_run
    from ventral.compare.latency_map import latency_map
    from ventral.compare.matching import matched, renamed
    from ventral.compare.neural import read
    from ventral.errors import ProtocolError, UsageError, VentralError, choose
    from ventral.experiment.catalogue import load_protocol
    from ventral.experiment.cluster import Cluster
    from ventral.experiment.condition import Condition
    from ventral.experiment.events import Show, image, mask, target
    from ventral.experiment.interventions import Scale
    from ventral.experiment.noise import Noise
    from ventral.experiment.protocol import Protocol
    from ventral.experiment.run import Run, open_run
    from ventral.experiment.settings import Settings
    from ventral.experiment.simulate import simulate
    from ventral.export.excerpt import Excerpt
    from ventral.export.format import Format
    from ventral.export.formats import export_run
    from ventral.figures import plot
    from ventral.figures.findings import Findings, analyze
    from ventral.measures.decoding import decode_over_time
    from ventral.measures.generalisation import generalise
    from ventral.measures.latency import divergence, latencies, latency_differences
    from ventral.measures.measured_fields import measured_fields
    from ventral.measures.observations import paired_difference
    from ventral.measures.patterns import decoding_patterns
    from ventral.measures.responses import read_responses
    from ventral.measures.significance import cluster_test, fdr_test, max_test, tfce_test
    from ventral.measures.unit_fields import unit_fields
    from ventral.model import zoo
    from ventral.model.areas import Area, Entry, Transition
    from ventral.model.counting import effective_parameters
    from ventral.model.graph import AreaGraph
    from ventral.model.model import Model, load_model
    from ventral.model.network import Network
    from ventral.model.outside import wrap
    from ventral.report.report import report_run
    from ventral.stimuli.datasets import load_images
    from ventral.stimuli.selection import Selection, select_images
    from ventral.training.recipe import Recipe
    from ventral.training.train import train

    __version__: str

__all__ = [
    "Area",
    "AreaGraph",
    "Cluster",
    "Condition",
    "Entry",
    "Excerpt",
    "Findings",
    "Format",
    "Model",
    "Network",
    "Noise",
    "Protocol",
    "ProtocolError",
    "Recipe",
    "Run",
    "Scale",
    "Selection",
    "Settings",
    "Show",
    "Transition",
    "UsageError",
    "VentralError",
    "__version__",
    "analyze",
    "choose",
    "cluster_test",
    "compare_run",
    "decode_over_time",
    "decoding_patterns",
    "divergence",
    "effective_parameters",
    "export_run",
    "fdr_test",
    "generalise",
    "image",
    "latencies",
    "latency_differences",
    "latency_map",
    "load_images",
    "load_model",
    "load_protocol",
    "mask",
    "matched",
    "max_test",
    "measured_fields",
    "open_run",
    "paired_difference",
    "plot",
    "read",
    "read_responses",
    "renamed",
    "report_run",
    "select_images",
    "simulate",
    "target",
    "tfce_test",
    "train",
    "unit_fields",
    "wrap",
    "zoo",
]

# name -> the module that holds it, imported when the name is first used
HOMES = {
    "Area": "model.areas",
    "AreaGraph": "model.graph",
    "Cluster": "experiment.cluster",
    "Condition": "experiment.condition",
    "Entry": "model.areas",
    "Excerpt": "export.excerpt",
    "Findings": "figures.findings",
    "Format": "export.format",
    "Model": "model.model",
    "Network": "model.network",
    "Noise": "experiment.noise",
    "Protocol": "experiment.protocol",
    "ProtocolError": "errors",
    "Recipe": "training.recipe",
    "Selection": "stimuli.selection",
    "Run": "experiment.run",
    "Scale": "experiment.interventions",
    "Settings": "experiment.settings",
    "Show": "experiment.events",
    "Transition": "model.areas",
    "UsageError": "errors",
    "VentralError": "errors",
    "analyze": "figures.findings",
    "choose": "errors",
    "cluster_test": "measures.significance",
    "compare_run": "compare.compare",
    "decode_over_time": "measures.decoding",
    "divergence": "measures.latency",
    "decoding_patterns": "measures.patterns",
    "effective_parameters": "model.counting",
    "export_run": "export.formats",
    "fdr_test": "measures.significance",
    "generalise": "measures.generalisation",
    "image": "experiment.events",
    "latencies": "measures.latency",
    "latency_differences": "measures.latency",
    "latency_map": "compare.latency_map",
    "load_images": "stimuli.datasets",
    "load_model": "model.model",
    "load_protocol": "experiment.catalogue",
    "mask": "experiment.events",
    "matched": "compare.matching",
    "max_test": "measures.significance",
    "measured_fields": "measures.measured_fields",
    "open_run": "experiment.run",
    "paired_difference": "measures.observations",
    "plot": "figures.plot",
    "read": "compare.neural",
    "read_responses": "measures.responses",
    "renamed": "compare.matching",
    "report_run": "report.report",
    "select_images": "stimuli.selection",
    "simulate": "experiment.simulate",
    "target": "experiment.events",
    "tfce_test": "measures.significance",
    "train": "training.train",
    "unit_fields": "measures.unit_fields",
    "wrap": "model.outside",
    "zoo": "model.zoo",
}
MODULES = ("plot", "zoo")  # public names that are modules themselves


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import ventral` stays light."""
    if name == "__version__":
        value: object = _version()
    elif name in HOMES:
        home = importlib.import_module(f"ventral.{HOMES[name]}")
        value = home if name in MODULES else getattr(home, name)
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
