"""The page of what was reproduced: figures, claims and errors, all from the tables of `ventral.paper.results`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ventral.clock import to_ms
from ventral.errors import StoreError
from ventral.figures.saving import save, write_table
from ventral.files import disk_errors, locked, put
from ventral.measures.intervals import t_interval
from ventral.paper.claims import FIGURES, VARIANTS, Compared, needed
from ventral.paper.figures import called, figure_of, measured_of, seeds_of, spell_epochs, spell_seeds, verdict_figure
from ventral.paper.predictions_page import page_of, tables_of
from ventral.paper.results import CURVES, RESULTS, Result, read_curves, read_results
from ventral.paper.sweep import slug
from ventral.paper.verdicts import (
    FAILS,
    FEWEST_SEEDS,
    NOT_RUN,
    UNDECIDED,
    Finding,
    Group,
    by_group,
    counted,
    judge_all,
    spell_interval,
)

PAGE = "README.md"
LOCK = ".page.lock"
PATIENCE_S = 600.0
VERDICTS = "verdicts.csv"
FULL = "full"  # the scale of the paper
HOW_TO_READ = f"""\
**Errors** are in % of the test images, with the weights after the last epoch; nothing is selected on test images.
Training errors are those of the last epoch's batches, as they were trained on.

**Verdicts.** A claim is one or more differences of errors that must lie below a limit; the limits were set before
anything ran. Networks of the same seed are compared. A comparison holds if the 95 % t-interval over seeds lies below
the limit, does not hold if it lies above, and is undecided otherwise or with fewer than {FEWEST_SEEDS} seeds; nothing
is corrected for the number of comparisons, or for looks at fewer seeds before others were added. A claim holds if all
its comparisons do, and does not if one does not.

A claim that “{FAILS}” or is “{UNDECIDED}” is so at the scale of its section, which need not be the paper's."""


def write_reproduction(folder: Path, scales: Mapping[str, str]) -> list[Path]:
    """Write the paper's figures, a table of all comparisons, and the page that holds them.

    Other processes wait, and draw what is in the tables after that: the page is that of the newest.

    Parameters
    ----------
    folder
        Where the tables of `ventral.paper.results` are, and where to write.
    scales
        What each scale is, in words, in the order in which to show them.

    Returns
    -------
    list of Path
        README.md, verdicts.csv, and figures as PNG and SVG, named by figure, scale, recipe and data; and for each table
        of predictions a page of its own. The same tables give the same bytes.

    Raises
    ------
    StoreError
        If there is nothing in the tables, or they cannot be what was measured.
    """
    if not read_results(folder) and not tables_of(folder):
        raise StoreError(f"there are no results in {folder / RESULTS}; train a figure's networks first.")
    with locked(folder, wait_s=PATIENCE_S, by=LOCK):
        return _write_page(folder, scales)


def _write_page(folder: Path, scales: Mapping[str, str]) -> list[Path]:
    """What `write_reproduction` does once no other process can."""
    results, curves, predicted = read_results(folder), read_curves(folder), tables_of(folder)
    groups, order = by_group(results), list(scales)
    ordered = sorted(groups, key=lambda group: (order.index(group[0]) if group[0] in order else len(order), group))
    slugs = _slugs(ordered)
    paragraphs = _introduction([scale for scale, _, _ in ordered], bool(predicted))
    drawn: list[Path] = []
    table: list[dict[str, object]] = []
    for group in ordered:
        rows, said = groups[group], scales.get(group[0], "")
        findings = judge_all(rows)
        figures = {
            compared.name: figure_of(compared, rows, curves, said)
            for compared in FIGURES.values()
            if measured_of(compared.variants, rows)
        }
        if any(verdict.seeds for finding in findings for verdict in finding.verdicts):
            figures[VERDICTS] = verdict_figure(rows, said)
        files = {name: f"{Path(name).stem}-{slugs[group]}" for name in figures}
        for name, figure in figures.items():
            drawn += save(figure, folder / files[name])
        table += _numbers(group, findings)
        paragraphs += _section(group, said, rows, findings, files)
    for path in predicted:
        every = path.with_suffix(".md")
        paragraphs += [page_of(path, whole=False).rstrip(), f"[{every.name}]({every.name}) lists every comparison."]
        drawn.append(_put(every, page_of(path)))
    page = _put(folder / PAGE, "\n\n".join(paragraphs) + "\n")
    return [page, *([write_table(table, folder / VERDICTS)] if table else []), *drawn]


def _put(page: Path, text: str) -> Path:
    with disk_errors(page):
        put(page, text.encode())
    return page


def _slugs(groups: Iterable[Group]) -> dict[Group, str]:
    """A part of a file's name for each group, none twice."""
    slugs: dict[Group, str] = {}
    for group in groups:
        plain = slug("-".join(group))
        others = (f"{plain}-{number}" for number in range(2, len(slugs) + 3))
        slugs[group] = next(name for name in (plain, *others) if name not in slugs.values())
    return slugs


def _numbers(group: Group, findings: Iterable[Finding]) -> list[dict[str, object]]:
    """All comparisons of a group, with every digit."""
    rows: list[dict[str, object]] = []
    for finding in findings:
        for verdict in finding.verdicts:
            terms = " ".join(
                f"{factor:+g}*{reading.variant}" + f"@{reading.at_ms}ms" * (reading.at_ms is not None)
                for reading, factor in verdict.comparison.terms.items()
            )
            difference, low, high = verdict.interval
            rows.append(
                dict(zip(("scale", "recipe", "data"), group, strict=True))
                | {"claim": finding.claim.name, "claim_verdict": finding.verdict, "comparison": verdict.comparison.text}
                | {"terms": terms, "seeds": verdict.seeds, "difference": difference, "low": low, "high": high}
                | {"limit": verdict.limit, "verdict": verdict.verdict, "why": verdict.why}
            )
    return rows


def _introduction(run: Iterable[str], predicted: bool) -> list[str]:
    """What the page is and how to read it, as paragraphs."""
    missing = [] if FULL in run else [f"**The scale {FULL} (as in the paper) has not been run.**"]
    others = " and, for predictions, from their tables" if predicted else ""
    return [
        "# Figures and claims of Liao & Poggio (2016), measured",
        " ".join(
            [
                f"Everything here is computed from [{RESULTS}]({RESULTS}) and [{CURVES}]({CURVES}){others};",
                f"[{VERDICTS}]({VERDICTS}) has every comparison with all its digits.",
                *missing,
            ]
        ),
        HOW_TO_READ,
    ]


def _section(
    group: Group, said: str, results: Sequence[Result], findings: Sequence[Finding], files: Mapping[str, str]
) -> list[str]:
    """What one scale, recipe and data gave, as paragraphs."""
    rows = measured_of(VARIANTS, results)
    scale, recipe, data = group
    blocks = [f"## Scale {scale}: {data}; recipe {recipe}", _facts(said, rows), "### Claims", _claims_table(findings)]
    if VERDICTS in files:
        blocks.append(_embedded("Every comparison that was run, with its interval and limit", files[VERDICTS]))
    blocks.append("### Figures")
    for compared in FIGURES.values():
        if compared.name in files:
            blocks.append(_embedded(f"{called(compared)}: {compared.title}", files[compared.name]))
            blocks.append(_caption(compared, rows))
    blocks += ["### Errors", _errors_table(rows)]
    if elsewhere := _elsewhere_table(rows):
        blocks += [
            "Validation errors of networks that were also read at other times, in %; means over seeds:",
            elsewhere,
        ]
    blocks += ["### Missing", _missing(rows)]
    return blocks


def _facts(said: str, rows: Sequence[Result]) -> str:
    """What was run, as a list."""
    seeds = sorted({row.seed for row in rows})
    trainings = {row.key: row.seconds for row in rows}
    pairs = (each.split("=") for each in rows[0].settings.split(" "))
    settings = ", ".join(f"{name} {value}" for name, value in pairs if name != "epochs" and value)
    facts = {
        "scale": said or rows[0].scale,
        "data": f"{rows[0].data}, {rows[0].images:,} training and {rows[0].tested:,} test images",
        "recipe": f"{rows[0].recipe}, {spell_epochs(rows)} ({settings})",
        "networks": f"{counted(len(trainings), 'training')} of {counted(len(seeds_of(rows)), 'network')}, "
        f"{spell_seeds(rows)} each ({', '.join(map(str, seeds))})",
        "devices": "; ".join(sorted({f"{row.device} (torch {row.torch})" for row in rows})),
        "time": f"{sum(trainings.values()) / 3600:.1f} hours of training",
    }
    return "\n".join(f"- {what}: {words}" for what, words in facts.items())


def _claims_table(findings: Iterable[Finding]) -> str:
    lines = []
    for finding in findings:
        claim = finding.claim
        lines.append((f"**{claim.name}**", f"**{claim.text}** ({claim.source})", "", "", "", f"**{finding.verdict}**"))
        for verdict in finding.verdicts if finding.verdict != NOT_RUN else ():
            spelled = spell_interval(*verdict.interval, verdict.seeds)
            words = (verdict.comparison.text, spelled, f"{verdict.limit:g}", str(verdict.seeds), verdict.verdict)
            lines.append(("", *words))
    return _markdown(("", "claim", "points [95 % interval]", "limit", "seeds", "verdict"), "llrrrl", lines)


def _errors_table(rows: Sequence[Result]) -> str:
    """Errors of each network, read when it was trained to be read."""
    lines = []
    for name in dict.fromkeys(row.variant for row in rows):
        read = [row for row in rows if row.variant == name and row.t == row.test_t]
        if read:
            first, seeds = read[0], len(read)
            network = f"`{name}`<br>`{first.model}`"
            seconds = sum(row.seconds for row in read) / seeds
            each = (_spell_mean(read, measure) for measure in ("validation_error", "training_error"))
            lines.append((network, f"{first.parameters:,}", str(first.t), *each, str(seeds), f"{seconds:,.0f}"))
    header = ("network", "parameters", "t", "validation error, %", "training error, %", "seeds", "seconds each")
    return _markdown(header, "lrrrrrr", lines)


def _elsewhere_table(rows: Sequence[Result]) -> str:
    """Mean errors of networks that were read at several times; nothing if there are none."""
    networks = {row.variant: row.t for row in rows if row.t != row.test_t}
    times = sorted({row.test_t for row in rows if row.variant in networks})
    lines = []
    for name, trained in networks.items():
        cells = []
        for t in times:
            errors = [row.validation_error for row in rows if (row.variant, row.test_t) == (name, t)]
            mean = f"{sum(errors) / len(errors):.1f}" if errors else ""
            cells.append(f"**{mean}**" if t == trained else mean)
        lines.append((f"`{name}`, trained at {to_ms(trained)} ms", *cells))
    header = ("network", *(f"{to_ms(t)} ms" for t in times))
    return _markdown(header, "l" + "r" * len(times), lines) if lines else ""


def _spell_mean(rows: Sequence[Result], measure: str) -> str:
    mean, low, high = t_interval([getattr(row, measure) for row in rows])
    return spell_interval(float(mean), float(low), float(high), len(rows))


def _caption(compared: Compared, rows: Sequence[Result]) -> str:
    """A figure in a sentence, and the claims it decides."""
    shown = measured_of(compared.variants, rows)
    networks = counted(len(seeds_of(shown)), "network")
    against = " and ".join({"epoch": "the epoch", "readout": "the time of readout"}[what] for what in compared.against)
    claims = f" It bears on claim{'s' * (len(compared.claims) != 1)} {' and '.join(compared.claims)}."
    return (
        f"**{called(compared)}**, {compared.title}: error of {networks} against {against}, {spell_seeds(shown)}."
        + claims * bool(compared.claims)
        + f" {compared.note}" * bool(compared.note)
    )


def _missing(rows: Sequence[Result]) -> str:
    """Which networks of which figures have too few seeds, as a list."""
    seeds = seeds_of(rows)
    lines = []
    for compared in FIGURES.values():
        none = [f"`{name}`" for name in needed(compared) if name not in seeds]
        few = [
            f"`{name}` ({counted(seeds[name], 'seed')})"
            for name in needed(compared)
            if seeds.get(name, FEWEST_SEEDS) < FEWEST_SEEDS
        ]
        parts = [f"not run: {', '.join(none)}"] * bool(none)
        parts += [f"fewer than {FEWEST_SEEDS} seeds: {', '.join(few)}"] * bool(few)
        if parts:
            lines.append(f"- {called(compared)} — {'; '.join(parts)}")
    return "\n".join(lines) or f"Nothing: every network of every figure has at least {FEWEST_SEEDS} seeds."


def _embedded(alternative: str, file: str) -> str:
    return f"![{alternative}]({file}.png)"


def _markdown(header: Sequence[str], sides: str, lines: Iterable[Sequence[str]]) -> str:
    """A table; `sides` has a letter for each column, "l" or "r"."""
    rule = ["---:" if side == "r" else "---" for side in sides]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))
