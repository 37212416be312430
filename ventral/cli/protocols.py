"""`ventral protocols`: the protocols there are, what one of them shows when, and a new one to begin with."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ventral.cli.candidates import models, scripts
from ventral.cli.console import busy, echo, fitted, in_ms, print_knobs, print_next, print_scripts, table
from ventral.cli.lookup import find_model, find_protocol
from ventral.cli.options import PATH, figure_option, option, settings_option

if TYPE_CHECKING:
    from ventral.experiment.condition import Condition
    from ventral.experiment.protocol import Protocol
    from ventral.model.subject import Anatomy

COMBINED = {"over": "over", "add": "added to"}


@click.group(invoke_without_command=True)
@click.pass_context
def protocols(context: click.Context) -> None:
    """List protocols; `show` explains one, `new` begins one."""
    if context.invoked_subcommand is None:
        print_scripts("protocols", "protocols")
        echo("`ventral protocols show NAME` explains one and its knobs; `ventral protocols new NAME` begins one.")


@protocols.command("show")
@click.argument("name", metavar="NAME|FILE.py", shell_complete=scripts("protocols"))
@settings_option
@option(
    "--model",
    default="shapes",
    metavar="NAME|FILE|GRAPH.json",
    shell_complete=models(),
    help="Model whose arrival times are printed.",
)
@figure_option("Draw the conditions into this file (SVG, PNG or PDF).")
def protocols_show(name: str, settings: tuple[str, ...], model: str, figure: Path | None) -> None:
    """Explain a protocol: its knobs, conditions and arrival times.

    The command prints its question and source, its knobs, what each condition shows when, and when images arrive in the
    areas of a model. NAME is a protocol that `ventral protocols` lists, and FILE.py a protocol of your own.
    """
    from ventral.plugins import load

    module = load("protocols", name)
    protocol = find_protocol(name, settings)
    echo(fitted(inspect.cleandoc(module.__doc__ or "")) + "\n")
    print_knobs("knobs (--set)", module.protocol)
    with busy("loading"):
        from ventral.experiment.experiment import check_stimuli

        check_stimuli(protocol)
        _, weights, graph = find_model(model)
    limit_ms = weights.statistics_horizon_ms if weights else None
    print_conditions(protocol)
    print_arrivals(protocol, graph, model)
    print_horizon(protocol, model, limit_ms)
    if figure is not None:
        from ventral.figures.protocol import schedule_figure
        from ventral.figures.saving import save_as

        echo(save_as(schedule_figure(protocol, graph, limit_ms, f"{protocol.name} on {model}"), figure))


def print_conditions(protocol: "Protocol") -> None:
    """Print what each condition shows when, where events overlap, and what is scaled in the network."""
    columns = {
        "shows (ms)": [shown_events(condition) or protocol.gap for condition in protocol.conditions],
        "overlap (ms)": [overlapping_events(condition) for condition in protocol.conditions],
        "scaled in the network (ms)": [interventions(condition) for condition in protocol.conditions],
    }
    filled = {name: cells for name, cells in columns.items() if any(cells)}
    rows = list(zip([condition.name for condition in protocol.conditions], *filled.values(), strict=True))
    table(f"conditions, {protocol.start_ms} to {protocol.end_ms} ms", ("condition", *filled), rows)
    between = "grey" if protocol.gap == "grey" else "no input"
    echo(f"Between events: {between}. Read at {', '.join(map(str, protocol.readout_ms))} ms.\n")


def shown_events(condition: "Condition") -> str:
    """Events of a condition with their times."""
    return "; ".join(f"{event.what} {interval(event.start_ms, event.stop_ms)}" for event in condition.events)


def overlapping_events(condition: "Condition") -> str:
    """Events of a condition that are on together, and how they combine."""
    return "; ".join(
        f"{later.what} {COMBINED[condition.combine]} {earlier.what}, "
        + interval(later.start_ms, min(earlier.stop_ms, later.stop_ms))
        for earlier, later in condition.overlaps
    )


def interventions(condition: "Condition") -> str:
    """Scales of a condition with their times."""
    return "; ".join(f"{scale}, {interval(scale.start_ms, scale.stop_ms)}" for scale in condition.interventions)


def interval(start_ms: int, stop_ms: int) -> str:
    """Two times for reading: "0-20", "-50 to 0"."""
    return f"{start_ms}-{stop_ms}" if start_ms >= 0 else f"{start_ms} to {stop_ms}"


def print_arrivals(protocol: "Protocol", graph: "Anatomy", model: str) -> None:
    """Print when the first image of the conditions arrives in each area of a model."""
    from ventral.experiment.schedule import arrivals, check_fit

    check_fit(protocol, graph)
    onsets = {onset: c for c in protocol.conditions if (onset := c.first_image_ms) is not None}
    rows = [(in_ms(onset), *map(in_ms, arrivals(protocol, onsets[onset], graph).values())) for onset in sorted(onsets)]
    areas = [area.name for area in graph.areas]
    table(f"when the first image arrives in the areas of {model}", ("onset", *areas), rows)


def print_horizon(protocol: "Protocol", model: str, limit_ms: int | None) -> None:
    """Print to which time of a protocol a model has normalisation statistics, if they end before it does."""
    from ventral.experiment.schedule import last_known_ms

    if (last := last_known_ms(protocol, limit_ms)) is not None:
        echo(
            f"In this protocol {model} has normalisation statistics to {last} ms; to record later times use "
            "--beyond-horizon held, or --policy pooled."
        )


@protocols.command("new")
@click.argument("name")
@option("--out", type=PATH, metavar="FILE.py", help="The file; NAME.py in this folder if not given.")
def protocols_new(name: str, out: Path | None) -> None:
    """Write a protocol to begin with.

    The file runs as it is, and its comments say what can be changed.
    """
    from ventral.templates import write_template

    path = write_template("protocols", name, out)
    echo(f"wrote {path}")
    print_next("protocols", "show", path)
    print_next("simulate", "--protocol", path)
