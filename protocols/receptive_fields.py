"""Receptive fields: a small copy of an image, flashed at one place after the other on grey.

Which part of the image does each unit respond to, and how does that part grow with time? The theoretical field, all
that can reach a unit through the network's transitions, soon is the whole image where there is recurrence; the measured
one shows where inputs have weight.

Design: one condition per place of a square grid, in which the image is shrunk to one cell of it (or to `size`, a
fraction of the image's), and `blank`, in which it has no size, so that the screen is grey. An image has the same pixels
at every place: what differs between places is the place. `grid` 8 is coarse for the first areas; 16 takes four times
as long. With images of your own (`--data`) these are mapped with: dots, gratings, faces.

Expected: fields that lie where units do, are larger in later areas, and grow with time in recurrent networks.

Source: Jones & Palmer (1987), J. Neurophysiol. 58:1187 (one small stimulus at a time); Op de Beeck & Vogels (2000), J.
Comp. Neurol. 426:505 (small objects, inferior temporal neurons); Luo, Li, Urtasun & Zemel (2016), NeurIPS, for
theoretical against effective fields. Departures: images in place of bars and spots; one patch in a trial, not a
sequence of them.
"""

from ventral import Condition, Protocol, ProtocolError, Show, target

FINEST = 64  # places along an axis


def protocol(
    grid: int = 8, size: float | None = None, target_ms: int = 100, end_ms: int = 150, before_ms: int = 0
) -> Protocol:
    """One condition per place, and one with grey alone."""
    if not 2 <= grid <= FINEST:
        raise ProtocolError(f"grid is {grid}; give 2 to {FINEST} places along an axis.")
    side = 1 / grid if size is None else size
    if not 0 < side <= 1:
        raise ProtocolError(f"size is {side:g}; give a fraction of the image above 0, to 1.")
    conditions = [_patch("blank", 0.0, 0.5, 0.5, target_ms)]
    for row in range(grid):
        for column in range(grid):
            place = ((row + 0.5) / grid, (column + 0.5) / grid)
            conditions.append(_patch(f"row_{row}_column_{column}", side, *place, target_ms))
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)


def _patch(name: str, size: float, y: float, x: float, target_ms: int) -> Condition:
    """The condition with a small copy at a place, all in fractions of the image."""
    shown = target.changed("size", size).changed("centre-y", y).changed("centre-x", x)
    parameters: dict[str, float | str] = {"patch_size": size, "patch_y": y, "patch_x": x}
    return Condition(name, (Show(shown, 0, target_ms),), parameters=parameters)
