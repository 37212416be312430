"""The clock: one transition takes one tick of 10 ms, and a time that does not fit is refused.

Source: Liao & Poggio (2016), section 1 (about 10 ms from one area to the next) and section 3.5.
"""

from ventral.errors import ClockError, quoted

MS_PER_TICK = 10
LAST_MS = 100_000  # of either sign; a later time would take all memory rather than be of use


def ticks(ms: int, what: str) -> int:
    """Convert a time to a count of ticks.

    Parameters
    ----------
    ms
        Time in ms; a multiple of 10, of either sign.
    what
        The name of the time, for the error.

    Raises
    ------
    ClockError
        If the time is not a whole number on the clock, with the two nearest that are; or if it is beyond the clock.
    """
    if isinstance(ms, bool) or not isinstance(ms, (int, float)) or ms != ms or ms in (float("inf"), float("-inf")):
        raise ClockError(f"{what} is {quoted(ms)}; give a number of ms, a multiple of {MS_PER_TICK}.")
    if abs(ms) > LAST_MS:
        raise ClockError(f"{what} is {quoted(ms)} ms; the clock goes to {LAST_MS:,} ms, so give an earlier time.")
    count, rest = divmod(ms, MS_PER_TICK)
    if rest:
        below = int(count) * MS_PER_TICK
        raise ClockError(
            f"{what} is {ms:g} ms; the clock ticks every {MS_PER_TICK} ms, so use {below} or {below + MS_PER_TICK}."
        )
    return int(count)


def to_ms(count: int) -> int:
    """Convert a count of ticks to ms."""
    return count * MS_PER_TICK
