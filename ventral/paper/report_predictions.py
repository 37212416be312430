"""The paper's predictions on a page: a figure, tables, and Markdown.

Source: Liao & Poggio (2016), section 6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import xarray as xr

from ventral.errors import StoreError
from ventral.figures.saving import save
from ventral.files import disk_errors
from ventral.paper.figures_predictions import ONE_MODEL, predictions_figure
from ventral.paper.outcomes import BROKEN, MASK, RESAMPLES, VERDICTS, Outcome
from ventral.paper.predictions import PREDICTIONS, measure
from ventral.paper.results import grouped
from ventral.paper.verdicts import jointly
from ventral.tables import markdown, read_csv, write_csv

COMPARED = {
    "a": "Accuracy of the readout at the last time at which a flash still drives its area, minus that at the first "
    "(first drive). A flash of one tick has only one such time.",
    "b": "Accuracy without a mask minus that with it, at the same time: of the readout, and of a linear decoder in "
    "each area, fitted anew to each condition. Where a mask has not arrived by then, the difference must be exactly 0 "
    "(control). A network without recurrence would lose the image to a mask too, in each area as soon as it arrives: a "
    "difference shows that the mask interrupts, not that recurrence is what it interrupts.",
    "c": "Accuracy of the readout at the best time after a flash has gone, minus that at the last time at which it "
    "still drives the area (last drive); and minus that one tick later, when its end has arrived there (end). The best "
    "time is chosen on one half of the images and measured on the other, and vice versa.",
}
COLUMNS = ("prediction", "compared", "statistics", "points", "low", "high", "verdict")
JOINTLY = (
    "A verdict below is the same with frozen and with recalibrated statistics; a comparison on which the two disagree "
    "is undecided:"
)
BY_TRAINING = (
    "How the network responds to flashes and masks is therefore partly the result of this training, and not only of "
    "recurrence itself, of which the paper speaks."
)


def save_predictions(
    folder: Path, model: str, out: Path, data: str = "", taught: str = "", resamples: int = RESAMPLES, seed: int = 0
) -> list[Path]:
    """Measure the predictions in recorded runs, and write predictions-<model>.png, .svg and .csv and the curves' CSV.

    The runs are found and measured as `ventral.paper.predictions.measure` describes. `out` is the folder to write to,
    `data` the name of the images if it is not that in the runs, and `taught` the model's training as
    `ventral.paper.outcomes.taught` tells it. Returns the files; the last but one is the table of outcomes.
    """
    found = measure(folder, model, resamples, seed)
    outcomes = tuple(replace(outcome, data=data or outcome.data, taught=taught) for outcome in found.outcomes)
    path = out / f"predictions-{model}"
    with disk_errors(out):
        drawn = save(predictions_figure(replace(found, outcomes=outcomes)), path)
    curves = points_of(found.courses).assign(images=outcomes[0].images)
    return [*drawn, write_csv(outcomes, path.with_suffix(".csv")), write_csv(curves, out / f"{path.name}-curves.csv")]


def points_of(courses: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Every point of the curves of accuracy over time, a row for each protocol, policy, condition and time."""
    frames = []
    for protocol, course in courses.items():
        frame = course.reset_coords(drop=True).to_dataframe(["statistics", "condition", "time"]).reset_index()
        frames.append(frame.rename(columns={"time": "time_ms"}).assign(protocol=protocol))
    names = ["protocol", "statistics", "condition", "time_ms", "accuracy", "low", "high"]
    return pd.concat(frames, ignore_index=True)[names]


def read_outcomes(path: Path) -> list[Outcome]:
    """The outcomes in a table that `save_predictions` wrote.

    Raises
    ------
    StoreError
        If the table is missing, has other columns or a damaged line.
    """
    if not path.is_file():
        raise StoreError(f"there is no table at {path}; `ventral reproduce predictions` writes one.")
    return read_csv(path, Outcome, "write it again")


def tables_of(folder: Path) -> list[Path]:
    """The tables of outcomes in a folder, by name."""
    return sorted(path for path in folder.glob("predictions-*.csv") if not path.stem.endswith("-curves"))


def page_of(path: Path, whole: bool = True) -> str:
    """The outcomes of a table as Markdown: the figure, and the verdicts on each prediction.

    The figure lies beside the table; every comparison is listed if the page is to be `whole`. Raises what
    `read_outcomes` does.
    """
    outcomes = read_outcomes(path)
    if not outcomes:
        raise StoreError(f"{path} has no lines; write it again.")
    first = outcomes[0]
    parts = [
        f"## Predictions of section 6: {first.model}",
        f"{first.images:,} images of {first.data}; recorded on {first.device}, weights {first.weights}. {ONE_MODEL}",
        *([f"In training, {first.taught}. {BY_TRAINING}"] if first.taught else []),
        f"![Accuracy over time, and differences that the predictions are about]({path.stem}.png)",
    ]
    by_prediction = grouped(outcomes, lambda outcome: outcome.prediction)
    for prediction, text in PREDICTIONS.items():
        mine = by_prediction.get(prediction, [])
        sentences = "\n".join(f"- {sentence}" for sentence in summary(mine))
        parts += [f"### ({prediction}) {text}", COMPARED[prediction], f"{JOINTLY}\n\n{sentences}"]
        parts += [_table(mine)] if whole else []
    return "\n\n".join(parts) + "\n"


def table_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """Outcomes as rows of a table with `COLUMNS`; differences in percentage points."""
    return [(o.prediction, o.text, o.statistics, *_points(o), o.verdict) for o in outcomes]


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """The verdicts under all policies together: a sentence for each place and time, listing flashes or masks."""
    sentences = []
    for where, several in grouped(outcomes, lambda outcome: outcome.where).items():
        found: dict[str, list[str]] = {}
        for same in grouped(several, lambda outcome: outcome.key).values():
            word = jointly([outcome.verdict for outcome in same], BROKEN)
            found.setdefault(word, []).append(str(same[0].shown_ms))
        noun = "SOAs" if several[0].against == MASK else "flashes"
        words = [f"{word} for {noun} of {', '.join(found[word])} ms" for word in VERDICTS if word in found]
        sentences.append(f"{where}: {'; '.join(words)}.")
    return sentences


def _table(outcomes: Sequence[Outcome]) -> str:
    """A row for each comparison, a column for each policy; in percentage points."""
    policies = list(grouped(outcomes, lambda outcome: outcome.statistics))
    rows = []
    for same in grouped(outcomes, lambda outcome: outcome.key).values():
        cells = dict.fromkeys(policies, "") | {outcome.statistics: _cell(outcome) for outcome in same}
        rows.append([same[0].text, *cells.values()])
    return markdown(["comparison", *(f"{policy}, points" for policy in policies)], rows)


def _cell(outcome: Outcome) -> str:
    """Accuracies, the time of the better one if it was chosen, the difference with its interval, and the verdict."""
    middle, low, high = _points(outcome)
    when = f" ({outcome.better_ms.replace('/', ' or ')} ms)" if outcome.against != MASK else ""
    accuracies = f"{100 * outcome.better:.1f}{when} - {100 * outcome.worse:.1f}"
    return f"{accuracies} = {middle} [{low}, {high}] {outcome.verdict}"


def _points(outcome: Outcome) -> list[str]:
    """Difference and interval in percentage points."""
    return [f"{100 * value + 0.0:+.1f}" for value in (outcome.difference, outcome.low, outcome.high)]
