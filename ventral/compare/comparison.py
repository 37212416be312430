"""What is compared with what: a run and data, matched by stimulus and checked, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.compare.alignment import Alignment, align, refuse_odd_times, stimuli_in
from ventral.compare.draws import Draws, Progress, Scores
from ventral.compare.encoding import EncodingScores, Mapping
from ventral.compare.given import complete_stimuli, given_rdms
from ventral.compare.patterns import Patterns, presented_stimuli
from ventral.compare.rdm import DISSIMILARITIES
from ventral.compare.rdm_scores import given_scores, model_movie, response_scores
from ventral.compare.similarity import CENTRED, MEASURES, RANKED
from ventral.compare.solution_time import Criterion, SolutionScores
from ventral.compare.trials import Trials, refuse_missing
from ventral.errors import DataError, UsageError, choose
from ventral.experiment.run import Run
from ventral.measures.recorded import choose_all

Array = NDArray[np.float64]

ENCODING, SOLUTION = "ridge", "solution-time"
METRICS = MEASURES | {
    "crossnobis": "whitened cosine of crossnobis distances",
    ENCODING: "encoding, Pearson's r",
    SOLUTION: "solution times, rank correlation",
}
"""Names of the metrics, and what they are called in a figure."""


@dataclass(frozen=True)
class Metric:
    """How a model and a brain are compared.

    Parameters
    ----------
    name
        One of `METRICS`.
    dissimilarity
        "auto", or one of `ventral.compare.rdm.DISSIMILARITIES`. "auto" is "correlation" for rank correlations and
        Pearson's, "euclidean" for CKA and, for the cosines, "crossnobis" where every stimulus has repetitions and
        "euclidean" elsewhere. The RDMs of a model are "euclidean" beside "crossnobis".
    noise
        What crossnobis distances are divided by: "diagonal", "shrinkage" or "none".
    by_subject
        Whether each subject of responses is compared alone, and the likenesses averaged.
    missing
        "refuse" missing values, or "drop" them: units with a missing response, stimuli with a missing pair.
    mapping
        Of ridge encoding.
    level
        d' at which an image is solved, for solution times: a number, or one for each stimulus.
    splits
        Number of random halves of the repetitions, for ceilings.

    Raises
    ------
    UsageError
        If a name does not exist, or names do not go together.
    """

    name: str = "spearman"
    dissimilarity: str = "auto"
    noise: str = "diagonal"
    by_subject: bool = False
    missing: str = "refuse"
    mapping: Mapping = field(default_factory=Mapping)
    level: float | xr.DataArray = 1.0
    splits: int = 20

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", choose("metric", self.name, METRICS))
        object.__setattr__(
            self, "dissimilarity", choose("dissimilarity", self.dissimilarity, ("auto", *DISSIMILARITIES))
        )
        object.__setattr__(self, "missing", choose("way to treat what is missing", self.missing, ("refuse", "drop")))
        if self.name == "crossnobis":
            if self.dissimilarity not in ("auto", "crossnobis"):
                raise UsageError(
                    f"the metric crossnobis compares crossnobis distances, not {self.dissimilarity} ones; use "
                    "whitened-cosine."
                )
            object.__setattr__(self, "dissimilarity", "crossnobis")
        if self.measure in ("cka", "debiased-cka") and self.dissimilarity not in ("auto", "euclidean"):
            raise UsageError(f"{self.name} is one of squared Euclidean distances; leave out the dissimilarity.")
        if self.splits < 1:
            raise UsageError(f"splits is {self.splits}; give a whole number from 1.")

    @property
    def measure(self) -> str:
        """The measure of likeness of RDMs."""
        return "whitened-cosine" if self.name == "crossnobis" else self.name

    def dissimilarity_for(self, repetitions: int) -> str:
        """The dissimilarity of responses to stimuli that were each shown so many times at least."""
        if self.dissimilarity != "auto":
            return self.dissimilarity
        if self.measure in RANKED or self.measure == "pearson":
            return "correlation"
        return "crossnobis" if repetitions > 1 and self.measure in ("cosine", "whitened-cosine") else "euclidean"


class Scorer(Protocol):
    """What can be evaluated in many draws of stimuli and subjects, and has a ceiling."""

    def evaluate(self, draws: Draws, progress: Progress) -> Scores:
        """Likenesses in every draw and order."""

    def ceiling(self) -> tuple[Array, Array]:
        """Lower and upper bound, (region, time)."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """A condition of a run and data, matched by stimulus.

    Parameters
    ----------
    run, condition, areas
        Of which model.
    data, regions
        Responses, (presentation, time, unit), or RDMs, (region, subject, time, pair).
    alignment
        The stimuli.
    metric
        How they are compared.
    dropped
        What was dropped because it was missing, as a sentence; empty if nothing was.
    """

    run: Run
    condition: str
    areas: tuple[str, ...]
    data: xr.DataArray
    regions: tuple[str, ...]
    alignment: Alignment
    metric: Metric
    dropped: str = ""

    @classmethod
    def of(
        cls,
        run: Run,
        data: xr.DataArray,
        condition: str,
        metric: Metric,
        areas: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
    ) -> "Comparison":
        """Match and check.

        Raises
        ------
        UsageError
            If there is no such condition, area or region, or the data do not fit the metric.
        DataError
            If stimuli do not match, times are odd, or values are missing.
        """
        alignment = align(presented_stimuli(run, condition), stimuli_in(data))
        refuse_odd_times(data["time"])
        whole = data if "unit" in data.dims or "region" in data.dims else data.expand_dims(region=["brain"])
        known = list(dict.fromkeys(map(str, whole["region"].values)))
        chosen = tuple(choose_all("region", regions, known))
        places = np.flatnonzero(np.isin(whole["region"].values.astype(str), chosen))
        part = whole.isel({"unit" if "unit" in whole.dims else "region": places})
        dropped = ""
        if "unit" in part.dims:
            part = part.isel(presentation=np.isin(part["stimulus_id"].values.astype(str), alignment.both))
            if metric.missing == "drop":
                part, dropped = _without_missing(part)
            refuse_missing(part)
        elif metric.name in (ENCODING, SOLUTION):
            raise UsageError(f"{metric.name} needs responses of units, and the data are RDMs; use spearman or cka.")
        elif metric.missing == "drop":
            left = complete_stimuli(part, alignment.both)
            lost = [name for name in alignment.both if name not in set(left)]
            dropped = f"{len(lost)} stimuli with missing pairs are left out: {', '.join(lost)}." if lost else ""
            alignment = replace(align(left, left), only_run=alignment.only_run, only_data=alignment.only_data)
        found = tuple(choose_all("area", areas, run.areas))
        return cls(run, condition, found, part, chosen, alignment, metric, dropped)

    @property
    def responses(self) -> bool:
        """Whether the data are responses rather than RDMs."""
        return "unit" in self.data.dims

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects that are compared alone; one for all if they are not."""
        if self.responses and not self.metric.by_subject:
            return ("all",)
        return tuple(dict.fromkeys(map(str, self.data["subject"].values)))

    @property
    def patterns(self) -> list[Patterns]:
        """Activity of each area."""
        return [Patterns.of(self.run, area, self.condition, self.alignment.both) for area in self.areas]

    @property
    def model_ms(self) -> Array:
        """Times of the ticks of the run in ms."""
        return np.asarray(self.run[self.areas[0]]["time"].values, dtype=float)

    @cached_property
    def trials(self) -> Trials:
        """Responses by stimulus."""
        return Trials.of(self.data, self.alignment.both)

    @property
    def groups(self) -> list[list[NDArray[np.int64]]]:
        """Units of each region and subject."""
        trials, named = self.trials, self.subjects if self.metric.by_subject else (None,)
        return [[trials.units(region, subject) for subject in named] for region in self.regions]

    @property
    def dissimilarity(self) -> str:
        """The dissimilarity of the data."""
        if self.responses:
            return self.metric.dissimilarity_for(self.trials.repetitions)
        stated = str(self.data.attrs.get("dissimilarity", "auto"))
        return stated if stated in DISSIMILARITIES else self.metric.dissimilarity_for(1)

    @property
    def model_dissimilarity(self) -> str:
        """The dissimilarity of the model: without noise, crossnobis distances are squared Euclidean ones."""
        own = self.dissimilarity if self.metric.dissimilarity == "auto" else self.metric.dissimilarity
        if self.metric.measure in CENTRED and own == "correlation" and self.metric.dissimilarity == "auto":
            own = "euclidean"
        return "euclidean" if own == "crossnobis" else own

    def scorer(self) -> Scorer:
        """What evaluates it."""
        metric, stimuli = self.metric, self.alignment.both
        if metric.name == ENCODING:
            return EncodingScores(self.patterns, self.trials, self.groups, metric.mapping, metric.splits)
        if metric.name == SOLUTION:
            criterion = Criterion.of(stimuli, self.labels, metric.level, metric.mapping.seed)
            return SolutionScores(self.patterns, self.trials, self.groups, criterion, metric.splits)
        model = model_movie(self.patterns, len(stimuli), metric.measure, self.model_dissimilarity)
        if self.responses:
            return response_scores(model, self.trials, self.groups, self.dissimilarity, metric.noise, metric.splits)
        return given_scores(model, given_rdms(self.data, stimuli))

    @property
    def labels(self) -> list[str]:
        """Class of each stimulus."""
        names, labels = (self.run.presentations[name].values for name in ("stimulus_id", "label_name"))
        label_of = dict(zip(map(str, names), map(str, labels), strict=True))
        return [label_of[name] for name in self.alignment.both]


def _without_missing(responses: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Responses without the units of which some are missing, and the names of those."""
    missing = ~np.isfinite(responses.values).all((0, 1))
    if missing.all():
        raise DataError("every unit has missing responses, so that none would be left; drop presentations instead.")
    names = list(map(str, responses["unit"].values[missing]))
    lost = sorted(set(map(str, responses["region"].values)) - set(map(str, responses["region"].values[~missing])))
    if lost:
        raise DataError(f"every unit of {lost[0]} has missing responses; leave the region out (--regions).")
    text = f"{len(names)} units with missing responses are left out: {', '.join(names)}." if names else ""
    return responses.isel(unit=~missing), text
