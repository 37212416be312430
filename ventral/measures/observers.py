"""Observers: how one response, and a reaction time, are made of a readout's logits over time.

A network has logits at every tick, and an observer of it must decide which of them to use. By name:

instant
    Uses the logits of the tick at which it is asked.
instant:MS
    Decides at MS, and keeps that response: a deadline.
cumulative, cumulative:LEAK
    Adds up the log probabilities from the first response on, as if each tick were an independent sample of evidence;
    of the sum a share LEAK is lost from one tick to the next, so that a leak of 1 is the instant observer. It keeps
    what the network itself has forgotten, so an effect of time under it need not be the network's.
threshold:H
    Decides as soon as the entropy of the tick's probabilities is H bits or less, and keeps that response; it is asked
    to respond at the last tick if that never happens.
threshold
    The same, with the H that gives most correct responses on one half of the images applied to the other half.
best
    Decides at the tick that is best for the very responses it is measured on: no observer can know it, so it is an
    upper bound.

Sources: Gold & Shadlen (2007), Annu. Rev. Neurosci. 30:535, for decisions that accumulate log probabilities; Spoerer et
al. (2020), PLoS Comput. Biol. 16:e1008215, for cumulative readouts and reaction times from a threshold of entropy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ventral.clock import ticks
from ventral.errors import UsageError, choose
from ventral.seeds import stream

Array = NDArray[np.float64]

OBSERVERS = ("instant", "cumulative")  # those that are asked at each tick
KINDS = (*OBSERVERS, "threshold", "best")
THRESHOLDS = 50  # from which a threshold is chosen: quantiles of the entropies


@dataclass(frozen=True)
class Observer:
    """An observer of a readout.

    Parameters
    ----------
    kind
        "instant", "cumulative", "threshold" or "best".
    amount
        The deadline in ms, the leak from 0 to 1, or the entropy in bits; None for none, 0, or one that is fitted.

    Raises
    ------
    UsageError, ClockError
        If there is no such observer, or the amount is out of its range or off the clock.
    """

    kind: str = "instant"
    amount: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", choose("observer", self.kind, KINDS))
        if self.amount is None:
            return
        if self.kind == "best":
            raise UsageError("best takes no number; give best alone.")
        if self.kind == "instant":
            if self.amount != int(self.amount):
                raise UsageError(f"the deadline of an observer is {self.amount:g} ms; give a whole number of ticks.")
            ticks(int(self.amount), "the deadline of an instant observer")
        elif self.kind == "cumulative" and not 0 <= self.amount <= 1:
            raise UsageError(f"the leak of a cumulative observer is {self.amount:g}; give 0 to 1.")
        elif not self.amount >= 0:
            raise UsageError(f"the threshold of an observer is {self.amount:g} bits of entropy; give 0 or more.")

    @classmethod
    def named(cls, text: str) -> "Observer":
        """The observer of a name, such as "cumulative:0.1".

        Raises
        ------
        UsageError, ClockError
            As the class; or if what follows the colon is not a number.
        """
        kind, colon, amount = text.partition(":")
        try:
            return cls(kind, float(amount) if colon else None)
        except ValueError:
            raise UsageError(f"{amount!r} after {kind} is not a number; give, for instance, {kind}:1.") from None

    def __str__(self) -> str:
        return self.kind if self.amount is None else f"{self.kind}:{self.amount:g}"

    @property
    def decides(self) -> bool:
        """Whether it responds once, at a time of its own, and not whenever it is asked."""
        return self.kind in ("threshold", "best") or (self.kind == "instant" and self.amount is not None)


@dataclass(frozen=True, eq=False)
class Decisions:
    """What an observer responds.

    Parameters
    ----------
    correct, confidence
        Whether the response at each tick is correct, and the probability that the observer gives it, (presentation,
        time); NaN before the first response. Of an observer that decides, the response and its confidence stay as they
        are from the decision on, and those before it are what it would say if it were asked.
    reaction_ms
        Time of the decision, (presentation,); NaN for an observer that does not decide.
    decided
        Whether it decided by itself and not because the record ended, (presentation,).
    """

    correct: Array
    confidence: Array
    reaction_ms: Array
    decided: NDArray[np.bool_]


def evidence(logits: NDArray[np.floating], observer: str, leak: float = 0.0) -> Array:
    """Evidence for each class at each tick, whose softmax is the observer's confidence.

    Parameters
    ----------
    logits
        (presentation, time, class); NaN at ticks without a response.
    observer
        "instant" or "cumulative".
    leak
        Share of the sum that is lost from one tick to the next.

    Returns
    -------
    ndarray
        (presentation, time, class): log probabilities of the tick, or their sum from the first response to the tick.
        NaN at ticks without a response, over which a sum goes on.

    Raises
    ------
    UsageError
        If there is no such observer.
    """
    choose("observer", observer, OBSERVERS)
    values = np.asarray(logits, dtype=np.float64)
    shifted = values - values.max(-1, keepdims=True)
    log_probabilities: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    if observer == "instant":
        return log_probabilities
    absent = np.isnan(log_probabilities)
    added = np.where(absent, 0.0, log_probabilities)
    total = np.cumsum(added, 1) if leak == 0 else _leaky_sum(added, leak)
    return np.where(absent, np.nan, total)


def observe(
    logits: NDArray[np.floating],
    labels: NDArray[np.integer],
    times_ms: NDArray[np.floating],
    observer: Observer,
    images: NDArray[np.generic] | None = None,
    seed: int = 0,
) -> Decisions:
    """What an observer responds to presentations of one condition.

    Parameters
    ----------
    logits
        (presentation, time, class); NaN at ticks without a response.
    labels
        Right class of each presentation, (presentation,).
    times_ms
        Times of the ticks, (time,).
    observer
        The observer.
    images
        Image of each presentation, (presentation,), of which halves are made to fit a threshold; each presentation is
        an image of its own if not given.
    seed
        Of the halves.

    Raises
    ------
    UsageError
        If the deadline of an observer is not a time at which the network responds.
    """
    values = np.asarray(logits, dtype=np.float64)
    if observer.kind == "cumulative":
        values = evidence(values, "cumulative", observer.amount or 0.0)
    absent = np.isnan(values).any(-1)
    correct = np.where(absent, np.nan, values.argmax(-1) == labels[:, None])
    confidence = 1 / np.exp(values - values.max(-1, keepdims=True)).sum(-1)
    number, present = len(values), np.flatnonzero(~absent.any(0))
    if not observer.decides or not present.size:
        return Decisions(correct, confidence, np.full(number, np.nan), np.zeros(number, dtype=bool))
    if observer.kind == "instant":
        at, decided = _at_deadline(observer.amount, times_ms, present, number)
    elif observer.kind == "best":
        at = np.full(number, present[correct[:, present].mean(0).argmax()])
        decided = np.ones(number, dtype=bool)
    else:
        own = np.arange(number) if images is None else images
        entropy = entropy_bits(evidence(values[:, present], "instant"))
        at, decided = _at_threshold(entropy, correct[:, present], observer.amount, own, seed)
        at = present[at]
    asked, decision = np.arange(len(times_ms)), at[:, None]
    held = np.where(absent, asked, decision) if observer.kind == "best" else np.minimum(asked, decision)
    take = np.arange(number)[:, None], held
    return Decisions(correct[take], confidence[take], np.asarray(times_ms, float)[at], decided)


def entropy_bits(log_probabilities: Array) -> Array:
    """Entropy in bits, (...), of log probabilities (..., class)."""
    return np.asarray(-(np.exp(log_probabilities) * log_probabilities).sum(-1) / np.log(2))


def first_below(entropy: Array, threshold: float | Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Position of the first tick at which entropy, (presentation, time), is at most a threshold; else of the last.

    Returns
    -------
    position, found
        Both (presentation,).
    """
    below = entropy <= np.reshape(threshold, (-1, 1))
    found: NDArray[np.bool_] = np.any(below, axis=1)
    return np.where(found, below.argmax(1), entropy.shape[1] - 1), found


def thresholds_of(entropy: Array) -> Array:
    """Thresholds that are tried: quantiles of the entropies, rising."""
    return np.unique(np.quantile(entropy, np.linspace(0, 1, THRESHOLDS)))


def _leaky_sum(added: Array, leak: float) -> Array:
    total = np.empty_like(added)
    kept = np.zeros_like(added[:, 0])
    for tick in range(added.shape[1]):
        kept = (1 - leak) * kept + added[:, tick]
        total[:, tick] = kept
    return total


def _at_deadline(
    deadline_ms: float | None, times_ms: NDArray[np.floating], present: NDArray[np.int64], number: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Tick of a deadline, the same for all."""
    at = np.flatnonzero(np.asarray(times_ms) == deadline_ms)
    if not at.size or at[0] not in present:
        first, last = times_ms[present[0]], times_ms[present[-1]]
        raise UsageError(
            f"an observer is to decide at {deadline_ms:g} ms; the network responds from {first:g} to {last:g} ms."
        )
    return np.full(number, at[0]), np.ones(number, dtype=bool)


def _at_threshold(
    entropy: Array, correct: Array, threshold: float | None, images: NDArray[np.generic], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Tick of each decision; a threshold that is not given is fitted on the half of the images without the trial's."""
    if threshold is not None:
        return first_below(entropy, threshold)
    names, place = np.unique(images, return_inverse=True)
    half = (stream("halves", seed, len(names)).permutation(len(names)) % 2)[place]
    fitted = np.array([_fit(entropy[half == other], correct[half == other]) for other in (1, 0)])
    return first_below(entropy, fitted[half])


def _fit(entropy: Array, correct: Array) -> float:
    """The threshold that gives most correct responses; of equally good ones the largest, which is the fastest."""
    if not len(entropy):
        raise UsageError("a threshold is fitted on half of the images; give two images or more.")
    tried = thresholds_of(entropy)
    right = [correct[np.arange(len(entropy)), first_below(entropy, each)[0]].mean() for each in tried]
    return float(tried[len(tried) - 1 - int(np.argmax(right[::-1]))])
