"""What is named on the command line: models, graphs, data, protocols, areas, runs, devices. No science."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventral.cli.console import busy
from ventral.errors import ClockError, GraphError, UsageError, choose

if TYPE_CHECKING:
    from ventral.experiment.simulate import Settings
    from ventral.experiment.timeline import Protocol
    from ventral.model.checkpoint import Model
    from ventral.model.graph import AreaGraph
    from ventral.stimuli.shapes import ShapeSettings


NAMED_DATA = ("shapes", "cifar10")  # what needs no path
settings_option = click.option(
    "--set", "settings", multiple=True, metavar="KNOB=VALUE", help="Set a knob, as in end_ms=150; may be repeated."
)
device_option = click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda.")
threads_option = click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Processor threads; all cores if not given."
)


def trained(model: str, device: str) -> "Model":
    """A model with weights."""
    from ventral.model.checkpoint import load_model, shipped
    from ventral.model.zoo import GRAPHS

    graphs = {name.replace("_", "-") for name in GRAPHS}.difference(shipped())
    if model.endswith(".json") or model.partition(":")[0].replace("_", "-") in graphs:
        raise UsageError(
            f"{model} is a graph and has no weights; train it (`ventral train {model} --data ...`) and give the file, "
            "or simulate it with random weights (--untrained)."
        )
    return load_model(model, device)


def make_untrained(model: str, data: str | None, split: str, images: int, settings: "Settings", end_ms: int) -> "Model":
    """A model with random weights, its statistics estimated to `end_ms` on training images that are not presented."""
    from ventral.experiment.simulate import spare_images
    from ventral.model.checkpoint import untrained_model

    graph, title = read_graph(model), title_of(model)
    if data is None and title not in NAMED_DATA:
        raise UsageError(f"{model} has no data of its own; say with --data which images it is shown.")
    name, shapes = read_source(data or title)
    spare = spare_images(name, split, images, settings.seed, graph[graph.entry].size, shapes)
    graph = with_classes(graph, model, len(spare.label_names), name)
    made = untrained_model(graph, spare, settings.seed, end_ms, f"{title}-untrained")
    made.network.to(settings.device)
    return made


def title_of(model: str) -> str:
    """What a graph is called, as part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", Path(model).name.removesuffix(".json"))


def with_classes(
    graph: "AreaGraph", model: str, classes: int, data: str, said: Callable[[str], object] = click.echo
) -> "AreaGraph":
    """A graph by name tells as many classes apart as the data have; one of one's own says so itself."""
    if classes == graph.classes or model.endswith(".json"):
        return graph
    said(f"the readout tells {classes} classes apart, those of {data}")
    return replace(graph, classes=classes)


def read_graph(text: str) -> "AreaGraph":
    """A graph by name, with its knobs as in "two-state:readout_ms=30,sharing=per-tick", or from a file of JSON."""
    from ventral.knobs import apply_settings
    from ventral.model.graph import AreaGraph
    from ventral.model.zoo import GRAPHS, graph

    if not text.endswith(".json"):
        name, _, rest = text.partition(":")
        name = choose("model", name, GRAPHS)
        return graph(name, **apply_settings(GRAPHS[name], [part for part in rest.split(",") if part]))
    try:
        return AreaGraph.from_json(Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = (os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is not text").lower()
        raise UsageError(f"cannot read {text}: {why}; give a file of JSON that describes a graph.") from None
    except (ClockError, GraphError) as error:
        raise type(error)(f"{text}: {error}") from None


def named_model(name: str) -> "tuple[str, Model | None, AreaGraph]":
    """What a name means, with its knobs; the model if it has weights; and the graph."""
    from ventral.model.checkpoint import load_model, shipped
    from ventral.model.zoo import GRAPHS

    plain = name.partition(":")[0]
    is_file = name.endswith((".json", ".safetensors"))
    known = name if is_file else choose("model", plain, {*shipped(), *GRAPHS}) + name.removeprefix(plain)
    model = load_model(known) if known.endswith(".safetensors") or known in shipped() else None
    return known, model, model.graph if model else read_graph(known)


def find_protocol(name: str, settings: Sequence[str]) -> "Protocol":
    """A protocol by name or path, with its knobs set."""
    from ventral.experiment.protocols import made_protocol
    from ventral.knobs import apply_settings
    from ventral.plugins import load

    return made_protocol(name, apply_settings(load("protocols", name).protocol, settings))


def listed(areas: str | None) -> tuple[str, ...]:
    """Areas as typed, "V1,IT"; empty if all are meant."""
    if areas is None:
        return ()
    names = tuple(name.strip() for name in areas.split(",") if name.strip())
    if not names:
        raise UsageError(f"--areas is {areas!r}; write it as V1,IT or leave it out to have all.")
    return names


def own_data(network: "Model") -> str:
    """The data that a model was trained on, if it can be found by name."""
    name = str(network.metadata["data"]["name"])
    if name not in NAMED_DATA:
        raise UsageError(f"{network.name} was trained on {name}; say with --data where images are to be found.")
    return name


def read_source(text: str) -> "tuple[str, ShapeSettings | None]":
    """A data source as typed: "shapes:clutter=0.8,contrast=0.5" sets how hard the built-in shapes are."""
    name, colon, rest = text.partition(":")
    if colon and name in NAMED_DATA and name != "shapes":
        raise UsageError(f"the data {name!r} has no settings; only shapes does, as in shapes:clutter=0.8.")
    if name != "shapes" or not colon:
        return text, None
    from ventral.knobs import apply_settings
    from ventral.stimuli.shapes import ShapeSettings

    given: dict[str, Any] = apply_settings(ShapeSettings, [part for part in rest.split(",") if part])
    return name, ShapeSettings(**given)


def find_cifar(source: str | Path) -> Path:
    """Where CIFAR-10 is, once all of it was read."""
    with busy("reading CIFAR-10"):
        from ventral.stimuli.datasets import find_cifar as find

        return find(source)


def set_threads(count: int | None) -> None:
    """Use so many processor threads."""
    if count is not None:
        import torch

        torch.set_num_threads(count)


def check_device(name: str) -> str:
    """A device that is there."""
    import torch

    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError):
        raise UsageError(f"there is no device {name!r} here; use cpu, or cuda where torch finds a GPU.") from None
    return name
