"""The paper's predictions on a page: a figure, tables, and Markdown.

Source: Liao & Poggio (2016), section 6.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from ventral.errors import StoreError
from ventral.figures.saving import save
from ventral.files import disk_errors
from ventral.paper.figures_predictions import ONE_MODEL, predictions_figure
from ventral.paper.outcomes import BROKEN, MASK, OUTCOME_COLUMNS, RESAMPLES, VERDICTS, described
from ventral.paper.predictions import PREDICTIONS, measure
from ventral.paper.verdicts import jointly
from ventral.tables import markdown, read_csv, write_csv

COMPARED = {
    "a": "Accuracy of the readout at the last time at which a flash still drives its area, minus that at the first "
    "(first drive). A flash of one tick has only one such time.",
    "b": "Accuracy without a mask minus that with it, at the same time: of the readout, and of a linear decoder in "
    "each area, fitted anew to each condition. Where a mask has not arrived by then, the difference must be exactly 0 "
    "(control). A difference shows that the mask interrupts, not that recurrence is what it interrupts: for that, "
    "`ventral reproduce family` compares networks without recurrence.",
    "c": "Accuracy of the readout at the best time after a flash has gone, minus that at the last time at which it "
    "still drives the area (last drive); and minus that one tick later, when its end has arrived there (end). The best "
    "time is chosen on one half of the images and measured on the other, and vice versa.",
}
COLUMNS = ("prediction", "compared", "statistics", "points", "low", "high", "verdict")
COURSE_COLUMNS = ["protocol", "statistics", "condition", "time_ms", "accuracy", "low", "high"]
JOINTLY = (
    "A verdict below is the same under all policies of normalisation statistics that were recorded ({}); a comparison "
    "on which these disagree is undecided:"
)
FIXED = "The network's statistics of normalisation are fixed, so there is one verdict on each comparison:"
NOT_ASKED = (
    "Not asked of this network: with impulse drive an image enters at its onset alone, so that no flash drives the "
    "readout area at two times. What time brings is (c)."
)
BY_TRAINING = (
    "How the network responds to flashes and masks is therefore partly the result of this training, and not only of "
    "recurrence itself, of which the paper speaks."
)


def save_predictions(
    folder: Path, model: str, out: Path, data: str = "", taught: str = "", resamples: int = RESAMPLES
) -> list[Path]:
    """Measure the predictions in recorded runs, and write the figure, predictions-<model>, and two CSV files.

    The runs are found and measured as `ventral.paper.predictions.measure` describes. `out` is the folder to write to,
    `data` the name of the images if it is not that in the runs, and `taught` the model's training as
    `ventral.paper.outcomes.taught` tells it. Returns the files; the last but one is the table of outcomes.
    """
    found = measure(folder, model, resamples, taught=taught, data=data)
    path = out / f"predictions-{model}"
    with disk_errors(out):
        drawn = save(predictions_figure(found), path)
    curves = found.courses[COURSE_COLUMNS].assign(images=found.outcomes["images"].iloc[0])
    tables = {f"{path.name}.csv": found.outcomes, f"{path.name}-curves.csv": curves}
    return [*drawn, *(write_csv(table, out / name) for name, table in tables.items())]


def read_outcomes(path: Path) -> pd.DataFrame:
    """The outcomes in a table that `save_predictions` wrote, with the columns of `described`.

    Raises
    ------
    StoreError
        If the table is missing, has other columns, a damaged line or none.
    """
    if not path.is_file():
        raise StoreError(f"there is no table at {path}; `ventral reproduce predictions` writes one.")
    outcomes = read_csv(path, OUTCOME_COLUMNS, "write it again")
    if outcomes.empty:
        raise StoreError(f"{path} has no lines; write it again.")
    return described(outcomes)


def tables_of(folder: Path) -> list[Path]:
    """The tables of outcomes in a folder, by name."""
    found = [path for path in folder.glob("predictions-*.csv") if not path.stem.endswith("-curves")]
    return sorted(found, key=lambda path: path.stem)  # "cifar10" before "cifar10-1"


def page_of(path: Path, whole: bool = True) -> str:
    """The outcomes of a table as Markdown: the figure, and the verdicts on each prediction.

    The figure lies beside the table; every comparison is listed if the page is to be `whole`. Raises what
    `read_outcomes` does.
    """
    outcomes = read_outcomes(path)
    first = outcomes.iloc[0]
    about = "{images:,} images of {data}; recorded on {device}, weights {weights}. ".format_map(first)
    parts = [
        f"## Predictions of section 6: {first['model']}",
        about + ONE_MODEL,
        *([f"In training, {first['taught']}. {BY_TRAINING}"] if first["taught"] else []),
        f"![Accuracy over time, and differences that the predictions are about]({path.stem}.png)",
    ]
    recorded = outcomes["statistics"].unique()
    policies = JOINTLY.format(", ".join(recorded)) if len(recorded) > 1 else FIXED
    for prediction, text in PREDICTIONS.items():
        own = outcomes[outcomes["prediction"] == prediction]
        if own.empty:
            parts += [f"### ({prediction}) {text}", NOT_ASKED]
            continue
        sentences = "\n".join(f"- {sentence}" for sentence in summary(own))
        parts += [f"### ({prediction}) {text}", COMPARED[prediction], f"{policies}\n\n{sentences}"]
        parts += [_table(own)] if whole else []
    return "\n\n".join(parts) + "\n"


def table_rows(outcomes: pd.DataFrame) -> list[tuple[str, ...]]:
    """Outcomes of `read_outcomes` as rows of a table with `COLUMNS`; differences in percentage points."""
    return [(row.prediction, row.text, row.statistics, *_points(row), row.verdict) for row in outcomes.itertuples()]


def summary(outcomes: pd.DataFrame) -> list[str]:
    """The verdicts under all policies together: a sentence for each place and time, listing flashes or masks."""
    sentences = []
    for where, rows in outcomes.groupby("where", sort=False):
        same = rows.groupby(["condition", "against"], sort=False)
        shown = same["shown_ms"].first().groupby(same["verdict"].agg(jointly, BROKEN))
        lists = {verdict: ", ".join(map(str, several)) for verdict, several in shown}
        noun = "SOAs" if rows["against"].iloc[0] == MASK else "flashes"
        words = [f"{verdict} for {noun} of {lists[verdict]} ms" for verdict in VERDICTS if verdict in lists]
        sentences.append(f"{where}: {'; '.join(words)}.")
    return sentences


def _table(outcomes: pd.DataFrame) -> str:
    """A row for each comparison, a column for each policy; in percentage points."""
    cells = outcomes.assign(cell=list(map(_cell, outcomes.itertuples()))).set_index(["text", "statistics"])["cell"]
    table = cells.unstack(fill_value="", sort=False)
    return markdown(["comparison", *(f"{policy}, points" for policy in table)], table.itertuples())


def _cell(row: Any) -> str:
    """Accuracies, the time of the better one if it was chosen, the difference with its interval, and the verdict."""
    middle, low, high = _points(row)
    when = f" ({row.better_ms.replace('/', ' or ')} ms)" if row.against != MASK else ""
    accuracies = f"{100 * row.better:.1f}{when} - {100 * row.worse:.1f}"
    return f"{accuracies} = {middle} [{low}, {high}] {row.verdict}"


def _points(row: Any) -> list[str]:
    """Difference and interval in percentage points."""
    return [f"{100 * value + 0.0:+.1f}" for value in (row.difference, row.low, row.high)]
