"""Computing an experiment: activity and logits of some presentations."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import torch

from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import coordinates_of
from ventral.experiment.draws import draws_of
from ventral.experiment.experiment import Experiment
from ventral.experiment.provenance import attributes_of
from ventral.experiment.recalibration import recalibrated_networks
from ventral.experiment.screen import Screen
from ventral.experiment.sites import Electrodes, finite, recording_of
from ventral.model import statistics
from ventral.model.network import Network
from ventral.model.subject import Dynamics
from ventral.store.layout import READOUT, Layout, Recording
from ventral.store.values import Array

Values = Mapping[str, Array]  # by area, (presentation, ...)


class Recorder:
    """Computes the presentations of an experiment.

    Statistics are estimated, if the policy asks for it, when the network is used for the first time.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.screen = Screen(experiment)
        self.electrodes = Electrodes(experiment)

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
        activity = {target.area: np.full((*shape, *target.shape), np.nan, np.float32) for target in self.recordings}
        logits = np.full((*shape, len(self.experiment.model.label_names)), np.nan, np.float32)
        with torch.inference_mode():
            for rows, condition in self.groups(presentations):
                group = [presentations[row] for row in rows]
                network = self.network(condition)
                statistics.hold(network, self.experiment.settings.beyond_horizon == "held")
                for tick, (values, read) in enumerate(self._ticks(network, group, condition)):
                    for area, taken in values.items():
                        activity[area][rows, tick] = taken
                    if read is not None:
                        logits[rows, tick] = read
        return activity, logits

    def _ticks(
        self, network: Dynamics, group: Sequence[int], condition: Condition
    ) -> Iterator[tuple[Values, Array | None]]:
        """Recorded values and logits of a group of presentations, tick by tick.

        Convolutions give other last bits for other batch sizes. So every group is computed in the shape of a whole
        batch, filled up with copies of its last presentation, and a presentation's numbers do not depend on what else
        is recorded.
        """
        experiment, graph = self.experiment, self.experiment.model.graph
        size, number = experiment.settings.batch, len(group)
        padded = [experiment.presentation(group[min(row, number - 1)]) for row in range(size)]
        images = experiment.selection.presented.take([presented.image for presented in padded])
        noise = draws_of(experiment, experiment.selection.presented, padded)
        inputs = self.screen.inputs(network, images, [presented.condition for presented in padded])
        gains = experiment.protocol.gains(condition, graph)
        for tick, states in enumerate(network.run(inputs, gains.__getitem__, disturb=noise)):
            counts = noise.counts if noise else {}
            values = {
                area: self.electrodes.take(area, counts.get(area, states[area])[:number], tick, area in counts)
                for area in experiment.areas
                if area in states
            }
            logits = None
            if graph.readout in states:
                logits = finite(network.readout(states, tick)[:number], READOUT, tick, experiment.model.name)
            yield values, logits
