"""A protocol is written as JSON and read back as what it was."""

import json
from typing import Any

import pytest
from hypothesis import given
from random_protocols import protocols

from ventral.errors import ProtocolError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Change, Show, Stimulus, image, mask, target
from ventral.experiment.protocol import Protocol
from ventral.plugins import list_scripts, load


@pytest.mark.parametrize("name", [script.name for script in list_scripts("protocols")])
def test_every_protocol_is_read_back_from_its_json(name):
    made = load("protocols", name).protocol()
    assert Protocol.from_json(made.to_json()) == made


@given(protocols())
def test_any_protocol_is_read_back_from_its_json(made):
    read = Protocol.from_json(made.to_json())
    assert read == made
    assert read.to_json() == made.to_json()


def masked() -> dict[str, Any]:
    shown = (Show(target.changed("blur", 1), 0, 20), Show(mask(), 30, 60))
    return json.loads(Protocol((Condition("masked", shown, soa_ms=30),), end_ms=100).to_json())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.update(ends_ms=3), "the protocol: no field named 'ends_ms'; did you mean 'end_ms'"),
        (lambda p: p.pop("gap"), "the protocol has no gap"),
        (lambda p: p.update(conditions={}), "conditions is {}; it should be a list"),
        (lambda p: p["conditions"].append(3), "a condition is 3; it should be an object with the fields name,"),
        (lambda p: p["conditions"][0].update(soa=3), "a condition: no field named 'soa'"),
        (lambda p: p["conditions"][0]["events"][0].update(stop=3), "an event: no field named 'stop'"),
        (
            lambda p: p["conditions"][0]["events"][0].update(what="target+blur"),
            "no role named 'target.blur'; did you mean 'target'",
        ),
        (lambda p: p["conditions"][0]["interventions"].append({"what": "V1"}), "an intervention has no start_ms"),
        (lambda p: p["conditions"][0].update(parameters=3), "the description of the protocol cannot be read"),
        (lambda p: p.update(start_ms=50), "before_ms is -50; give 0 or more"),
    ],
)
def test_what_is_not_the_json_of_a_protocol_is_refused(change, message):
    described = masked()
    change(described)
    with pytest.raises(UsageError, match=message):
        Protocol.from_json(json.dumps(described))


def test_text_that_is_not_json_is_refused():
    with pytest.raises(ProtocolError, match="the description of the protocol cannot be read"):
        Protocol.from_json("unmasked, then masked")


@pytest.mark.parametrize("amount", [0.2, 1 / 3, 1e6, -1.5, 123456789.0])
def test_an_amount_is_written_so_that_it_is_read_back(amount):
    changed = image("other-object", 2).changed("blur", amount).changed("contrast", 0.5)
    assert Stimulus.read(str(changed)) == changed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stimulus("mask", "a:b"), "'a:b' cannot name a stimulus or a change"),
        (lambda: Stimulus("target", changes=(Change("a=b", 1.0),)), "'a=b' cannot name a stimulus or a change"),
        (lambda: Stimulus("mask", "", 2), "the mask has exemplar 2 but no kind"),
        (lambda: Condition("c", parameters={"soa_ms": 20.0}), "give soa_ms by itself, not among the parameters"),
        (lambda: Stimulus.read("mask:noise:1:2"), "is no stimulus; write it as image:other-object:2"),
        (lambda: Stimulus.read("mask:noise:one"), "is no stimulus"),
    ],
)
def test_what_could_not_be_read_back_is_refused(make, message):
    with pytest.raises(ProtocolError, match=message):
        make()


def test_a_parameter_that_the_events_say_already_is_one_with_what_they_say():
    shown = (Show(target, 0, 20),)
    plain = Condition("c", shown)
    assert Condition("c", shown, parameters={"target_ms": 20.0}) == plain
    assert Condition("c", shown, parameters={"target_ms": 30.0}).coordinates() == {"target_ms": 30.0}


def test_a_condition_is_found_by_its_name():
    protocol = Protocol((Condition("a_b"), Condition("a-b"), Condition("masked_10")))
    assert [protocol.condition(name).name for name in ("a_b", "a-b", "masked-10")] == ["a_b", "a-b", "masked_10"]
    with pytest.raises(UsageError, match="no condition named 'masked_20'; did you mean 'masked_10'"):
        protocol.condition("masked_20")


def test_a_condition_tells_its_target_and_its_masks():
    events = (Show(mask("noise", 1), -50, -20), Show(target, 0, 20), Show(mask(), 30, 60))
    condition = Condition("sandwich", events, soa_ms=30)
    assert condition.target == events[1]
    assert condition.masks == (events[0], events[2])
    assert [mask.duration_ms for mask in condition.masks] == [30, 30]
    assert Condition("blank").target is None
