"""Tables of behaviour: one trial a line, with the stimulus, the response, a reaction time and the subject.

The columns may be called in several usual ways; among them are those of CIFAR-10H's raw file, whose attention checks
are left out and whose stimuli get the names that the archive's images have in ventral ("cifar10/test/00012").
"""

import csv
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.compare.form import UNITS, UNKNOWN, names
from ventral.compare.missing import DroppedValues
from ventral.errors import DataError, UsageError, choose, few

STIMULUS = ("stimulus_id", "stimulus", "image_id", "image", "image_name", "cifar10_test_test_idx", "filename", "file")
RESPONSE = ("response", "chosen_category", "choice", "object_response", "answer", "category_response", "resp")
REACTION = ("rt_ms", "reaction_ms", "reaction_time_ms", "rt", "reaction_time", "response_time", "rt_s")
SUBJECT = ("subject", "subj", "subject_id", "participant", "participant_id", "annotator_id", "observer", "worker")
CIFAR_ROW, CHECKS = "cifar10_test_test_idx", "is_attn_check"
IN_MS, IN_S = ("rt_ms", "reaction_ms", "reaction_time_ms"), ("rt_s",)
SLOW_S = 60.0  # a median reaction time in ms is above this, one in s below


def read_behaviour(
    path: Path,
    *,
    stimulus: str | None = None,
    response: str | None = None,
    reaction: str | None = None,
    subject: str | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Trials of a text file with a header, columns separated by comma, semicolon or tab.

    Parameters
    ----------
    path
        The file.
    stimulus, response, reaction, subject
        Names of the columns; found by their usual names if not given. Reaction times and subjects may be absent.
    unit
        Of reaction times, "ms" or "s".

    Returns
    -------
    DataFrame
        A row for each trial: "stimulus_id", "response" (empty where there is none), "rt_ms" (NaN where there is none),
        "subject", and the other columns as they are.

    Raises
    ------
    UsageError
        If a column is not found, or it is not clear whether reaction times are in ms or s.
    DataError
        If the file is no table, or holds reaction times that are no numbers or not above 0.
    """
    table = _table(path)
    if CHECKS in table:
        table = table[table[CHECKS].str.strip().isin(["0", "False", "false", ""])]
    shown = _column(table, stimulus, STIMULUS, "stimulus", path)
    said = _column(table, response, RESPONSE, "response", path)
    when = _column(table, reaction, REACTION, "reaction", path, needed=reaction is not None)
    whose = _column(table, subject, SUBJECT, "subject", path, needed=subject is not None)
    ids = names(table[shown].tolist(), "stimulus", path)
    if shown == CIFAR_ROW:
        ids = np.array([f"cifar10/test/{int(float(name)):05d}" for name in ids])
    known = pd.DataFrame(
        {
            "stimulus_id": ids,
            "response": table[said].str.strip().to_numpy(),
            "rt_ms": np.nan if when is None else _reactions(table[when], when, unit, path),
            "subject": UNKNOWN if whose is None else table[whose].str.strip().to_numpy(),
        }
    )
    others = table[[name for name in table if name not in {shown, said, when, whose, *known}]].reset_index(drop=True)
    return pd.concat([known, others.apply(_numbers)], axis=1)


def without_responses(trials: pd.DataFrame, missing: str, source: object) -> pd.DataFrame:
    """Trials that have a response.

    Parameters
    ----------
    trials
        As `read_behaviour` gives them.
    missing
        "refuse"; "drop": leave trials without a response out, with a warning that names their stimuli; or "keep".
    source
        Where they come from.

    Raises
    ------
    DataError
        If some have none and are not to be dropped, or none is left.
    """
    empty = trials["response"].isin(["", "nan", "NaN", "NA", "None"])
    if not empty.any() or missing == "keep":
        return trials
    lost = f"{int(empty.sum()):,} of {len(trials):,} trials of {source} have no response"
    listed = few(sorted(trials.loc[empty, "stimulus_id"].unique()))
    if missing == "refuse":
        raise DataError(f"{lost} (stimuli {listed}); correct the file, or leave such trials out (missing='drop').")
    if empty.all():
        raise DataError(f"{lost}, and nothing is left without them.")
    dropped = f"{int(empty.sum()):,} trials without a response (stimuli {listed})"
    warnings.warn(f"{lost}; left out: {dropped}.", DroppedValues, stacklevel=3)
    kept = trials[~empty].reset_index(drop=True)
    kept.attrs["dropped"] = dropped
    return kept


def _table(path: Path) -> pd.DataFrame:
    """All cells as text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            separator = max(",;\t", key=head.count)
            file.seek(0)
            rows = [row for row in csv.reader(file, delimiter=separator) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no table of text ({error}); save it as CSV in UTF-8.") from None
    if len(rows) < 2 or len(rows[0]) < 2:
        raise DataError(
            f"{path} is no table of trials, whatever its ending; give a header such as stimulus_id,response,rt_ms,"
            "subject and a line for each trial."
        )
    header = [cell.strip() for cell in rows[0]]
    if len(set(header)) < len(header):
        raise DataError(f"{path} has a column twice ({few(sorted({n for n in header if header.count(n) > 1}))}).")
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise DataError(f"line {line} of {path} has {len(row)} cells, and the header {len(header)}.")
    return pd.DataFrame(rows[1:], columns=header, dtype=object)


def _column(
    table: pd.DataFrame, wanted: str | None, usual: tuple[str, ...], what: str, path: Path, needed: bool = True
) -> str | None:
    if wanted is not None:
        return choose("column", wanted, [str(name) for name in table])
    held = {str(name).casefold(): str(name) for name in table}
    found = next((held[name] for name in usual if name in held), None)
    if found is None and (needed and what in ("stimulus", "response")):
        raise UsageError(f"{path} has the columns {', '.join(held.values())}; say which is the {what} ({what}=).")
    return found


def _reactions(cells: pd.Series, name: str, unit: str | None, path: Path) -> NDArray[np.float64]:
    """Reaction times in ms; NaN where there is none."""
    if unit is not None and unit not in UNITS:
        raise UsageError(f"the unit of reaction times is {unit!r}; give 'ms' or 's'.")
    plain = cells.astype(str).str.strip()
    values = pd.to_numeric(plain.where(~plain.isin(["", "nan", "NaN", "NA", "None"])), errors="coerce")
    wrong = np.flatnonzero(values.isna() & ~plain.isin(["", "nan", "NaN", "NA", "None"]) | (values <= 0))
    if wrong.size:
        raise DataError(
            f"trial {wrong[0] + 1} of {path} has the reaction time {plain.iloc[wrong[0]]!r}; give a number above 0, or "
            "nothing where there is none."
        )
    times = values.to_numpy(np.float64)
    known = "ms" if name.casefold() in IN_MS else "s" if name.casefold() in IN_S else unit
    if known is None and np.isfinite(times).any() and np.nanmedian(times) < SLOW_S:
        raise UsageError(
            f"the reaction times of {path} have a median of {np.nanmedian(times):.3g}, which look like seconds; give "
            "unit='s', or unit='ms' if they are ms."
        )
    return np.asarray(times * 1000 if known == "s" else times)


def _numbers(column: pd.Series) -> pd.Series:
    """A column of numbers where all its cells are some or empty, otherwise as it is."""
    filled = column.astype(str).str.strip()
    numbers = pd.to_numeric(filled.where(filled != ""), errors="coerce")
    return numbers if numbers.notna().any() and (numbers.notna() == (filled != "")).all() else column
