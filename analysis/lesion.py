"""What a lesion takes from the readout, against when it begins, and accuracy over time with and without it.

Question: when are the transitions that a lesion weakens needed?

Method: the largest logit at the times that the protocol names is the answer. Loss is accuracy intact minus accuracy
with the lesion, paired over images: 95 % percentile bootstraps draw the same images in both. A lesion that lasts from
target onset to the end of the record is drawn at the side. If the run has a control, which was recorded under the other
policy for normalisation statistics, both are drawn.

Source: Kar & DiCarlo (2021), Neuron 109:164, for what is lost when late recurrent input is; Kietzmann et al. (2019),
PNAS 116:21854, for lesions in models.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError, choose
from ventral.experiment.run import Run
from ventral.figures.masking import Line, Loss, Trace, Traces, lesion_figure
from ventral.figures.saving import save, write_table
from ventral.measures.controls import by_policy
from ventral.measures.intervals import bootstrap_interval
from ventral.measures.psychophysics import accuracy_scales
from ventral.measures.responses import correct_at, parameters, read_responses, readout_times, spread

Array = NDArray[np.float64]
Row = dict[str, Any]
NEEDED = {"lesion", "lesion_scale", "lesion_start_ms", "lesion_stop_ms"}


@dataclass(frozen=True)
class Lesion:
    """A condition in which transitions are weakened in [start_ms, stop_ms)."""

    condition: str
    what: str
    scale: float
    start_ms: float
    stop_ms: float
    whole: bool

    @property
    def left(self) -> str:
        """How much is left of what it weakens, in words."""
        return f"{100 * self.scale:g} % left"


def analyze(
    run: Run, out: Path, *, at_ms: int | None = None, reference: str = "intact", resamples: int = 1000, seed: int = 0
) -> list[Path]:
    """Draw and tabulate what lesions take.

    Parameters
    ----------
    run
        What `ventral.experiment.run.open_run` gives.
    out
        Folder for lesion.png, lesion.svg, lesion.csv and accuracy over time in lesion-time.csv.
    at_ms
        When the network is read; at the protocol's readout times if not given.
    reference
        The condition without a lesion.
    resamples, seed
        Of the bootstrap over images.

    Returns
    -------
    list of Path
        The files that were written.
    """
    described = parameters(run)
    intact = choose("condition", reference, described)
    lesions = find_lesions(described, [int(ms) for ms in run.logits["time"].values])
    found, note = by_policy([run])
    read = {
        policy: read_responses(each, [intact, *(one.condition for one in lesions)]) for policy, (each,) in found.items()
    }
    answers = next(iter(read.values()))
    rows: list[Row] = []
    over_time: list[Row] = []
    traces: list[Traces] = []
    losses = []
    for ms in readout_times(run, answers, at_ms):
        here = [row for policy, each in read.items() for row in _lost(policy, ms, each, lesions, resamples, seed)]
        rows += here
        lines, whole = _lines(here, lesions)
        losses.append(Loss(ms, lines, whole))
    for policy, each in read.items():
        table = list(_over_time(policy, each, resamples, seed))
        over_time += table
        traces += _traces(policy if len(read) > 1 else "", table, intact, lesions)
    left = [one.left for one in sorted(lesions, key=lambda one: one.scale)]
    chance = 1 / answers.attrs["choices"]
    figure = lesion_figure(losses, traces, list(dict.fromkeys(left)), chance, [note] if note else [])
    return [
        *save(figure, out / "lesion"),
        write_table(rows, out / "lesion.csv"),
        write_table(over_time, out / "lesion-time.csv"),
    ]


def find_lesions(described: dict[str, dict[str, Any]], times_ms: list[int]) -> list[Lesion]:
    """The conditions that have a lesion, by what is weakened, how much, and when.

    Parameters
    ----------
    described
        Parameters of each condition by name.
    times_ms
        Recorded times, of which a lesion may take all from target onset on.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = []
    for condition, one in described.items():
        if one.keys() >= NEEDED:
            start, stop = float(one["lesion_start_ms"]), float(one["lesion_stop_ms"])
            whole = start <= max(0, times_ms[0]) and stop >= times_ms[-1]
            found.append(Lesion(condition, str(one["lesion"]), float(one["lesion_scale"]), start, stop, whole))
    if not found:
        raise UsageError("no condition has a lesion; give a run of a protocol such as lesion.")
    kinds = list(dict.fromkeys(one.what for one in found))
    return sorted(found, key=lambda one: (kinds.index(one.what), one.scale, one.whole, one.start_ms, one.stop_ms))


def _lost(policy: str, ms: int, answers: xr.Dataset, lesions: list[Lesion], resamples: int, seed: int) -> Iterator[Row]:
    """A row for each lesion; the first condition of the answers is the intact one."""
    right = correct_at(answers, ms)
    d_prime = accuracy_scales(answers.attrs["choices"], len(right))["d_prime"]
    statistics: dict[str, Callable[[Array], Array]] = {
        "intact": lambda means: means[..., :1] + 0 * means[..., 1:],
        "accuracy": lambda means: means[..., 1:],
        "loss": taken,
        "d_prime_loss": lambda means: taken(d_prime(means)),
    }
    found = {
        name: (statistic(right.mean(0)), *bootstrap_interval(right, statistic, resamples, seed))
        for name, statistic in statistics.items()
    }
    for place, one in enumerate(lesions):
        told = {"lesion": one.what, "lesion_scale": one.scale, "start_ms": one.start_ms, "stop_ms": one.stop_ms}
        fixed = {"condition": one.condition, **told, "statistics": policy, "at_ms": ms, "images": len(right)}
        yield fixed | spread({name: [values[place] for values in three] for name, three in found.items()})


def taken(rates: Array) -> Array:
    """What each condition but the first has less than the first, (..., condition)."""
    return rates[..., :1] - rates[..., 1:]


def _lines(rows: list[Row], lesions: list[Lesion]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Losses against the window's start, and those of lesions throughout."""
    of = {one.condition: one for one in lesions}
    scales = sorted({one.scale for one in lesions})
    groups: dict[tuple[str, float, str, bool], list[Row]] = {}
    for row in rows:
        one = of[row["condition"]]
        groups.setdefault((one.what, one.scale, row["statistics"], one.whole), []).append(row)
    lines: dict[bool, list[Line]] = {False: [], True: []}
    for (what, scale, policy, whole), mine in groups.items():
        x = np.array([0.0 if whole else row["start_ms"] for row in mine])
        middle, low, high = np.array([[row["loss"], row["loss_low"], row["loss_high"]] for row in mine]).T
        lines[whole].append(Line(what, policy, x, middle, low, high, shape=scales.index(scale)))
    return tuple(lines[False]), tuple(lines[True])


def _over_time(policy: str, answers: xr.Dataset, resamples: int, seed: int) -> Iterator[Row]:
    """Accuracy at each time in each condition."""
    right = answers["correct"].mean("repeat").transpose("image", "condition", "time").values
    ends = (right.mean(0), *bootstrap_interval(right, resamples=resamples, seed=seed))
    for place, condition in enumerate(answers["condition"].values):
        for tick, time_ms in enumerate(answers["time"].values):
            fixed = {"condition": str(condition), "statistics": policy, "time_ms": float(time_ms)}
            yield fixed | spread({"accuracy": [values[place, tick] for values in ends]})


def _traces(policy: str, rows: list[Row], intact: str, lesions: list[Lesion]) -> Iterator[Traces]:
    """A panel for each kind of lesion and scale, the intact condition in each."""
    of: dict[str, list[Row]] = {}
    for row in rows:
        of.setdefault(row["condition"], []).append(row)
    several = len({one.scale for one in lesions}) > 1
    for what, scale in dict.fromkeys((one.what, one.scale) for one in lesions):
        mine = [one for one in lesions if (one.what, one.scale) == (what, scale)]
        spans = {one.condition: None if one.whole else (one.start_ms, one.stop_ms) for one in mine}
        shared = ", ".join([mine[0].left] * several + [policy] * bool(policy))
        traces = [_trace(of[condition], span) for condition, span in spans.items()]
        yield Traces(what, shared, _trace(of[intact], None), tuple(traces))


def _trace(rows: list[Row], span_ms: tuple[float, float] | None) -> Trace:
    columns = ("time_ms", "accuracy", "accuracy_low", "accuracy_high")
    return Trace(span_ms, *(np.array([row[name] for row in rows]) for name in columns))
