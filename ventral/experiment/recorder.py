"""Computing an experiment: activity and logits of some presentations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from ventral.experiment.blocks import Blocks, shares
from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import coordinates_of
from ventral.experiment.draws import draws_of
from ventral.experiment.engine import Engine
from ventral.experiment.experiment import Experiment
from ventral.experiment.provenance import attributes_of
from ventral.experiment.recalibration import recalibrated_networks
from ventral.experiment.record import Record
from ventral.experiment.screen import Screen
from ventral.experiment.sites import Electrodes, recording_of
from ventral.experiment.timelines import Moment, stretches, ticks_in, timeline
from ventral.model import statistics
from ventral.model.network import Network
from ventral.model.subject import Dynamics
from ventral.store.layout import READOUT, Layout, Recording
from ventral.store.values import Array


class Recorder:
    """Computes the presentations of an experiment.

    Statistics are estimated, if the policy asks for it, when the network is used for the first time.

    Attributes
    ----------
    computed, recorded
        Number of ticks that were computed so far, each in the shape of a whole batch, and of those that were recorded:
        more than that, where conditions share states.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.screen = Screen(experiment)
        self.electrodes = Electrodes(experiment)
        self.computed = self.recorded = 0
        self._blocks: dict[int, Blocks] = {}  # by the identity of the engine
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
        with torch.inference_mode():
            groups = self.groups(presentations)
            parts = [(rows, self._group([presentations[row] for row in rows], each)) for rows, each in groups]
        whole = parts[0][1]
        if len(parts) > 1:
            shapes = {name: (len(presentations), *values.shape[1:]) for name, values in whole.items()}
            whole = {name: np.empty(shape, np.float32) for name, shape in shapes.items()}
            for rows, found in parts:
                for name, values in found.items():
                    whole[name][rows] = values
        return {area: whole[area] for area in self.experiment.areas}, whole[READOUT]

    def tasks(self, batches: Sequence[int]) -> list[list[int]]:
        """Batches by number, those together that `record_task` computes together: those of one block of images."""
        if not shares(self.experiment):
            return [[batch] for batch in batches]
        blocks: dict[int, list[int]] = {}
        for batch in batches:
            blocks.setdefault(batch % self._blocks_of_images, []).append(batch)
        return list(blocks.values())

    def record_task(self, task: Sequence[int]) -> Iterator[tuple[int, dict[str, Array], Array]]:
        """Compute the batches of one of `tasks`, each part that they have in common once.

        Yields
        ------
        int, dict, array
            The number of a batch, its activity and its logits, as `record` returns them, in any order.

        Raises
        ------
        StoreError
            As `record`.
        """
        experiment, size = self.experiment, self.experiment.settings.batch
        if not shares(experiment):
            for batch in task:
                rows = range(batch * size, min((batch + 1) * size, experiment.presentations))
                yield batch, *self.record(rows)
            return
        first = task[0] % self._blocks_of_images * size
        images = experiment.selection.presented.take(range(first, first + size))
        batches = {experiment.presentation(batch * size).condition.name: batch for batch in task}
        for names, blocks in self._sharing(batches):
            timelines = {name: self._timelines[name] for name in names}
            computing = blocks.compute(images, timelines)
            before = blocks.computed
            # inference mode must not stay on while the caller has the word
            while True:
                with torch.inference_mode():
                    found = next(computing, None)
                self.computed, before = self.computed + blocks.computed - before, blocks.computed
                if found is None:
                    break
                name, whole = found
                self.recorded += experiment.protocol.count
                yield batches[name], {area: whole[area] for area in experiment.areas}, whole[READOUT]

    @property
    def share(self) -> float:
        """Share of the ticks of a block of images that is computed, from 0 to 1; the rest is shared."""
        if not shares(self.experiment) or self.experiment.settings.policy == "per-condition":
            return 1.0
        return ticks_in(stretches(self._timelines)) / (self.experiment.protocol.count * len(self._timelines))

    @property
    def _blocks_of_images(self) -> int:
        """Number of blocks of images, each of which fills a batch."""
        return len(self.experiment.selection.presented) // self.experiment.settings.batch

    @cached_property
    def _timelines(self) -> dict[str, tuple[Moment, ...]]:
        """The moments of each condition, by its name."""
        return {each.name: timeline(self.screen, each) for each in self.experiment.protocol.conditions}

    def _sharing(self, names: Iterable[str]) -> Iterator[tuple[list[str], Blocks]]:
        """Conditions by name, those together that have the same network, and what computes them."""
        by_network: dict[int, list[str]] = {}
        for name in names:
            network = self.network(self.experiment.protocol.condition(name))
            statistics.hold(network, self.experiment.settings.beyond_horizon == "held")
            engine = self._engine(network)
            assert isinstance(engine, Engine), "an outside network shares nothing"
            by_network.setdefault(id(engine), []).append(name)
            if id(engine) not in self._blocks:
                self._blocks[id(engine)] = Blocks(self.screen, engine, self._record(), partial(self._taken, engine))
        for key, together in by_network.items():
            yield together, self._blocks[key]

    def _record(self) -> Record:
        """An empty record."""
        shapes = {target.area: target.shape for target in self.recordings}
        return Record({**shapes, READOUT: (len(self.experiment.model.label_names),)}, self.experiment.model.name)

    def _taken(
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
        engine, record = self._engine(network), self._record()
        for tick, states in enumerate(engine.run(inputs, gains.__getitem__, disturb=noise)):
            values = self._taken(engine, states, tick, noise.counts if noise else {})
            record.add({name: x[:number] for name, x in values.items()})
        self.computed += experiment.protocol.count
        self.recorded += experiment.protocol.count
        return record.arrays(number)

    def _engine(self, network: Dynamics) -> Engine | Dynamics:
        """What runs a network: an engine, or the network itself if it is an outside one."""
        if not isinstance(network, Network):
            return network
        if id(network) not in self._engines:
            self._engines[id(network)] = Engine(network, self.experiment.settings.precision)
        return self._engines[id(network)]
