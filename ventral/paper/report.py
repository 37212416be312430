"""The page of what was reproduced: figures, claims and errors, all from the tables of `ventral.paper.results`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.figures.saving import save
from ventral.files import disk_errors, locked, put
from ventral.measures.intervals import t_interval
from ventral.paper.campaign import SCALES, slug
from ventral.paper.claims import CLAIMS, FIGURES, PaperFigure, compared, needed
from ventral.paper.figures import figure_of, results_of, seeds_of, spell_epochs, spell_seeds, title_of
from ventral.paper.figures_verdicts import verdict_figure
from ventral.paper.networks import VARIANTS
from ventral.paper.report_predictions import page_of, tables_of
from ventral.paper.results import COHORT, CURVES, RESULTS, TRAINING, read_curves, read_results
from ventral.paper.verdicts import FAILS, FEWEST_SEEDS, NOT_RUN, UNDECIDED, counted, judge, spell_interval, spell_row
from ventral.tables import markdown, write_csv

PAGE, VERDICTS, FAMILY_PAGE = "README.md", "verdicts.csv", "family.md"
LOCK = ".page.lock"
PATIENCE_S = 600.0
NETWORK = ["variant", "model", "parameters", "t"]  # columns that are the same for each seed
FULL = "full"  # the scale of the paper
DESCRIPTIONS = {name: scale.text for name, scale in SCALES.items()}
AGAINST = {"epoch": "the epoch", "readout": "the time of readout"}
HOW_TO_READ = f"""\
**Errors** are in % of the test images, with the weights after the last epoch; nothing is selected on test images.
Training errors are those of the last epoch's batches, as they were trained on.

**Verdicts.** A claim is one or more differences of errors that must lie below a limit; the limits were set before
anything ran, except those of claims v-a and v-b (see Fig. 10). Networks of the same seed are compared. A comparison
holds if the 95 % t-interval over seeds lies below the limit, does not hold if it lies above, and is undecided otherwise
or with fewer than {FEWEST_SEEDS} seeds; nothing is corrected for the number of comparisons, or for looks at fewer seeds
before others were added. A claim holds if all its comparisons do, and does not if one does not.

The verdict “{FAILS}” or “{UNDECIDED}” is about the scale of its section, which need not be the paper's. At a
quarter of the paper's width every network is short of weights, so that weights per tick help more than they would in a
wide one: claim i, that sharing costs little, may depend on the width, and with it claim ii."""


def write_reproduction(folder: Path, scales: Mapping[str, str] = DESCRIPTIONS) -> list[Path]:
    """Write the paper's figures, a table of all comparisons, and the page that holds them.

    Everything is written to the folder of the tables. Other processes wait, and then draw what the tables hold by that
    time, so that the last page is of the newest tables. `scales` has each scale in words, in the order of the page.

    Returns README.md, verdicts.csv, the figures (PNG, SVG and PDF), named by figure, scale, recipe and data, and for
    each table of predictions a page of its own. The same tables give the same bytes.

    Raises
    ------
    StoreError
        If the tables are empty, or damaged, or hold what cannot have been measured.
    """
    if read_results(folder).empty and not tables_of(folder):
        raise StoreError(f"there are no results in {folder / RESULTS}; train a figure's networks first.")
    with locked(folder, wait_s=PATIENCE_S, by=LOCK):
        results, curves, predicted = read_results(folder), read_curves(folder), tables_of(folder)
        paragraphs = _introduction(results, bool(predicted))
        drawn: list[Path] = []
        tables: list[pd.DataFrame] = []
        for name, rows in _cohorts(results, list(scales)).items():
            scale = scales.get(rows["scale"].iloc[0], "")
            verdicts = judge(rows)
            figures = {figure.name: figure_of(figure, rows, curves, scale) for figure in _measured(rows)}
            if verdicts["seeds"].any():
                figures["verdicts"] = verdict_figure(rows, scale)
            files = {title: f"{title}-{name}" for title in figures}
            drawn += [file for title in figures for file in save(figures[title], folder / files[title])]
            tables.append(rows[COHORT].head(1).merge(verdicts.drop(columns="by_seed"), how="cross"))
            paragraphs += _section(scale, rows, verdicts, files)
        for path in predicted:
            page = path.with_suffix(".md")
            paragraphs += [page_of(path, whole=False).rstrip(), f"[{page.name}]({page.name}) lists every comparison."]
            drawn.append(_write(page, page_of(path)))
        if (folder / FAMILY_PAGE).exists():
            paragraphs += ["## What recurrence adds", f"[{FAMILY_PAGE}]({FAMILY_PAGE}) compares networks that lack it."]
        table = [write_csv(pd.concat(tables), folder / VERDICTS)] if tables else []
        return [_write(folder / PAGE, "\n\n".join(paragraphs) + "\n"), *table, *drawn]


def _write(page: Path, text: str) -> Path:
    with disk_errors(page):
        put(page, text.encode())
    return page


def _cohorts(results: pd.DataFrame, order: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The results of each cohort by a part of a file's name, all different; in the order of scales, unknown ones last.

    Cohorts in the table are sorted by name already.
    """
    place = results["scale"].map({scale: number for number, scale in enumerate(order)}).fillna(len(order))
    cohorts: dict[str, pd.DataFrame] = {}
    for (_, *cohort), rows in results.groupby([place, *COHORT]):
        plain = slug("-".join(cohort))
        names = (plain, *(f"{plain}-{number}" for number in range(2, len(cohorts) + 3)))
        cohorts[next(name for name in names if name not in cohorts)] = rows
    return cohorts


def _measured(rows: pd.DataFrame) -> list[PaperFigure]:
    """The figures of which two networks were trained that are compared, or one at two times."""
    trained = set(rows["variant"])
    return [figure for figure in FIGURES.values() if any(pair <= trained for pair in compared(figure))]


def _introduction(results: pd.DataFrame, has_predictions: bool) -> list[str]:
    """What the page is and how to read it, as paragraphs."""
    others = " and, for predictions, from their tables" if has_predictions else ""
    text = f"Everything here is computed from [{RESULTS}]({RESULTS}) and [{CURVES}]({CURVES}){others}; "
    text += f"[{VERDICTS}]({VERDICTS}) has every comparison with all its digits."
    if FULL not in set(results["scale"]):
        text += f" **The scale {FULL} (as in the paper) has not been run.**"
    return ["# Figures and claims of Liao & Poggio (2016), measured", text, HOW_TO_READ]


def _section(scale: str, results: pd.DataFrame, verdicts: pd.DataFrame, files: Mapping[str, str]) -> list[str]:
    """The results of one cohort, as paragraphs."""
    rows = results_of(VARIANTS, results)
    title = "## Scale {scale}: {data}; recipe {recipe}".format_map(rows.iloc[0])
    blocks = [title, _facts(scale, rows), "### Claims", _claims_table(verdicts)]
    if "verdicts" in files:
        blocks.append(f"![Every comparison that was run, with its interval and limit]({files['verdicts']}.png)")
    blocks.append("### Figures")
    for figure in _measured(rows):
        picture = f"![{title_of(figure)}: {figure.title}]({files[figure.name]}.png)"
        blocks += [picture, _caption(figure, results_of(figure.variants, rows))]
    blocks += ["### Errors", _errors_table(rows)]
    if (rows["t"] != rows["test_t"]).any():
        sentence = "Validation errors of networks that were also read at other times, in %; means over seeds:"
        blocks += [sentence, _test_times_table(rows)]
    return [*blocks, "### Missing", _missing(rows)]


def _facts(scale: str, rows: pd.DataFrame) -> str:
    """What was run, as a list."""
    row, trainings = rows.iloc[0], rows.drop_duplicates(TRAINING)
    pairs = (pair.split("=") for pair in row["settings"].split(" "))
    settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in pairs if name != "epochs" and value)
    networks = f"{counted(len(trainings), 'training')} of {counted(rows['variant'].nunique(), 'network')}"
    seeds = ", ".join(map(str, sorted(set(rows["seed"]))))
    facts = {
        "scale": scale or row["scale"],
        "data": f"{row['data']}, {row['images']:,} training and {row['tested']:,} test images",
        "recipe": f"{row['recipe']}, {spell_epochs(rows)} ({settings})",
        "networks": f"{networks}, {spell_seeds(rows)} each ({seeds})",
        "devices": "; ".join(sorted(set(rows["device"] + " (torch " + rows["torch"] + ")"))),
        "time": f"{trainings['seconds'].sum() / 3600:.1f} hours of training",
    }
    return "\n".join(f"- {name}: {text}" for name, text in facts.items())


def _claims_table(verdicts: pd.DataFrame) -> str:
    rows: list[tuple[str, ...]] = []
    for (name, verdict), comparisons in verdicts.groupby(["claim", "claim_verdict"], sort=False):
        claim = CLAIMS[name]
        rows.append((f"**{name}**", f"**{claim.text}** ({claim.source})", "", "", "", f"**{verdict}**"))
        for row in comparisons.itertuples() if verdict != NOT_RUN else ():
            rows.append(("", row.comparison, spell_row(row), f"{row.limit:g}", str(row.seeds), row.verdict))
    return markdown(("", "claim", "points [95 % interval]", "limit", "seeds", "verdict"), rows, (2, 3, 4))


def _errors_table(rows: pd.DataFrame) -> str:
    """Errors of each network at the time for which it was trained."""
    lines = []
    for (name, model, parameters, t), read in rows[rows["t"] == rows["test_t"]].groupby(NETWORK, sort=False):
        network = f"`{name}`<br>`{model}`", f"{VARIANTS[name].width_of(model):g}", f"{parameters:,}", str(t)
        errors = (_spell_mean(read[column]) for column in ("validation_error", "training_error"))
        lines.append((*network, *errors, str(len(read)), f"{read['seconds'].mean():,.0f}"))
    header = (
        "network",
        "width",
        "parameters",
        "t",
        "validation error, %",
        "training error, %",
        "seeds",
        "seconds each",
    )
    return (
        f"The width is that of the network's areas, relative to the paper's.\n\n{markdown(header, lines, range(1, 8))}"
    )


def _test_times_table(rows: pd.DataFrame) -> str:
    """Mean errors of networks that were also read at other times than trained for."""
    several = rows.groupby("variant").filter(lambda read: (read["t"] != read["test_t"]).any())
    means = several.pivot_table("validation_error", ["variant", "t"], "test_t", sort=False).sort_index(axis=1)
    lines = []
    for (name, t), errors in means.iterrows():
        cells = errors.map("{:.1f}".format).where(errors.notna(), "")
        cells[t] = f"**{cells[t]}**"
        lines.append((f"`{name}`, trained at {to_ms(t)} ms", *cells))
    return markdown(("network", *(f"{to_ms(t)} ms" for t in means)), lines, range(1, len(means.columns) + 1))


def _spell_mean(errors: pd.Series) -> str:
    mean, low, high = map(float, t_interval(errors))
    return spell_interval(mean, low, high, len(errors))


def _caption(figure: PaperFigure, rows: pd.DataFrame) -> str:
    """A figure in a sentence, and the claims that it decides."""
    networks = counted(rows["variant"].nunique(), "network")
    against = " and ".join(AGAINST[name] for name in figure.against)
    text = f"**{title_of(figure)}**, {figure.title}: error of {networks} against {against}, {spell_seeds(rows)}."
    if figure.claims:
        text += f" It bears on claim{'s' * (len(figure.claims) != 1)} {' and '.join(figure.claims)}."
    return f"{text} {figure.note}".rstrip()


def _missing(rows: pd.DataFrame) -> str:
    """Networks with too few seeds, by figure, as a list."""
    seeds, lines = seeds_of(rows), []
    for figure in FIGURES.values():
        names = {name: seeds.get(name, 0) for name in needed(figure)}
        none = [f"`{name}`" for name, count in names.items() if not count]
        few = [f"`{name}` ({counted(count, 'seed')})" for name, count in names.items() if 0 < count < FEWEST_SEEDS]
        parts = {"not run": none, f"fewer than {FEWEST_SEEDS} seeds": few}
        if none or few:
            text = "; ".join(f"{title}: {', '.join(each)}" for title, each in parts.items() if each)
            lines.append(f"- {title_of(figure)} — {text}")
    return "\n".join(lines) or f"Nothing: every network of every figure has at least {FEWEST_SEEDS} seeds."
