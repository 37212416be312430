"""Laws of the figure of a graph: all of it is there, nothing is drawn over anything else, the same every time."""

import subprocess
import sys
from dataclasses import replace
from itertools import combinations, pairwise, product

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ventral.errors import UsageError
from ventral.figures import graph as diagram
from ventral.figures.graph import graph_figure
from ventral.figures.saving import save, save_as
from ventral.model import checks as described
from ventral.model.areas import Area, Transition
from ventral.model.graph import AreaGraph


def full(areas: tuple[Area, ...]) -> tuple[Transition, ...]:
    """Every area to every area."""
    return tuple(Transition(a.name, b.name, bridge(a.size, b.size)) for a, b in product(areas, areas))


def bridge(source: int, target: int) -> str:
    if source >= target:
        return "BRCx2" if source <= 4 * target else "BRCx3"
    return "BRDx2" if target <= 4 * source else "BRDx3"


def neighbours(areas: tuple[Area, ...]) -> tuple[Transition, ...]:
    """Between neighbours, both ways."""
    near = {(a.name, b.name) for a, b in pairwise(areas)}
    return tuple(edge for edge in full(areas) if {(edge.source, edge.target), (edge.target, edge.source)} & near)


def stream(names: str) -> tuple[Area, ...]:
    return tuple(Area(name, 8 << i, max(32 >> i, 4)) for i, name in enumerate(names.split()))


EQUAL = (Area("V1", 64, 32, 1), Area("V2", 64, 32, 1))
THREE = (Area("V1", 16, 32), Area("V2", 16, 16), Area("V4", 64, 8))
KEPT = (Area("V1", 16, 32, 1), Area("V2", 32, 16, 0.5), Area("V4", 64, 8))
FOUR, EIGHT = stream("V1 V2 V4 IT"), stream("V1 V2 V3 V4 TEO TE PFC LIP")
GATED = (
    Transition("V1", "V1", windows=((0, 30),)),
    Transition("V2", "V2", windows=((40, 70),)),
    Transition("V4", "V4", windows=((80, 110), (120, 130))),
    Transition("V1", "V2", "conv", ((30, 40),)),
    Transition("V2", "V4", "conv", ((70, 80), (100, 1000), (2000, 3000))),
)
ASIDE = (Area("a long name", 16, 8, 0.25), *THREE, Area("$x_1$", 3, 4))
SKIPPING = (
    Transition("V1", "V4"),
    Transition("V4", "V1", "BRDx2"),
    Transition("V1", "a long name"),
    Transition("V2", "a long name", "pool"),
)
LONG = tuple((start, start + 10) for start in range(20, 140, 20))
OVER = (Transition("V1", "V4"), Transition("V4", "V2", "BRDx2"), Transition("V2", "V2", windows=LONG))
WIDE = tuple(replace(edge, windows=((1000, 20000),)) for edge in full(FOUR) if edge.source == "V1" and not edge.lateral)
GRAPHS = {
    "one": AreaGraph(EQUAL[:1], full(EQUAL[:1]), drive="impulse"),
    "gated": AreaGraph(THREE, GATED, drive="impulse"),
    "full": AreaGraph(FOUR, full(FOUR)),
    "identity": AreaGraph(KEPT, neighbours(KEPT), prenet="convx3"),
    "some identity": AreaGraph(KEPT, full(KEPT)[1:]),
    "chain": AreaGraph(EIGHT[:6], tuple(Transition(a.name, b.name) for a, b in pairwise(EIGHT[:6]))),
    "eight": AreaGraph(EIGHT, full(EIGHT)),
    "wide": AreaGraph(FOUR, (*WIDE, Transition("V2", "IT"), Transition("V2", "V4"))),
    "read early": AreaGraph(FOUR, full(FOUR), readout="V2"),
    "over a loop": AreaGraph(THREE, OVER),
    "aside": AreaGraph(ASIDE, (*GATED, *SKIPPING), entry="V1", readout="V2"),
}
EACH = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text()]


def arrows(figure: Figure) -> dict[str, PathPatch]:
    """What is drawn for each transition."""
    return {str(patch.get_gid()): patch for patch in figure.findobj(PathPatch) if patch.get_gid()}


def course(arrow: PathPatch) -> np.ndarray:
    """Points all along an arrow, (point, 2), a pixel or less apart."""
    (corners,) = arrow.get_path().to_polygons(arrow.get_transform(), closed_only=False)
    return np.concatenate([np.linspace(a, b, 2 + int(np.hypot(*(b - a)))) for a, b in pairwise(corners)])


def extents(figure: Figure) -> dict[Text, Bbox]:
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    return {text: text.get_window_extent(renderer) for text in texts(figure)}


@EACH
def test_every_area_and_transition_is_written(graph):
    written = [text.get_text() for text in texts(graph_figure(graph, "a title"))]
    for area in graph.areas:
        assert {area.name, f"{area.size}×{area.size}×{area.channels}"} <= set(written)
    for kind in {edge.kind for edge in graph.edges}:
        assert sum(text.split()[0] == kind for text in written) == sum(edge.kind == kind for edge in graph.edges)
    for start, stop in (window for edge in graph.edges for window in edge.windows or ()):
        assert any(f"\n{start}–{stop} ms" in text for text in written)
    assert "a title" in written


@EACH
def test_arrival_is_written_for_every_area(graph):
    written = [text.get_text() for text in texts(graph_figure(graph))]
    for when in set(graph.arrival_ms.values()):
        text = "never reached" if when is None else f"arrives at {when} ms"
        assert written.count(text) == list(graph.arrival_ms.values()).count(when)


@EACH
def test_each_transition_is_an_arrow_from_its_source_to_its_target(graph):
    figure = graph_figure(graph)
    drawn = arrows(figure)
    assert sorted(drawn) == sorted(edge.name for edge in graph.edges)
    middles = {text.get_text(): (box.x0 + box.x1) / 2 for text, box in extents(figure).items()}
    for edge in graph.edges:
        ends = course(drawn[edge.name])[[0, -1], 0]
        cards = [min(graph.areas, key=lambda area, x=x: abs(middles[area.name] - x)).name for x in ends]
        assert cards == [edge.source, edge.target]


@EACH
def test_ways_differ_in_colour_line_and_side(graph):
    looks: dict[str, set[object]] = {}
    figure = graph_figure(graph)
    for edge in graph.edges:
        arrow = arrows(figure)[edge.name]
        above = course(arrow)[:, 1].mean() > figure.axes[0].transData.transform((0, 0))[1]
        looks.setdefault(graph.direction(edge), set()).add((arrow.get_edgecolor(), str(arrow.get_linestyle()), above))
    assert all(len(look) == 1 for look in looks.values())
    for (one,), (other,) in combinations(looks.values(), 2):
        assert one[0] != other[0]
        assert one[1] != other[1]
    assert {way: above for way, ((_, _, above),) in looks.items()} == {way: way != "feedback" for way in looks}


@EACH
def test_no_text_is_cut_off_or_drawn_over_other_text(graph):
    figure = graph_figure(graph, "a title")
    boxes = extents(figure)
    for text, box in boxes.items():
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    for (text, box), (other, beside) in combinations(boxes.items(), 2):
        assert not box.overlaps(beside), (text, other)


@EACH
def test_no_arrow_runs_through_a_card_or_a_text(graph):
    figure = graph_figure(graph)
    boxes = list(extents(figure).values())
    boxes += [card.get_window_extent().padded(-1) for card in figure.findobj(FancyBboxPatch)]  # all but their edges
    for name, arrow in arrows(figure).items():
        points = course(arrow)
        assert not [box for box in boxes if box.count_contains(points)], name


@EACH
def test_arrows_cross_only_where_they_must(graph):
    drawn = arrows(graph_figure(graph))
    place = {area.name: i for i, area in enumerate(graph.areas)}
    for one, other in combinations(graph.edges, 2):
        (a, b), (c, d) = sorted(sorted((place[edge.source], place[edge.target])) for edge in (one, other))
        must = a < c < b < d and graph.direction(one) == graph.direction(other)
        first, second = (drawn[e.name].get_path().transformed(drawn[e.name].get_transform()) for e in (one, other))
        assert first.intersects_path(second, filled=False) == must, (one.name, other.name)


def test_arrows_that_skip_areas_run_further_out():
    drawn = {name: np.ptp(course(arrow)[:, 1]) for name, arrow in arrows(graph_figure(GRAPHS["full"])).items()}
    assert drawn["V1->V2"] < drawn["V1->V4"] < drawn["V1->IT"]
    assert drawn["V2->V1"] < drawn["V4->V1"] < drawn["IT->V1"]


@pytest.mark.parametrize(
    ("source", "target", "way"),
    [("V1", "V2", "feedforward"), ("V2", "V1", "feedback"), ("A", "V1", "feedback"), ("V1", "A", "feedforward")],
)
def test_feedforward_leads_to_a_smaller_area_or_a_later_one_as_large(source, target, way):
    areas = (Area("A", 8, 16), *EQUAL)
    edges = full(areas)
    graph = AreaGraph(areas, edges)
    assert graph.direction(next(edge for edge in edges if edge.name == f"{source}->{target}")) == way


def test_identity_is_written_with_its_gain():
    written = [text.get_text() for text in texts(graph_figure(GRAPHS["some identity"]))]
    assert {"+I", "BRCx2 +0.5 I", "BRCx2"} <= set(written)
    assert any(text.startswith("identity") for text in written)
    assert not any("I" in text for text in (t.get_text() for t in texts(graph_figure(GRAPHS["gated"]))))


@pytest.mark.parametrize(("drive", "words"), [("impulse", "enters once"), ("sustained", "stays on")])
def test_the_drive_is_said_in_words(drive, words):
    graph = AreaGraph(FOUR, full(FOUR), drive=drive)
    assert f"stimulus\n{words}" in [text.get_text() for text in texts(graph_figure(graph))]


def test_every_drive_and_prenet_has_words():
    assert set(diagram.DRIVES) == set(described.DRIVES)
    assert set(diagram.PRENETS) == set(described.PRENETS)


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_graph_gives_the_same_bytes(suffix, tmp_path):
    first, again = (
        save_as(graph_figure(GRAPHS["full"]), tmp_path / name) for name in (f"a/v1.0{suffix}", f"b{suffix}")
    )
    assert first == tmp_path / f"a/v1.0{suffix}"
    assert first.read_bytes() == again.read_bytes()
    assert b"Date" not in first.read_bytes()


def test_a_name_that_ends_in_anything_else_is_refused(tmp_path):
    for name in ("graph.jpg", "graph"):
        with pytest.raises(UsageError, match=rf"'{name}'; end its name in \.svg, \.png or \.pdf"):
            save_as(graph_figure(GRAPHS["one"]), tmp_path / "new" / name)
    assert not list(tmp_path.iterdir())


def test_a_figure_leaves_no_state_behind(tmp_path):
    before = dict(mpl.rcParams)
    save(graph_figure(GRAPHS["full"]), tmp_path / "x")
    assert dict(mpl.rcParams) == before


def test_pyplot_is_not_imported():
    code = (
        "import sys; from ventral import Area, AreaGraph; from ventral.figures.graph import graph_figure; "
        "graph_figure(AreaGraph((Area('V1', 8, 32),), ())); print('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"
