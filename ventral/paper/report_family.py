"""The page of the family: what recurrence adds, claim by claim, each with its control and its interval.

Source: Liao & Poggio (2016), section 6, for the predictions.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ventral.figures.saving import save_as
from ventral.files import disk_errors, put
from ventral.paper.family_effects import CUMULATIVE, CUT_MS, DECODER, EARLY_MS, LATE_MS, READINGS, STEEP_MS
from ventral.paper.family_outcomes import outcomes_of, select
from ventral.paper.family_probes import CLEAR, FEW_SOAS_MS, FLASHES_MS, MASKS, SOAS_MS, STIMULI
from ventral.paper.family_recordings import DECODED, FULL, UNTRAINED, Subject
from ventral.paper.family_responses import By, read_areas, read_readouts
from ventral.paper.figures_family import (
    PASSIVE,
    STATISTICS,
    TRAINING,
    WIRING,
    area_figure,
    kinds_figure,
    lesion_figure,
    mask_figure,
    time_figure,
)
from ventral.paper.predictions import PREDICTIONS
from ventral.tables import markdown, write_csv

NAME = "family"
INTERVALS = (
    "Intervals are 95 %, over seeds and images crossed; each is for one comparison by itself. Numbers in brackets are "
    "over images alone, where a network has one seed."
)
ABOUT = """# What recurrence adds

Networks of one size (V1, V2, V4, IT with 8, 16, 32 and 64 channels), trained in the same way, that differ in their
wiring: `full`; without feedback, without lateral transitions, or without both (`feedforward`); `feedforward-wide`,
which has as many parameters as `full`; and `leak`, feedforward networks whose states decay by a factor of 0.5 or
0.9 per tick, so that they keep what they saw without computing anything with it. All but those named otherwise were
shown brief and delayed images in training, no masks, and no image after another. Their normalisation is fixed: the
same at every time and in every condition.

Without lateral transitions no state reaches its own area in one tick, so that what a flash of 10 ms leaves is at the
readout at every second tick only (30, 50, 70 ms, ...). `no-lateral` is read one tick earlier than the others where
nothing can be there, as at 100 and 200 ms, and so is `full` while all its lateral transitions are silent; means over
several ticks, as in areas, hold ticks without a signal.

What recurrence adds is what `full` has **beyond** a network that lacks it. A prediction of the paper that holds of
`full`, and of its controls as much, does not tell of recurrence."""
A = """Image stays on; the gain is accuracy at the best time, minus that when the image arrives at the readout. The best
time is chosen on one half of the images and measured on the other."""
B = f"""A flash of 10 ms, and a mask of 50 ms. No network but `full-taught` has seen a mask in training. Two observers
read the network: the instant one its logits at {EARLY_MS} or at {LATE_MS} ms, the cumulative one the sum of log
probabilities from the first response to {LATE_MS} ms. A feedforward network has nothing left of a flash at {EARLY_MS}
ms, so a mask costs it nothing then, and an instant observer cannot tell what a mask interrupts; the cumulative observer
remembers for it. States that decay (`leak`) hold what was there before the mask, until they have decayed."""
AREAS = f"""Linear decoders are fitted anew in each area, condition and tick. The cost of a mask before it has arrived
in an area must be exactly 0; after its arrival it is averaged over {CUT_MS} ms. `{UNTRAINED}` is `full` with random
weights: what a mask costs there, pixels that are filtered at random lose to it as well."""
C = """The rise is accuracy at the best time after the end of a flash has arrived at the readout, minus that when it
arrives. What is held is accuracy at a later time, for which passive persistence is the control."""
LESIONS = """Feedback or lateral transitions of `full` are silent in a window (the normalisation stays as it is), read
at 100 and at 200 ms; beside it, what the networks lack that were trained without these transitions. A lesion that
takes more than never having had the transition shows what the network has come to rely on, not what the transition is
needed for."""


def save_family(subjects: Sequence[Subject], folder: Path, out: Path, data: str) -> list[Path]:
    """Measure the family's runs in a folder, and write the page family.md, five figures and the table family.csv.

    Raises
    ------
    StoreError
        As `ventral.paper.family_responses.read_readouts`.
    """
    time, masks, lesions = (read_readouts(subjects, folder, probe) for probe in ("time", "masks", "lesions"))
    areas = read_areas(subjects, folder)
    outcomes = outcomes_of(time, masks, areas, lesions)
    page = out / f"{NAME}.md"
    with disk_errors(out):
        figures = _save_figures(time, areas, outcomes, out, data)
        put(page, page_of(outcomes, data).encode())
    return [page, write_csv(outcomes, out / f"{NAME}.csv"), *figures]


def _save_figures(time: By, areas: By, outcomes: pd.DataFrame, out: Path, data: str) -> list[Path]:
    seeds = _seeds_of(outcomes)
    counts = ", ".join(
        f"{name} {seeds[name]}" for name in dict.fromkeys([*WIRING, *STATISTICS, *TRAINING, UNTRAINED]) if name in seeds
    )
    notes = [f"{outcomes['images'].iloc[0]:,} images of {data}. {INTERVALS} Seeds: {counts}."]
    figures = {
        "time": time_figure(time, notes),
        "masks": mask_figure(outcomes, notes),
        "kinds": kinds_figure(outcomes, notes),
        "areas": area_figure(areas, notes),
        "lesions": lesion_figure(outcomes, notes),
    }
    endings = (".png", ".svg")
    return [save_as(each, out / f"{NAME}-{name}{end}") for name, each in figures.items() for end in endings]


def page_of(outcomes: pd.DataFrame, data: str) -> str:
    """The outcomes as Markdown: each prediction with figures, the effects on each network, and what recurrence adds."""
    seeds = _seeds_of(outcomes)
    counts = markdown(["network", "seeds"], [(name, str(number)) for name, number in seeds.items()], right=[1])
    images = outcomes["images"].iloc[0]
    parts = [
        ABOUT,
        f"{images:,} test images of {data}, the same for all networks. {INTERVALS} A verdict needs three seeds.",
        counts,
        f"## (a) {PREDICTIONS['a']}",
        _figure("time", "accuracy over time for four kinds of images, that stay on or are flashed"),
        A,
        *_tables(outcomes, "gain", {"prediction": "a"}, "stimulus", STIMULI, WIRING),
        "What `full` has beyond others at the best time:",
        _beyond(outcomes, {"prediction": "a", "measure": "accuracy", "read_ms": -1}, "stimulus", STIMULI, WIRING[1:]),
        f"## (b) {PREDICTIONS['b']}",
        _figure("masks", "accuracy against SOA, by wiring, statistics and training"),
        B,
        *_mask_tables(outcomes),
        _figure("kinds", "cost of masks of four kinds, and to four kinds of images"),
        _figure("areas", "cost of masks to decoders in each area over time"),
        AREAS,
        *_area_tables(outcomes),
        f"## (c) {PREDICTIONS['c']}",
        C,
        *_tables(outcomes, "rise", {"stimulus": CLEAR}, "shown_ms", FLASHES_MS, WIRING),
        "The rise after a flash of 10 ms, for each kind of image:",
        _levels(outcomes, {"measure": "rise", "shown_ms": FLASHES_MS[0]}, "stimulus", STIMULI, WIRING, _verdict_cell),
        f"What `full` holds beyond others of a flash of 10 ms, at {LATE_MS} ms:",
        _beyond(
            outcomes,
            {"measure": "held", "shown_ms": FLASHES_MS[0], "read_ms": LATE_MS},
            "stimulus",
            STIMULI,
            WIRING[1:],
        ),
        "## Lesions",
        _figure("lesions", "accuracy lost to lesions in windows, and by training without the transitions"),
        LESIONS,
        f"[{NAME}.csv]({NAME}.csv) has all {len(outcomes):,} outcomes.",
    ]
    return "\n\n".join(parts) + "\n"


def _mask_tables(outcomes: pd.DataFrame) -> list[str]:
    """Accuracy through noise masks and what of it is beyond controls, by observer; and whether the cost falls."""
    parts = []
    early, late = STEEP_MS
    for observer, ms in READINGS:
        read = {"what": MASKS[0], "stimulus": CLEAR, "observer": observer, "read_ms": ms}
        noise = {"measure": "kept", **read}
        networks = dict.fromkeys([*WIRING, *STATISTICS, *TRAINING])
        parts += [
            f"% correct, {observer} observer at {ms} ms, by the SOA of a noise mask:",
            _levels(outcomes, noise, "shown_ms", SOAS_MS[::2], networks, _level_cell),
            "What `full` keeps beyond others:",
            _beyond(outcomes, noise, "shown_ms", FEW_SOAS_MS, WIRING[1:]),
            f"Whether the cost falls from SOA {early} to SOA {late} ms:",
            _levels(outcomes, {"measure": "fall", **read}, "what", MASKS[:1], WIRING, _verdict_cell),
        ]
    parts += [
        "What a mask at SOA 20 ms costs each kind of image, cumulative observer:",
        _levels(
            outcomes,
            {"measure": "cost", "what": MASKS[0], "shown_ms": 20, "observer": CUMULATIVE},
            "stimulus",
            STIMULI,
            WIRING,
            _verdict_cell,
        ),
    ]
    return parts


def _area_tables(outcomes: pd.DataFrame) -> list[str]:
    """The cost in each area after a mask's arrival there, and whether all costs before it are 0."""
    decoders = select(outcomes, observer=DECODER, beyond="")
    before = select(decoders, measure="before")
    broken = int((before["verdict"] != "control").sum())
    areas = list(dict.fromkeys(decoders["what"]))
    cells = {"measure": "cost", "observer": DECODER, "shown_ms": FEW_SOAS_MS[1]}
    return [
        f"Before arrival: {len(before) - broken} of {len(before)} costs are exactly 0.",
        f"After arrival, SOA {FEW_SOAS_MS[1]} ms:",
        _levels(outcomes, cells, "what", areas, DECODED, _verdict_cell),
    ]


def _tables(
    outcomes: pd.DataFrame,
    measure: str,
    cells: dict[str, Any],
    column: str,
    values: Iterable[Any],
    networks: Sequence[str],
) -> list[str]:
    """Effects of each network, and what `full` has of them beyond the networks without recurrence."""
    wanted = cells | {"measure": measure}
    return [
        _levels(outcomes, wanted, column, values, networks, _verdict_cell),
        "What `full` has of this beyond networks without recurrence:",
        _beyond(outcomes, wanted, column, values, PASSIVE),
    ]


def _levels(
    outcomes: pd.DataFrame,
    cells: dict[str, Any],
    column: str,
    values: Iterable[Any],
    networks: Iterable[str],
    text: Callable[[Any], str],
) -> str:
    """A table with a row for each network by itself, and a column for each value."""
    own = select(outcomes, beyond="", **cells)
    return _table(own, "network", networks, column, list(values), text)


def _beyond(
    outcomes: pd.DataFrame, cells: dict[str, Any], column: str, values: Iterable[Any], networks: Iterable[str]
) -> str:
    """A table of what `full` has beyond each network."""
    own = select(outcomes, network=FULL, beyond=list(networks), **cells)
    return _table(own, "beyond", networks, column, list(values), _verdict_cell)


def _table(
    outcomes: pd.DataFrame,
    rows: str,
    names: Iterable[str],
    column: str,
    values: Sequence[Any],
    text: Callable[[Any], str],
) -> str:
    cells = {(getattr(row, rows), getattr(row, column)): text(row) for row in outcomes.itertuples()}
    known = [name for name in names if any((name, value) in cells for value in values)]
    head = [rows, *(f"{value} ms" if isinstance(value, int) else str(value) for value in values)]
    return markdown(head, [(name, *(cells.get((name, value), "") for value in values)) for name in known])


def _level_cell(row: Any) -> str:
    return f"{100 * row.value:.0f} {_interval(row, '.0f')}"


def _verdict_cell(row: Any) -> str:
    """Points with their interval, and the verdict."""
    return f"{100 * row.value + 0.0:+.1f} {_interval(row, '+.1f')} {row.verdict}"


def _interval(row: Any, form: str) -> str:
    """The interval; in round brackets if it is over images alone."""
    ends = f"{100 * row.low + 0.0:{form}}, {100 * row.high + 0.0:{form}}"
    return f"({ends})" if "1" in row.seeds.split("/") else f"[{ends}]"


def _figure(name: str, text: str) -> str:
    return f"![{text}]({NAME}-{name}.png)"


def _seeds_of(outcomes: pd.DataFrame) -> dict[str, int]:
    """Number of seeds of each network."""
    own = select(outcomes, beyond="").drop_duplicates("network")
    return dict(zip(own["network"], own["seeds"].astype(int), strict=True))
