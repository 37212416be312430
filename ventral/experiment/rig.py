"""What an experiment is computed with: networks, a screen before them, and what is recorded of their states."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from types import MappingProxyType

import torch
from torch import Tensor

from ventral.experiment.condition import Condition
from ventral.experiment.engine import Engine
from ventral.experiment.experiment import Experiment
from ventral.experiment.precision import exact_convolutions
from ventral.experiment.recalibration import recalibrated_networks
from ventral.experiment.record import Record
from ventral.experiment.replay import Capture, Steps, capture_on
from ventral.experiment.screen import Screen
from ventral.experiment.sites import Electrodes, recording_of
from ventral.model import statistics
from ventral.model.network import Network
from ventral.model.subject import Dynamics
from ventral.store.layout import READOUT, Recording
from ventral.store.values import Array


class Rig:
    """What an experiment is computed with.

    Statistics are estimated, if the policy asks for it, when a network is used for the first time.

    Parameters
    ----------
    experiment
        The experiment.
    capture
        Function of a device: what captures steps there, to replay them; None for nothing.
    recalibrated
        The network of each condition, by its name, if its statistics are estimated already; see `recalibrated`.

    Attributes
    ----------
    replays
        Whether steps are captured.
    """

    def __init__(
        self,
        experiment: Experiment,
        capture: Callable[[str], Capture | None] = capture_on,
        recalibrated: Mapping[str, Network] | None = None,
    ) -> None:
        self.experiment = experiment
        if recalibrated is not None:
            self.recalibrated = dict(recalibrated)
        self.screen = Screen(experiment)
        self.electrodes = Electrodes(experiment)
        self._capture = capture(experiment.settings.device)
        self.replays = self._capture is not None
        self._steps: dict[int, Steps] = {}  # by the identity of the network, which lives as long as the experiment

    @cached_property
    def recalibrated(self) -> dict[str, Network]:
        """The network of each condition, by its name, with statistics estimated for this run; empty if frozen."""
        if self.experiment.settings.policy == "frozen":
            return {}
        with exact_convolutions():
            return recalibrated_networks(self.experiment)

    def network(self, condition: Condition) -> Dynamics:
        """The model's network, with the statistics that the policy asks for in a condition."""
        network = self.recalibrated.get(condition.name, self.experiment.model.network)
        statistics.hold(network, self.experiment.settings.beyond_horizon == "held")
        return network

    @cached_property
    def statistics(self) -> dict[str, Array]:
        """Mean and variance of every normalisation by name that were estimated for this run; empty if frozen.

        Each is (tick, channel), or (condition, tick, channel) where each condition has its own.
        """
        estimated = [dict(network.named_buffers()) for network in self.recalibrated.values()]
        if self.experiment.settings.policy == "pooled":
            return {name: buffer.cpu().numpy() for name, buffer in estimated[0].items()}
        names = estimated[0] if estimated else {}
        return {name: torch.stack([each[name] for each in estimated]).cpu().numpy() for name in names}

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """What is recorded of each area."""
        return tuple(recording_of(self.experiment, area) for area in self.experiment.areas)

    def record(self, dtype: torch.dtype = torch.float32) -> Record:
        """An empty record, gathered in a dtype."""
        shapes = {target.area: target.shape for target in self.recordings}
        return Record(
            {**shapes, READOUT: (len(self.experiment.model.label_names),)},
            self.experiment.model.name,
            self.experiment.settings.device,
            dtype,
        )

    def taken(
        self,
        engine: Engine | Dynamics,
        states: Mapping[str, Tensor],
        tick: int,
        counts: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> dict[str, Tensor]:
        """What is recorded of the states at a tick, by area and as "readout"; counts stand for states."""
        values = {
            area: self.electrodes.take(area, counts.get(area, states[area]), area in counts)
            for area in self.experiment.areas
            if area in states
        }
        if self.experiment.model.graph.readout in states:
            values[READOUT] = engine.readout(states, tick)
        return values

    def steps(self, network: Network) -> Steps:
        """The steps of a network that is made from a graph."""
        if id(network) not in self._steps:
            engine = Engine(network, self.experiment.settings.precision)
            self._steps[id(network)] = Steps(engine, partial(self.taken, engine), self._capture)
        return self._steps[id(network)]
