"""Laws of figures of accuracy over time: the same every time, no state left behind, nothing is cut off."""

import matplotlib as mpl
import numpy as np
import pytest
from drawn import check_texts, curves
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ventral.experiment.catalogue import load_protocol
from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, mask, target
from ventral.experiment.interventions import Scale
from ventral.figures.conditions import condition_looks, first_mask, label
from ventral.figures.curves import CurvePanel, panels_figure, readout_figure
from ventral.figures.saving import save
from ventral.figures.style import AREA_COLOURS, area_colour
from ventral.measures.intervals import Estimate
from ventral.measures.readout import Curve
from ventral.plugins import list_scripts

TARGET = Show(target, 0, 10)
CONDITIONS = (
    Condition("unmasked", (TARGET,)),
    Condition("mask_only", (Show(mask(), 0, 50),)),
    *(Condition(f"soa_{soa}", (TARGET, Show(mask(), soa, soa + 50)), soa) for soa in (10, 20, 30, 50, 80, 120)),
)
SHIPPED = {script.name: load_protocol(script.name).conditions for script in list_scripts("protocols")}
PROTOCOLS = SHIPPED | {
    "many": load_protocol(
        "backward-mask", soa_ms=tuple(range(10, 150, 10)), kind=("noise", "phase-scrambled", "other-object")
    ).conditions,
    "occluded and masked": load_protocol("occlusion", soa_ms=(30, 60, 90)).conditions,
    "alike": tuple(Condition(name, (TARGET,)) for name in "abcdefghijklmnopqrst"),
    "alone": tuple(Condition(name, (TARGET,), parameters={name: 1.0}) for name in "abcdefghij"),
    "own": (
        Condition("unmasked", (TARGET,)),
        Condition("unmasked_off", (TARGET,), interventions=(Scale("feedback", 0, 50),)),
        Condition("faint", (Show(target.changed("contrast", 0.3), 0, 10),)),
    ),
}


def luminance(colour) -> float:
    return float(
        np.dot(np.where(np.array(to_rgb(colour)) <= 0.04045, 0, to_rgb(colour)) ** 2.2, [0.2126, 0.7152, 0.0722])
    )


def draw_readout() -> Figure:
    return readout_figure(curves(CONDITIONS), 0.1, (200.0, 100.0))


def draw_decoding() -> Figure:
    drawn = curves(CONDITIONS[:4])
    areas = ("V1", "V2", "V4", "IT", "X")
    panels = [CurvePanel(area, 10 * k, drawn, area_colour(area, k)) for k, area in enumerate(areas)]
    return panels_figure(panels, 0.1, "decoder, % correct")


FIGURES = pytest.mark.parametrize("figure", [draw_readout, draw_decoding])


@FIGURES
def test_the_same_figure_gives_the_same_bytes(figure, tmp_path):
    first, again = save(figure(), tmp_path / "a" / "run.v1"), save(drawn := figure(), tmp_path / "b")
    twice = save(drawn, tmp_path / "c")
    assert [path.name for path in first] == ["run.v1.png", "run.v1.svg", "run.v1.pdf"]
    for files in zip(first, again, twice, strict=True):
        assert len({path.read_bytes() for path in files}) == 1
    assert b"<dc:date>" not in first[1].read_bytes()


@FIGURES
def test_a_figure_leaves_no_state_behind(figure, tmp_path):
    before = dict(mpl.rcParams)
    save(figure(), tmp_path / "x")
    assert dict(mpl.rcParams) == before


@FIGURES
def test_no_text_is_cut_off_or_drawn_over_other_text(figure, tmp_path):
    figure = figure()
    save(figure, tmp_path / "x")
    check_texts(figure)


def test_colours_darken_as_the_soa_grows_towards_no_mask():
    looks = condition_looks(CONDITIONS)
    order = ["soa_10", "soa_20", "soa_30", "soa_50", "soa_80", "soa_120", "unmasked"]
    shades = [luminance(looks[name].colour) for name in order]
    assert shades == sorted(shades, reverse=True)
    assert len({look.colour for look in looks.values()}) == len(CONDITIONS)


def test_kinds_of_mask_at_one_soa_are_told_apart():
    kinds = [
        Condition(f"soa_{soa}_{kind}", (TARGET, Show(mask(kind), soa, soa + 50)), soa)
        for kind in ("noise", "block-scrambled")
        for soa in (20, 40)
    ]
    figure = readout_figure(curves((CONDITIONS[0], *kinds)), 0.1, (200.0,))
    lines = figure.legends[0].get_lines()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"SOA 40 ms, noise", "SOA 40 ms, block-scrambled"} <= set(labels)
    assert len({(str(line.get_color()), str(line._dash_pattern)) for line in lines}) == len(lines)
    joined = [line for line in figure.axes[2].lines if list(line.get_xdata()) == [20, 40]]
    assert len(joined) == 2  # one line for each kind


@pytest.mark.parametrize("conditions", PROTOCOLS.values(), ids=PROTOCOLS)
def test_every_two_lines_are_told_apart_in_colour_and_in_grey(conditions):
    looks = condition_looks(conditions)
    drawn = [(str(look.stroke), look.marker, look.fill) for look in looks.values()]
    assert looks.keys() == {condition.name for condition in conditions}
    assert len(set(drawn)) == len(conditions)
    assert len({label(condition) for condition in conditions}) == len(conditions)


@pytest.mark.parametrize("conditions", SHIPPED.values(), ids=SHIPPED)
def test_every_two_conditions_of_a_shipped_protocol_have_other_colours(conditions):
    assert len({look.colour for look in condition_looks(conditions).values()}) == len(conditions)


@pytest.mark.parametrize("conditions", PROTOCOLS.values(), ids=PROTOCOLS)
def test_lines_over_time_have_the_looks_of_the_legend(conditions):
    figure = readout_figure(curves(conditions), 0.1)
    over_time = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 21]
    assert {look_of(line) for line in over_time} == {look_of(line) for line in figure.legends[0].get_lines()[:-1]}
    assert len({look_of(line)[1:] for line in over_time}) == len(conditions)


def look_of(line):
    """Colour, stroke, and marker with its filling."""
    return line.get_color(), str(line._dash_pattern), line.get_marker(), line.get_markerfacecolor() == "white"


def test_an_area_has_its_colour_wherever_it_stands():
    assert area_colour("V4", 0) == area_colour("V4", 7) == AREA_COLOURS["V4"]
    assert area_colour("A1", 0) != area_colour("A2", 1)


def test_accuracy_against_soa_leaves_out_masks_without_a_target():
    _, _, against_soa = readout_figure(curves(CONDITIONS), 0.1, (200.0,)).axes
    (joined,) = [line for line in against_soa.lines if len(line.get_xdata()) == 6]
    assert list(joined.get_xdata()) == [10, 20, 30, 50, 80, 120]
    assert len(readout_figure(curves(CONDITIONS[:2]), 0.1, (200.0,)).axes) == 2  # no SOA, no second panel


def test_a_condition_is_labelled_for_a_reader():
    unmasked, alone, masked = CONDITIONS[0], CONDITIONS[1], CONDITIONS[3]
    assert (label(masked), first_mask(masked).start_ms) == ("SOA 20 ms", 20)
    assert (label(alone), first_mask(unmasked)) == ("mask only", None)


def test_lesions_are_called_by_what_is_silent_and_when():
    lesions = load_protocol("lesion", scale=(0.0, 0.5))
    labels = [label(condition) for condition in lesions.conditions]
    assert "no feedback, 40-80 ms" in labels
    assert "feedback × 0.5, throughout" in labels
    assert len(set(labels)) == len(labels)


def test_panels_are_side_by_side_on_one_scale():
    time_ms = np.arange(0, 110, 10.0)
    curve = Curve(CONDITIONS[0], time_ms, Estimate(*(np.full(11, height) for height in (0.5, 0.4, 0.6))))
    titles = ["pooled statistics", "frozen statistics"]
    figure = panels_figure([CurvePanel(title, 30, (curve,)) for title in titles], 0.1, "readout, % correct")
    assert [axes.get_title() for axes in figure.axes[:2]] == titles
    assert figure.axes[0].get_ylabel() == "readout, % correct"
    assert figure.axes[0].get_shared_y_axes().joined(figure.axes[0], figure.axes[1])
