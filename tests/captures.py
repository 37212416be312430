"""What stands in for a GPU's graphs in tests."""

import torch


class Again:
    """A computation that is captured as a graph captures it: fixed inputs, fixed outputs, nothing computed at once.

    Each replay computes again and leaves its outputs in the same place, so that whoever keeps them, rather than copies,
    has other numbers after the next replay.
    """

    captures = 0

    def __init__(self, compute):
        type(self).captures += 1
        self.compute = compute
        self.outputs = compute()
        for output in self.outputs:
            output.fill_(torch.nan)

    def replay(self):
        for place, output in zip(self.outputs, self.compute(), strict=True):
            place.copy_(output)


def captures(device):
    """What `Recorder` takes as `capture`."""
    return Again


def nothing(device):
    """Captures no step."""
    return
