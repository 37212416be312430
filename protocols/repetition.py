"""Repetition: an adapter, a gap, then the same image or another.

Is the response to an image smaller after that image than after another one? Repetition suppression in IT grows with
what is shared and recovers with the gap.

Design: for each gap, `same` (the adapter is the target's own image) and `different` (an image of another class); and
`no_adapter`. The test image begins at 0, so that adapters are at negative times. `same-object`, another image of the
target's class, is a third kind of adapter.

Expected: no suppression. These networks have no adaptation; what an adapter does here, it does by activity that lasts.
Suppression can be added to such models (Vinken, Boix & Kreiman, 2020, Sci. Adv. 6:eabd4205). See whether the target is
recognised with `no_adapter`: a network that was trained on images from its first tick only may miss it.

Source: De Baene & Vogels (2010), Cereb. Cortex 20:2145; Kaliukhovich, De Baene & Vogels (2013), J. Cogn. Neurosci.
25:777 (adapter, gap and test of 300 ms each). Departures: adapter of 100 ms, gaps of 20 to 100 ms and test of 50 ms, so
as to last 300 ms in all.
"""

from ventral import Condition, Protocol, ProtocolError, Show, choose, image, target

NAMES = {"target": "same", "other-object": "different", "same-object": "same_class"}


def protocol(
    adapter: tuple[str, ...] = ("target", "other-object"),
    adapter_ms: int = 100,
    gap_ms: tuple[int, ...] = (20, 50, 100),
    test_ms: int = 50,
    end_ms: int = 100,
    before_ms: int = 0,
) -> Protocol:
    """One condition per adapter and gap, and one without an adapter."""
    if early := [gap for gap in gap_ms if gap < 0]:
        raise ProtocolError(f"gap_ms is {early[0]}; give 0 or more, the adapter goes before the test image comes.")
    test = Show(target, 0, test_ms)
    conditions = [Condition("no_adapter", (test,))]
    for kind in (choose("adapter", kind, NAMES) for kind in adapter):
        for gap in gap_ms:
            events = (Show(image(kind), -gap - adapter_ms, -gap), test)
            parameters: dict[str, float | str] = {"adapter": NAMES[kind], "adapter_ms": adapter_ms, "gap_ms": gap}
            conditions.append(Condition(f"{NAMES[kind]}_{gap}", events, parameters=parameters))
    readout_ms = tuple(sorted({min(50, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
