"""Parameters of a condition are coordinates of a run, and cannot take the place of another one."""

import pytest

from ventral.errors import ProtocolError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, target
from ventral.experiment.experiment import Experiment
from ventral.experiment.protocol import Protocol
from ventral.experiment.settings import Settings
from ventral.experiment.simulate import simulate
from ventral.stimuli.selection import Selection

SHOWN = (Show(target, 0, 10),)


@pytest.mark.parametrize(
    "name",
    [
        *("label", "label_name", "image", "stimulus_id", "condition", "repeat", "time", "presentation"),  # of a run
        *("channel", "y", "x", "unit", "class", "mask_label", "image_2_stimulus_id"),
        *("region", "neuroid", "time_bin_start", "attrs"),  # of exports
        *("correct", "confidence"),  # of analyses
    ],
)
def test_a_parameter_cannot_have_a_name_that_has_another_meaning(name):
    with pytest.raises(
        ProtocolError, match=f"cannot be called {name}, which .*; call it, for instance, condition_{name}"
    ):
        Condition("on", SHOWN, parameters={name: 0})


@pytest.mark.parametrize("name", ["", "a/b", "..", "__init", "two words", "line\nbreak", "[red]", "x" * 300 + "/"])
def test_a_parameter_needs_a_name_that_a_run_can_hold(name):
    with pytest.raises(ProtocolError, match=r"a parameter cannot be called .*; use letters, digits and _") as caught:
        Condition("on", SHOWN, parameters={name: 0})
    assert len(str(caught.value)) < 350
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["V1", "IT_channel"])
def test_a_parameter_cannot_have_the_name_of_an_area(model, images, name):
    protocol = Protocol((Condition("on", SHOWN, parameters={name: 0}),), end_ms=20)
    with pytest.raises(ProtocolError, match=f"has an area of this name; call the parameter, .* condition_{name}"):
        Experiment(model, protocol, Selection(images), Settings())


@pytest.mark.parametrize("name", ["coverage", "lesion_scale", "2afc", "gaze-x", "größe", "_hidden"])
def test_any_other_name_is_kept(name):
    assert Condition("on", SHOWN, parameters={name: 0.5}).coordinates()[name] == 0.5


def test_what_is_recorded_under_an_allowed_name_is_a_coordinate(model, images, tmp_path):
    protocol = Protocol((Condition("on", SHOWN, parameters={"condition_label": 7}),), end_ms=20)
    run = simulate(model, protocol, Selection(images.take(range(3))), tmp_path / "run.zarr")
    assert run["V1"]["condition_label"].values.tolist() == [7, 7, 7]
    assert run["V1"]["label"].values.tolist() == images.labels[:3].tolist()
