"""Metacontrast: a mask that surrounds the target and never covers it.

Is a target lost to a mask beside it, and most so when the mask comes later? A mask beside the target acts only where
receptive fields take in both: in later areas, and from there by feedback.

Design: the target is seen through a central disc. For each kind of mask, `annulus` or `four-dots`, `mask_only` and one
condition per SOA (0: common onset; negative: paracontrast). `trail` conditions have four dots that come with the target
and stay on for `trail_ms` after it.

Expected: the effect falls as SOA grows (type A). The U-shaped type B of human metacontrast, worst at 50 to 150 ms, is
explained by transient channels, which these networks do not have: do not expect it.

Source: Macknik & Livingstone (1998), Nature Neurosci. 1:144; Enns & Di Lollo (1997), Psychol. Sci. 8:135 and Di Lollo,
Enns & Rensink (2000), J. Exp. Psychol. Gen. 129:481 (four dots, trailing masks). Departures: one target without
distractors, at the centre; durations in 10 ms steps.
"""

from ventral import Condition, Protocol, Show, choose, mask, target

KINDS = ("annulus", "four-dots")
RADIUS = 0.625  # of the disc through which the target is seen, half an image being 1; the masks lie around it


def protocol(
    target_ms: int = 20,
    soa_ms: tuple[int, ...] = (0, 20, 50, 80, 120),
    mask_ms: int = 50,
    kind: tuple[str, ...] = KINDS,
    trail_ms: tuple[int, ...] | None = (0, 50, 150),
    end_ms: int = 250,
    before_ms: int = 0,
) -> Protocol:
    """One condition per kind and SOA, one per time that dots trail, and their controls."""
    flash = Show(target.changed("disc", RADIUS), 0, target_ms)
    conditions = [Condition("unmasked", (flash,))]
    for name in (choose("kind of mask", name, KINDS) for name in kind):
        conditions.append(Condition(f"mask_only_{name}", (Show(mask(name), 0, mask_ms),)))
        for soa in soa_ms:
            masked = (flash, Show(mask(name), soa, soa + mask_ms))
            conditions.append(Condition(f"soa_{soa}_{name}", masked, soa_ms=soa, combine="over"))
    for trail in trail_ms or ():
        masked = (flash, Show(mask("four-dots"), 0, target_ms + trail))
        known = {"trail_ms": trail}
        conditions.append(Condition(f"trail_{trail}", masked, soa_ms=0, parameters=known, combine="over"))
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
