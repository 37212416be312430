"""What names on the command line mean: models, graphs, protocols."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ventral.cli.console import echo
from ventral.cli.options import NAMED_DATA, read_source
from ventral.errors import ClockError, GraphError, UsageError, choose

if TYPE_CHECKING:
    from ventral.experiment.protocol import Protocol
    from ventral.model.graph import AreaGraph
    from ventral.model.model import Model
    from ventral.model.subject import Anatomy


def find_protocol(name: str, settings: Sequence[str]) -> "Protocol":
    """Protocol of a name or path, with its knobs set."""
    from ventral.experiment.catalogue import made_protocol
    from ventral.knobs import apply_settings
    from ventral.plugins import load

    return made_protocol(name, apply_settings(load("protocols", name).protocol, settings))


def find_model(name: str) -> "tuple[str, Model | None, Anatomy]":
    """Full name of a model or graph with its knobs, the model if it has weights, and its graph."""
    from ventral.model.model import load_model
    from ventral.model.weights import shipped
    from ventral.model.zoo import GRAPHS
    from ventral.plugins import list_scripts

    plain = name.partition(":")[0]
    is_file = name.endswith((".json", ".safetensors", ".py"))
    weighted = {*shipped(), *(script.name for script in list_scripts("models"))}
    known = name if is_file else choose("model", plain, {*weighted, *GRAPHS}) + name.removeprefix(plain)
    model = load_model(known) if known.endswith((".safetensors", ".py")) or known in weighted else None
    return known, model, model.graph if model else read_graph(known)


def load_trained(name: str, device: str) -> "Model":
    """Model with weights; a graph is refused."""
    from ventral.model.model import load_model
    from ventral.model.weights import shipped
    from ventral.model.zoo import GRAPHS

    graphs = {graph.replace("_", "-") for graph in GRAPHS}.difference(shipped())
    if name.endswith(".json") or name.partition(":")[0].replace("_", "-") in graphs:
        raise UsageError(
            f"{name} is a graph and has no weights; train it (`ventral train {name} --data ...`) and give the file, "
            "or simulate it with random weights (--untrained)."
        )
    return load_model(name, device)


def make_untrained(
    name: str,
    data: str | None,
    split: str,
    images: int | None,
    seed: int,
    device: str,
    ms: int,
    calibrate_on: str | None = None,
) -> "Model":
    """Model with random weights, whose statistics are estimated to a time on images that are not presented.

    `name` is a graph, or a model with weights, whose graph is taken.
    """
    from ventral.experiment.recalibration import CALIBRATION
    from ventral.model.model import untrained_model
    from ventral.stimuli.selection import select_images

    graph, title = _graph_of(name), title_of(name)
    source, shapes = read_source(source_of(name, data, "which images it is shown"))
    size = graph[graph.entry].size
    selection = select_images(
        source, split, images, seed, size, shapes, pool=False, calibration=CALIBRATION, calibrate_on=calibrate_on
    )
    assert selection.calibration is not None
    label_names = selection.presented.label_names
    graph = with_classes(graph, name, len(label_names), source)
    model = untrained_model(graph, selection.calibration, seed, ms, f"{title}-untrained", label_names)
    model.network.to(device)
    return model


def _graph_of(name: str) -> "AreaGraph":
    """Graph by its own name or file, or by that of a model with weights."""
    from ventral.model.graph import AreaGraph
    from ventral.model.weights import shipped
    from ventral.model.zoo import GRAPHS

    graphs = {graph.replace("_", "-") for graph in GRAPHS}
    if not name.endswith(".safetensors") and (name not in shipped() or name in graphs):
        return read_graph(name)
    graph = load_trained(name, "cpu").graph
    assert isinstance(graph, AreaGraph), "a file of weights is of a network of our own"
    return graph


def read_graph(text: str) -> "AreaGraph":
    """Graph by name, with knobs as in "two-state:readout_ms=30,sharing=per-tick", or from a file of JSON."""
    from ventral.files import expanded
    from ventral.knobs import apply_settings
    from ventral.model.graph import AreaGraph
    from ventral.model.zoo import GRAPHS, graph

    if text.endswith(".py"):
        raise UsageError(f"{text} gives a network with weights of its own, not a graph; train it with your own code.")
    if not text.endswith(".json"):
        name, _, rest = text.partition(":")
        name = choose("model", name, GRAPHS)
        return graph(name, **apply_settings(GRAPHS[name], [part for part in rest.split(",") if part]))
    try:
        return AreaGraph.from_json(expanded(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = (os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is not text").lower()
        raise UsageError(f"cannot read {text}: {why}; give a file of JSON that describes a graph.") from None
    except (ClockError, GraphError) as error:
        raise type(error)(f"{text}: {error}") from None


def title_of(name: str) -> str:
    """Name of a graph as part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", Path(name).name.removesuffix(".json").removesuffix(".safetensors"))


def with_classes(
    graph: "AreaGraph", name: str, classes: int, data: str, report: Callable[[str], object] = echo
) -> "AreaGraph":
    """Graph with as many classes as the data have; a description in a file keeps its own number."""
    if classes == graph.classes or name.endswith(".json"):
        return graph
    report(f"the readout distinguishes {classes} classes, those of {data}")
    return replace(graph, classes=classes)


def source_of(name: str, data: str | None, purpose: str) -> str:
    """Data that were given, or those that a graph is named after."""
    if data is None and title_of(name) not in NAMED_DATA:
        raise UsageError(f"{name} has no data of its own; say with --data {purpose}.")
    return data or title_of(name)


def own_data(model: "Model") -> str:
    """Data that a model was trained on, if they can be found by name."""
    if "data" not in model.metadata:
        raise UsageError(f"{model.name} has no data of its own; say with --data which images it is shown.")
    name = str(model.metadata["data"]["name"])
    if name not in NAMED_DATA:
        raise UsageError(f"{model.name} was trained on {name}; say with --data where images are to be found.")
    return name
