"""Laws of the protocols that come with ventral, from their descriptions alone: nothing is simulated."""

import json
from itertools import pairwise

import pytest

from ventral.clock import to_ms
from ventral.errors import ClockError, ProtocolError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, Stimulus, grey, image, mask, target
from ventral.experiment.protocol import Protocol
from ventral.knobs import Knob, apply_settings, knobs, written
from ventral.model.areas import Area
from ventral.model.graph import AreaGraph
from ventral.model.wiring import adjacent
from ventral.plugins import list_scripts, load
from ventral.stimuli.regions import DISC_RADIUS, region


def takes_several(knob: Knob) -> bool:
    return knob.kind.length is not None


NAMES = [script.name for script in list_scripts("protocols") if script.origin == "ventral"]
EVERY = pytest.mark.parametrize("name", NAMES)
KNOBS = [(name, knob) for name in NAMES for knob in knobs(load("protocols", name).protocol).values()]
TIMES = [(name, knob) for name, knob in KNOBS if knob.name.endswith("_ms")]
SEVERAL = [(name, knob) for name, knob in KNOBS if takes_several(knob) and knob.name != "readout_ms"]
HORIZON_MS = 300  # to which shipped models have statistics
MASKED = ("backward-mask", "forward-mask", "metacontrast")


def make(name: str, **settings: object) -> Protocol:
    return load("protocols", name).protocol(**settings)


def named(protocol: Protocol) -> dict[str, Condition]:
    return {condition.name: condition for condition in protocol.conditions}


def when(condition: Condition, what: Stimulus) -> tuple[int, int]:
    """From and to which ms something is on."""
    (event,) = [event for event in condition.events if event.what == what]
    return event.start_ms, event.stop_ms


def needed(name: str, knob: Knob) -> dict[str, object]:
    """Other settings without which a knob does nothing."""
    if (name, knob.name) == ("occlusion", "mask_ms"):
        return {"soa_ms": (50,)}
    return {"fraction": {"kind": ("salt-and-pepper",)}, "blur": {"kind": ("blur",)}}.get(knob.name, {})


def identify(knob: object) -> str | None:
    return knob.name if isinstance(knob, Knob) else None


# --- every protocol


def test_the_library_is_whole():
    library = {"flash", "backward-mask", "forward-mask", "variable-readout", "rsvp", "occlusion", "noise", "contrast"}
    assert library | {"lesion", "swap", "repetition", "metacontrast", "receptive-fields"} <= set(NAMES)


@EVERY
def test_it_states_question_source_and_departures(name):
    made = make(name)
    first = made.source.splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 120
    for part in ("?", "Design: ", "Source: ", "Departures: "):
        assert part in made.source.replace("\n", " "), part


@EVERY
def test_its_defaults_fit_the_horizon_of_the_shipped_models(name):
    made = make(name)
    assert made.end_ms - made.start_ms <= HORIZON_MS
    assert made.start_ms <= 0 < made.end_ms


@EVERY
def test_before_ms_starts_the_record_earlier_with_what_is_between_events(name):
    plain, made = make(name), make(name, before_ms=50)
    assert (made.start_ms, made.end_ms) == (plain.start_ms - 50, plain.end_ms)
    assert made.conditions == plain.conditions
    for condition in made.conditions:
        assert made.frames(condition) == [(grey,)] * 5 + plain.frames(condition)
    assert Protocol.from_json(made.to_json()) == made


@EVERY
def test_a_time_before_that_is_negative_is_refused(name):
    with pytest.raises(ProtocolError, match="before_ms is -10; give 0 or more"):
        make(name, before_ms=-10)


@EVERY
def test_its_defaults_show_the_target_at_0_in_some_condition(name):
    shown = [event.start_ms for c in make(name).conditions for event in c.events if event.what.role == "target"]
    assert set(shown) == {0}


@EVERY
def test_every_event_and_lesion_lies_in_the_record_and_every_condition_differs(name):
    made = make(name)
    for condition in made.conditions:
        assert all(made.start_ms <= event.start_ms <= made.end_ms for event in condition.events)
        assert all(
            made.start_ms <= change.start_ms < change.stop_ms <= made.end_ms for change in condition.interventions
        )
    contents = [(frozenset(c.events), c.interventions) for c in made.conditions]
    assert len(set(contents)) == len(contents)
    assert len(named(made)) == len(made.conditions)


@EVERY
def test_every_condition_can_be_told_from_the_others_by_its_coordinates(name):
    """But a blank, which has none."""
    coordinates = [json.dumps(c.coordinates(), sort_keys=True) for c in make(name).conditions if c.coordinates()]
    assert len(set(coordinates)) == len(coordinates)


@EVERY
def test_a_coordinate_is_a_number_in_every_condition_or_a_word_in_every_condition(name):
    kinds: dict[str, set[bool]] = {}
    for condition in make(name).conditions:
        for coordinate, value in condition.coordinates().items():
            assert isinstance(value, (int, float, str))
            kinds.setdefault(coordinate, set()).add(isinstance(value, str))
    assert all(len(kind) == 1 for kind in kinds.values())


@EVERY
def test_no_coordinate_has_the_name_of_one_that_is_of_the_images(name, images):
    taken = {"image", "stimulus_id", "label", "label_name", "condition", "repeat", "time", *images.coordinates}
    assert not taken & {coordinate for c in make(name).conditions for coordinate in c.coordinates()}


@EVERY
def test_its_json_is_read_again_and_is_the_same_when_made_again(name):
    made = make(name)
    read = json.loads(made.to_json())
    assert [condition["name"] for condition in read["conditions"]] == [c.name for c in made.conditions]
    assert read["end_ms"] == made.end_ms
    assert make(name).to_json() == made.to_json()


@pytest.mark.parametrize(("name", "knob"), KNOBS, ids=identify)
def test_setting_a_knob_to_its_default_changes_nothing(name, knob):
    """Not even 0 to 0.0, which would be another run."""
    given = apply_settings(load("protocols", name).protocol, [f"{knob.name}={written(knob.default)}"])
    assert make(name, **given).to_json() == make(name).to_json()


@pytest.mark.parametrize(("name", "knob"), TIMES, ids=identify)
def test_a_time_off_the_clock_is_refused(name, knob):
    several = takes_several(knob)
    usual = knob.default[0] if isinstance(knob.default, tuple) else knob.default
    off = (40 if usual is None else usual) + 5
    with pytest.raises(ClockError, match=r"the clock ticks every 10 ms, so use -?\d+ or -?\d+"):
        make(name, **{knob.name: (off,) if several else off, **needed(name, knob)})


@pytest.mark.parametrize(("name", "knob"), [(n, k) for n, k in KNOBS if "word" not in k.kind.takes], ids=identify)
def test_a_knob_refuses_what_is_not_of_its_type(name, knob):
    with pytest.raises(UsageError, match=rf"knob {knob.name} is 'nonsense'; it takes "):
        apply_settings(load("protocols", name).protocol, [f"{knob.name}=nonsense"])


@pytest.mark.parametrize(("name", "knob"), SEVERAL, ids=identify)
def test_a_value_that_is_given_twice_is_refused(name, knob):
    value = 40 if knob.default is None else knob.default[-1]
    with pytest.raises(ProtocolError, match=r"two conditions are called '.*'; a value is given twice"):
        make(name, **{knob.name: (value, value), **needed(name, knob)})


# --- the single ones


@pytest.mark.parametrize("combine", ["over", "add"])
def test_a_mask_may_come_before_the_target_goes_only_if_it_is_said_what_is_seen(combine):
    with pytest.raises(ProtocolError, match="condition soa_20: mask:noise starts at 20 ms while target is on until 30"):
        make("backward-mask", target_ms=30, soa_ms=(20,))
    (masked,) = [c for c in make("backward-mask", target_ms=30, soa_ms=(20,), combine=combine).conditions if c.soa_ms]
    assert masked.shows(20) == (target, mask("noise"))
    assert masked.combine == combine


def test_backward_masks_have_their_controls():
    plain = named(make("backward-mask", soa_ms=(20, 50)))
    assert list(plain) == ["unmasked", "mask_only", "soa_20", "soa_50", "blank"]
    two = named(make("backward-mask", soa_ms=(20,), kind=("noise", "bars")))
    assert list(two) == ["unmasked", "mask_only_noise", "soa_20_noise", "mask_only_bars", "soa_20_bars", "blank"]
    made = make("backward-mask")
    assert set(made.frames(named(made)["blank"])) == {(grey,)}


def test_with_target_is_soa_the_target_goes_when_the_mask_comes_and_is_shown_as_long_without_one():
    made = make("backward-mask", target_is_soa=True, soa_ms=(30, 50, 100), mask_ms=500)
    shown = named(made)
    assert list(shown) == [
        "unmasked_30",
        "unmasked_50",
        "unmasked_100",
        "mask_only",
        "soa_30",
        "soa_50",
        "soa_100",
        "blank",
    ]
    for soa in (30, 50, 100):
        masked, unmasked = shown[f"soa_{soa}"], shown[f"unmasked_{soa}"]
        assert when(masked, target) == when(unmasked, target) == (0, soa)
        assert when(masked, mask("noise")) == (soa, soa + 500)
        assert masked.coordinates()["target_ms"] == masked.coordinates()["soa_ms"] == soa
        assert unmasked.coordinates() == {"target_ms": soa}


@pytest.mark.parametrize("name", MASKED)
def test_soa_is_mask_onset_minus_target_onset(name):
    for condition in make(name).conditions:
        if condition.soa_ms is not None:
            onsets = {event.what.role: event.start_ms for event in condition.events}
            assert onsets["mask"] - onsets["target"] == condition.soa_ms


def test_a_forward_mask_is_off_before_the_target_unless_it_is_said_what_is_seen():
    assert all(
        event.stop_ms <= 0 for c in make("forward-mask").conditions for event in c.events if event.what.role == "mask"
    )
    for soa in (-40, 0):
        with pytest.raises(ProtocolError, match=f"condition soa_{soa}: .* say how they combine"):
            make("forward-mask", soa_ms=(soa,))
    shown = named(make("forward-mask", soa_ms=(-40, 0), combine="add"))
    assert shown["soa_-40"].shows(0) == (mask("noise"), target)
    assert shown["soa_0"].shows(0) == (target, mask("noise"))


def test_a_sandwich_has_another_mask_after_the_target_and_a_control_with_that_alone():
    shown = named(make("forward-mask", soa_ms=(-50,), sandwich_ms=40))
    first, second = mask("noise"), mask("noise", 1)
    assert [event.what for event in sorted(shown["soa_-50"].events, key=lambda event: event.start_ms)] == [
        first,
        target,
        second,
    ]
    assert when(shown["soa_-50"], second) == when(shown["backward_only"], second) == (40, 90)
    assert {event.what for event in shown["backward_only"].events} == {target, second}
    assert shown["soa_-50"].coordinates()["sandwich_ms"] == 40
    assert "backward_only" not in named(make("forward-mask"))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("backward-mask", {"soa_ms": (-50,)}, "soa_ms is -50; a mask before the target .* use forward-mask"),
        ("forward-mask", {"soa_ms": (50,)}, "soa_ms is 50; .* give -50, or use backward-mask"),
        ("rsvp", {"items": 1}, "items is 1; a stream has 2 to 100"),
        ("rsvp", {"items": 10**9}, "items is 1000000000; a stream has 2 to 100"),
        ("rsvp", {"position": 7}, "position is 7; give 1 to 6"),
        ("rsvp", {"position": 0}, "position is 0; give 1 to 6"),
        ("rsvp", {"gap_ms": -10}, "gap_ms is -10; give 0 or more"),
        ("rsvp", {"item_ms": (100,)}, "after the record ends at 200 ms; use a later end_ms"),
        ("occlusion", {"coverage": (1.5,)}, "coverage is 1.5; give the fraction that is hidden"),
        ("noise", {"sd": (-0.1,)}, "sd is -0.1; give 0 to 1"),
        ("noise", {"kind": ("salt-and-pepper",), "fraction": (1.2,)}, "fraction is 1.2; give 0 to 1"),
        ("contrast", {"contrast": (0.0,)}, "contrast is 0; give a fraction above 0, to 1"),
        ("contrast", {"kind": ("blur",), "blur": (-1.0,)}, "blur is -1; give an sd in pixels, 0 or more"),
        ("lesion", {"start_ms": None, "whole": False}, "nothing is lesioned; give start_ms or whole=true"),
        ("lesion", {"scale": (2.0,)}, "scale 2.0; give 0 to 1"),
        ("lesion", {"start_ms": (400,)}, "the intervention on feedback is outside the record, 0 to 200 ms"),
        ("swap", {"swap_ms": (0,)}, "swap_ms is 0; A turns into B after 0 and by the end of the record, 300 ms"),
        ("swap", {"swap_ms": (310,)}, "swap_ms is 310; A turns into B after 0"),
        ("repetition", {"gap_ms": (-10,)}, "gap_ms is -10; give 0 or more"),
        ("receptive-fields", {"grid": 1}, "grid is 1; give 2 to 64 places along an axis"),
        ("receptive-fields", {"size": 0.0}, "size is 0; give a fraction of the image above 0, to 1"),
        ("occlusion", {"soa_ms": (20,)}, "soa_20: mask:phase-scrambled starts at 20 ms while target is on until 30"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_would_be_right(name, settings, message):
    with pytest.raises(ProtocolError, match=message):
        make(name, **settings)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("occlusion", {"kind": ("occluded-bubble",)}, "did you mean 'occluded-bubbles'"),
        ("noise", {"kind": ("gausian-noise",)}, "did you mean 'gaussian-noise'"),
        ("contrast", {"kind": ("blurr",)}, "did you mean 'blur'"),
        ("metacontrast", {"kind": ("anulus",)}, "did you mean 'annulus'"),
        ("repetition", {"adapter": ("other-objet",)}, "did you mean 'other-object'"),
    ],
)
def test_a_misspelt_kind_is_refused_with_the_nearest(name, settings, message):
    with pytest.raises(UsageError, match=message):
        make(name, **settings)


def test_a_kind_is_known_with_either_dash():
    assert (
        named(make("occlusion", kind=("occluded_blocks",))).keys()
        == named(make("occlusion", kind=("occluded-blocks",))).keys()
    )


@pytest.mark.parametrize("gap", [0, 10])
@pytest.mark.parametrize(("items", "position"), [(6, None), (7, None), (6, 1), (6, 6)])
def test_a_stream_has_every_item_once_the_target_at_its_place_and_gaps_as_asked(gap, items, position):
    made = make("rsvp", item_ms=(10, 20), items=items, position=position, gap_ms=gap)
    place = position or {6: 3, 7: 4}[items]
    for duration in (10, 20):
        events = sorted(named(made)[f"present_{duration}"].events, key=lambda event: event.start_ms)
        assert len({event.what for event in events}) == len(events) == items
        assert events[place - 1] == Show(target, 0, duration)
        assert all(event.stop_ms - event.start_ms == duration for event in events)
        assert {later.start_ms - earlier.stop_ms for earlier, later in pairwise(events)} == {gap}


def test_a_stream_without_the_target_differs_from_one_with_it_only_in_its_place():
    shown = named(make("rsvp"))
    present, absent, alone = (set(shown[f"{stream}_20"].events) for stream in ("present", "absent", "alone"))
    assert present - absent == alone == {Show(target, 0, 20)}
    assert absent - present == {Show(image("other-object", 3), 0, 20)}
    parameters = shown["absent_20"].parameters
    assert parameters == {"stream": "absent", "item_ms": 20, "items": 6, "position": 3, "gap_ms": 0}


@pytest.mark.parametrize(
    ("name", "settings", "intact", "coordinate"),
    [
        ("occlusion", {"kind": ("occluded-blocks",), "coverage": (0.0, 0.6)}, 0, "coverage"),
        ("noise", {"sd": (0.0, 0.2)}, 0, "noise_sd"),
        ("noise", {"kind": ("salt-and-pepper",), "fraction": (0.0, 0.2)}, 0, "noise_fraction"),
        ("contrast", {"contrast": (1.0, 0.2)}, 1, "target_contrast"),
        ("contrast", {"kind": ("blur",), "blur": (0.0, 2.0)}, 0, "target_blur"),
    ],
)
def test_a_level_is_what_the_image_is_changed_by_and_the_first_leaves_it_as_it_is(name, settings, intact, coordinate):
    whole, changed = make(name, **settings).conditions
    assert whole.coordinates()[coordinate] == intact
    assert whole.events[0].what == target
    (change,) = changed.events[0].what.changes
    assert change.amount == changed.coordinates()[coordinate] != intact
    assert changed.name == f"{change.how}_{change.amount:g}"


def test_occlusion_is_crossed_with_soa():
    made = make("occlusion", coverage=(0.0, 0.6), soa_ms=(30, 100))
    found = {(c.parameters["coverage"], c.soa_ms) for c in made.conditions}
    assert found == {(part, soa) for part in (0.0, 0.6) for soa in (None, 30, 100)}


def small() -> AreaGraph:
    areas = (Area("V1", 2, 8), Area("IT", 3, 4))
    return AreaGraph(areas, adjacent(areas), readout="IT")


@pytest.mark.parametrize("what", ["feedback", "lateral", "IT", "IT->V1"])
def test_a_lesion_scales_in_its_window_only_and_intact_never(what):
    made = make("lesion", what=(what,), scale=(0.5,), start_ms=(40,), window_ms=30)
    shown = named(made)
    assert list(shown) == ["intact", f"{what}_0.5_40-70", f"{what}_0.5_whole"]
    assert not any(made.gains(shown["intact"], small()))
    windowed = made.gains(shown[f"{what}_0.5_40-70"], small())
    assert [to_ms(tick) for tick, gains in enumerate(windowed) if gains] == [40, 50, 60]
    assert all(set(gains.values()) == {0.5} for gains in windowed if gains)
    throughout = made.gains(shown[f"{what}_0.5_whole"], small())
    assert all(throughout[:-1])  # the last tick has no successor
    parameters = shown[f"{what}_0.5_40-70"].parameters
    assert parameters == {"lesion": what, "lesion_scale": 0.5, "lesion_start_ms": 40, "lesion_stop_ms": 70}


@pytest.mark.parametrize("identity", [False, True])
def test_a_lateral_lesion_takes_the_identity_only_if_asked(identity):
    made = make("lesion", what=("lateral",), start_ms=None, identity=identity)
    gains = made.gains(named(made)["lateral_0_whole"], small())[0]
    assert ("V1" in gains) == ("IT" in gains) == identity


def test_a_swap_leaves_no_gap_and_b_stays_to_the_last_tick():
    made = make("swap", swap_ms=(10, 100), kind="same-object", end_ms=150)
    other = image("same-object")
    for swap in (10, 100):
        frames = made.frames(named(made)[f"swap_{swap}"])
        assert frames == [(target,)] * (swap // 10) + [(other,)] * (16 - swap // 10)
    assert set(made.frames(named(made)["a_alone"])) == {(target,)}
    assert set(made.frames(named(made)["b_alone"])) == {(other,)}


def test_an_adapter_ends_a_gap_before_the_test_image_which_is_the_same_for_all():
    made = make(
        "repetition", adapter=("target", "other-object", "same-object"), adapter_ms=60, gap_ms=(0, 40), test_ms=30
    )
    shown = named(made)
    assert set(shown) == {"no_adapter"} | {
        f"{adapter}_{gap}" for adapter in ("same", "different", "same_class") for gap in (0, 40)
    }
    for gap in (0, 40):
        assert when(shown[f"same_{gap}"], image("target")) == (-gap - 60, -gap)
        assert when(shown[f"different_{gap}"], image("other-object")) == (-gap - 60, -gap)
    assert {when(condition, target) for condition in made.conditions} == {(0, 30)}


def test_metacontrast_shows_the_target_through_one_disc_and_masks_that_leave_it_free():
    made = make("metacontrast")
    targets = {what for what in made.stimuli() if what.role == "target"}
    assert [[change.how for change in what.changes] for what in targets] == [["disc"]]
    assert {what.kind for what in made.stimuli() if what.role == "mask"} == {"annulus", "four-dots"}


def test_receptive_fields_are_mapped_at_each_place_of_a_grid_and_with_nothing_on_the_screen():
    made = make("receptive-fields", grid=3)
    assert len(made.conditions) == 10
    patches = {c.name: region("", 24, c.target.what.changes).numpy() for c in made.conditions}
    assert not patches.pop("blank").any()
    assert (sum(patches.values()) == 1).all()  # numbers of patches at each pixel
    larger = named(make("receptive-fields", grid=3, size=0.5))["row_1_column_1"]
    assert region("", 24, larger.target.what.changes).sum() == 12**2


def test_trailing_dots_come_with_the_target_and_stay():
    made = make("metacontrast", target_ms=20, trail_ms=(0, 80))
    shown = named(made)
    assert when(shown["trail_0"], mask("four-dots")) == (0, 20)
    assert when(shown["trail_80"], mask("four-dots")) == (0, 100)
    assert shown["trail_80"].soa_ms == 0
    assert shown["trail_80"].shows(10)[-1] == mask("four-dots")
    assert not [name for name in named(make("metacontrast", trail_ms=None)) if name.startswith("trail")]


def test_the_masks_of_metacontrast_lie_around_the_disc_through_which_the_target_is_seen():
    assert load("protocols", "metacontrast").RADIUS == DISC_RADIUS
