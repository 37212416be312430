"""Laws of the layout of figures, narrow and wide: nothing is cut off, no text is over another, lines are told apart."""

import numpy as np
import pandas as pd
import pytest
from drawn import check_texts, curves, effects, legend, lesion_curves, lesions, line, looks_of, losses, panel, words
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from ventral.experiment.catalogue import load_protocol
from ventral.experiment.settings import POLICIES
from ventral.figures.curves import CurvePanel, panels_figure, readout_figure
from ventral.figures.difficulty import difficulty_figure
from ventral.figures.dose import dose_figure
from ventral.figures.lesion import lesion_figure
from ventral.figures.lines import Line
from ventral.figures.masking import MaskingPanel, masking_figure
from ventral.measures.intervals import Estimate

NOTES = ["A model on 50 images of some data (test), frozen normalisation statistics; a protocol.", "A sentence. " * 30]
NINE_SOAS = tuple(range(10, 100, 10))


def readout(protocol, read_ms=(), **knobs):
    return readout_figure(curves(load_protocol(protocol, **knobs).conditions), 0.1, read_ms, NOTES)


def decoding(areas, protocol="backward-mask", **knobs):
    drawn = curves(load_protocol(protocol, **knobs).conditions)
    return panels_figure([CurvePanel(area, 10 * i, drawn) for i, area in enumerate(areas)], 0.1, "decoder", NOTES)


def masking(soa_ms, names=("noise",), policies=POLICIES, times=(100,)):
    heights = np.linspace(0.1, 0.8, len(soa_ms))
    measured = Estimate(heights, heights - 0.1, heights + 0.1)
    lines = [Line(name, policy, np.array(soa_ms, float), measured) for policy in policies for name in names]
    return masking_figure([MaskingPanel(ms, tuple(lines), tuple(lines)) for ms in times], 0.1, notes=NOTES)


def lesion(windows, names=("feedback",), scales=(0.0,), policies=("frozen",), times=(100,)):
    table = lesions(names, scales, windows)
    return lesion_figure(losses(table, times, policies), lesion_curves(table, policies), 0.1, NOTES)


def difficulty(conditions, labels):
    table = effects(100, 200)
    copies = [table[table["condition"] == "unmasked"]]
    copies += [table[table["condition"] == "soa_40"].assign(condition=name) for name in conditions]
    positions = {name: float(place if labels else 10 * place) for place, name in enumerate(conditions)}
    tables = np.concatenate([copy.values for copy in copies])
    return difficulty_figure(type(table)(tables, columns=table.columns).infer_objects(), positions, 0.1, labels, NOTES)


NAMES = [f"feedback_{start}-{start + 40}" for start in range(0, 480, 40)]
FIGURES = {
    "one condition": lambda: readout("variable-readout"),
    "nine SOAs": lambda: readout("backward-mask", (100, 200), soa_ms=NINE_SOAS),
    "negative SOAs": lambda: readout("forward-mask", (0, 100, 200)),
    "sixteen conditions": lambda: readout("metacontrast", (100, 200)),
    "negative times": lambda: readout("rsvp"),
    "one area": lambda: decoding(["IT"]),
    "two areas": lambda: decoding(["V1", "IT"], soa_ms=NINE_SOAS),
    "eight areas": lambda: decoding([f"area number {i}" for i in range(8)], "lesion"),
    "one SOA": lambda: masking([20]),
    "masking, nine SOAs": lambda: masking(NINE_SOAS, times=(30, 100, 200)),
    "masking, negative SOAs": lambda: masking((-150, -110, -50)),
    "eight masks": lambda: masking(NINE_SOAS, [f"mask {i}, 50 ms, coverage 0.{i}" for i in range(8)]),
    "one window": lambda: lesion(((0, 20),)),
    "only throughout": lambda: lesion(((0, 100),)),
    "eight lesions": lambda: lesion(
        ((0, 20), (20, 40), (0, 100)), [f"transition {i}" for i in range(4)], (0.0, 0.5), POLICIES, (100, 200)
    ),
    "two groups at one condition": lambda: difficulty(["soa_40"], ["SOA 40"]),
    "twelve conditions": lambda: difficulty(NAMES, [name.replace("_", " ") for name in NAMES]),
}

LONG = "occluded-bubbles, target 10 ms, lesion feedback x 0 at 0 to 50 ms, mask other-object"


def dose(names):
    one = {"change": "blur", "amount": [0.0, 1.0, 2.0], "at_ms": 100, "statistics": "frozen"}
    one |= {"accuracy": [0.8, 0.5, 0.2], "accuracy_low": [0.7, 0.4, 0.1], "accuracy_high": [0.9, 0.6, 0.3]}
    table = pd.concat([pd.DataFrame({**one, "series": name}) for name in names])
    return dose_figure(table, 0.1, "readout", NOTES)


FIGURES |= {
    "one dose": lambda: dose(["blur"]),
    "doses with long names": lambda: dose([LONG, f"{LONG}, too"]),
    "masks with long names": lambda: masking(NINE_SOAS, [LONG, f"{LONG}, too"]),
}
EACH = pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)


@EACH
def test_no_text_is_cut_off_or_drawn_over_other_text(figure):
    check_texts(figure())


@EACH
def test_panels_keep_their_width_beside_a_long_legend(figure):
    drawn = figure()
    drawn.draw_without_rendering()
    assert all(axes.get_window_extent().width >= 0.8 * drawn.dpi for axes in drawn.axes if axes.get_title(loc="left"))


@EACH
def test_every_note_is_written(figure):
    written = " ".join(words(figure())).replace("\n", " ")
    assert all(note.strip() in written for note in NOTES)


@pytest.mark.parametrize("name", ["eight masks", "eight lesions", "sixteen conditions", "eight areas"])
def test_lines_of_a_panel_are_told_apart_in_grey(name):
    for axes in FIGURES[name]().axes[:1]:
        looks = looks_of(axes)
        assert len(set(looks)) == len(looks) > 1


def test_dots_of_one_place_do_not_hide_each_other():
    figure = masking_figure([panel(line("a"), line("b"))], 0.1)
    a, b = ([float(x) for x in dots.get_xdata()] for dots in figure.axes[0].lines if dots.get_marker() in "os")
    assert not set(a) & set(b)
    assert np.abs(np.subtract(a, b)).max() < 10


def test_dots_stay_near_their_place_where_places_are_few():
    figure = lesion(((0, 20), (20, 40)), policies=POLICIES)
    drawn = [
        dots.get_xdata() for dots in figure.axes[0].lines if len(dots.get_xdata()) == 2 and dots.get_marker() == "o"
    ]
    assert len(drawn) == len(POLICIES)
    assert np.abs(np.array(drawn) - [0, 20]).max() <= 0.031 * 20  # one dot on each side of the middle one


@EACH
def test_no_two_entries_of_a_legend_look_the_same(figure):
    """Such as the stroke of a policy and the line of the intact network."""
    entries = legend(figure())
    looks = [
        (to_hex(entry.get_color()), str(entry.get_linestyle()), entry.get_marker(), entry.get_fillstyle())
        for entry in entries.values()
        if isinstance(entry, Line2D)
    ]
    assert len(set(looks)) == len(looks)
