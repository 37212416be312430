"""Laws of the reproduction: drawn is what was measured, said is what was computed, and twice gives the same."""

import csv
import math
import random
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text
from scipy import stats

from ventral import campaign, reproduction
from ventral.errors import StoreError
from ventral.paper import CLAIMS, FIGURES, VARIANTS, needed
from ventral.plot import save, write_table
from ventral.predictions import Outcome
from ventral.reproduction import called, figure_of, looks_of, spell_parameters, verdict_figure, write_reproduction
from ventral.results import Epoch, Result, add
from ventral.zoo import FIG_10_TEST_MS

RESULTS_HERE = Path(__file__).parents[1] / "results"

SCALES = {"full": "as in the paper", "small": "a quarter of the feature maps, 10,000 training images, 5 epochs"}
EPOCHS = 4
each_figure = pytest.mark.parametrize("compared", FIGURES.values(), ids=FIGURES)


def measured(names=tuple(VARIANTS), seeds=3, **others):
    """Results and curves that could have been measured, the same at every call."""
    results, curves = [], []
    for name in names:
        variant = VARIANTS[name]
        for seed in range(seeds if isinstance(seeds, int) else seeds.get(name, 0)):
            draw = random.Random(f"{name} {seed}")
            error, t = draw.uniform(20, 40), variant.graph().readout_ms[0] // 10
            shared = {"variant": name, "seed": seed, "scale": "small", "recipe": "fast", "data": "CIFAR-10", **others}
            for ms in variant.reads_ms:
                row = Result(
                    **shared,
                    figure="",
                    model=variant.written(0.25),
                    sharing="over-time",
                    statistics="per-tick",
                    prenet="conv",
                    t=t,
                    test_t=ms // 10,
                    parameters=1000 * len(name),
                    epochs=EPOCHS,
                    images=10_000,
                    tested=5_000,
                    validation_error=error + 3 * abs(ms // 10 - t),
                    training_error=error - 5,
                    seconds=60 + seed,
                    device="cpu",
                    torch="2.14",
                )
                results.append(row)
            for epoch in range(1, EPOCHS + 1):
                more = 10 * (EPOCHS - epoch)
                errors = {"validation_error": error + more, "training_error": error - 5 + more}
                curves.append(Epoch(**shared, **errors, epoch=epoch, loss=1.0))
    return results, curves


def written(folder, *tables, scales=SCALES):
    for results, curves in tables:
        add(folder, results, curves)
    return write_reproduction(folder, scales)


def mean_and_interval(values):
    """By another way than the code's."""
    mean = float(np.mean(values))
    low, high = stats.t.interval(0.95, len(values) - 1, mean, stats.sem(values))
    return mean, float(low), float(high)


def spelled(values):
    """As on the page."""
    mean, *ends = (f"{number:.2f}".replace("-", "−") for number in mean_and_interval(values))
    return f"{mean} [{', '.join(ends)}]"


def error_of(results, name, seed, at_ms=None):
    (row,) = [
        row
        for row in results
        if (row.variant, row.seed) == (name, seed) and row.test_t == (row.t if at_ms is None else at_ms // 10)
    ]
    return row.validation_error


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def tables_of(page):
    """Rows of each table of a page, as lists of cells, without header and rule."""
    found = [[]]
    for line in page.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [table[2:] for table in found if table]


def not_written(figure, path):
    return [path.with_name(f"{path.name}.png")]


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made and not written, which takes long."""
    monkeypatch.setattr(reproduction, "save", not_written)


@pytest.fixture(scope="module")
def everything():
    return measured()


@pytest.fixture(scope="module")
def files_of_everything(everything, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reproduction, "save", not_written)
        return written(tmp_path_factory.mktemp("everything"), everything)


# ---- figures


@each_figure
@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_every_figure_is_drawn_with_any_number_of_seeds(compared, seeds):
    results, curves = measured(compared.variants, seeds)
    figure = figure_of(compared, results, curves, SCALES["small"])
    said = "\n".join(words(figure)).replace("\n", " ")
    for part in (called(compared), compared.title, "small", SCALES["small"], "CIFAR-10", "cpu", f"{seeds} seed"):
        assert part in said
    assert ("means over seeds" in said) == (seeds >= 3)
    assert ("thin lines" in said) == (seeds < 3)
    assert len(figure.axes) == (3 if "epoch" in compared.against else 1)
    bands = [band for axes in figure.axes for band in axes.collections if isinstance(band, PolyCollection)]
    assert bool(bands) == (seeds >= 3)


@each_figure
def test_nothing_in_a_figure_is_cut_off_or_drawn_over_other_text(compared):
    results, curves = measured(compared.variants)
    check_texts(figure_of(compared, results, curves, SCALES["small"]))


def test_nothing_in_the_plot_of_verdicts_is_cut_off_or_drawn_over_other_text(everything):
    for seeds in (2, 3):
        check_texts(verdict_figure([row for row in everything[0] if row.seed < seeds], SCALES["small"]))


def check_texts(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = []
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, sorted(axes.get_ylim()))):
            for tick in axis.get_major_ticks():
                if not low <= tick.get_loc() <= high:  # exists and is not drawn
                    tick.set_visible(False)
                    tick.label1.set_text("")
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent(canvas.get_renderer())
            assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
            assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
            assert not [other for other, there in boxes if box.overlaps(there)], text
            boxes.append((text, box))


@each_figure
def test_networks_of_a_figure_look_different(compared):
    looks = looks_of(compared)
    assert list(looks) == list(compared.variants)
    assert len({(to_hex(look.colour), look.first) for look in looks.values()}) == len(looks)


def test_a_colour_is_a_model_and_a_stroke_what_was_changed_in_it():
    looks = looks_of(FIGURES["fig6"])
    for name in ("one-state", "two-state", "three-state-resnet"):
        shared, unshared = looks[name], looks[f"{name}-unshared"]
        assert shared.colour == unshared.colour
        assert shared.line["linestyle"] == "-" != unshared.line["linestyle"]
        assert (shared.dot["markerfacecolor"], unshared.dot["markerfacecolor"]) == (shared.colour, "white")
    assert looks_of(FIGURES["statistics"])["two-state"] == looks["two-state"]


@pytest.mark.parametrize(("panel", "measure"), [(0, "validation_error"), (1, "training_error")])
def test_lines_are_means_over_seeds_and_bands_their_intervals(panel, measure):
    results, curves = measured(["two-state"])
    axes = figure_of(FIGURES["fig6"], results, curves, "").axes[panel]
    (line,) = axes.lines
    (band,) = axes.collections
    edges = band.get_paths()[0].vertices
    np.testing.assert_array_equal(line.get_xdata(), range(1, EPOCHS + 1))
    for epoch, drawn in zip(line.get_xdata(), line.get_ydata(), strict=True):
        mean, low, high = mean_and_interval([getattr(one, measure) for one in curves if one.epoch == epoch])
        assert drawn == pytest.approx(mean)
        heights = edges[edges[:, 0] == epoch, 1]
        assert (heights.min(), heights.max()) == pytest.approx((low, high))


def test_few_seeds_are_drawn_one_by_one():
    results, curves = measured(["two-state"], 2)
    axes = figure_of(FIGURES["fig6"], results, curves, "").axes[0]
    for seed, line in enumerate(axes.lines):
        expected = [one.validation_error for one in curves if one.seed == seed]
        np.testing.assert_array_equal(line.get_ydata(), expected)
    assert len(axes.lines) == 2


def test_after_the_last_epoch_every_seed_is_a_dot_beside_the_mean():
    results, curves = measured(["two-state", "two-state-unshared"])
    axes = figure_of(FIGURES["fig6"], results, curves, "").axes[2]
    drawn = [sorted(map(float, line.get_ydata())) for line in axes.lines]
    for name in ("two-state", "two-state-unshared"):
        each = [error_of(results, name, seed) for seed in range(3)]
        mean, low, high = mean_and_interval(each)
        for heights in (sorted(each), [low, high], [mean]):
            assert [one for one in drawn if len(one) == len(heights) and np.allclose(one, heights)], heights
    seeds = [max(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 3]
    means = [min(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 1]
    assert seeds[0] < means[0] < seeds[1] < means[1]


def test_small_differences_look_small():
    results, curves = measured(["two-state", "two-state-unshared"])
    close = [replace(row, validation_error=20 + 0.01 * row.seed) for row in results]
    far = [replace(row, validation_error=20 + 10 * row.seed) for row in results]
    for rows, least, most in ((close, 3, 3.01), (far, 20, 80)):
        low, high = figure_of(FIGURES["fig6"], rows, curves, "").axes[2].get_ylim()
        assert least <= high - low + 1e-9 <= most
        assert low < min(row.validation_error for row in rows) <= max(row.validation_error for row in rows) < high


def test_fig_8_is_drawn_against_the_time_of_readout_and_in_ticks():
    results, curves = measured(FIGURES["fig8"].variants)
    figure = figure_of(FIGURES["fig8"], results, curves, "")
    (joint,) = [line for line in figure.axes[-1].lines if len(line.get_xdata()) == 4]
    names = ("two-state-t2", "two-state-t3", "two-state-t5", "two-state")
    np.testing.assert_array_equal(joint.get_xdata(), [20, 30, 50, 100])
    means = [np.mean([error_of(results, name, seed) for seed in range(3)]) for name in names]
    np.testing.assert_allclose(joint.get_ydata(), means)
    labels = [text.get_text().partition(" (")[0] for text in figure.legends[0].get_texts()]
    assert labels == ["t = 2", "t = 3", "t = 5", "t = 10"]


def test_readouts_are_joined_over_the_seeds_that_all_of_them_have():
    """A seed that only some have would make a difference between them of its own."""
    results, curves = measured(FIGURES["fig8"].variants, 3)
    even = [row for row in results if row.seed < 2]
    extra = [replace(row, validation_error=99.0) for row in results if row.seed == 2 and row.variant == "two-state-t2"]
    joints = []
    for rows in (even, [*even, *extra]):
        figure = figure_of(FIGURES["fig8"], rows, curves, "")
        joints += [line.get_ydata() for line in figure.axes[-1].lines if len(line.get_xdata()) == 4]
    np.testing.assert_array_equal(*joints)


def test_fig_10_is_drawn_against_the_times_of_the_test_and_marks_the_trained_one():
    results, curves = measured(FIGURES["fig10"].variants)
    (axes,) = figure_of(FIGURES["fig10"], results, curves, "").axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == len(FIG_10_TEST_MS)]
    for name, line in zip(FIGURES["fig10"].variants, lines, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), FIG_10_TEST_MS)
        means = [np.mean([error_of(results, name, seed, ms) for seed in range(3)]) for ms in FIG_10_TEST_MS]
        np.testing.assert_allclose(line.get_ydata(), means)
    across = [line for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert [list(line.get_xdata()) for line in across] == [[100, 100]]
    assert [90, 90] in [list(line.get_ydata()) for line in axes.lines]  # chance


def test_networks_that_were_not_run_are_not_drawn():
    results, curves = measured(["two-state", "one-state-unshared"])
    figure = figure_of(FIGURES["fig6"], results, curves, "")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["1-state, weights unshared (18.0 k)", "2-state, weights shared (9.0 k)"]
    with pytest.raises(StoreError, match=r"no network of Fig\. 7 was run; train one-kernel-16, "):
        figure_of(FIGURES["fig7"], results, curves, "")


@pytest.mark.parametrize(
    ("number", "text"), [(297_994, "0.30 M"), (4_210_186, "4.21 M"), (76_426, "76.4 k"), (2_970, "3.0 k"), (378, "378")]
)
def test_parameters_are_spelled_as_in_the_paper_or_closer(number, text):
    assert spell_parameters(number) == text


def test_a_training_that_has_not_ended_is_not_drawn_and_one_without_a_curve_is_refused():
    results, curves = measured(["two-state", "one-state"])
    ended = [row for row in results if row.variant == "two-state" and row.seed < 2]
    figure = figure_of(FIGURES["fig6"], ended, curves, "")
    assert len(figure.axes[0].lines) == 2  # seeds of one network
    one_less = [one for one in curves if (one.variant, one.seed) != ("two-state", 1)]
    with pytest.raises(StoreError, match=r"curves\.csv has no line of two-state, seed 1"):
        figure_of(FIGURES["fig6"], ended, one_less, "")


def test_what_cannot_be_compared_is_not_drawn():
    results, curves = measured(["two-state"])
    with pytest.raises(StoreError, match="cannot be compared"):
        figure_of(FIGURES["fig6"], [*results, replace(results[0], scale="full", seed=9)], curves, "")


def test_the_plot_of_verdicts_shows_each_comparison_with_its_interval_and_word(everything):
    results, _ = everything
    figure = verdict_figure(results, SCALES["small"])
    said = words(figure)
    diamonds = [float(line.get_xdata()[0]) for axes in figure.axes for line in axes.lines if line.get_marker() == "D"]
    for claim in CLAIMS.values():
        for comparison in claim.comparisons:
            differences = differences_of(comparison, results)
            assert spelled(differences) in said
            assert comparison.text in [text.replace("\n", " ") for text in said]
            if abs(mean := np.mean(differences)) < 10:
                assert [one for one in diamonds if one == pytest.approx(mean)]
    assert len(figure.axes) == 2  # differences, and those of claim v, which are of other terms


def differences_of(comparison, results, seeds=3):
    return [
        sum(
            factor * error_of(results, reading.variant, seed, reading.at_ms)
            for reading, factor in comparison.terms.items()
        )
        for seed in range(seeds)
    ]


def test_only_what_was_run_is_in_the_plot_of_verdicts():
    results, _ = measured(["one-state", "one-state-inhomogeneous"], 2)
    said = words(verdict_figure(results, ""))
    claims = [claim.name for claim in CLAIMS.values() if any(text.startswith(f"{claim.name}   ") for text in said)]
    assert claims == ["vii-a"]
    assert "undecided (2 seeds)" in said
    with pytest.raises(StoreError, match="no networks were run that a claim compares"):
        verdict_figure(measured(["one-kernel-16"])[0], "")


def test_what_is_far_beyond_the_axis_is_an_arrow():
    results, _ = measured(["one-state", "one-state-inhomogeneous"])
    far = [replace(row, validation_error=row.validation_error + 200 * ("inhom" in row.variant)) for row in results]
    (axes,) = verdict_figure(far, "").axes
    assert [line.get_marker() for line in axes.lines if line.get_marker() in "<>D"] == ["<"]
    low, high = axes.get_xlim()
    assert -15 < low < high < 15


# ---- the page


def test_every_number_in_the_table_of_claims_is_that_of_the_tables(everything, files_of_everything):
    results, _ = everything
    page = files_of_everything[0].read_text()
    rows = {row[1].replace("*", ""): row for row in tables_of(page)[0]}
    for claim in CLAIMS.values():
        expected = []
        for comparison in claim.comparisons:
            differences = differences_of(comparison, results)
            _, low, high = mean_and_interval(differences)
            word = "holds" if high < comparison.below else "does not hold" if low > comparison.below else "undecided"
            _, _, spelled_, limit, seeds, verdict = rows[comparison.text]
            assert spelled_ == spelled(differences)
            assert (float(limit), seeds, verdict) == (comparison.below, "3", word)
            expected.append(word)
        fails, holds = "does not hold" in expected, set(expected) == {"holds"}
        whole = "does not hold" if fails else "holds" if holds else "undecided"
        (row,) = [row for row in rows.values() if row[0] == f"**{claim.name}**"]
        assert row[-1] == f"**{whole}**"
        assert claim.text in row[1]


def test_every_number_in_the_table_of_errors_is_that_of_the_tables(everything, files_of_everything):
    results, _ = everything
    page = files_of_everything[0].read_text()
    rows = tables_of(page)[1]
    assert [row[0].split("`")[1] for row in rows] == list(VARIANTS)
    for name, row in zip(VARIANTS, rows, strict=True):
        mine = [one for one in results if one.variant == name and one.t == one.test_t]
        assert VARIANTS[name].written(0.25) in row[0]
        assert row[1:] == [
            f"{mine[0].parameters:,}",
            str(mine[0].t),
            spelled([one.validation_error for one in mine]),
            spelled([one.training_error for one in mine]),
            "3",
            "61",  # seconds: 60, 61, 62
        ]


def test_the_page_says_what_was_run_and_how(files_of_everything):
    page = files_of_everything[0].read_text()
    facts = dict(line[2:].split(": ", 1) for line in page.splitlines() if line.startswith("- "))
    trainings = 3 * len(VARIANTS)
    assert facts == {
        "scale": SCALES["small"],
        "data": "CIFAR-10, 10,000 training and 5,000 test images",
        "recipe": f"fast, {EPOCHS} epochs",
        "networks": f"{trainings} trainings of {len(VARIANTS)} networks, 3 seeds each (0, 1, 2)",
        "devices": "cpu (torch 2.14)",
        "time": f"{61 * trainings / 3600:.1f} hours of training",
    }
    assert "**The scale full (as in the paper) has not been run.**" in page
    assert "nothing is selected on test images" in page
    assert "“does not hold” or is “undecided” is so at the scale of its section" in page
    assert "Nothing: every network of every figure has at least 3 seeds." in page


def test_the_table_of_verdicts_keeps_every_digit(everything, files_of_everything):
    results, _ = everything
    files = files_of_everything
    assert files[1].name == "verdicts.csv"
    with files[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    comparisons = [(claim.name, one) for claim in CLAIMS.values() for one in claim.comparisons]
    for (name, comparison), row in zip(comparisons, rows, strict=True):
        assert (row["claim"], row["comparison"], row["scale"]) == (name, comparison.text, "small")
        expected = mean_and_interval(differences_of(comparison, results))
        assert [float(row[column]) for column in ("difference", "low", "high")] == pytest.approx(expected, abs=1e-12)
        assert float(row["limit"]) == comparison.below
        terms = [term.partition("@")[0].split("*") for term in row["terms"].split()]
        assert {(one.variant, factor) for one, factor in comparison.terms.items()} == {
            (variant, float(factor)) for factor, variant in terms
        }


def test_every_picture_on_the_page_is_there_and_said_in_words(tmp_path):
    files = written(tmp_path, measured(["three-state-no-self"]))
    page = files[0].read_text()
    pictures = re.findall(r"!\[(.+)\]\((.+)\)", page)
    assert [name for _, name in pictures] == ["verdicts-small-fast-cifar-10.png", "fig10-small-fast-cifar-10.png"]
    assert {tmp_path / name for _, name in pictures} == {file for file in files if file.suffix == ".png"}
    assert all(file.stat().st_size for file in files)
    assert {file.with_suffix(".svg") for file in files if file.suffix == ".png"} <= set(files)
    assert "**Fig. 10**, trained at t = 10, read at other times: error of 1 network" in page


def test_the_same_tables_give_the_same_bytes_whoever_came_first(tmp_path):
    results, curves = measured(["three-state-no-self"])
    first = written(tmp_path / "a", (results, curves))
    by_seed = [([r for r in results if r.seed == s], [c for c in curves if c.seed == s]) for s in (2, 0, 1)]
    again = written(tmp_path / "b", *by_seed)
    assert [file.name for file in first] == [file.name for file in again]
    assert len(first) == 6
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    assert [file.read_bytes() for file in write_reproduction(tmp_path / "a", SCALES)] == [
        file.read_bytes() for file in again
    ]


def test_rows_in_another_order_give_the_same_figure(tmp_path):
    results, curves = measured(["two-state", "two-state-unshared"])
    mixed = [random.Random(3).sample(rows, len(rows)) for rows in (results, curves)]
    for draw in (lambda r, c: figure_of(FIGURES["fig6"], r, c, ""), lambda r, c: verdict_figure(r, "")):
        plain, other = (
            save(draw(*tables), tmp_path / f"{place}") for place, tables in enumerate(([results, curves], mixed))
        )
        assert plain[1].read_bytes() == other[1].read_bytes()


def test_the_page_changes_with_the_tables(tmp_path, undrawn):
    names = ("one-state", "one-state-inhomogeneous")
    results, curves = measured(names)
    before = written(tmp_path, (results, curves))[0].read_text()
    changed = [replace(row, validation_error=row.validation_error + 1) for row in results if row.seed == 0]
    after = written(tmp_path, (changed, [one for one in curves if one.seed == 0]))[0].read_text()
    assert before != after
    assert tables_of(after)[1][0][3] == spelled([error_of(results, names[0], seed) + (seed == 0) for seed in range(3)])


def test_the_page_says_what_is_missing(tmp_path, undrawn):
    seeds = dict.fromkeys(needed(FIGURES["fig9"]), 3) | {"four-state": 2, "two-state": 0, "one-kernel-16": 1}
    page = written(tmp_path, measured(seeds=seeds))[0].read_text()
    missing = dict(re.findall(r"^- (.+) — (.+)$", page, re.MULTILINE))
    assert missing["Fig. 9"] == "not run: `two-state`; fewer than 3 seeds: `four-state` (2 seeds)"
    assert missing["Fig. 7"] == (
        "not run: `one-kernel-32`, `one-kernel-64`, `one-kernel-128`; fewer than 3 seeds: `one-kernel-16` (1 seed)"
    )
    assert missing["Fig. 6"].count("`") == 2 * len(FIGURES["fig6"].variants)
    assert "Nothing: every network" not in page
    assert "fig6-" not in page
    (row,) = [row for row in tables_of(page)[1] if "`four-state`" in row[0]]
    assert re.fullmatch(r"\d+\.\d\d", row[3])  # no interval of two
    claims = [row for row in tables_of(page)[0] if row[0]]
    assert [row[-1] for row in claims if row[0] in ("**i**", "**iv-a**", "**vii-a**")] == ["**not run**"] * 3
    assert [row[-2:] for row in tables_of(page)[0] if row[1].startswith("4-state, full")] == [["2", "undecided"]]


def test_scales_recipes_and_data_have_sections_and_files_of_their_own(tmp_path, undrawn):
    groups = [
        {"scale": "small", "data": "a b"},
        {"scale": "small", "data": "a-b"},
        {"scale": "small", "data": "a b", "recipe": "paper"},
        {"scale": "full", "data": "a b"},
        {"scale": "other", "data": "a b"},
    ]
    files = written(tmp_path, *(measured(["one-kernel-16"], 1 + place, **g) for place, g in enumerate(groups)))
    page = files[0].read_text()
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [
        "Scale full: a b; recipe fast",
        "Scale small: a b; recipe fast",
        "Scale small: a-b; recipe fast",
        "Scale small: a b; recipe paper",
        "Scale other: a b; recipe fast",
    ]
    assert [table[0][-2] for table in tables_of(page)[1::2]] == ["4", "1", "2", "3", "5"]
    assert len(set(files)) == len(files) == 2 + len(groups)
    assert "has not been run" not in page
    with files[1].open(newline="") as file:
        assert len({(row["scale"], row["recipe"], row["data"]) for row in csv.DictReader(file)}) == len(groups)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"there are no results in .*results\.csv; train"):
        write_reproduction(tmp_path, SCALES)
    assert not list(tmp_path.iterdir())


def test_an_error_that_is_no_number_is_refused(tmp_path, undrawn):
    results, curves = measured(["two-state"])
    with pytest.raises(StoreError, match=r"two-state at 100 ms, seed 1 .* has an error of nan"):
        written(
            tmp_path, ([replace(row, validation_error=math.nan if row.seed == 1 else 20) for row in results], curves)
        )


def test_predictions_are_on_the_page_too_and_whole_on_one_of_their_own(tmp_path):
    """A table of predictions is enough for a page; the comparisons themselves are on a page of their own."""
    outcome = Outcome(
        prediction="a",
        statistics="frozen",
        measure="readout",
        against="first drive",
        condition="on_50",
        shown_ms=50,
        better_ms="70",
        worse_ms=30,
        better=0.8125,
        worse=0.75,
        difference=0.0625,
        low=0.05,
        high=0.075,
        verdict="holds",
        images=96,
        model="mine",
        data="photos",
    )
    write_table([asdict(outcome)], tmp_path / "predictions-mine.csv")
    files = write_reproduction(tmp_path, {})
    assert [path.name for path in files] == ["README.md", "predictions-mine.md"]
    page, every = (path.read_text(encoding="utf-8") for path in files)
    assert "96 images of photos" in page
    assert "(predictions-mine.md)" in page
    assert "+6.2" not in page.replace("6.25", "")
    assert "+6.2" in every


def test_the_page_in_the_repository_is_what_its_tables_say(tmp_path, monkeypatch):
    """Nothing on it is typed by hand, and none of it is of an older table."""
    for path in RESULTS_HERE.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(reproduction, "figure_of", lambda *_: None)
    monkeypatch.setattr(reproduction, "verdict_figure", lambda *_: None)
    monkeypatch.setattr(reproduction, "save", lambda figure, place: [place.with_name(f"{place.name}.png")])
    files = write_reproduction(tmp_path, campaign.SAID)
    for page in (path for path in files if path.suffix == ".md"):
        assert page.read_bytes() == (RESULTS_HERE / page.name).read_bytes(), page.name
    figures = {path.name for path in files if path.suffix == ".png"}
    assert figures <= {path.name for path in RESULTS_HERE.glob("*.png")}
