"""`ventral models`: models with weights, graphs to compare and graphs of the paper, and what one of them is."""

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventral.cli import candidates
from ventral.cli.console import busy, echo, first_line, fitted, in_ms, percent, print_knobs, spell_count, table
from ventral.cli.lookup import find_model
from ventral.cli.options import PATH, figure_option, option
from ventral.errors import UsageError

if TYPE_CHECKING:
    from ventral.model.graph import AreaGraph
    from ventral.model.outside_graph import OutsideGraph

MARKDOWN_MS = (30, 50, 100, 200, 300)
DRIVES = {
    "impulse": "once, at its onset",
    "sustained": "at every tick at which it is on",
    "continuous": "at every tick",
}
PRENETS = {"conv": "a 3x3 convolution", "convx3": "Conv-BN-ReLU-Conv-BN-ReLU-Conv"}
SHARINGS = {
    "over-time": "are shared over time",
    "per-tick": "are those of each tick",
    "everywhere": "are one kernel, shared over time, areas and stages",
}
STATISTICS = {
    "per-tick": "for each tick",
    "shared": "shared over time",
    "fixed": "for all ticks, the same in training and test",
}


@click.group(invoke_without_command=True)
@option("--markdown", is_flag=True, help="Print the models with weights as a table in Markdown.")
@click.pass_context
def models(context: click.Context, markdown: bool) -> None:
    """List models; `show` explains one."""
    if context.invoked_subcommand is not None:
        return
    if markdown:
        print_markdown()
        return
    table("models with weights", ("name", "best readout", "data"), list(shipped_rows()))
    if trained := list(family_weights()):
        columns = ("name", "seeds", "best readout", "least to most over seeds", "data")
        table("models with weights, trained with several seeds or to be compared", columns, trained)
    if others := list(plugin_rows()):
        table("models of other packages", ("name", "from"), others)
    table("graphs that differ in their transitions only", ("name", "parameters", "is"), list(family_rows()))
    table("graphs of the paper", ("name", "read at", "parameters", "is"), list(paper_rows()))
    echo("`ventral models show NAME` explains one and its knobs; `ventral train NAME` trains it.")


def shipped_rows() -> Iterator[tuple[str, str, str]]:
    """Name, best accuracy and training data of each model with weights that is in no group."""
    from ventral.model.checkpoint import read_checkpoint

    for name, path in shipped_alone().items():
        header = read_checkpoint(path)[1]
        yield name, f"{percent(best_accuracy(header))} % on {header['test']['images']:,} test images", data_of(header)


def shipped_alone() -> dict[str, Path]:
    """Name and file of each model with weights that is in no group."""
    from ventral.model.weights import shipped

    return {name: path for name, path in shipped().items() if "/" not in name}


def family_weights() -> Iterator[tuple[str, str, str, str, str]]:
    """Names, seeds, best accuracy (mean, and range over seeds) and data of the models in groups: family/full, ..."""
    from ventral.model.checkpoint import read_checkpoint
    from ventral.model.weights import seeds_of, shipped

    files = shipped()
    for group, names in seeds_of([name for name in files if "/" in name]).items():
        headers = [read_checkpoint(files[name])[1] for name in names]
        best = [best_accuracy(header) for header in headers]
        seeds = ", ".join(name.removeprefix(f"{group}-") for name in names)
        span = f"{percent(min(best))} to {percent(max(best))} %"
        yield f"{group}-{{seed}}", seeds, f"{percent(sum(best) / len(best))} %", span, data_of(headers[0])


def plugin_rows() -> Iterator[tuple[str, str]]:
    """Name and package of each model of another package, none of which is imported."""
    from ventral.plugins import list_scripts

    for script in list_scripts("models"):
        yield script.name, script.origin


def best_accuracy(header: Mapping[str, Any]) -> float:
    """Accuracy on test images at the time at which it is highest."""
    return float(max(accuracy for accuracy in header["test"]["accuracy"] if accuracy is not None))


def family_rows() -> Iterator[tuple[str, str, str]]:
    """Name, parameters and description of each network of the family."""
    from ventral.model.counting import parameters
    from ventral.model.family import FAMILY

    for name, make in FAMILY.items():
        yield name, f"{parameters(make()):,}", first_line(make)


def paper_rows() -> Iterator[tuple[str, str, str, str]]:
    """Name, readout times, effective parameters and first line of each graph of the paper."""
    from ventral.model.counting import effective_parameters
    from ventral.model.zoo import PAPER

    for name, function in PAPER.items():
        graph = function()
        times = ", ".join(map(in_ms, graph.readout_ms))
        yield name, times, f"{effective_parameters(graph):,}", first_line(function)


def data_of(header: Any) -> str:
    """Data that a checkpoint was trained on, as its note or its test names them."""
    return str(header["note"].partition(":")[0] or header["test"]["name"])


def print_markdown() -> None:
    """Print data, areas, recipe and accuracy of the models with weights, read from their files."""
    from ventral.clock import ticks
    from ventral.model.checkpoint import read_checkpoint
    from ventral.model.counting import parameters
    from ventral.model.graph import AreaGraph
    from ventral.tables import markdown

    rows = []
    for name, path in shipped_alone().items():
        header = read_checkpoint(path)[1]
        graph = AreaGraph.from_json(json.dumps(header["graph"]))
        areas = ", ".join(f"{area.name} {area.channels}" for area in graph.areas)
        recipe = ", ".join([*changed_fields(header), f"seed {header['recipe']['seed']}"])
        correct = " / ".join(percent(header["test"]["accuracy"][ticks(ms, "ms")]) for ms in MARKDOWN_MS)
        rows.append((f"`{name}`", data_of(header), areas, f"{parameters(graph):,}", recipe, correct))
    times = ", ".join(map(str, MARKDOWN_MS))
    columns = ("model", "data", "areas (channels)", "parameters", "recipe", f"% correct at {times} ms")
    echo(markdown(columns, rows))


def changed_fields(header: Any) -> Iterator[str]:
    """Fields in which the recipe of a checkpoint departs from the defaults, but for the seed."""
    from ventral.training.recipe import Recipe
    from ventral.training.recipes import as_stored, stored_recipe

    usual = as_stored(Recipe())
    for field, value in stored_recipe(header).items():
        if field != "seed" and value != usual[field]:
            yield f"{field} {value:g}" if isinstance(value, (int, float)) else f"{field} {value}"


@models.command("show")
@click.argument("name", metavar="NAME|FILE", shell_complete=candidates.models())
@figure_option("Draw the graph into this file (SVG, PNG or PDF).")
@option("--json", "description", type=PATH, metavar="FILE.json", help="Write the graph's description into this file.")
def models_show(name: str, figure: Path | None, description: Path | None) -> None:
    """Explain a model: its transitions, parameters and accuracy.

    The command also prints when the stimulus arrives in each area, and what a readout costs. NAME is a model that
    `ventral models` lists, with knobs as in two-state:readout_ms=30,sharing=per-tick. FILE is a checkpoint, the JSON
    description of a graph, or a Python file with a function `model`.
    """
    with busy("loading"):
        from ventral.model.graph import AreaGraph
        from ventral.model.outside_graph import OutsideGraph

        known, model, graph = find_model(name)
    if isinstance(graph, OutsideGraph):
        print_outside(name, graph)
    if isinstance(graph, AreaGraph):
        print_known(name, known, graph)
    if model is not None and "test" in model.metadata:
        print_training(model.metadata)
    if figure is not None:
        from ventral.figures.graph import graph_figure
        from ventral.figures.saving import save_as

        if not isinstance(graph, AreaGraph):
            raise UsageError(
                f"the transitions of {name} are not known, so there is no graph to draw; leave out --figure."
            )
        echo(save_as(graph_figure(graph, title=name), figure))
    if description is not None:
        description.write_text(json.dumps(json.loads(graph.to_json()), indent=1) + "\n", encoding="utf-8")
        echo(description)


def print_known(name: str, known: str, graph: "AreaGraph") -> None:
    """Print a graph and, if it is one that has a name, what it is and its knobs."""
    from ventral.model.zoo import GRAPHS

    function = GRAPHS.get(known.partition(":")[0])
    if function is None:
        print_graph(name, graph)
        return
    echo(fitted(inspect.cleandoc(function.__doc__ or "").partition("\n\nParameters")[0]) + "\n")
    print_graph(name, graph)
    print_knobs("knobs (NAME:knob=value,...)", function)


def print_outside(name: str, graph: "OutsideGraph") -> None:
    """Print the areas of an outside network, the images that it takes, and the code that it is made of."""
    rows = [
        (area.name, "x".join(map(str, area.shape)), in_ms(area.arrival_ms), area.recorded["recorded"])
        for area in graph.outputs
    ]
    table(f"{name}: areas of an outside network", ("area", "shape", "arrival", "recorded"), rows)
    pixels = graph.pixels
    echo(
        f"It takes images of {pixels.size}x{pixels.size} pixels, from 0 to {pixels.white:g}, minus {pixels.mean}, "
        f"divided by {pixels.std}. An image enters {DRIVES[graph.drive]}.\n"
    )
    table("made of", ("class or function", "version"), list(graph.code.items()))


@models.command("pack")
@click.argument("file", type=PATH)
@option("--out", type=PATH, required=True, metavar="FILE.safetensors", help="The new file.")
def models_pack(file: Path, out: Path) -> None:
    """Write a checkpoint anew with weights in half precision, which halves its size.

    What it says of its training and accuracy is kept; `ventral evaluate` measures the accuracy of the new file.
    """
    with busy("loading"):
        from ventral.model.packing import pack
    pack(file, out)
    click.echo(f"{out}: {out.stat().st_size / 1e6:.2f} MB, {file}: {file.stat().st_size / 1e6:.2f} MB")


def print_graph(name: str, graph: "AreaGraph") -> None:
    """Print the transitions of a graph, when the stimulus arrives, what is learned, and what a readout costs."""
    from ventral.model.counting import effective_parameters, multiply_adds, parameters
    from ventral.model.matrix import matrix

    cells, names = matrix(graph), [area.name for area in graph.areas]
    rows = []
    for area in graph.areas:
        shape, arrival = f"{area.size}x{area.size}x{area.channels}", in_ms(graph.arrival_ms[area.name])
        rows.append((area.name, shape, arrival, *(cells.get((area.name, other), "") for other in names)))
    table(f"{name}: transitions from (row) to (column)", ("area", "size", "arrival", *names), rows)
    echo(
        f"An image enters {DRIVES[graph.drive]} ({graph.drive} drive), through {PRENETS[graph.prenet]}, into "
        f"{graph.entry}."
    )
    biases = "with" if graph.bias else "without"
    echo(f"{parameters(graph):,} parameters ({biases} biases); weights {SHARINGS[graph.sharing]}.")
    for tie in graph.ties:
        echo(f"One weight: {', '.join(entry.name for entry in tie)}.")
    learned = "; their scale and shift are learned" if graph.scale_shift else ""
    echo(f"Normalisation has mean and variance {STATISTICS[graph.statistics]}{learned}.\n")
    rows = [
        (str(ms), f"{effective_parameters(graph, [ms]):,}", spell_count(multiply_adds(graph, [ms])))
        for ms in readout_times(graph)
    ]
    while len(rows) > 1 and not graph.readout_ms and rows[-1][1] == rows[-2][1]:
        rows.pop()  # from then on, only the operations grow
    table(f"read from {graph.readout}", ("ms", "effective parameters", "multiply-adds per image"), rows)


def readout_times(graph: "AreaGraph") -> tuple[int, ...]:
    """Times at which a graph is read; if it names none, those at which its readout area is present until it settles."""
    from ventral.clock import to_ms

    if graph.readout_ms:
        return graph.readout_ms
    last_ms = (graph.arrival_ms[graph.readout] or 0) + to_ms(graph.settled)
    present = graph.presence_until(last_ms)[graph.readout]
    return tuple(to_ms(tick) for tick in range(len(present)) if present[tick])


def print_training(header: Any) -> None:
    """Print what a checkpoint says of its training and its test."""
    from ventral.clock import to_ms

    test = header["test"]
    rows = [(str(to_ms(tick)), percent(value)) for tick, value in enumerate(test["accuracy"]) if value is not None]
    table(f"accuracy on {test['images']:,} test images of {test['name']}, images staying on", ("ms", "% correct"), rows)
    if header.get("note"):
        echo(header["note"])
