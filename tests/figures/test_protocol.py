"""Laws of the figure of a protocol: everything is where it happens, all is told, and nothing hides anything else."""

from functools import cache
from itertools import combinations, pairwise

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ventral.errors import ProtocolError, UsageError
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, Stimulus, grey, image, mask, nothing, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol
from ventral.experiment.schedule import arrivals, last_known_ms
from ventral.figures.protocol import schedule_figure
from ventral.figures.saving import save_as
from ventral.model.areas import Area, Transition
from ventral.model.graph import AreaGraph
from ventral.model.wiring import full
from ventral.model.zoo import graph as named_graph

STREAM = named_graph("shapes")
ONCE = named_graph("two-state")  # impulse drive; both areas skip none
AREAS = tuple(Area(name, 4, 32 >> i) for i, name in enumerate(("V1", "V2", "V4")))
GATED = AreaGraph(
    AREAS,
    (Transition("V1", "V2", windows=((50, 1000),)), Transition("V2", "V4", windows=((0, 1000),))),
    drive="sustained",
)
SKIPPING = AreaGraph(AREAS, full(AREAS))  # V2 and V4 are reached at the same time
KINDS = ("noise", "phase-scrambled", "block-scrambled", "other-object")
LONG = "a_rather_long_name_of_a_condition_that_tells_all_that_is_done_in_it_and_then_some_more"


def stream(each: int) -> tuple[Show, ...]:
    """Nine images, the fifth the target, each on for so many ms."""
    shown = [image("other-object", i) for i in range(4)] + [target] + [image("other-object", i) for i in range(5, 9)]
    return tuple(Show(what, (i - 4) * each, (i - 3) * each) for i, what in enumerate(shown))


def masked(soa: int, kind: str = "noise") -> tuple[Show, ...]:
    return Show(target, 0, 10), Show(mask(kind), soa, soa + 50)


FLASH = (Show(target, 0, 50),)
OVERLAPPING = (
    Condition("covered", (Show(target, 0, 100), Show(mask(), 30, 80)), combine="over"),
    Condition("added", (Show(mask().changed("contrast", 0.5), 50, 250), Show(target, 0, 100)), combine="add"),
    Condition("three", (Show(target, 0, 100), Show(mask(), 20, 80), Show(image(), 40, 120)), combine="over"),
)
CHANGED = tuple(
    Condition(f"contrast_{level}_{ms}", (Show(target.changed("contrast", level), 0, ms), Show(mask(), ms, ms + 30)))
    for level in (0.05, 0.5)
    for ms in (10, 60)
)
SEVERAL = target.changed("contrast", 0.2).changed("blur", 2).changed("gaussian-noise", 0.125)
LESIONS = (
    Condition("intact", FLASH),
    *(Condition(f"off_{ms}", FLASH, interventions=(Scale("feedback", ms, ms + 50),)) for ms in (0, 100, 150)),
    Condition("V4", FLASH, interventions=(Scale("V4", 30, 90, 0.5, identity=True), Scale("IT->V4", 0, 210, 0.25))),
)
FAINT = tuple(
    Show(image("other-object", place).changed("contrast", 0.1 + place / 10), at, at + 10)
    for place, at in enumerate((10, 20, 180, 190))
)
CROWDED = tuple(
    Condition(
        name,
        (Show(target.changed("contrast", 0.1), 0, 10), *FAINT),
        interventions=tuple(Scale(what, start, start + 40) for start in (0, 20, 150) for what in ("V1", "lateral")),
    )
    for name in ("crowded", "crowded_again")
)
PROTOCOLS = {
    "one": Protocol((Condition("on", (Show(target, 0, 1000),)),), end_ms=200, readout_ms=tuple(range(30, 201, 10))),
    "forward": Protocol(
        (
            Condition("unmasked", FLASH),
            *(Condition(f"at_{soa}", (Show(mask(), soa, soa + 50), *FLASH), soa_ms=soa) for soa in (-200, -110, -50)),
        ),
        readout_ms=(-20, 100),
    ),
    "stream": Protocol(
        tuple(Condition(f"{ms}_ms", stream(ms), parameters={"rate_hz": 1000 / ms}) for ms in (10, 20, 100)), end_ms=500
    ),
    "lesions": Protocol(LESIONS),
    "kinds": Protocol(tuple(Condition(f"soa_{k}", masked(30, k), soa_ms=30) for k in KINDS)),
    "overlapping": Protocol(OVERLAPPING),
    "changed": Protocol((*CHANGED, Condition(LONG, (Show(SEVERAL, 0, 10), Show(grey, 10, 50), Show(nothing, 50, 90))))),
    "crowded": Protocol(CROWDED),
    "thirty": Protocol(
        tuple(
            Condition(f"soa_{soa}_{kind}", masked(soa, kind), soa_ms=soa, parameters={"kind": kind, "gap_ms": 0})
            for kind in KINDS[:3]
            for soa in range(10, 110, 10)
        ),
        end_ms=400,
    ),
    "nothing": Protocol((Condition("blank", (Show(grey, 0, 100),)), Condition("empty")), gap="none", end_ms=100),
}
EACH = pytest.mark.parametrize("name", PROTOCOLS)


@cache
def figure_of(name: str) -> Figure:
    """Looked at by several tests and changed by none."""
    return schedule_figure(PROTOCOLS[name], STREAM, 300, "a title")


def lasting_one_tick(protocol: Protocol) -> Protocol:
    """The same onsets, for a model in which an image enters once."""
    conditions = [
        Condition(
            one.name,
            tuple(Show(event.what, event.start_ms, event.start_ms + 10) for event in one.events),
            combine="over",
        )
        for one in protocol.conditions
    ]
    return Protocol(tuple(conditions), end_ms=protocol.end_ms)


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def drawn(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Texts and where they are, without the labels of ticks that are outside of the axis."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    boxes = [(text, text.get_window_extent(renderer)) for text in texts(figure)]
    left, right = figure.axes[0].get_window_extent().intervalx
    ticks = set(figure.axes[0].get_xticklabels())
    return [(text, box) for text, box in boxes if text not in ticks or left <= (box.x0 + box.x1) / 2 <= right]


def written(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in texts(figure))


def bars(figure: Figure) -> dict[str, Rectangle]:
    """Events and interventions as they are drawn."""
    return {gid: patch for patch in figure.findobj(Rectangle) if ": " in (gid := str(patch.get_gid()))}


def shading(figure: Figure) -> list[Rectangle]:
    """What lies beyond the statistics."""
    return [patch for patch in figure.findobj(Rectangle) if patch.get_gid() == "beyond"]


def marks(figure: Figure) -> dict[str, Line2D]:
    return {str(line.get_gid()): line for line in figure.findobj(Line2D) if line.get_gid()}


def extent(bar: Rectangle) -> tuple[float, float]:
    return bar.get_x(), bar.get_x() + bar.get_width()


def headings(figure: Figure) -> dict[str, float]:
    """Lines of the names of conditions, and how far from the top they stand."""
    bold = [text for text in figure.axes[0].texts if text.get_weight() == "bold"]
    return {text.get_text(): float(text.get_position()[1]) for text in bold}


# --- time


@EACH
def test_a_bar_lasts_as_long_as_its_event(name):
    protocol = PROTOCOLS[name]
    drawn = bars(figure_of(name))
    events = [(c, event) for c in protocol.conditions for event in c.events]
    for condition, event in events:
        bar = drawn[f"{condition.name}: {event.what} at {event.start_ms}"]
        assert extent(bar) == (event.start_ms, event.stop_ms)
    changes = [(c, change) for c in protocol.conditions for change in c.interventions]
    for condition, change in changes:
        bar = drawn[f"{condition.name}: {change.what} from {change.start_ms}"]
        assert extent(bar) == (change.start_ms, change.stop_ms)
        assert bar.get_hatch()
    assert len(drawn) == len(events) + len(changes)


@pytest.mark.parametrize("graph", [STREAM, SKIPPING, ONCE], ids=["stream", "skipping", "once"])
@pytest.mark.parametrize("name", ["forward", "stream", "overlapping"])
def test_a_mark_stands_where_the_first_image_arrives(name, graph):
    protocol = PROTOCOLS[name] if graph.drive == "sustained" else lasting_one_tick(PROTOCOLS[name])
    drawn = marks(schedule_figure(protocol, graph))
    for condition in protocol.conditions:
        onset = min(event.start_ms for event in condition.events)
        for area, after in graph.arrival_ms.items():
            assert set(drawn[f"{condition.name}: {area} arrives"].get_xdata()) == {onset + after}


def test_arrival_follows_the_windows_of_the_network_s_clock():
    late = Condition("late", (Show(target, 0, 10),))
    protocol = Protocol((late, Condition("early", (Show(mask(), -100, -90),))))
    # on from 50 ms after the network's start, which is at -100
    assert arrivals(protocol, protocol.conditions[1], GATED) == {"V1": -100, "V2": -40, "V4": -30}
    assert arrivals(protocol, late, GATED) == {"V1": 0, "V2": 10, "V4": 20}
    assert arrivals(Protocol((late,)), late, GATED) == {"V1": 0, "V2": 60, "V4": 70}


def test_a_blank_arrives_nowhere_and_does_not_count_as_first():
    shown = (Show(grey, -50, 0), Show(mask(), 20, 30))
    assert Condition("a", shown).first_image_ms == 20
    assert not marks(figure_of("nothing")).keys() - {"end", "readout at 100"}
    assert set(arrivals(PROTOCOLS["nothing"], Condition("a"), STREAM).values()) == {None}


def test_marks_of_one_time_are_all_seen():
    drawn = marks(schedule_figure(PROTOCOLS["kinds"], SKIPPING))
    first, second = (sorted(drawn[f"soa_noise: {area} arrives"].get_ydata()) for area in ("V2", "V4"))
    assert list(drawn["soa_noise: V2 arrives"].get_xdata()) == list(drawn["soa_noise: V4 arrives"].get_xdata())
    assert first[1] <= second[0] + 1e-9
    assert min(first[1] - first[0], second[1] - second[0]) > 0.02


@EACH
def test_readouts_are_dashed_and_the_record_ends_where_it_does(name):
    protocol = PROTOCOLS[name]
    figure = figure_of(name)
    drawn = marks(figure)
    for ms in protocol.readout_ms:
        line = drawn[f"readout at {ms}"]
        assert set(line.get_xdata()) == {ms}
        assert line.get_linestyle() == "--"
        assert str(ms).replace("-", "−") in written(figure).split("\n")
    assert set(drawn["end"].get_xdata()) == {protocol.end_ms}


@pytest.mark.parametrize(
    ("name", "limit_ms", "at"), [("thirty", 300, 300), ("forward", 300, 100), ("stream", 300, -100)]
)
def test_shading_begins_at_the_last_time_with_statistics(name, limit_ms, at):
    protocol = PROTOCOLS[name]
    assert at == limit_ms + protocol.start_ms == last_known_ms(protocol, limit_ms)
    figure = schedule_figure(protocol, STREAM, limit_ms)
    (shaded,) = shading(figure)
    assert extent(shaded) == (at, figure.axes[0].get_xlim()[1])
    assert f"no statistics after {at} ms".replace("-", "−") in written(figure)


@pytest.mark.parametrize("limit_ms", [None, 400, 410])
def test_nothing_is_shaded_where_statistics_last(limit_ms):
    figure = schedule_figure(PROTOCOLS["thirty"], STREAM, limit_ms)
    assert not shading(figure)
    assert "no statistics" not in written(figure)


@EACH
def test_the_axis_holds_the_whole_record(name):
    protocol = PROTOCOLS[name]
    axes = figure_of(name).axes[0]
    low, high = axes.get_xlim()
    assert low < protocol.start_ms <= protocol.end_ms < high


# --- rows


@EACH
def test_every_condition_has_a_row_in_its_order(name):
    protocol = PROTOCOLS[name]
    lines = headings(figure_of(name))
    assert "".join(lines) == "".join(condition.name for condition in protocol.conditions)
    assert list(lines.values()) == sorted(set(lines.values()))


@EACH
def test_what_a_row_shows_is_between_its_neighbours(name):
    protocol = PROTOCOLS[name]
    figure = figure_of(name)
    rows: dict[str, list[float]] = {condition.name: [] for condition in protocol.conditions}
    for gid, bar in bars(figure).items():
        rows[gid.partition(": ")[0]] += [bar.get_y(), bar.get_y() + bar.get_height()]
    for gid, mark in marks(figure).items():
        if gid.endswith("arrives"):
            rows[gid.partition(": ")[0]] += list(mark.get_ydata())
    held = [heights for heights in rows.values() if heights]
    assert all(max(upper) < min(lower) for upper, lower in pairwise(held))
    assert all(0 < height < figure.axes[0].get_ylim()[0] for heights in held for height in heights)


@EACH
def test_no_bar_hides_another(name):
    placed = list(bars(figure_of(name)).values())
    for one, other in combinations(placed, 2):
        (a, b), (c, d) = extent(one), extent(other)
        apart = one.get_y() + one.get_height() <= other.get_y() or other.get_y() + other.get_height() <= one.get_y()
        assert apart or b <= c or d <= a


def test_bars_that_touch_are_on_one_lane():
    drawn = bars(figure_of("stream"))
    assert len({bar.get_y() for gid, bar in drawn.items() if gid.startswith("20_ms:")}) == 1


@EACH
def test_no_text_is_cut_off_or_drawn_over_other_text(name):
    figure = figure_of(name)
    boxes = drawn(figure)
    for text, box in boxes:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    for (text, box), (other, beside) in combinations(boxes, 2):
        low, high = max(box.y0, beside.y0), min(box.y1, beside.y1)
        # boxes have room for descenders that most lines do not have
        assert min(box.x1, beside.x1) <= max(box.x0, beside.x0) or high - low < 3, (text, other)


@EACH
def test_no_text_is_drawn_over_a_bar_that_is_not_its_own(name):
    figure = figure_of(name)
    events = [bar for bar in bars(figure).values() if not bar.get_hatch()]
    rows = [(text, box) for text, box in drawn(figure) if text.axes is figure.axes[0] and text in text.axes.texts]
    for bar in events:
        around = bar.get_window_extent()
        for text, box in rows:
            within = around.x0 <= box.x0 <= box.x1 <= around.x1 and around.y0 <= (box.y0 + box.y1) / 2 <= around.y1
            high = min(around.y1, box.y1) - max(around.y0, box.y0)
            assert within or box.x1 <= around.x0 or around.x1 <= box.x0 or high < 3, text


def test_an_intervention_is_named_beside_its_bar_where_there_is_room():
    figure = figure_of("lesions")
    named = [(text, box) for text, box in drawn(figure) if text.get_text() == "feedback × 0"]
    for ms, (_, box) in zip((0, 100, 150), named, strict=True):
        bar = bars(figure)[f"off_{ms}: feedback from {ms}"].get_window_extent()
        assert bar.x1 <= box.x0 or box.x1 <= bar.x0


def test_a_long_name_is_folded_and_a_long_title_has_room():
    figure = schedule_figure(PROTOCOLS["changed"], STREAM, title="a title " * 20)
    assert figure.axes[0].get_position().x0 * figure.get_figwidth() < 3.6
    assert all(figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1 for _, box in drawn(figure))


def test_height_grows_with_conditions_and_letters_do_not():
    few, many = (schedule_figure(PROTOCOLS[name], STREAM) for name in ("kinds", "thirty"))
    assert {text.get_fontsize() for text in texts(few)} == {text.get_fontsize() for text in texts(many)}
    added = many.get_figheight() - few.get_figheight()
    assert 26 * 0.3 < added < 26 * 0.7


# --- words


@EACH
def test_changes_and_interventions_are_written_out(name):
    protocol = PROTOCOLS[name]
    told = written(figure_of(name))
    for event in (event for condition in protocol.conditions for event in condition.events):
        assert ", ".join(map(str, event.what.changes)) in told
    for change in (change for condition in protocol.conditions for change in condition.interventions):
        assert f"{change.what} × {change.scale:g}" in told
    if name == "lesions":
        assert "V4 × 0.5 with identity" in told


@EACH
def test_the_legend_has_every_kind_that_is_shown_in_its_colour(name):
    protocol = PROTOCOLS[name]
    figure = figure_of(name)
    lines, key = written(figure).split("\n"), figure.axes[1]
    colours: dict[str, set[object]] = {}
    for condition in protocol.conditions:
        for event in condition.events:
            bar = bars(figure)[f"{condition.name}: {event.what} at {event.start_ms}"]
            colours.setdefault(label(event.what), set()).add(bar.get_facecolor())
    for said, used in colours.items():
        assert said in lines
        assert used <= {patch.get_facecolor() for patch in key.patches}
        assert len(used) == 1
    assert len({colour for used in colours.values() for colour in used}) == len(colours)


def label(what: Stimulus) -> str:
    kind = what.kind.replace("-", " ")
    return {"target": "target", "blank": {"none": "no input"}.get(kind, kind)}.get(what.role, f"{what.role}: {kind}")


def test_images_of_a_stream_are_told_apart_by_number():
    told = written(figure_of("stream")).split("\n")
    for number in (0, 1, 2, 3, 5, 6, 7, 8):
        assert f"other object {number}" in told  # where it fits
        assert str(number) in told  # where it does not


def test_parameters_that_tell_conditions_apart_are_written_and_others_are_not():
    told = written(figure_of("thirty"))
    assert "SOA 20 ms, kind phase-scrambled" in told
    assert "gap" not in told
    assert "SOA 30 ms" in written(schedule_figure(Protocol((LESIONS[0], Condition("b", masked(30), 30))), STREAM))
    assert "SOA −110 ms" in written(figure_of("forward"))
    assert "rate 50 Hz" in written(figure_of("stream"))


def test_how_events_combine_is_said_where_they_overlap():
    told = written(figure_of("overlapping"))
    assert told.count("the later covers the earlier") == 2
    assert told.count("contrasts add") == 1
    apart = Condition("apart", masked(30), combine="add")
    assert not apart.overlaps
    assert "contrasts add" not in written(schedule_figure(Protocol((apart,)), STREAM))


def test_grey_between_events_is_told_only_where_there_is_some():
    said = "grey, between events"
    assert said in written(figure_of("lesions"))
    assert said not in written(figure_of("one"))
    assert said not in written(figure_of("nothing"))
    assert said not in written(schedule_figure(lasting_one_tick(PROTOCOLS["forward"]), ONCE))


def test_a_name_is_written_as_it_is():
    odd = Protocol((Condition("cost $x_1$ and $y$", FLASH),))
    figure = schedule_figure(odd, STREAM, title="$a_b$")
    assert {"cost $x_1$ and $y$", "$a_b$"} <= set(written(figure).split("\n"))
    assert not any(text.get_parse_math() for text in texts(figure) if "$" in text.get_text())


# --- refusals and files


def test_what_a_model_cannot_do_is_refused():
    with pytest.raises(
        ProtocolError, match=r"condition intact: with impulse drive .* use a model with sustained drive"
    ):
        schedule_figure(PROTOCOLS["lesions"], ONCE)
    with pytest.raises(UsageError, match="no transition, area or class of transitions named 'V4'"):
        schedule_figure(lasting_one_tick_with_lesion(), ONCE)


def lasting_one_tick_with_lesion() -> Protocol:
    return Protocol((Condition("a", (Show(target, 0, 10),), interventions=(Scale("V4", 0, 50),)),))


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_protocol_gives_the_same_bytes(suffix, tmp_path):
    first, again = (
        save_as(schedule_figure(PROTOCOLS["lesions"], STREAM, 100, "x"), tmp_path / f"{name}{suffix}") for name in "ab"
    )
    assert first.read_bytes() == again.read_bytes()


def test_a_figure_leaves_no_state_behind():
    before = dict(mpl.rcParams)
    figure_of("kinds")
    assert dict(mpl.rcParams) == before
