"""Outcomes: what became of the comparisons that the paper's predictions are about.

A comparison holds if the 95 % interval of its difference lies above 0, does not hold if it lies below, and is undecided
if it contains 0. Each interval is for one comparison alone, over images and not over seeds: it says what other images
would give, not another training of the same network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a comparison, a row of `predictions-<model>.csv`; other columns as in `Pair`."""

    prediction: str
    statistics: str  # policy: frozen or recalibrated
    measure: str
    against: str
    condition: str
    shown_ms: int
    better_ms: str  # several times with "/" between them
    worse_ms: int
    better: float  # fraction correct
    worse: float
    difference: float
    low: float  # 95 % interval of the difference, over images
    high: float
    verdict: str  # one of VERDICTS; "control" for what must be 0 and is, "control fails" if it is not
    images: int  # number of images
    model: str
    data: str
    weights: str = ""  # first digits of their sha256
    taught: str = ""  # presentations in training besides images that stay on, in words
    device: str = ""  # of the recording, and the version of torch

    @property
    def where(self) -> str:
        """What the comparison shares with those of other flashes or masks, in words."""
        if self.against != MASK:
            return f"{self.measure} against {WORSE[self.against]}"
        return f"{self.measure if self.measure == READOUT else f'decoder in {self.measure}'} at {self.worse_ms} ms"

    @property
    def text(self) -> str:
        """The comparison in words."""
        if self.against == MASK:
            return f"{self.where}, SOA {self.shown_ms} ms"
        return f"flash of {self.shown_ms} ms, {self.where} ({self.worse_ms} ms)"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies the comparison under any policy."""
        return (self.prediction, self.where, self.condition, self.against)


@dataclass(frozen=True, eq=False)
class Predictions:
    """All that is drawn and written of a model.

    The courses are the readout's accuracy over time by protocol: "accuracy" and the ends "low" and "high" of its 95 %
    interval, dims (statistics, condition, time), with the coordinates `target_ms` and `soa_ms` of each condition.
    """

    outcomes: tuple[Outcome, ...]  # in order of the predictions
    courses: Mapping[str, xr.Dataset]
    arrival_ms: int  # from the onset of a stimulus to its arrival in the readout area
    chance: float  # fraction correct of a guess


def judged(pair: Pair, policy: str, about: Mapping[str, Any], resamples: int = RESAMPLES, seed: int = 0) -> Outcome:
    """The outcome of a pair: difference, interval over images and verdict; `about` has what all pairs share."""
    gain = pair.better - pair.worse
    interval = bootstrap(gain, resamples=resamples, seed=seed)
    low, high = float(interval.low), float(interval.high)
    word = verdict_of(low, high, above=True)
    if pair.control:
        word = BROKEN if gain.any() else CONTROL
    numbers = {"better": float(pair.better.mean()), "worse": float(pair.worse.mean()), "low": low, "high": high}
    described = {name: value for name, value in vars(pair).items() if name != "control"} | numbers
    described |= {"better_ms": "/".join(map(str, pair.better_ms)), "difference": float(gain.mean()), "verdict": word}
    return Outcome(statistics=policy, **described, **about)


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
