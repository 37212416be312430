import pytest
from hypothesis import given
from hypothesis import strategies as st

from ventral.clock import ticks, to_ms
from ventral.errors import ClockError


@given(st.integers(-1000, 1000))
def test_a_time_on_the_clock_survives_the_round_trip(count):
    assert ticks(to_ms(count), "time") == count


@given(st.integers(-10_000, 10_000).filter(lambda ms: ms % 10))
def test_a_time_off_the_clock_is_refused_and_both_neighbours_are_accepted(ms):
    with pytest.raises(ClockError) as refusal:
        ticks(ms, "mask duration")
    below = ms // 10 * 10
    assert f"use {below} or {below + 10}" in str(refusal.value)
    assert ticks(below, "") + 1 == ticks(below + 10, "")


def test_the_refusal_names_the_time():
    with pytest.raises(ClockError, match=r"mask duration is 25 ms; the clock ticks every 10 ms, so use 20 or 30\."):
        ticks(25, "mask duration")


@pytest.mark.parametrize("ms", [100_010, -100_010, 1e300, 10**400, 5 * 10**12])
def test_a_time_beyond_the_clock_is_refused_in_a_short_sentence(ms):
    with pytest.raises(ClockError, match=r"end_ms is .* ms; the clock goes to 100,000 ms") as refusal:
        ticks(ms, "end_ms")
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "20", None, True])
def test_what_is_not_a_number_of_ms_is_refused(wrong):
    with pytest.raises(ClockError, match="give a number of ms"):
        ticks(wrong, "end_ms")
