"""The noise of presentations, drawn tick by tick.

A draw is a function of (seed, stimulus id, condition content, repeat, area): the same whatever else is recorded, and in
whatever order.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ventral.experiment.experiment import Experiment, Presentation
from ventral.experiment.noise import Noise
from ventral.seeds import generator
from ventral.stimuli.images import Images


@dataclass(eq=False)
class Draws:
    """The noise of a batch of presentations, drawn tick by tick.

    Parameters
    ----------
    noise
        Kind and level.
    areas
        Names of the areas that have noise.
    keys
        Address of each presentation's random stream, (presentation,).

    Attributes
    ----------
    counts
        With "poisson" noise: spikes of each area in the last tick, (presentation, channel, y, x).
    """

    noise: Noise
    areas: Sequence[str]
    keys: Sequence[str]
    counts: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._streams = {area: [generator(0, f"noise/{area}/{key}") for key in self.keys] for area in self.areas}

    def __call__(self, states: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """States with the noise of one tick; those of areas without noise as they are."""
        return {area: self._noisy(area, x) if area in self._streams else x for area, x in states.items()}

    def _noisy(self, area: str, state: Tensor) -> Tensor:
        """The state of an area with its noise, (presentation, channel, y, x)."""
        streams = self._streams[area]
        if self.noise.kind == "gaussian":
            # in the order (channel, y, x) whatever the memory format
            drawn = [torch.randn(state.shape[1:], generator=stream) for stream in streams]
            return state + self.noise.level * torch.stack(drawn).to(state)
        rates = state.clamp(min=0)
        expected = (self.noise.level * rates).float().cpu().contiguous()
        counts = [torch.poisson(mean, generator=stream) for mean, stream in zip(expected, streams, strict=True)]
        self.counts[area] = torch.stack(counts).to(state)
        return state - rates + self.counts[area] / self.noise.level


def draws_of(experiment: Experiment, images: Images, presented: Sequence[Presentation]) -> Draws | None:
    """The noise of some presentations of images; None if the experiment has none."""
    noise, seed = experiment.settings.noise, experiment.settings.seed
    if noise is None:
        return None
    contents = {c.name: json.dumps(c.content, sort_keys=True) for c in experiment.protocol.conditions}
    keys = [
        f"{seed}/{images.stimulus_ids[each.image]}/{contents[each.condition.name]}/{each.repeat}" for each in presented
    ]
    return Draws(noise, experiment.noisy, keys)
