"""`ventral info`: what a run holds."""

from typing import TYPE_CHECKING

import click

from ventral.cli.console import echo, table
from ventral.cli.options import RUN
from ventral.cli.protocols import interventions, shown_events
from ventral.cli.runs import open_named
from ventral.store.address import RunPath

if TYPE_CHECKING:
    from ventral.experiment.run import Run


@click.command()
@click.argument("run", type=RUN)
def info(run: RunPath) -> None:
    """Say what a run holds: model, images, conditions, areas, and how it was made."""
    opened = open_named(run, partial=True)
    echo(str(opened.view))
    print_conditions(opened)
    print_areas(opened)
    attrs = opened.attrs
    versions = ", ".join(f"{name} {version}" for name, version in attrs["versions"].items())
    echo(f"Recorded by: {attrs.get('command') or 'Python'}")
    size = opened.store.index.location.size()
    in_all = "" if size is None else f", {size / 1e6:,.1f} MB in all"
    echo(f"With {versions}. run_key {attrs['run_key'][:12]}{in_all}.")
    if controls := attrs.get("controls"):
        echo(f"Runs that differ in the policy alone: {', '.join(controls)}.")


def print_conditions(run: "Run") -> None:
    """Print what each condition shows and changes, and to how many presentations."""
    conditions = run.protocol.conditions
    columns = {
        "shows (ms)": [shown_events(each) for each in conditions],
        "scaled in the network (ms)": [interventions(each) for each in conditions],
        "presentations": [f"{len(run.rows(each.name)):,}" for each in conditions],
    }
    filled = {name: cells for name, cells in columns.items() if any(cells)}
    rows = list(zip([each.name for each in conditions], *filled.values(), strict=True))
    table("conditions", ("condition", *filled), rows)


def print_areas(run: "Run") -> None:
    """Print what is recorded of each area, its arrival, and what there is at each presentation and time."""
    rows = []
    for name in run.areas:
        area = run[name]
        arrival = area.attrs.get("arrival_ms")
        sizes = " x ".join(f"{area.sizes[dim]:,} {dim}" for dim in area.dims[2:])
        rows.append((name, sizes, "" if arrival is None else f"{arrival} ms", str(area.attrs.get("recorded", ""))))
    rows.append(("readout", f"{run.logits.sizes['class']:,} class", "", "logits"))
    table("at each presentation and time", ("area", "size", "arrival", "is"), rows)
