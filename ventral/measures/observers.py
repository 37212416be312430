"""Observers: how responses over time are made of a readout's logits.

A network has logits at every tick, and an observer of it must decide which of them to use. The instant observer uses
those of one tick. The cumulative observer adds up the log probabilities of all ticks from the first response on, as if
each tick were an independent sample of evidence; so it keeps what the network itself has forgotten, and an effect of
time under it need not be the network's.

Source: Gold & Shadlen (2007), Annu. Rev. Neurosci. 30:535, for decisions that accumulate log probabilities.
"""

import numpy as np
from numpy.typing import NDArray

from ventral.errors import choose

Array = NDArray[np.float64]

OBSERVERS = ("instant", "cumulative")


def evidence(logits: NDArray[np.floating], observer: str) -> Array:
    """Evidence for each class at each tick, whose softmax is the observer's confidence.

    Parameters
    ----------
    logits
        (presentation, time, class); NaN at ticks without a response.
    observer
        "instant" or "cumulative".

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
    return np.where(absent, np.nan, np.where(absent, 0.0, log_probabilities).cumsum(1))
