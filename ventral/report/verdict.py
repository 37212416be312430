"""What the controls of a run say: whether effects hold under every policy, and whether controls stay at chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ventral.experiment.run import Run
from ventral.measures.controls import controls_of
from ventral.measures.recorded import recorded_conditions
from ventral.report.analysed import Analysed
from ventral.report.texts import named
from ventral.views import listed

OTHERS = (
    "One run cannot tell whether networks without recurrence, states that only decay, or random weights would show "
    "the same: record the experiment with them (such as family/feedforward-0, family/leak-0.9-0 and "
    "--untrained), and give these runs to `ventral report` together."
)
EFFECTS = {"masking": ("masking.csv", "cost", "masks"), "lesion": ("lesion.csv", "loss", "lesions")}


@dataclass(frozen=True)
class Verdict:
    """The verdict of the controls.

    Parameters
    ----------
    short
        In a few words: "normalisation needs none", "untested", "12 of 16 effects hold".
    good
        Whether nothing is left open.
    sentences
        All that is known.
    controls
        Names of the runs that are controls, with their policies.
    """

    short: str
    good: bool
    sentences: list[str]
    controls: list[tuple[str, str]]


def verdict(run: Run, found: Sequence[Analysed]) -> Verdict:
    """What the controls of a run say of what was found."""
    controls, note = controls_of(run)
    sentences = [note] if note else []
    held = [sentence for each in found for sentence in _held(each)]
    counts = [_counted(each) for each in found]
    yes, whole = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    if run.graph.statistics == "fixed":
        effects = any(len(_effects(each)) for each in found)
        short, good = "normalisation needs none; recurrence and training are not tested by one run", not effects
    elif not controls or note:
        short, good = "untested: a control is missing", False
    else:
        short, good = (
            (f"{yes} of {whole} effects hold under every policy", yes == whole) if whole else ("recorded", True)
        )
    sentences += [*held, *_at_chance(run, found), OTHERS]
    names = [(control.path.name, control.policy) for control in controls]
    return Verdict(short, good, sentences, names)


def _effects(found: Analysed) -> pd.DataFrame:
    """Rows of an analysis that are effects; none if it has no effects."""
    if found.name not in EFFECTS or found.refusal:
        return pd.DataFrame()
    file, effect, _ = EFFECTS[found.name]
    table = found.table(file)
    table = table[table[effect].notna()]
    return table[table["statistics"] == table["statistics"].iloc[0]] if len(table) else table


def _counted(found: Analysed) -> tuple[int, int]:
    """Number of effects that hold, and of all."""
    table = _effects(found)
    return (int((table["holds"] == "yes").sum()), len(table)) if len(table) else (0, 0)


def _held(found: Analysed) -> list[str]:
    """Which effects hold, as a sentence."""
    table = _effects(found)
    if not len(table):
        return []
    _, _, noun = EFFECTS[found.name]
    counts = table["holds"].value_counts()
    parts = [
        f"{counts[answer]} {words}"
        for answer, words in (
            ("yes", "exclude zero under every policy that the network has"),
            ("no", "do not"),
            ("untested", "exclude zero, but not every policy was recorded"),
        )
        if answer in counts
    ]
    return [f"Of {len(table)} effects of {noun}, at all times of reading, {', '.join(parts)}."]


def _at_chance(run: Run, found: Sequence[Analysed]) -> list[str]:
    """Whether conditions without a target stay at chance, in readout and decoders."""
    without = {each.name: named(each) for each in recorded_conditions(run) if not each.target}
    sentences = []
    for each in found:
        table = each.table(f"{each.name}.csv") if each.name in ("readout", "decoding") else pd.DataFrame()
        if not len(table) or not without or "significant" not in table:
            continue
        table = table[table["condition"].isin(without) & table["significant"].astype(bool)]
        keys = ["area", "condition"] if each.name == "decoding" else ["condition"]
        places = [_place(group, without) for _, group in table.groupby(keys, sort=False)] if len(table) else []
        names, what = listed(list(without.values())), "linear decoders" if each.name == "decoding" else "the readout"
        if places:
            sentences.append(f"Without a target, {what} should stay at chance; above it: {'; '.join(places)}.")
        else:
            sentences.append(
                f"Without a target ({names}), {what} stays at chance at every tick.".replace(
                    "decoders stays", "decoders stay"
                )
            )
    return sentences


def _place(rows: pd.DataFrame, names: dict[str, str]) -> str:
    """Where and when a control is above chance."""
    first, times = rows.iloc[0], sorted(set(rows["time_ms"]))
    where = f"{first['area']}, " if "area" in rows else ""
    span = f"{times[0]:g} ms" if len(times) == 1 else f"{len(times)} ticks from {times[0]:g} to {times[-1]:g} ms"
    return f"{where}{names[str(first['condition'])]} ({span})"
