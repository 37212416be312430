"""The page of what was reproduced: figures, claims and errors, all from the tables of `ventral.paper.results`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.figures.saving import save
from ventral.files import disk_errors, locked, put
from ventral.measures.intervals import t_interval
from ventral.paper.campaign import SCALES, slug
from ventral.paper.claims import FIGURES, PaperFigure, needed
from ventral.paper.figures import figure_of, results_of, seeds_of, spell_epochs, spell_seeds, title_of
from ventral.paper.figures_verdicts import verdict_figure
from ventral.paper.networks import VARIANTS
from ventral.paper.report_predictions import page_of, tables_of
from ventral.paper.results import (
    CURVES,
    RESULTS,
    Cohort,
    Result,
    cohort_of,
    grouped,
    read_curves,
    read_results,
    training_of,
)
from ventral.paper.verdicts import (
    FAILS,
    FEWEST_SEEDS,
    NOT_RUN,
    UNDECIDED,
    ClaimVerdict,
    counted,
    judge_all,
    spell_interval,
)
from ventral.tables import markdown, write_csv

PAGE, VERDICTS = "README.md", "verdicts.csv"
LOCK = ".page.lock"
PATIENCE_S = 600.0
NETWORK = ["variant", "model", "parameters", "t"]  # columns that are the same for each seed
FULL = "full"  # the scale of the paper
DESCRIPTIONS = {name: scale.text for name, scale in SCALES.items()}
COMPARED = "claim", "claim_verdict", "comparison", "terms", "seeds"
COLUMNS = (*Cohort._fields, *COMPARED, "difference", "low", "high", "limit", "verdict", "why")  # of the verdicts
AGAINST = {"epoch": "the epoch", "readout": "the time of readout"}
HOW_TO_READ = f"""\
**Errors** are in % of the test images, with the weights after the last epoch; nothing is selected on test images.
Training errors are those of the last epoch's batches, as they were trained on.

**Verdicts.** A claim is one or more differences of errors that must lie below a limit; the limits were set before
anything ran. Networks of the same seed are compared. A comparison holds if the 95 % t-interval over seeds lies below
the limit, does not hold if it lies above, and is undecided otherwise or with fewer than {FEWEST_SEEDS} seeds; nothing
is corrected for the number of comparisons, or for looks at fewer seeds before others were added. A claim holds if all
its comparisons do, and does not if one does not.

The verdict “{FAILS}” or “{UNDECIDED}” is about the scale of its section, which need not be the paper's."""


def write_reproduction(folder: Path, scales: Mapping[str, str] = DESCRIPTIONS) -> list[Path]:
    """Write the paper's figures, a table of all comparisons, and the page that holds them.

    Everything is written to the folder of the tables. Other processes wait, and then draw what the tables hold by that
    time, so that the last page is of the newest tables. `scales` has each scale in words, in the order of the page.

    Returns README.md, verdicts.csv, the figures as PNG and SVG, named by figure, scale, recipe and data, and for each
    table of predictions a page of its own. The same tables give the same bytes.

    Raises
    ------
    StoreError
        If the tables are empty, or damaged, or hold what cannot have been measured.
    """
    if not read_results(folder) and not tables_of(folder):
        raise StoreError(f"there are no results in {folder / RESULTS}; train a figure's networks first.")
    with locked(folder, wait_s=PATIENCE_S, by=LOCK):
        results, curves, predicted = read_results(folder), read_curves(folder), tables_of(folder)
        order = list(scales)
        cohorts = grouped(sorted(results, key=lambda row: _place(cohort_of(row), order)), cohort_of)
        paragraphs = _introduction(cohorts, bool(predicted))
        drawn: list[Path] = []
        rows: list[dict[str, Any]] = []
        for cohort, name in _file_names(cohorts).items():
            mine, scale = cohorts[cohort], scales.get(cohort.scale, "")
            verdicts = judge_all(mine)
            figures = {figure.name: figure_of(figure, mine, curves, scale) for figure in _measured(mine)}
            if any(comparison.seeds for verdict in verdicts for comparison in verdict.comparisons):
                figures["verdicts"] = verdict_figure(mine, scale)
            files = {title: f"{title}-{name}" for title in figures}
            drawn += [file for title in figures for file in save(figures[title], folder / files[title])]
            rows += _verdict_rows(cohort, verdicts)
            paragraphs += _section(cohort, scale, mine, verdicts, files)
        for path in predicted:
            page = path.with_suffix(".md")
            paragraphs += [page_of(path, whole=False).rstrip(), f"[{page.name}]({page.name}) lists every comparison."]
            drawn.append(_write(page, page_of(path)))
        table = [write_csv(rows, folder / VERDICTS)] if rows else []
        return [_write(folder / PAGE, "\n\n".join(paragraphs) + "\n"), *table, *drawn]


def _write(page: Path, text: str) -> Path:
    with disk_errors(page):
        put(page, text.encode())
    return page


def _place(cohort: Cohort, order: Sequence[str]) -> tuple[int, Cohort]:
    """The position of a cohort on the page: by the order of scales, unknown ones last."""
    return order.index(cohort.scale) if cohort.scale in order else len(order), cohort


def _measured(rows: Sequence[Result]) -> list[PaperFigure]:
    """The figures of which a network was trained."""
    return [figure for figure in FIGURES.values() if results_of(figure.variants, rows)]


def _file_names(cohorts: Iterable[Cohort]) -> dict[Cohort, str]:
    """A part of a file's name for each cohort, all different."""
    names: dict[Cohort, str] = {}
    for cohort in cohorts:
        plain = slug("-".join(cohort))
        others = (f"{plain}-{number}" for number in range(2, len(names) + 3))
        names[cohort] = next(name for name in (plain, *others) if name not in names.values())
    return names


def _verdict_rows(cohort: Cohort, verdicts: Iterable[ClaimVerdict]) -> list[dict[str, Any]]:
    """Rows of `verdicts.csv`: all comparisons of a cohort, with every digit."""
    rows = []
    for claim in verdicts:
        for each in claim.comparisons:
            terms = " ".join(f"{factor:+g}*{error}" for error, factor in each.comparison.terms.items())
            cells = (*cohort, claim.claim.name, claim.verdict, each.comparison.text, terms, each.seeds, *each.interval)
            rows.append(dict(zip(COLUMNS, (*cells, each.limit, each.verdict, each.why), strict=True)))
    return rows


def _introduction(cohorts: Iterable[Cohort], has_predictions: bool) -> list[str]:
    """What the page is and how to read it, as paragraphs."""
    others = " and, for predictions, from their tables" if has_predictions else ""
    text = f"Everything here is computed from [{RESULTS}]({RESULTS}) and [{CURVES}]({CURVES}){others}; "
    text += f"[{VERDICTS}]({VERDICTS}) has every comparison with all its digits."
    if FULL not in {cohort.scale for cohort in cohorts}:
        text += f" **The scale {FULL} (as in the paper) has not been run.**"
    return ["# Figures and claims of Liao & Poggio (2016), measured", text, HOW_TO_READ]


def _section(
    cohort: Cohort, scale: str, results: Sequence[Result], verdicts: Sequence[ClaimVerdict], files: Mapping[str, str]
) -> list[str]:
    """The results of one cohort, as paragraphs."""
    rows = results_of(VARIANTS, results)
    title = f"## Scale {cohort.scale}: {cohort.data}; recipe {cohort.recipe}"
    blocks = [title, _facts(scale, rows), "### Claims", _claims_table(verdicts)]
    if "verdicts" in files:
        blocks.append(f"![Every comparison that was run, with its interval and limit]({files['verdicts']}.png)")
    blocks.append("### Figures")
    for figure in _measured(rows):
        picture = f"![{title_of(figure)}: {figure.title}]({files[figure.name]}.png)"
        blocks += [picture, _caption(figure, results_of(figure.variants, rows))]
    blocks += ["### Errors", _errors_table(rows)]
    if any(row.t != row.test_t for row in rows):
        sentence = "Validation errors of networks that were also read at other times, in %; means over seeds:"
        blocks += [sentence, _test_times_table(rows)]
    return [*blocks, "### Missing", _missing(rows)]


def _facts(scale: str, rows: Sequence[Result]) -> str:
    """What was run, as a list."""
    row, seeds = rows[0], sorted({row.seed for row in rows})
    seconds = {training_of(row): row.seconds for row in rows}
    pairs = (pair.split("=") for pair in row.settings.split(" "))
    settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in pairs if name != "epochs" and value)
    networks = f"{counted(len(seconds), 'training')} of {counted(len(seeds_of(rows)), 'network')}"
    facts = {
        "scale": scale or row.scale,
        "data": f"{row.data}, {row.images:,} training and {row.tested:,} test images",
        "recipe": f"{row.recipe}, {spell_epochs(rows)} ({settings})",
        "networks": f"{networks}, {spell_seeds(rows)} each ({', '.join(map(str, seeds))})",
        "devices": "; ".join(sorted({f"{row.device} (torch {row.torch})" for row in rows})),
        "time": f"{sum(seconds.values()) / 3600:.1f} hours of training",
    }
    return "\n".join(f"- {name}: {text}" for name, text in facts.items())


def _claims_table(verdicts: Iterable[ClaimVerdict]) -> str:
    rows: list[tuple[str, ...]] = []
    for verdict in verdicts:
        claim = verdict.claim
        rows.append((f"**{claim.name}**", f"**{claim.text}** ({claim.source})", "", "", "", f"**{verdict.verdict}**"))
        for each in verdict.comparisons if verdict.verdict != NOT_RUN else ():
            rows.append(("", each.comparison.text, each.spelled, f"{each.limit:g}", str(each.seeds), each.verdict))
    return markdown(("", "claim", "points [95 % interval]", "limit", "seeds", "verdict"), rows, (2, 3, 4))


def _errors_table(rows: Sequence[Result]) -> str:
    """Errors of each network at the time for which it was trained."""
    table, lines = pd.DataFrame(rows), []
    for (name, model, parameters, t), read in table[table.t == table.test_t].groupby(NETWORK, sort=False):
        errors = (_spell_mean(read[column].tolist()) for column in ("validation_error", "training_error"))
        network = f"`{name}`<br>`{model}`"
        lines.append((network, f"{parameters:,}", str(t), *errors, str(len(read)), f"{read.seconds.mean():,.0f}"))
    header = ("network", "parameters", "t", "validation error, %", "training error, %", "seeds", "seconds each")
    return markdown(header, lines, range(1, 7))


def _test_times_table(rows: Sequence[Result]) -> str:
    """Mean errors of networks that were also read at other times than trained for."""
    table = pd.DataFrame(rows)
    several = table.groupby("variant").filter(lambda read: (read.t != read.test_t).any())
    means = several.pivot_table("validation_error", ["variant", "t"], "test_t", sort=False).sort_index(axis=1)
    lines = []
    for (name, t), errors in means.iterrows():
        cells = {test_t: "" if math.isnan(error) else f"{error:.1f}" for test_t, error in errors.items()}
        lines.append((f"`{name}`, trained at {to_ms(t)} ms", *(cells | {t: f"**{cells[t]}**"}).values()))
    return markdown(("network", *(f"{to_ms(t)} ms" for t in means)), lines, range(1, len(means.columns) + 1))


def _spell_mean(errors: Sequence[float]) -> str:
    mean, low, high = t_interval(errors)
    return spell_interval(float(mean), float(low), float(high), len(errors))


def _caption(figure: PaperFigure, rows: Sequence[Result]) -> str:
    """A figure in a sentence, and the claims that it decides."""
    networks = counted(len(seeds_of(rows)), "network")
    against = " and ".join(AGAINST[name] for name in figure.against)
    text = f"**{title_of(figure)}**, {figure.title}: error of {networks} against {against}, {spell_seeds(rows)}."
    if figure.claims:
        text += f" It bears on claim{'s' * (len(figure.claims) != 1)} {' and '.join(figure.claims)}."
    return f"{text} {figure.note}".rstrip()


def _missing(rows: Sequence[Result]) -> str:
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
