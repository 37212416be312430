"""Forward masking: a mask, then a brief target.

Does what a mask leaves behind hide the target that follows, and for how long? A backward mask cuts processing short; a
forward mask can act only by what persists in the network.

Design: `unmasked` and one condition per SOA, which is negative: mask onset minus target onset. The mask is off before
the target unless `combine` says what is seen where they overlap; SOA 0 needs that too. `mask_only` has the mask at the
last SOA. With `sandwich_ms`, the SOA of another mask after the target, every masked condition has both masks, and
`backward_only` has the second alone.

Expected: the effect is largest where the target follows at once. In macaque V1 a forward mask suppresses the response
to the target's onset, a backward mask what comes after. The network's clock starts with the earliest mask: see whether
`unmasked` is recognised, a network that was trained on images from its first tick only may miss a target that is late.

Source: Macknik & Livingstone (1998), Nature Neurosci. 1:144 (targets of 30 ms, masks of 50 ms). Departures: masks cover
the target, they do not flank it; SOAs end at -150 ms and the record at 150 ms, so as to last 300 ms in all.
"""

from ventral import Condition, Protocol, ProtocolError, Show, mask, target


def protocol(
    target_ms: int = 30,
    soa_ms: tuple[int, ...] = (-150, -110, -90, -70, -50),
    mask_ms: int = 50,
    kind: str = "noise",
    sandwich_ms: int | None = None,
    combine: str = "refuse",
    end_ms: int = 150,
    before_ms: int = 0,
) -> Protocol:
    """One condition per SOA, and its controls."""
    if late := [soa for soa in soa_ms if soa > 0]:
        raise ProtocolError(f"soa_ms is {late[0]}; here the mask comes first: give -{late[0]}, or use backward-mask.")
    flash = Show(target, 0, target_ms)
    conditions = [Condition("unmasked", (flash,))]
    after: tuple[Show, ...] = ()
    second: dict[str, float] = {}
    if sandwich_ms is not None:
        after, second = (Show(mask(kind, 1), sandwich_ms, sandwich_ms + mask_ms),), {"sandwich_ms": sandwich_ms}
        conditions.append(Condition("backward_only", (flash, *after), parameters=second, combine=combine))
    for soa in soa_ms:
        # at SOA 0 the mask is named after the target, so that it lies over it
        masked = (flash, Show(mask(kind), soa, soa + mask_ms), *after)
        conditions.append(Condition(f"soa_{soa}", masked, soa_ms=soa, parameters=second, combine=combine))
    last = max(soa_ms, default=-mask_ms)
    alone = (Show(mask(kind), last, last + mask_ms), *after)
    conditions.append(Condition("mask_only", alone, parameters=second, combine=combine))
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
