"""`ventral stimuli`: the kinds of masks and of changes of images there are, and a sheet on which they are drawn."""

from pathlib import Path

import click

from ventral.cli.console import busy, echo, first_line, table
from ventral.cli.options import PATH, option, read_source
from ventral.errors import choose


@click.group(invoke_without_command=True)
@click.pass_context
def stimuli(context: click.Context) -> None:
    """List masks and changes of images; `show` draws them."""
    if context.invoked_subcommand is not None:
        return
    from ventral.stimuli.degradations import AMOUNTS, CHANGES
    from ventral.stimuli.mask_kinds import MASKS

    table("masks", ("name", "is"), [(name, kind.description) for name, kind in MASKS.items()])
    changes = [(name, first_line(change), "{}, 0 to {:g}".format(*AMOUNTS[name])) for name, change in CHANGES.items()]
    table("changes", ("name", "is", "amount"), changes)
    echo("`ventral stimuli show` draws all of them, `ventral stimuli show NAME ...` some.")


@stimuli.command("show")
@click.argument("kinds", nargs=-1, metavar="[NAME ...]")
@option("--data", default="shapes", metavar="SOURCE", help="Images; `ventral data` lists them.")
@option("--images", type=click.IntRange(1, 50), metavar="N", default=4, help="Number of images, evenly over classes.")
@option("--seed", type=int, default=0, help="Seed of images, masks and changes.")
@option("--figure", type=PATH, default="stimuli.png", metavar="FILE.png", help="The sheet (PNG, SVG or PDF).")
def stimuli_show(kinds: tuple[str, ...], data: str, images: int, seed: int, figure: Path) -> None:
    """Draw masks, and a few images with each change.

    Images and masks are those of `ventral simulate` with the same data, number of images and seed.
    """
    with busy("drawing"):
        from ventral.figures.saving import save_as
        from ventral.figures.stimuli import stimuli_figure
        from ventral.stimuli.degradations import CHANGES
        from ventral.stimuli.mask_kinds import MASKS
        from ventral.stimuli.selection import select_images

        chosen = [choose("mask or change", kind, [*MASKS, *CHANGES]) for kind in kinds]  # before images are read
        name, shapes = read_source(data)
        selection = select_images(name, "test", images, seed, shapes=shapes)
        drawn = save_as(stimuli_figure(selection.presented, selection.pool, chosen, seed), figure)
    echo(drawn)
