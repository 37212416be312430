"""Computing an experiment: activity and logits of some presentations."""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from ventral.experiment.ahead import made_ahead, one_later
from ventral.experiment.blocks import Blocks, shares
from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import coordinates_of
from ventral.experiment.draws import draws_of
from ventral.experiment.engine import Engine
from ventral.experiment.events import Stimulus
from ventral.experiment.experiment import Experiment
from ventral.experiment.precision import exact_convolutions
from ventral.experiment.provenance import attributes_of
from ventral.experiment.recalibration import recalibrated_networks
from ventral.experiment.record import Gathered, Record
from ventral.experiment.replay import Capture, Steps, capture_on
from ventral.experiment.screen import Screen
from ventral.experiment.sites import Electrodes, recording_of
from ventral.experiment.timelines import Moment, stretches, ticks_in, timeline
from ventral.model import statistics
from ventral.model.network import Network
from ventral.model.subject import Dynamics
from ventral.stimuli.images import Images
from ventral.store.layout import READOUT, Layout, Recording
from ventral.store.values import Array

DTYPES = {"float16": torch.float16, "float32": torch.float32}


class Recorder:
    """Computes the presentations of an experiment.

    Statistics are estimated, if the policy asks for it, when the network is used for the first time.

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
    computed, recorded
        Number of ticks that were computed so far, each in the shape of a whole batch, and of those that were recorded:
        more than that, where conditions share states.
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
        self.computed = self.recorded = 0
        self._capture = capture(experiment.settings.device)
        self._blocks: dict[int, Blocks] = {}  # by the identity of the steps
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
        with torch.inference_mode(), exact_convolutions():
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
            The number of a batch, its activity and its logits, as `record` returns them, in any order. Where batches
            have parts in common, they are of the dtype on the disk already, unless a value does not fit it.

        Raises
        ------
        StoreError
            As `record`.
        """
        yield from self.record_tasks([task])

    def record_tasks(
        self, tasks: Iterable[Sequence[int]]
    ) -> Generator[tuple[int, dict[str, Array], Array], None, None]:
        """Compute the batches of several of `tasks`, as `record_task` does.

        A GPU is told what comes next before it is asked for what it has computed, and its next stimuli are made
        meanwhile.
        """
        experiment, size = self.experiment, self.experiment.settings.batch
        if not shares(experiment):
            for batch in itertools.chain.from_iterable(tasks):
                rows = range(batch * size, min((batch + 1) * size, experiment.presentations))
                yield batch, *self.record(rows)
            return
        if self._capture is None:
            gathered = self._gathered((task, {}) for task in tasks)
        else:
            gathered = one_later(self._gathered(made_ahead(tasks, self._stimuli)))
        for batch, found in gathered:
            whole = found.arrays()
            del found
            self.recorded += experiment.protocol.count
            yield batch, {area: whole[area] for area in experiment.areas}, whole[READOUT]
            del whole

    def _block(self, task: Sequence[int]) -> tuple[Images, dict[str, int]]:
        """The images of a task, and its batches by the name of their condition."""
        experiment, size = self.experiment, self.experiment.settings.batch
        first = task[0] % self._blocks_of_images * size
        images = experiment.selection.presented.take(range(first, first + size))
        return images, {experiment.presentation(batch * size).condition.name: batch for batch in task}

    def _stimuli(self, task: Sequence[int]) -> Mapping[Stimulus, Tensor]:
        """What is shown in a task."""
        images, batches = self._block(task)
        return self.screen.stimuli(images, (moment.shown for name in batches for moment in self._timelines[name]))

    def _gathered(
        self, tasks: Iterable[tuple[Sequence[int], Mapping[Stimulus, Tensor]]]
    ) -> Iterator[tuple[int, Gathered]]:
        """The batches of tasks by number, with what is recorded of each as it leaves the device.

        Each task comes with stimuli that are made already.
        """
        for task, made in tasks:
            images, batches = self._block(task)
            for names, blocks in self._sharing(batches):
                computing = blocks.compute(images, {name: self._timelines[name] for name in names}, made)
                before = blocks.computed
                # what holds in these contexts must not hold while the caller has the word
                while True:
                    with torch.inference_mode(), exact_convolutions():
                        found = next(computing, None)
                    self.computed, before = self.computed + blocks.computed - before, blocks.computed
                    if found is None:
                        break
                    yield batches[found[0]], found[1]

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
            assert isinstance(network, Network), "an outside network shares nothing"
            steps = self._steps_of(network)
            by_network.setdefault(id(steps), []).append(name)
            if id(steps) not in self._blocks:
                self._blocks[id(steps)] = Blocks(
                    self.screen, steps, self._record(DTYPES[self.experiment.settings.dtype])
                )
        for key, together in by_network.items():
            yield together, self._blocks[key]

    def _record(self, dtype: torch.dtype = torch.float32) -> Record:
        """An empty record, gathered in a dtype."""
        shapes = {target.area: target.shape for target in self.recordings}
        return Record(
            {**shapes, READOUT: (len(self.experiment.model.label_names),)},
            self.experiment.model.name,
            self.experiment.settings.device,
            dtype,
        )

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
        gains = experiment.protocol.gains(condition, graph).__getitem__
        noise = draws_of(experiment, experiment.selection.presented, padded)
        conditions, record = [presented.condition for presented in padded], self._record()
        if noise is None and isinstance(network, Network):
            steps = self._steps_of(network)
            inputs = self.screen.inputs(steps.engine, images, conditions)
            ticks = (values for _, values in steps.run(inputs, gains))
        else:
            runs = self._steps_of(network).engine if isinstance(network, Network) else network
            states = runs.run(self.screen.inputs(network, images, conditions), gains, disturb=noise)
            ticks = (self._taken(runs, found, tick, noise.counts if noise else {}) for tick, found in enumerate(states))
        for values in ticks:
            record.add({name: x[:number] for name, x in values.items()})
        self.computed += experiment.protocol.count
        self.recorded += experiment.protocol.count
        return record.gather(number).arrays()

    def _steps_of(self, network: Network) -> Steps:
        """The steps of a network that is made from a graph."""
        if id(network) not in self._steps:
            engine = Engine(network, self.experiment.settings.precision)
            self._steps[id(network)] = Steps(engine, partial(self._taken, engine), self._capture)
        return self._steps[id(network)]
