"""Recalibration: normalisation statistics estimated anew, without labels, under an experiment's own conditions.

Time-specific statistics are those of the states that a network had in training. A mask or a lesion can lead states out
of that range, and then seems to erase what it only displaces. Two policies estimate mean and variance anew at each
tick. "pooled" does so over all conditions together, so that the differences between conditions stay; but masked, blank
and intact states share the statistics, so a condition whose states lie far from the others' is displaced as before, and
this is no control for one condition. "per-condition" does so for each condition alone: nothing can be displaced, but
states that have decayed are scaled up again. An effect that is the network's own holds under every policy.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ventral.clock import to_ms
from ventral.experiment.condition import Condition
from ventral.experiment.draws import draws_of
from ventral.experiment.experiment import Experiment, Presentation
from ventral.experiment.protocol import Protocol
from ventral.experiment.screen import Screen, Shown
from ventral.model import statistics
from ventral.model.network import Network
from ventral.model.normalisation import Normalisation
from ventral.stimuli.images import Images

CALIBRATION = 200  # most images from which statistics are estimated, in every condition
LARGEST = 2000  # most presentations from which they are estimated together
LEAST = 0.01  # of the variance in training, below which an estimated variance counts as this


def calibration_count(protocol: Protocol) -> int:
    """Number of images from which statistics are re-estimated in each condition: fewer where conditions are many."""
    return max(10, min(CALIBRATION, LARGEST // len(protocol.conditions)))


def recalibrated_networks(experiment: Experiment) -> dict[str, Network]:
    """The network of each condition, by the condition's name, with the statistics that the policy asks for.

    Under "pooled" it is one network for all, under "per-condition" one for each.
    """
    conditions = experiment.protocol.conditions
    if experiment.settings.policy == "pooled":
        return dict.fromkeys([condition.name for condition in conditions], _estimated(experiment, conditions))
    return {condition.name: _estimated(experiment, [condition]) for condition in conditions}


def _estimated(experiment: Experiment, conditions: Sequence[Condition]) -> Network:
    """A copy of an experiment's network, with statistics estimated on the calibration images under some conditions.

    Every condition has all calibration images, as rows one after the other; the statistics at a tick are over all rows.
    A variance far below that of training (where all conditions are grey, say) is held at a hundredth of it, since
    dividing by it would blow noise up into signal.
    """
    images = experiment.selection.calibration
    assert images is not None
    network = copy.deepcopy(experiment.model.network)
    assert isinstance(network, Network), "only a network with statistics per tick is recalibrated"
    statistics.hold(network, experiment.settings.beyond_horizon == "held")
    norms = {name: norm for name, norm in network.named_modules() if isinstance(norm, Normalisation)}
    before = {name: norm.variance.clone() for name, norm in norms.items()}
    statistics.forget(network, to_ms(experiment.protocol.count - 1))
    for name, norm in norms.items():
        rows = [min(row, len(before[name]) - 1) for row in range(len(norm.variance))]
        norm.least = LEAST * before[name][rows].nan_to_num(0)
    presented = [Presentation(image, condition, 0) for condition in conditions for image in range(len(images))]
    noise = draws_of(experiment, images, presented)
    gains = _gains(experiment, conditions, len(images))
    statistics.estimate(network, _inputs(Screen(experiment), network, conditions, images), gains.__getitem__, noise)
    return network


def _inputs(
    screen: Screen, network: Network, conditions: Sequence[Condition], images: Images
) -> Iterator[Tensor | None]:
    """What enters at each tick, and once more, (condition and image, channel, y, x); None where nothing enters.

    All that is ever shown is encoded in one call, for a pre-net that estimates its statistics from what it sees.
    """
    shown = [screen.shown(condition) for condition in conditions]
    kinds = list(dict.fromkeys(kind for kinds in shown for kind in kinds if kind.frame))
    encoded: dict[Shown, Tensor] = {}
    if kinds:  # with impulse drive nothing may ever enter
        parts = network.encode(torch.cat([screen.pixels(kind, images) for kind in kinds])).split(len(images))
        encoded = dict(zip(kinds, parts, strict=True))
    last: Tensor | None = None
    for now in zip(*shown, strict=True):
        last = torch.cat([encoded[kind] for kind in now]) if now[0].frame else None
        yield last
    yield last  # one tick more, for the transitions out of the last


def _gains(experiment: Experiment, conditions: Sequence[Condition], images: int) -> list[Mapping[str, float | Tensor]]:
    """Scales of transitions at each tick by name, each (condition and image, 1, 1, 1)."""
    protocol, device = experiment.protocol, experiment.settings.device
    tables = [protocol.gains(condition, experiment.model.graph) for condition in conditions]
    gains: list[Mapping[str, float | Tensor]] = []
    for now in zip(*tables, strict=True):
        names = sorted({name for table in now for name in table})
        scales = {name: torch.tensor([table.get(name, 1.0) for table in now]) for name in names}
        gains.append({n: x.repeat_interleave(images).to(device)[:, None, None, None] for n, x in scales.items()})
    return gains
