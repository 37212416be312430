"""Swap: one image turns into another without a gap.

How fast is A overwritten by B, and does it leave a trace? A network that holds what it saw pays for it when the image
changes.

Design: A (the target) is on for each of `swap_ms`, then B until the end; `a_alone` and `b_alone` are on throughout. B
is an image of another class ("other-object") or of the same ("same-object"). A run holds the class of B
(`image_label`), so that both can be decoded.

Expected: accuracy for A falls from the swap + each area's arrival on, and that for B rises later than in `b_alone`, the
more so the longer A was on.

Source: Nikolic, Hausler, Singer & Maass (2009), PLoS Biol. 7:e1000260 (letters of 100 ms in cat V1: a new one does not
erase the one before). Departures: no gap (100 ms there); B stays on; times in 10 ms steps.
"""

from ventral import Condition, Protocol, ProtocolError, Show, image, target


def protocol(
    swap_ms: tuple[int, ...] = (10, 20, 50, 100, 150),
    kind: str = "other-object",
    end_ms: int = 300,
    before_ms: int = 0,
) -> Protocol:
    """One condition per time of the swap, and each image alone."""
    if wrong := [swap for swap in swap_ms if not 0 < swap <= end_ms]:
        raise ProtocolError(f"swap_ms is {wrong[0]}; A turns into B after 0 and by the end of the record, {end_ms} ms.")
    stop, other = end_ms + 10, image(kind)  # on at the last tick too
    conditions = [
        Condition("a_alone", (Show(target, 0, stop),)),
        Condition("b_alone", (Show(other, 0, stop),)),
    ]
    for swap in swap_ms:
        events = (Show(target, 0, swap), Show(other, swap, stop))
        conditions.append(Condition(f"swap_{swap}", events, parameters={"swap_ms": swap}))
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
