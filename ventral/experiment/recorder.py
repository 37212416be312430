"""Computing an experiment: activity and logits of some presentations."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch

from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import coordinates_of
from ventral.experiment.draws import draws_of
from ventral.experiment.engine import Engine
from ventral.experiment.experiment import Experiment
from ventral.experiment.provenance import attributes_of
from ventral.experiment.recalibration import recalibrated_networks
from ventral.experiment.screen import Screen
from ventral.experiment.sites import Electrodes, Record, recording_of
from ventral.model import statistics
from ventral.model.network import Network
from ventral.model.subject import Dynamics
from ventral.store.layout import READOUT, Layout, Recording
from ventral.store.values import Array


class Recorder:
    """Computes the presentations of an experiment.

    Statistics are estimated, if the policy asks for it, when the network is used for the first time.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.screen = Screen(experiment)
        self.electrodes = Electrodes(experiment)
        self._engines: dict[int, Engine] = {}  # by the identity of the network, which lives as long as the experiment

    @cached_property
    def recalibrated(self) -> dict[str, Network]:
        """The network of each condition, by its name, with statistics estimated for this run; empty if frozen."""
        return {} if self.experiment.settings.policy == "frozen" else recalibrated_networks(self.experiment)

    def network(self, condition: Condition) -> Dynamics:
        """The model's network, with the statistics that the policy asks for in a condition."""
        return self.recalibrated.get(condition.name, self.experiment.model.network)

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

    def layout(self, command: str = "", controls: Sequence[str] = ()) -> Layout:
        """What the run will hold; `command` and `controls` as in `ventral.experiment.provenance.attributes_of`."""
        experiment = self.experiment
        return Layout(
            presentation=coordinates_of(experiment),
            time_ms=np.array(experiment.protocol.times_ms),
            recordings=self.recordings,
            classes=experiment.model.label_names,
            batch=experiment.settings.batch,
            dtype=experiment.settings.dtype,
            attrs=attributes_of(experiment, command, controls),
            statistics=self.statistics,
        )

    def groups(self, presentations: Sequence[int]) -> list[tuple[list[int], Condition]]:
        """Positions of presentations that are computed together, with one condition of each group.

        A group shares its network, presence (at which ticks something enters) and scales of transitions.
        """
        protocol, graph = self.experiment.protocol, self.experiment.model.graph
        found: dict[str, tuple[list[int], Condition]] = {}
        for position, number in enumerate(presentations):
            condition = self.experiment.presentation(number).condition
            own = condition.name if self.experiment.settings.policy == "per-condition" else ""
            kind = str((own, protocol.inputs(condition, graph), protocol.gains(condition, graph)))
            found.setdefault(kind, ([], condition))[0].append(position)
        return list(found.values())

    def record(self, presentations: Sequence[int]) -> tuple[dict[str, Array], Array]:
        """Compute some presentations, at most as many as a batch has.

        Returns
        -------
        dict, array
            Activity of each area, (presentation, time, ...), and logits, (presentation, time, class); float32, NaN
            where an area is absent.

        Raises
        ------
        StoreError
            If a value is not finite, or a count is too large to be stored exactly.
        """
        shape = (len(presentations), self.experiment.protocol.count)
        whole = {name: np.full((*shape, *each), np.nan, np.float32) for name, each in self._shapes.items()}
        with torch.inference_mode():
            for rows, condition in self.groups(presentations):
                found = self._group([presentations[row] for row in rows], condition)
                if len(rows) == len(presentations):
                    whole = found
                else:
                    for name, values in found.items():
                        whole[name][rows] = values
        return {area: whole[area] for area in self.experiment.areas}, whole[READOUT]

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of what is recorded of each area and of the readout, for a presentation at a tick."""
        areas = {target.area: target.shape for target in self.recordings}
        return {**areas, READOUT: (len(self.experiment.model.label_names),)}

    def _group(self, group: Sequence[int], condition: Condition) -> dict[str, Array]:
        """What is recorded of a group of presentations, (presentation, time, ...), by area and as "readout".

        Convolutions give other last bits for other batch sizes. So every group is computed in the shape of a whole
        batch, filled up with copies of its last presentation, and a presentation's numbers do not depend on what else
        is recorded.
        """
        experiment, graph = self.experiment, self.experiment.model.graph
        size, number = experiment.settings.batch, len(group)
        padded = [experiment.presentation(group[min(row, number - 1)]) for row in range(size)]
        images = experiment.selection.presented.take([presented.image for presented in padded])
        network = self.network(condition)
        statistics.hold(network, experiment.settings.beyond_horizon == "held")
        noise = draws_of(experiment, experiment.selection.presented, padded)
        inputs = self.screen.inputs(network, images, [presented.condition for presented in padded])
        gains = experiment.protocol.gains(condition, graph)
        engine = self._engine(network)
        record = Record(self._shapes, experiment.protocol.count, number, experiment.model.name)
        for tick, states in enumerate(engine.run(inputs, gains.__getitem__, disturb=noise)):
            counts = noise.counts if noise else {}
            for area in experiment.areas:
                if area in states:
                    state = counts.get(area, states[area])[:number]
                    record.put(area, tick, self.electrodes.take(area, state, area in counts))
            if graph.readout in states:
                record.put(READOUT, tick, engine.readout(states, tick)[:number])
        return record.arrays()

    def _engine(self, network: Dynamics) -> Engine | Dynamics:
        """What runs a network: an engine, or the network itself if it is an outside one."""
        if not isinstance(network, Network):
            return network
        if id(network) not in self._engines:
            self._engines[id(network)] = Engine(network, self.experiment.settings.precision)
        return self._engines[id(network)]
