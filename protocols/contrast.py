"""Contrast: a target that is fainter, or more blurred.

Do weaker inputs take longer? In visual cortex latency falls with contrast; a network whose every transition takes one
tick can show that only in when its information has built up.

Design: one condition per kind and level: `contrast`, the fraction that is left of the image's own, and `blur`, the sd
of a Gaussian in pixels. Contrast 1 and blur 0 are the image as it is.

Expected: a later rise and lower accuracy at low contrast; less of both in later areas.

Source: Groen et al. (2022), J. Neurosci. 42:7562 (contrast and latency in human visual cortex); Kumbhar, Sizikova,
Majaj & Pelli (2020), arXiv:2011.12859, for blur of CIFAR-10. Departures: a whole image is faded to grey,
not a grating.
"""

from ventral import Condition, Protocol, ProtocolError, Show, choose, target


def protocol(
    kind: tuple[str, ...] = ("contrast",),
    contrast: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5, 1.0),
    blur: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 3.0),
    target_ms: int = 100,
    end_ms: int = 200,
    before_ms: int = 0,
) -> Protocol:
    """One condition per kind and level."""
    if wrong := [level for level in contrast if not 0 < level <= 1]:
        raise ProtocolError(f"contrast is {wrong[0]:g}; give a fraction above 0, to 1.")
    if wrong := [level for level in blur if level < 0]:
        raise ProtocolError(f"blur is {wrong[0]:g}; give an sd in pixels, 0 or more.")
    levels, intact = {"contrast": contrast, "blur": blur}, {"contrast": 1, "blur": 0}
    conditions = []
    for name in (choose("kind of change", name, levels) for name in kind):
        for level in levels[name]:
            shown = Show(target if level == intact[name] else target.changed(name, level), 0, target_ms)
            conditions.append(Condition(f"{name}_{level:g}", (shown,), parameters={f"target_{name}": level}))
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
