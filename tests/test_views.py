"""Views: what an object says of itself, in the console and in notebooks."""

from xml.etree import ElementTree

import pytest

from ventral.experiment.catalogue import load_protocol
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.protocol import Protocol
from ventral.model import zoo
from ventral.views import View, listed


def test_a_view_as_html_has_the_same_texts_and_escapes_them():
    view = View("<b>title</b>", {"a & b": "<script>alert(1)</script>"})
    page = ElementTree.fromstring(view.to_html())
    assert [element.text for element in page.iter() if element.text] == [
        "<b>title</b>",
        "a & b",
        "<script>alert(1)</script>",
    ]
    assert "<script>" not in view.to_html()


@pytest.mark.parametrize("count", [0, 1, 6, 7, 100])
def test_many_names_are_listed_by_the_first_and_the_last_and_their_number(count):
    names = [f"n{number}" for number in range(count)]
    text = listed(names)
    assert (str(count) in text) == (count > 6 or (count in (1, 6) and f"n{count}" in text))
    assert not names or (names[0] in text and names[-1] in text)
    assert len(text) < 60


def test_a_graph_names_its_areas_and_counts_its_transitions():
    text = repr(zoo.graph("full"))
    for part in ("V1-V2-V4-IT", "V1 32x32x8", "3 feedforward, 4 lateral, 3 feedback", "sustained", "fixed"):
        assert part in text
    assert "feedback" not in repr(zoo.graph("feedforward"))


def test_a_protocol_names_masks_and_lesions():
    assert "noise" in repr(load_protocol("backward-mask"))
    assert "feedback" in repr(load_protocol("lesion"))
    plain = Protocol((Condition("on", (Show(target, 0, 10),)),), end_ms=50, name="plain")
    assert str(plain).splitlines() == ["Protocol plain", "  conditions  on", "  time        0 to 50 ms, read at 50 ms"]


def test_a_model_says_on_what_it_was_trained(model):
    assert f"Model {model.name}" in repr(model)
    assert "V1" in model._repr_html_()
