"""Outcomes: what became of the comparisons that the paper's predictions are about.

A comparison holds if the 95 % interval of its difference lies above 0, does not hold if it lies below, and is undecided
if it contains 0. Each interval is for one comparison alone, over images and not over seeds: it says what other images
would give, not another training of the same network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ventral.measures.intervals import bootstrap
from ventral.paper.verdicts import FAILS, HOLDS, UNDECIDED, verdict_of

Array = NDArray[np.float64]

RESAMPLES = 2000
READOUT = "readout"
FIRST, MASK, DRIVEN, ENDED = "first drive", "mask", "last drive", "end"
WORSE = {FIRST: "its first drive", DRIVEN: "its last drive", ENDED: "its end"}
CONTROL, BROKEN = "control", "control fails"
VERDICTS = (HOLDS, UNDECIDED, FAILS, CONTROL, BROKEN)
OUTCOME_COLUMNS: dict[str, type] = {  # of `predictions-<model>.csv`; those not explained are as in `Pair`
    "prediction": str,
    "statistics": str,  # policy: frozen, pooled or per-condition
    "measure": str,
    "against": str,
    "condition": str,
    "shown_ms": int,
    "better_ms": str,  # several times with "/" between them
    "worse_ms": int,
    "better": float,  # fraction correct
    "worse": float,
    "difference": float,
    "low": float,  # 95 % interval of the difference, over images
    "high": float,
    "verdict": str,  # one of VERDICTS; "control" for what must be 0 and is, "control fails" if it is not
    "images": int,  # number of images
    "model": str,
    "data": str,
    "weights": str,  # first digits of their sha256
    "taught": str,  # presentations in training besides images that stay on, in words
    "device": str,  # of the recording, and the version of torch
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two accuracies on the same images, of which a prediction says that the first is better."""

    prediction: str  # "a", "b" or "c"
    measure: str  # "readout", or the area that a decoder reads
    against: str  # the worse: "first drive", "mask", "last drive" or "end"
    condition: str  # name in the protocol
    shown_ms: int  # duration of the flash, or SOA
    better_ms: tuple[int, ...]  # when it is read; two times where halves of the images chose different ones
    worse_ms: int
    better: Array  # whether each image is classified correctly, (image,)
    worse: Array
    control: bool = False  # whether the two must be the same


def judged(pair: Pair, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """The outcome of a pair, as columns: difference, interval over images, and verdict."""
    gain = pair.better - pair.worse
    interval = bootstrap(gain, resamples=resamples, seed=seed)
    low, high = float(interval.low), float(interval.high)
    verdict = verdict_of(low, high, above=True)
    if pair.control:
        verdict = BROKEN if gain.any() else CONTROL
    numbers = {"better": pair.better.mean(), "worse": pair.worse.mean(), "difference": gain.mean()}
    times = "/".join(map(str, pair.better_ms))
    return vars(pair) | numbers | {"better_ms": times, "low": low, "high": high, "verdict": verdict}


def described(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The outcomes with the columns "text", the comparison in words, and "where", what it shares with others of it."""
    rows = list(outcomes.itertuples())
    return outcomes.assign(where=list(map(_where, rows)), text=list(map(_text, rows)))


def _where(row: Any) -> str:
    """What a comparison shares with those of other flashes or masks, in words."""
    if row.against != MASK:
        return f"{row.measure} against {WORSE[row.against]}"
    return f"{row.measure if row.measure == READOUT else f'decoder in {row.measure}'} at {row.worse_ms} ms"


def _text(row: Any) -> str:
    if row.against == MASK:
        return f"{_where(row)}, SOA {row.shown_ms} ms"
    return f"flash of {row.shown_ms} ms, {_where(row)} ({row.worse_ms} ms)"


def taught(recipe: Mapping[str, Any]) -> str:
    """How training presented images other than staying on, from the network's recipe; empty if all stayed on.

    >>> taught({"brief": 0.5, "masked": 0.3, "preceded": 0.0})
    '50 % of the images were brief and followed by grey, 30 % of these by a mask of noise'
    """
    phrases = {
        "brief": "of the images were brief and followed by grey",
        "masked": "of these by a mask of noise",
        "preceded": "replaced another image",
        "delayed": "came after grey",
    }
    shares = {name: 100 * float(recipe.get(name, 0)) for name in phrases}
    shares["masked"] *= bool(shares["brief"])
    return ", ".join(f"{shares[name]:g} % {phrase}" for name, phrase in phrases.items() if shares[name])
