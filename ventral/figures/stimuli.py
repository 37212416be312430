"""A sheet of stimuli: a few images with each kind of mask and each change.

Lengths are in inches; y = 0 is the top of the sheet and runs down.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ventral.errors import DataError, UsageError, choose
from ventral.figures.inches import add_page, write
from ventral.figures.style import NEUTRAL, STYLE
from ventral.stimuli.degradations import AMOUNTS, CHANGES, changed
from ventral.stimuli.images import Images
from ventral.stimuli.mask_kinds import MASKS
from ventral.stimuli.masks import make_masks, needs_pool
from ventral.stimuli.regions import DISC_RADIUS

SHOWN = {
    "occluded-blocks": (0.2, 0.4, 0.6, 0.8),
    "occluded-bubbles": (0.2, 0.4, 0.6, 0.8),
    "disc": (1.0, 0.8, DISC_RADIUS, 0.4),
    "contrast": (0.8, 0.4, 0.2, 0.1),
    "gaussian-noise": (0.05, 0.1, 0.2, 0.4),
    "salt-and-pepper": (0.05, 0.1, 0.2, 0.4),
    "blur": (0.5, 1.0, 2.0, 4.0),
    "size": (0.8, 0.6, 0.4, 0.2),
    "centre-y": (0.2, 0.4, 0.6, 0.8),
    "centre-x": (0.2, 0.4, 0.6, 0.8),
}
WIDEST = 16  # columns beside the target
# multiples of 0.005, so that at 200 dpi an edge of a picture is one of a pixel
PICTURE, GAP = 0.8, 0.06
APART = 0.24  # between the target and the rest, and from one change to the next
MARGIN = 0.3
TITLE, LABEL = 0.3, 0.4  # above a block's labels; labels above pictures
BELOW = 0.3  # between blocks
LEAST = 7.0  # width, for the titles
LETTERS = 11  # that fit above a picture
NOTE = 8.5  # points
BASELINE, LEADING = 0.075, 0.14  # of labels, above pictures; from one line to the next


@dataclass(frozen=True)
class Column:
    """A column of pictures, (image, 3, y, x), uint8: one kind of mask, or one amount of a change."""

    label: str
    pixels: torch.Tensor


@dataclass(frozen=True)
class ColumnGroup:
    """Columns under a heading, which may be empty, and the measure of the amounts above them."""

    columns: tuple[Column, ...]
    name: str = ""
    measure: str = ""


@dataclass(frozen=True)
class Block:
    """Groups that are drawn side by side, after the target; a block that continues the one before has no title."""

    groups: tuple[ColumnGroup, ...]
    title: str = ""
    note: str = ""

    @property
    def width(self) -> float:
        """Width from the target's left edge to the right, in inches."""
        columns = 1 + sum(len(group.columns) for group in self.groups)
        return columns * PICTURE + (columns - 1) * GAP + len(self.groups) * (APART - GAP)

    @property
    def head(self) -> float:
        """Height of everything above the pictures, in inches."""
        tall = any(group.name or "\n" in column.label for group in self.groups for column in group.columns)
        return (LABEL if tall else LABEL / 2) + (TITLE if self.title else 0)


def stimuli_figure(images: Images, pool: Images | None = None, kinds: Sequence[str] = (), seed: int = 0) -> Figure:
    """A sheet of masks and changes: one row for each image, one column for each kind of mask and amount of a change.

    Parameters
    ----------
    images
        A few, the targets.
    pool
        Images that masks are made of, none of them among the targets; their mean is the grey of changes. The images
        themselves give the grey if there is none.
    kinds
        Which masks and changes; all if empty.
    seed
        As `ventral.stimuli.masks` takes it.

    Raises
    ------
    UsageError
        If there is no such mask or change, or no image.
    DataError
        If masks are asked for without a pool.
    """
    if not len(images):
        raise UsageError("a sheet of stimuli needs images; give at least one.")
    known = [*MASKS, *CHANGES]
    chosen = list(dict.fromkeys(choose("mask or change", kind, known) for kind in kinds)) or known
    blocks = _masks(images, pool, [kind for kind in chosen if kind in MASKS], seed)
    blocks += _changes(images, images if pool is None else pool, [kind for kind in chosen if kind in CHANGES], seed)
    names = [images.label_names[label] for label in images.labels]
    left = MARGIN + 0.1 * max(map(len, names))
    rows = len(images) * (PICTURE + GAP) - GAP
    width = max(LEAST, left + max(block.width for block in blocks) + MARGIN)
    height = sum(block.head + rows for block in blocks) + BELOW * (len(blocks) - 1) + 2 * MARGIN
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), facecolor="white")
        figure.suppressComposite = True  # so that SVG and PDF keep every pixel
        axes = add_page(figure, 0, 0)
        axes.invert_yaxis()
        top = MARGIN
        for block in blocks:
            _draw_block(axes, block, images, left, top)
            top += block.head
            for row, name in enumerate(names):
                middle = top + row * (PICTURE + GAP) + PICTURE / 2
                write(axes, left - 0.12, middle, name, size=9, ha="right")
            top += rows + BELOW
    return figure


def _masks(images: Images, pool: Images | None, kinds: Sequence[str], seed: int) -> list[Block]:
    made = [kind for kind in kinds if needs_pool(kind)]  # the target itself is in every block
    if made and pool is None:
        raise DataError(f"masks such as {made[0]!r} are made from images that are not shown; give a pool of others.")
    columns, note = [], ""
    if pool is not None:
        note = f"made from {len(pool):,} other images, {pool.name} ({pool.split}); seed {seed}"
        for kind in made:
            label = "\n".join(textwrap.wrap(kind, LETTERS, break_long_words=False))
            columns.append(Column(label, make_masks(kind, images.stimulus_ids, images.labels, pool, seed)))
    groups = [ColumnGroup(tuple(columns[at : at + WIDEST])) for at in range(0, len(columns), WIDEST)]
    if not groups:
        return [Block((), "masks")] if kinds else []
    return [Block((group,), "" if place else "masks", note) for place, group in enumerate(groups)]


def _changes(images: Images, pool: Images, kinds: Sequence[str], seed: int) -> list[Block]:
    groups = []
    for how in kinds:
        columns = [
            Column(f"{amount:g}", changed(images.pixels, images.stimulus_ids, [(how, amount)], pool.mean, seed))
            for amount in SHOWN[how]
        ]
        groups.append(ColumnGroup(tuple(columns), how, AMOUNTS[how][0]))
    note = f"of the targets, {images.name} ({images.split}); seed {seed}"
    return [Block(tuple(groups[at : at + 4]), "" if at else "changes", note) for at in range(0, len(groups), 4)]


def _draw_block(axes: Axes, block: Block, images: Images, left: float, top: float) -> None:
    if block.title:
        _write_pair(axes, left, top + 0.12, block.title, block.note, size=12)
    first = top + block.head
    _draw_column(axes, Column("target", images.pixels), left, first)
    x = left + PICTURE + APART
    for group in block.groups:
        if group.name:
            _write_pair(axes, x, first - BASELINE - 0.2, group.name, group.measure, size=9.5)
        for place, column in enumerate(group.columns):
            _draw_column(axes, column, x + place * (PICTURE + GAP), first)
        x += len(group.columns) * (PICTURE + GAP) - GAP + APART


def _write_pair(axes: Axes, x: float, y: float, name: str, remark: str, size: float) -> None:
    """Write a name, and a remark after it."""
    written = axes.text(x, y, name, size=size, weight="bold", va="baseline")
    raised = 0.22 * (size - NOTE)  # points, to stand on the same line
    note = axes.annotate(remark, (1, 0), (6, raised), xycoords=written, textcoords="offset points", va="bottom")
    note.set(size=NOTE, color=NEUTRAL)


def _draw_column(axes: Axes, column: Column, x: float, top: float) -> None:
    lines = column.label.split("\n")
    for place, line in enumerate(lines):
        y = top - BASELINE - LEADING * (len(lines) - 1 - place)
        write(axes, x + PICTURE / 2, y, line, size=NOTE, ha="center", va="baseline")
    sharp = "none" if column.pixels.shape[-1] <= PICTURE * 200 else None  # larger ones are made smaller smoothly
    for row, pixels in enumerate(column.pixels):
        y = top + row * (PICTURE + GAP)
        axes.imshow(
            pixels.permute(1, 2, 0).numpy(),
            extent=(x, x + PICTURE, y + PICTURE, y),
            aspect="auto",
            interpolation=sharp,
        )
