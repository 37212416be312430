"""Every graph of the catalogue with two to 16 channels, for tests."""

from collections.abc import Iterator

from ventral.model import zoo
from ventral.model.graph import AreaGraph

CHOICES = {
    "four-state": [{"connections": "full"}, {"connections": "adjacent"}],
    "three-state": [{"connections": "full"}, {"connections": "adjacent"}],
    "three-state-inhomogeneous": [{"connections": "full"}, {"connections": "adjacent"}],
    "three-state-no-self": [{"reading": "identity"}, {"reading": "sustained"}],
}

# the paper's readout ticks
READ = {
    "one-state": 10,
    "three-state-resnet": 11,
    "two-state": 10,
    "three-state-one-kernel": 11,
    "four-state": 5,
    "three-state": 5,
    "three-state-no-self": 10,
    "three-state-inhomogeneous": 5,
    "one-state-inhomogeneous": 10,
    "plain-rnn": 10,
}


def narrow(channels: int = 2) -> Iterator[tuple[str, AreaGraph]]:
    """Each with what it is: its name, choices and sharing of weights."""
    for name, make in zoo.PAPER.items():
        one_kernel = name == "three-state-one-kernel"
        for choice in CHOICES.get(name, [{}]):
            for sharing in ("over-time", "per-tick", *["everywhere"] * one_kernel):
                width = {"features" if one_kernel else "channels": channels}
                yield " ".join((name, *choice.values(), sharing)), make(**choice, **width, sharing=sharing)
