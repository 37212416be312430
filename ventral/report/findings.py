"""What was found, in a few sentences, made of the tables of analyses."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ventral.experiment.run import Run
from ventral.report.analysed import Analysed
from ventral.report.charts import spelled
from ventral.report.plan import reference
from ventral.report.texts import named


def findings(run: Run, found: Sequence[Analysed]) -> list[str]:
    """A sentence or two of each analysis that has something to say in a sentence, with 95 % intervals in brackets."""
    makers: dict[str, Callable[[Run, Analysed], list[str]]] = {
        "readout": _readout,
        "masking": _masking,
        "lesion": _lesion,
        "decoding": _decoding,
        "generalisation": _generalisation,
    }
    known = [each for each in found if each.name in makers and not each.refusal]
    return [sentence for each in known for sentence in makers[each.name](run, each)]


def bracketed(row: pd.Series, name: str, low: str = "", high: str = "", percent: bool = True) -> str:
    """An estimate of a row with its interval."""
    ends = [float(row[low or f"{name}_low"]), float(row[high or f"{name}_high"])]
    return f"{spelled(float(row[name]), percent)} [{', '.join(spelled(end, percent) for end in ends)}]"


def in_ms(row: pd.Series, name: str) -> str:
    """A latency or a threshold of a row with its interval, in whole ms."""
    low, high = (float(row[f"{name}{end}"]) for end in ("_low", "_high"))
    if low == high == float(row[name]):
        return f"{low:.0f} ms"
    ends = ", ".join("–" if not np.isfinite(end) else f"{end:.0f}" for end in (low, high))
    return f"{float(row[name]):.0f} ms [{ends}]"


def _readout(run: Run, found: Analysed) -> list[str]:
    """Accuracy in the reference, at each time of reading."""
    table, name = _own(run, found.table("readout.csv")), reference(run)
    rows = table[(table["condition"] == name) & table["time_ms"].isin(run.protocol.readout_ms)]
    parts = [
        f"{bracketed(row, 'accuracy', 'low', 'high')} % at {row['time_ms']:g} ms"
        for _, row in rows[rows["accuracy"].notna()].iterrows()
    ]
    if not parts:
        return []
    shown = named(run.condition(name))
    return [
        f"Correct in the condition “{shown}”: {' and '.join(parts)}; chance is {100 / run.logits.sizes['class']:.3g} %."
    ]


def _masking(run: Run, found: Analysed) -> list[str]:
    """What the first and the last mask cost, and the SOA at which three quarters are reached."""
    table = _own(run, found.table("masking.csv"))
    table = table[(table["model"] == table["model"].iloc[-1]) & table["cost"].notna() & table["soa_ms"].notna()]
    sentences = []
    for at_ms, rows in table.groupby("at_ms", sort=True):
        first, last = rows.loc[rows["soa_ms"].idxmin()], rows.loc[rows["soa_ms"].idxmax()]
        costs = [
            f"{bracketed(row, 'cost')} {'points ' if place == 0 else ''}at SOA {row['soa_ms']:g} ms"
            for place, row in enumerate([first] if first["soa_ms"] == last["soa_ms"] else [first, last])
        ]
        sentences.append(f"Read at {at_ms:g} ms, a mask costs {' and '.join(costs)}.")
    fits = _own(run, found.table("masking-fits.csv"))
    fits = fits[fits["model"] == fits["model"].iloc[-1]]
    known = [
        f"{in_ms(row, 'threshold_ms')} ({row['mask']}, read at {row['at_ms']:g} ms)"
        for _, row in fits.iterrows()
        if np.isfinite(row["threshold_ms"])
    ]
    if known:
        sentences.append(f"75 % of the range between chance and no mask is reached at an SOA of {' and '.join(known)}.")
    return sentences


def _lesion(run: Run, found: Analysed) -> list[str]:
    """The lesion that takes most, at each time of reading."""
    table, sentences = _own(run, found.table("lesion.csv")), []
    for at_ms, rows in table[table["loss"].notna()].groupby("at_ms", sort=True):
        row = rows.loc[rows["loss"].idxmax()]
        name = named(run.condition(str(row["condition"])))
        sentences.append(
            f"Read at {at_ms:g} ms, most is lost by “{name}”: {bracketed(row, 'loss')} points of "
            f"{spelled(float(row['intact']))} % intact."
        )
    return sentences


def _decoding(run: Run, found: Analysed) -> list[str]:
    """When the label can be read from each area in the reference."""
    table = _own(run, found.table("decoding-latencies.csv"))
    rows = table[(table["condition"] == reference(run)) & (table["latency"] == "onset") & table["ms"].notna()]
    parts = [f"{row['area']} {in_ms(row, 'ms')}" for _, row in rows.iterrows()]
    shown = named(run.condition(reference(run)))
    return [f"A linear decoder is above chance from (“{shown}”): {', '.join(parts)}."] if parts else []


def _generalisation(run: Run, found: Analysed) -> list[str]:
    """How long a code holds, in the reference."""
    table = _own(run, found.table("generalisation-summary.csv"))
    rows = table[(table["condition"] == reference(run)) & (table["train_condition"] == reference(run))]
    known = rows[["width_ms", "width_ms_low", "width_ms_high"]].notna().all(axis=1)
    rows = rows[known & (rows["area"] == rows["train_area"])]
    parts = [f"{row['area']} for {in_ms(row, 'width_ms')}" for _, row in rows.iterrows()]
    return [f"A decoder keeps half of its accuracy above chance in {', '.join(parts)}."] if parts else []


def threshold_rows(run: Run, found: Analysed) -> list[tuple[str, float, str, str]]:
    """Masking thresholds of a run: mask, time of reading, threshold and slope in words, or why there are none."""
    fits = _own(run, found.table("masking-fits.csv"))
    rows = []
    for _, row in fits.iterrows():
        if np.isfinite(row["threshold_ms"]):
            slope = f"{row['slope']:.1f} [{row['slope_low']:.1f}, {row['slope_high']:.1f}]".replace("inf", "∞")
            rows.append((str(row["mask"]), float(row["at_ms"]), in_ms(row, "threshold_ms"), slope))
        else:
            rows.append((str(row["mask"]), float(row["at_ms"]), f"none: {row['reason']}", ""))
    return rows


def _own(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["statistics"] == run.policy] if "statistics" in table else table
