"""Backward masking: a brief target, then a mask that cuts its processing short.

Does a mask take away what recurrent processing adds? Then short stimulus onset asynchronies (SOAs) should hurt a
recurrent model in a way a feedforward one cannot show.

Design: `unmasked`, `blank` (grey only) and, for each kind of mask, `mask_only` and one condition per SOA. Each image
has its own mask, the same at every SOA. A target that is still on at the SOA is refused unless `combine` says what is
seen ("over" or "add"). With `target_is_soa` the target stays on until the mask comes (`target_ms` is not used), and is
shown unmasked for as long too: with `mask_ms=500`, the design of Tang et al.

Expected: accuracy rises with SOA and saturates, later for hard images; each area is untouched until SOA + its arrival.

Source: Kovacs, Vogels & Orban (1995), PNAS 92:5587; Bacon-Mace et al. (2005), Vision Res. 45:1459; Tang et al. (2018),
PNAS 115:8835. Departures: durations in 10 ms steps (SOAs of 25 and 75 ms do not exist); the record may end while a long
mask is on.
"""

from ventral import Condition, Protocol, ProtocolError, Show, mask, target


def protocol(
    target_ms: int = 10,
    soa_ms: tuple[int, ...] = (10, 20, 30, 40, 50, 60, 80, 120),
    mask_ms: int = 50,
    kind: tuple[str, ...] = ("noise",),
    combine: str = "refuse",
    target_is_soa: bool = False,
    end_ms: int = 200,
    readout_ms: tuple[int, ...] | None = None,
    before_ms: int = 0,
) -> Protocol:
    """One condition per SOA and kind of mask, and their controls; read at 100 ms and at the end if not given."""
    if early := [soa for soa in soa_ms if soa < 0]:
        raise ProtocolError(f"soa_ms is {early[0]}; a mask before the target is a forward mask, use forward-mask.")
    if target_is_soa:
        conditions = [Condition(f"unmasked_{soa}", (Show(target, 0, soa),)) for soa in soa_ms]
    else:
        conditions = [Condition("unmasked", (Show(target, 0, target_ms),))]
    for name in kind:
        suffix = f"_{name}" if len(kind) > 1 else ""
        conditions.append(Condition(f"mask_only{suffix}", (Show(mask(name), 0, mask_ms),)))
        for soa in soa_ms:
            masked = (Show(target, 0, soa if target_is_soa else target_ms), Show(mask(name), soa, soa + mask_ms))
            conditions.append(Condition(f"soa_{soa}{suffix}", masked, soa_ms=soa, combine=combine))
    conditions.append(Condition("blank"))
    if readout_ms is None:
        readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
