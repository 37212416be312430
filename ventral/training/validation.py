"""Accuracy over time of a network on images that stay on."""

import math
from collections.abc import Sequence

import torch

from ventral.clock import ticks, to_ms
from ventral.model.network import Network
from ventral.stimuli.images import Images, Preprocessing


def accuracy_over_time(
    network: Network, preprocessing: Preprocessing, images: Images, end_ms: int, batch: int = 250
) -> list[float]:
    """Fraction of images classified correctly at every tick while they stay on; NaN while the readout area is absent.

    Parameters
    ----------
    network, preprocessing, images
        What is tested, and on which images.
    end_ms
        Last time.
    batch
        Number of images that are computed together.
    """
    device = next(network.parameters()).device
    count = ticks(end_ms, "end_ms") + 1
    correct = torch.zeros(count, dtype=torch.float64)
    absent = torch.zeros(count, dtype=torch.bool)
    labels = torch.as_tensor(images.labels)
    with torch.no_grad():
        for start in range(0, len(images), batch):
            shown_now = preprocessing(images.pixels[start : start + batch].to(device))
            logits = network.respond(shown_now, count).cpu()
            correct += (logits.argmax(2) == labels[start : start + batch, None]).sum(0)
            absent |= logits.isnan().any(2).any(0)
    fraction = correct / len(images)
    fraction[absent] = math.nan
    return fraction.tolist()


def rounded(accuracy: Sequence[float]) -> list[float | None]:
    """Accuracies to six places, with None for NaN, which JSON does not have."""
    return [None if math.isnan(a) else round(a, 6) for a in accuracy]


def curve(accuracy: Sequence[float]) -> str:
    """Accuracy over time in words, such as "62 % at 30 ms, 71 % at 100 ms"."""
    known = [(to_ms(t), a) for t, a in enumerate(accuracy) if not math.isnan(a)]
    picked = [known[0], *known[len(known) // 3 : -1 : max(1, len(known) // 3)], known[-1]] if known else []
    return ", ".join(f"{100 * a:.1f} % at {ms} ms" for ms, a in picked)
