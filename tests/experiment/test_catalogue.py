"""Protocols by name, from Python."""

import pytest

from ventral import Protocol, load_protocol
from ventral.errors import ClockError, UsageError
from ventral.experiment.catalogue import made_protocol


def test_a_protocol_is_loaded_by_name_with_its_knobs():
    protocol = load_protocol("backward_mask", soa_ms=(20, 60), end_ms=150)
    assert isinstance(protocol, Protocol)
    assert (protocol.name, protocol.end_ms) == ("backward-mask", 150)
    assert [c.soa_ms for c in protocol.conditions if c.soa_ms is not None] == [20, 60]


def test_a_knob_may_have_a_dash_and_a_file_is_named_by_its_stem(tmp_path):
    path = tmp_path / "my_flash.py"
    path.write_text(
        "from ventral import Condition, Protocol, Show, target\n"
        "def protocol(duration_ms: int = 20) -> Protocol:\n"
        "    return Protocol((Condition('on', (Show(target, 0, duration_ms),)),), end_ms=100)\n"
    )
    protocol = load_protocol(str(path), duration_ms=30)
    assert protocol.name == "my-flash"
    assert protocol.conditions[0].events[0].stop_ms == 30


def test_a_knob_that_does_not_exist_is_refused_with_its_neighbour():
    with pytest.raises(UsageError, match="no knob of backward-mask named 'soa'; did you mean 'soa_ms'"):
        load_protocol("backward-mask", soa=(20,))


def test_a_time_off_the_clock_names_the_knob():
    with pytest.raises(ClockError, match="mask_ms is 25 ms"):
        made_protocol("backward-mask", {"mask_ms": 25})
