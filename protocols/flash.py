"""Flash: an image is shown for a short time, then grey, and the network is read as time goes on.

How long must an image be on, and does information go on rising after it has gone? Feedforward models answer once; a
recurrent one may improve after offset and hold what it saw.

Design: one condition per duration.

Source: Thorpe, Fize & Marlot (1996), Nature 381:520 (20 ms photographs); the rise after offset is a prediction of
Liao & Poggio (2016), section 6. Departures: durations in 10 ms steps.
"""

from ventral import Condition, Protocol, Show, target


def protocol(duration_ms: tuple[int, ...] = (10, 20, 50, 100, 200), end_ms: int = 300, before_ms: int = 0) -> Protocol:
    """One condition per duration of the image."""
    conditions = [Condition(f"on_{duration}", (Show(target, 0, duration),)) for duration in duration_ms]
    return Protocol(
        tuple(conditions),
        end_ms=end_ms,
        readout_ms=tuple(sorted({min(100, end_ms), end_ms})),
        source=__doc__ or "",
        before_ms=before_ms,
    )
