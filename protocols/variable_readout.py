"""Variable readout: the image stays on and the network is read earlier or later.

Does accuracy rise with time, and what happens past the times the network was trained for? Time plays the part of depth.

Design: one condition, the image on throughout; `readout_ms` are the times summed up, every tick is recorded. If not
told, they are those of 30, 50, 60, ..., 120, 150 and 200 ms that lie within the record.

Source: Liao & Poggio (2016), Fig. 8 (readout at 2, 3, 5, 10) and Fig. 10 (trained at 10, read at 6 to 12 and 15).
Departures: a first reading is possible only when something has reached the last area.
"""

from ventral import Condition, Protocol, Show, target

TIMES_MS = (30, 50, 60, 70, 80, 90, 100, 110, 120, 150, 200)


def protocol(readout_ms: tuple[int, ...] | None = None, end_ms: int = 200, before_ms: int = 0) -> Protocol:
    """One condition, the image on from 0 to the end."""
    if readout_ms is None:
        readout_ms = tuple(ms for ms in TIMES_MS if ms <= end_ms) or (end_ms,)
    on = Condition("sustained", (Show(target, 0, end_ms + 10),))
    return Protocol((on,), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
