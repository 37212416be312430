"""Commands that list and explain what there is: models, protocols, analyses, data, stimuli."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventral.cli.console import busy, fitted, in_ms, percent, progress_bar, resumable, spell_count, table, tell_next
from ventral.cli.options import find_cifar, find_protocol, named_model, read_source, settings_option
from ventral.errors import UsageError, choose

if TYPE_CHECKING:
    from ventral.experiment.timeline import Protocol
    from ventral.model.graph import AreaGraph
    from ventral.plugins import GroupName


@click.group(invoke_without_command=True)
@click.option("--markdown", is_flag=True, help="The table of the shipped models, as in the README.")
@click.pass_context
def models(context: click.Context, markdown: bool) -> None:
    """List models, or explain one with `show NAME`."""
    if context.invoked_subcommand is None and markdown:
        tell_shipped()
    elif context.invoked_subcommand is None:
        from ventral.model.checkpoint import read_checkpoint, shipped
        from ventral.model.counting import effective_parameters
        from ventral.model.zoo import PAPER

        rows = []
        for name, path in shipped().items():
            header = read_checkpoint(path)[1]
            test = header["test"]
            best = max(accuracy for accuracy in test["accuracy"] if accuracy is not None)
            rows.append(
                (
                    name,
                    f"{100 * best:.1f} % on {test['images']:,} test images",
                    header["note"].partition(":")[0] or test["name"],
                )
            )
        table("models with weights", ("name", "best readout", "data"), rows)
        paper = []
        for name, function in PAPER.items():
            graph = function()
            reads = ", ".join(f"{ms} ms" for ms in graph.readout_ms)
            paper.append((name, reads, f"{effective_parameters(graph):,}", first_line(function)))
        table("graphs of the paper", ("name", "read at", "parameters", "is"), paper)
        click.echo("`ventral models show NAME` explains one and its knobs; `ventral train NAME` trains it.")


def tell_shipped() -> None:
    """Recipe, data and accuracy of the shipped models, from their files."""
    from ventral.clock import ticks
    from ventral.model.checkpoint import read_checkpoint, shipped
    from ventral.model.counting import parameters
    from ventral.model.graph import AreaGraph
    from ventral.training.recipe import Recipe, as_stored, stored_recipe

    times, usual = (30, 50, 100, 200, 300), as_stored(Recipe())
    click.echo(
        f"| model | data | areas (channels) | parameters | recipe | % correct at {', '.join(map(str, times))} ms |"
    )
    click.echo("|---|---|---|---|---|---|")
    for name, path in shipped().items():
        header = read_checkpoint(path)[1]
        graph, test = AreaGraph.from_json(json.dumps(header["graph"])), header["test"]
        areas = ", ".join(f"{area.name} {area.channels}" for area in graph.areas)
        changed = [
            f"{field} {value:g}" if isinstance(value, (int, float)) else f"{field} {value}"
            for field, value in stored_recipe(header).items()
            if field != "seed" and value != usual[field]
        ]
        correct = " / ".join(percent(test["accuracy"][ticks(ms, "ms")]) for ms in times)
        data = header["note"].partition(":")[0] or test["name"]
        recipe = ", ".join([*changed, f"seed {header['recipe']['seed']}"])
        click.echo(f"| `{name}` | {data} | {areas} | {parameters(graph):,} | {recipe} | {correct} |")


def first_line(function: Callable[..., object]) -> str:
    """The first line of a docstring."""
    return (function.__doc__ or "").splitlines()[0]


@models.command("show")
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw the graph, as SVG, PNG or PDF."
)
@click.option("--json", "written", type=click.Path(path_type=Path), metavar="FILE.json", help="Write the description.")
def models_show(name: str, figure: Path | None, written: Path | None) -> None:
    """Transition matrix, arrival of the stimulus, parameters, operations, and accuracy over time.

    NAME is a model's, with knobs as in two-state:readout_ms=30,sharing=per-tick; FILE a checkpoint or the JSON
    description of a graph.
    """
    with busy("loading"):
        from ventral.model.zoo import GRAPHS

        known, model, graph = named_model(name)
    function = GRAPHS.get(known.partition(":")[0])
    if function is not None:
        click.echo(fitted(inspect.cleandoc(function.__doc__ or "").partition("\n\nParameters")[0]) + "\n")
    tell_graph(name, graph)
    if function is not None:
        tell_knobs("knobs (NAME:knob=value,...)", function)
    if model is not None:
        tell_training(model.metadata)
    if figure is not None:
        from ventral.figures.graph import graph_figure
        from ventral.figures.saving import save_as

        click.echo(save_as(graph_figure(graph, title=name), figure))
    if written is not None:
        written.write_text(json.dumps(json.loads(graph.to_json()), indent=1) + "\n", encoding="utf-8")
        click.echo(written)


def tell_graph(name: str, graph: "AreaGraph") -> None:
    """What a graph is: who leads to whom, when the stimulus arrives, what is learned, what an answer costs."""
    from ventral.clock import to_ms
    from ventral.model.counting import effective_parameters, multiply_adds, parameters
    from ventral.model.graph import matrix

    cells, names = matrix(graph), [area.name for area in graph.areas]
    rows = [
        (
            area.name,
            f"{area.size}x{area.size}x{area.channels}",
            in_ms(graph.arrival_ms[area.name]),
            *(cells.get((area.name, other), "") for other in names),
        )
        for area in graph.areas
    ]
    table(f"{name}: transitions from (row) to (column)", ("area", "size", "arrival", *names), rows)
    enters = "enters once, at its onset" if graph.drive == "impulse" else "enters at every tick at which it is on"
    click.echo(f"An image {enters} ({graph.drive} drive), through {PRENETS[graph.prenet]}, into {graph.entry}.")
    biases = "with" if graph.bias else "without"
    click.echo(f"{parameters(graph):,} parameters ({biases} biases); weights {SHARINGS[graph.sharing]}.")
    for tie in graph.ties:
        click.echo(f"One weight: {', '.join(entry.name for entry in tie)}.")
    learned = "; their scale and shift are learned" if graph.scale_shift else ""
    click.echo(f"Normalisation has mean and variance {STATISTICS[graph.statistics]}{learned}.\n")
    reads = graph.readout_ms
    if not reads:
        first = (graph.arrival_ms[graph.readout] or 0) // to_ms(1)
        here = graph.presence_until(to_ms(first + graph.settled))[graph.readout]
        reads = tuple(to_ms(t) for t, present in enumerate(here) if present)
    rows = [
        (str(ms), f"{effective_parameters(graph, [ms]):,}", spell_count(multiply_adds(graph, [ms]))) for ms in reads
    ]
    while len(rows) > 1 and not graph.readout_ms and rows[-1][1] == rows[-2][1]:
        rows.pop()
    columns = ("ms", "effective parameters", "multiply-adds per image")
    table(f"read from {graph.readout}", columns, rows)


PRENETS = {"conv": "a 3x3 convolution", "convx3": "Conv-BN-ReLU-Conv-BN-ReLU-Conv"}
SHARINGS = {
    "over-time": "are shared over time",
    "per-tick": "are those of each tick",
    "everywhere": "are one kernel, shared over time, areas and stages",
}
STATISTICS = {"per-tick": "for each tick", "shared": "shared over time"}


def tell_scripts(group: "GroupName", title: str) -> None:
    """Ours and those of plug-ins, with what they are."""
    from ventral.plugins import list_scripts

    rows = [(script.name, script.summary, script.origin) for script in list_scripts(group)]
    table(title, ("name", "is", "from"), rows)


def tell_knobs(title: str, function: Callable[..., object]) -> None:
    """What can be set, if anything can."""
    from ventral.knobs import knobs, written

    rows = []
    for knob in knobs(function).values():
        default = "" if knob.default == () else written(knob.default)  # an empty tuple cannot be typed
        rows.append((knob.name, default, knob.kind.takes))
    if rows:
        table(title, ("knob", "default", "takes"), rows)


def tell_training(header: Any) -> None:
    """What a checkpoint says of its training and its test."""
    from ventral.clock import to_ms

    test = header["test"]
    table(
        f"accuracy on {test['images']:,} test images of {test['name']}, images staying on",
        ("ms", "% correct"),
        [(str(to_ms(t)), percent(a)) for t, a in enumerate(test["accuracy"]) if a is not None],
    )
    if header.get("note"):
        click.echo(header["note"])


@click.group(invoke_without_command=True)
@click.pass_context
def protocols(context: click.Context) -> None:
    """List protocols, explain one with `show NAME`, or begin one with `new NAME`."""
    if context.invoked_subcommand is None:
        tell_scripts("protocols", "protocols")
        click.echo("`ventral protocols show NAME` explains one and its knobs; `ventral protocols new NAME` begins one.")


@protocols.command("show")
@click.argument("name", metavar="NAME|FILE.py")
@settings_option
@click.option(
    "--model", default="shapes", show_default=True, metavar="NAME|FILE|GRAPH.json", help="Whose areas images arrive in."
)
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw the conditions, as SVG, PNG or PDF."
)
def protocols_show(name: str, settings: tuple[str, ...], model: str, figure: Path | None) -> None:
    """What a protocol asks, its knobs, what it shows when, and when that arrives in the areas of a model."""
    from ventral.plugins import load

    module = load("protocols", name)
    made = find_protocol(name, settings)
    click.echo(fitted(inspect.cleandoc(module.__doc__ or "")) + "\n")
    tell_knobs("knobs (--set)", module.protocol)
    with busy("loading"):
        from ventral.experiment.simulate import check_stimuli

        check_stimuli(made)
        _, weights, graph = named_model(model)
    limit_ms = weights.statistics_horizon_ms if weights else None
    tell_schedule(made, graph, model, limit_ms)
    if figure is not None:
        from ventral.figures.protocol import schedule_figure
        from ventral.figures.saving import save_as

        click.echo(save_as(schedule_figure(made, graph, limit_ms, f"{made.name} on {model}"), figure))


def tell_schedule(protocol: "Protocol", graph: "AreaGraph", model: str, limit_ms: int | None) -> None:
    """What each condition shows when, where events overlap, what is scaled, and when the first image arrives."""
    from ventral.figures.protocol import arrivals, check_fit, first_image_ms, last_known_ms, overlaps, scaled

    def lasting(start_ms: int, stop_ms: int) -> str:
        return f"{start_ms}-{stop_ms}" if start_ms >= 0 else f"{start_ms} to {stop_ms}"

    joins = {"over": "over", "add": "added to"}
    columns: dict[str, list[list[str]]] = {"shows (ms)": [], "overlap (ms)": [], "scaled in the network (ms)": []}
    for condition in protocol.conditions:
        shown = [f"{event.what} {lasting(event.start_ms, event.stop_ms)}" for event in condition.events]
        both = [
            f"{later.what} {joins[condition.combine]} {earlier.what}, "
            + lasting(later.start_ms, min(earlier.stop_ms, later.stop_ms))
            for earlier, later in overlaps(condition)
        ]
        changes = [f"{scaled(one)}, {lasting(one.start_ms, one.stop_ms)}" for one in condition.interventions]
        for cells, said in zip(columns.values(), (shown or [protocol.gap], both, changes), strict=True):
            cells.append(said)
    told = {name: ["; ".join(said) for said in cells] for name, cells in columns.items() if any(cells)}
    rows = list(zip([condition.name for condition in protocol.conditions], *told.values(), strict=True))
    table(f"conditions, {protocol.start_ms} to {protocol.end_ms} ms", ("condition", *told), rows)
    between = "grey" if protocol.gap == "grey" else "no input"
    click.echo(f"Between events: {between}. Read at {', '.join(map(str, protocol.readout_ms))} ms.\n")
    check_fit(protocol, graph)
    firsts = {first: c for c in protocol.conditions if (first := first_image_ms(c)) is not None}
    arriving = [(first, arrivals(protocol, firsts[first], graph)) for first in sorted(firsts)]
    lines = [(in_ms(first), *map(in_ms, times.values())) for first, times in arriving]
    areas = [area.name for area in graph.areas]
    table(f"when the first image arrives in the areas of {model}", ("it comes at", *areas), lines)
    if (last := last_known_ms(protocol, limit_ms)) is not None:
        click.echo(
            f"{model} has normalisation statistics to {last} ms here; what is beyond takes --beyond-horizon held or "
            "--statistics recalibrated."
        )


@protocols.command("new")
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.py", help="The file; NAME.py in this folder if not given."
)
def protocols_new(name: str, out: Path | None) -> None:
    """Write a protocol to begin with: it runs as it is, and its comments say what can be changed."""
    from ventral.experiment.template import write_protocol

    path = write_protocol(name, out)
    click.echo(f"wrote {path}")
    tell_next("protocols", "show", path)
    tell_next("simulate", "--protocol", path)


@click.group(invoke_without_command=True)
@click.pass_context
def analyses(context: click.Context) -> None:
    """List analyses, or explain one with `show NAME`."""
    if context.invoked_subcommand is None:
        tell_scripts("analysis", "analyses")
        click.echo("`ventral analyses show NAME` explains one and its knobs; `ventral analyze NAME RUN.zarr` does it.")


@analyses.command("show")
@click.argument("name", metavar="NAME|FILE.py")
def analyses_show(name: str) -> None:
    """What an analysis asks and how, its source, and its knobs with what they mean."""
    from ventral.plugins import load

    module = load("analysis", name)
    for text in (module.__doc__, module.analyze.__doc__):
        if text:
            click.echo(fitted(inspect.cleandoc(text)) + "\n")
    tell_knobs("knobs (--set)", module.analyze)


@click.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """List data, count the images of one with `show SOURCE`, or download CIFAR-10 with `fetch cifar10`."""
    if context.invoked_subcommand is None:
        rows = [
            ("shapes", "ten classes of textured shapes in clutter, built in"),
            ("cifar10", "CIFAR-10 in .data/cifar10 or where VENTRAL_DATA says: folder, binary or python archive"),
            ("PATH", "a folder <split>/<class>/<image>.png, or an archive of CIFAR-10"),
        ]
        table("data (--data)", ("source", "is"), rows)


@data.command("show")
@click.argument("source")
def data_show(source: str) -> None:
    """Count the images of each class."""
    with busy(f"reading {source}"):
        from ventral.errors import DataError
        from ventral.stimuli.datasets import SPLITS, class_counts

        name, _ = read_source(source)
        rows, problems = [], []
        for split in SPLITS:
            try:
                counts = class_counts(name, split)
            except DataError as error:
                problems.append(error)
                continue
            rows += [(split, label, f"{count:,}") for label, count in counts.items()]
    if not rows:
        raise problems[0]
    table(source, ("split", "class", "images"), rows)
    for problem in problems:
        click.echo(f"\n{problem}")


@data.command("fetch")
@click.argument("name")
@click.option("--url", metavar="URL", help="Another address, http or https; VENTRAL_CIFAR10_URL sets it too.")
@click.option("--md5", metavar="SUM", help="The sum of another archive, in place of the published one.")
@click.option(
    "--from", "given", type=click.Path(path_type=Path), metavar="PATH", help="An archive or folder that is here."
)
def data_fetch(name: str, url: str | None, md5: str | None, given: Path | None) -> None:
    """Download CIFAR-10, or take an archive that is here.

    The archive goes to .data/cifar10, or where VENTRAL_DATA says, once its md5 is the one that is published with it.
    The same command goes on with a download that was interrupted.
    """
    from ventral.stimuli import archive as fetch

    choose("data to fetch", name, ("cifar10",))
    if given is not None and url is not None:
        raise UsageError("--url downloads an archive and --from takes one that is here; give one of the two.")
    target, expected = fetch.archive_place(), fetch.md5_sum(md5)
    if given is not None and given.is_dir():
        if md5 is not None:
            raise UsageError(f"--md5 is the sum of an archive, and {given} is a folder; leave it out.")
        find_cifar(given)
        click.echo(f"{given} holds CIFAR-10 and stays as it is; name it with --data, or in VENTRAL_DATA.")
        tell_next("simulate", "--protocol", "backward-mask", "--model", "cifar10", "--data", given)
        return
    if given is not None:
        with busy(f"copying {given}"):
            new = fetch.adopt_archive(given, target, expected)
    else:
        address = fetch.address(url)
        with resumable("what was received is kept"), progress_bar("downloading", "MB") as advance:
            new = fetch.fetch_archive(
                target,
                address,
                expected,
                report=lambda done, total: advance(done // 10**6, total // 10**6),
                tell=lambda text: click.echo(text, err=True),
            )
    of = "the published md5" if expected == fetch.MD5 else f"the md5 {expected}"
    click.echo(f"{target} has {of}." if new else f"{target} was there already and has {of}; nothing was fetched.")
    found = find_cifar("cifar10")
    if found != target:
        click.echo(f"{found} is there too and is what cifar10 means; move it away to use the archive.")
    elif new and (hidden := [name for name in ("train", "test", "val") if (target.parent / name).is_dir()]):
        click.echo(
            f"from now on cifar10 means the archive, not the images in {target.parent / hidden[0]}; to use those, move "
            "their folders elsewhere."
        )
    tell_next("simulate", "--protocol", "backward-mask", "--model", "cifar10")


@click.group(invoke_without_command=True)
@click.pass_context
def stimuli(context: click.Context) -> None:
    """List kinds of masks and changes of images, or draw them with `show`."""
    if context.invoked_subcommand is None:
        from ventral.stimuli.masks import AMOUNTS, CHANGES, MASKS

        table("masks", ("name", "is"), [(name, first_line(maker)) for name, maker in MASKS.items()])
        changes = [
            (name, first_line(change), "{}, 0 to {:g}".format(*AMOUNTS[name])) for name, change in CHANGES.items()
        ]
        table("changes", ("name", "is", "amount"), changes)
        click.echo("`ventral stimuli show` draws all of them, `ventral stimuli show NAME ...` some.")


@stimuli.command("show")
@click.argument("kinds", nargs=-1, metavar="[NAME ...]")
@click.option(
    "--data", default="shapes", show_default=True, metavar="SOURCE", help="Images; `ventral data` lists them."
)
@click.option(
    "--images", type=click.IntRange(1, 50), metavar="N", default=4, show_default=True, help="How many, over classes."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides images, masks and changes.")
@click.option(
    "--figure",
    type=click.Path(path_type=Path),
    default="stimuli.png",
    show_default=True,
    metavar="FILE.png",
    help="The sheet, as PNG, SVG or PDF.",
)
def stimuli_show(kinds: tuple[str, ...], data: str, images: int, seed: int, figure: Path) -> None:
    """Draw what masks and changes make of a few images.

    Images and masks are those of `ventral simulate` with the same data, number of images and seed.
    """
    with busy("drawing"):
        from ventral.experiment.simulate import choose_images
        from ventral.figures.saving import save_as
        from ventral.figures.stimuli import stimuli_figure
        from ventral.stimuli.masks import CHANGES, MASKS

        chosen = [choose("mask or change", kind, [*MASKS, *CHANGES]) for kind in kinds]  # before images are read
        name, shapes = read_source(data)
        shown, pool = choose_images(name, "test", images, seed, shapes=shapes)
        drawn = save_as(stimuli_figure(shown, pool, chosen, seed), figure)
    click.echo(drawn)
