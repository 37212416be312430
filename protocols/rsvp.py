"""Rapid serial visual presentation (RSVP): a target in a stream of other images.

How fast can images follow one another before the target is lost among them? Each image masks the one before it.

Design: for each duration of an item, `present` (the target at its position, images of other classes at the others),
`alone` (only the target, as long) and `absent` (another image in its place: false alarms, for d'). `gap_ms` of grey
after each item changes the duty cycle. Times count from target onset, so that earlier items are at negative times; the
item at position 2 has exemplar 2, and so on.

Expected: accuracy falls as items get shorter; the first sweep ends earlier, and categorical information peaks later.
See whether `alone` is recognised: a network that was trained on images from its first tick only may miss a late target.

Source: Potter, Wyble, Hagmann & McCourt (2014), Atten. Percept. Psychophys. 76:270 (6 or 12 pictures, 13 to 80 ms);
Mohsenzadeh et al. (2018), eLife 7:e36329 (11 images, target in the middle); Keysers et al. (2001), J. Cogn. Neurosci.
13:90. Departures: durations in 10 ms steps; 6 items of at most 50 ms, so as to last 300 ms in all.
"""

from ventral import Condition, Protocol, ProtocolError, Show, image, target


def protocol(
    item_ms: tuple[int, ...] = (10, 20, 30, 50),
    items: int = 6,
    position: int | None = None,
    gap_ms: int = 0,
    end_ms: int = 200,
    before_ms: int = 0,
) -> Protocol:
    """Three conditions per duration of an item; the target in the middle if no position (from 1) is given."""
    place = (items + 1) // 2 if position is None else position
    if not 2 <= items <= 100:
        raise ProtocolError(f"items is {items}; a stream has 2 to 100.")
    if not 1 <= place <= items:
        raise ProtocolError(f"position is {place}; give 1 to {items}, the number of items.")
    if gap_ms < 0:
        raise ProtocolError(f"gap_ms is {gap_ms}; give 0 or more, items do not overlap.")
    conditions = []
    for duration in item_ms:
        onsets = [(duration + gap_ms) * (i + 1 - place) for i in range(items)]
        others = [Show(image("other-object", i + 1), on, on + duration) for i, on in enumerate(onsets)]
        shown = Show(target, 0, duration)
        parameters = {"item_ms": duration, "items": items, "position": place, "gap_ms": gap_ms}
        streams = {
            "present": (*others[: place - 1], shown, *others[place:]),
            "alone": (shown,),
            "absent": tuple(others),
        }
        for stream, events in streams.items():
            conditions.append(Condition(f"{stream}_{duration}", events, parameters={"stream": stream, **parameters}))
    readout_ms = (*(ms for ms in (30, 50, 100) if ms < end_ms), end_ms)
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
