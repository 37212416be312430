"""Occlusion: a target that is partly hidden, and may be masked.

Completing what is hidden is thought to take recurrent processing. Does accuracy go on rising with time where more is
hidden, and does a mask cost more there?

Design: one condition per kind of occluder and fraction of the image that is covered. With `soa_ms`, each of them also
with a mask at each SOA. `occluded-bubbles` leaves round windows open, `occluded-blocks` lays blocks over.

Expected: masks hurt the occluded images most, and longer; with 60 % occlusion, decoding in human MEG peaks at 199
instead of 139 ms (Rajaei et al.).

Source: Tang et al. (2018), PNAS 115:8835 (bubbles; the target on for the whole SOA, masks of 500 ms); Rajaei et al.
(2019), PLoS Comput. Biol. 15:e1007001 (0, 60, 80 % occlusion, phase-scrambled masks). Departures: durations in 10 ms
steps; targets of 30 ms at every SOA; masks of 50 ms.
"""

from ventral import Condition, Protocol, ProtocolError, Show, choose, mask, target

KINDS = ("occluded-bubbles", "occluded-blocks")


def protocol(
    kind: tuple[str, ...] = ("occluded-bubbles",),
    coverage: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8),
    target_ms: int = 30,
    soa_ms: tuple[int, ...] | None = None,
    mask_ms: int = 50,
    mask_kind: str = "phase-scrambled",
    end_ms: int = 200,
    before_ms: int = 0,
) -> Protocol:
    """One condition per kind and coverage, and with `soa_ms` one more for each SOA."""
    if wrong := [part for part in coverage if not 0 <= part <= 1]:
        raise ProtocolError(f"coverage is {wrong[0]:g}; give the fraction that is hidden, from 0 to 1.")
    conditions = []
    for name in (choose("kind of occluder", name, KINDS) for name in kind):
        for part in coverage:
            shown = Show(target.changed(name, part) if part else target, 0, target_ms)
            parameters: dict[str, float | str] = {"occluder": name, "coverage": part}
            conditions.append(Condition(f"{name}_{part:g}", (shown,), parameters=parameters))
            for soa in soa_ms or ():
                masked = (shown, Show(mask(mask_kind), soa, soa + mask_ms))
                conditions.append(Condition(f"{name}_{part:g}_soa_{soa}", masked, soa_ms=soa, parameters=parameters))
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
