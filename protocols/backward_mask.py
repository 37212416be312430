"""Backward masking: a brief target, then a mask that cuts its processing short.

If late activity is recurrent, short stimulus onset asynchronies (SOAs) should hurt a recurrent model in a way a
feedforward one cannot show.

Design: one condition per SOA and kind of mask, one without a mask, one with each mask alone. Kinds: `noise` (1/f),
`phase-scrambled`, `block-scrambled`, `other-object`. Each image has its own mask, the same at every SOA.

Source: Kovacs, Vogels & Orban (1995), PNAS 92:5587; Bacon-Mace et al. (2005), Vision Res. 45:1459. Departures:
durations in 10 ms steps.
"""

from ventral.timeline import Condition, Protocol, Show, mask, target


def protocol(
    target_ms: int = 10,
    soa_ms: tuple[int, ...] = (10, 20, 30, 50, 80, 120),
    mask_ms: int = 50,
    kind: tuple[str, ...] = ("noise",),
    end_ms: int = 200,
    readout_ms: tuple[int, ...] | None = None,
) -> Protocol:
    """One condition per SOA, one without a mask, one with the mask alone; read at 100 ms and at the end if not told."""
    flash = Show(target, 0, target_ms)
    conditions = [Condition("unmasked", (flash,))]
    for name in kind:
        suffix = f"_{name}" if len(kind) > 1 else ""
        conditions.append(Condition(f"mask_only{suffix}", (Show(mask(name), 0, mask_ms),)))
        for soa in soa_ms:
            masked = (flash, Show(mask(name), soa, soa + mask_ms))
            conditions.append(Condition(f"soa_{soa}{suffix}", masked, soa_ms=soa))
    if readout_ms is None:
        readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "")
