"""Evaluations of a network whose responses are planted, so that every measure is known."""

import numpy as np

from ventral.measures.evaluation import Evaluation

NAMES = ("cat", "deer", "dog", "frog")


def planted(responses, confidence, labels=None, first=2, count=6, names=NAMES, **changes):
    """An evaluation of a network that gives these responses, (image,) or (image, tick), with these probabilities."""
    labels = np.asarray(responses if labels is None else labels)
    responses = np.broadcast_to(np.reshape(responses, (len(labels), -1)), (len(labels), count))
    other = (1 - np.reshape(confidence, (-1, 1, 1))) / (len(names) - 1)
    given = np.arange(len(names)) == responses[..., None]
    logits = np.log(np.where(given, np.reshape(confidence, (-1, 1, 1)), other)).astype(np.float32)
    logits[:, :first] = np.nan
    return Evaluation(logits, labels, names, **{"at_ms": 50, "policy": "frozen", **ABOUT, **changes})


ABOUT = {"model": "planted", "data": "pets (test)"}
PERFECT = [0, 1, 2, 3, 3, 2, 1, 0]
