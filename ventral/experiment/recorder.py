"""Computing an experiment: activity and logits of some presentations."""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch

from ventral.experiment.ahead import made_ahead, one_later
from ventral.experiment.blocks import shares
from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import coordinates_of
from ventral.experiment.draws import draws_of
from ventral.experiment.experiment import Experiment
from ventral.experiment.precision import exact_convolutions
from ventral.experiment.provenance import attributes_of
from ventral.experiment.replay import Capture, capture_on
from ventral.experiment.rig import Rig
from ventral.experiment.sharing import Sharing
from ventral.model.network import Network
from ventral.store.layout import READOUT, Layout
from ventral.store.values import Array


class Recorder:
    """Computes the presentations of an experiment.

    Statistics are estimated, if the policy asks for it, when the network is used for the first time.

    Parameters
    ----------
    experiment, capture, recalibrated
        As `ventral.experiment.rig.Rig` takes them.

    Attributes
    ----------
    rig
        What computes it.
    sharing
        What computes conditions that share states; None if none do.
    recorded
        Number of ticks that were recorded so far, each in the shape of a whole batch: more than were computed, where
        conditions share states.
    """

    def __init__(
        self,
        experiment: Experiment,
        capture: Callable[[str], Capture | None] = capture_on,
        recalibrated: Mapping[str, Network] | None = None,
    ) -> None:
        self.experiment = experiment
        self.rig = Rig(experiment, capture, recalibrated)
        self.sharing = Sharing(self.rig) if shares(experiment) else None
        self.recorded = self._alone = 0

    @property
    def computed(self) -> int:
        """Number of ticks that were computed so far, each in the shape of a whole batch."""
        return self._alone + (self.sharing.computed if self.sharing else 0)

    @property
    def share(self) -> float:
        """Share of the ticks of a block of images that is computed, from 0 to 1; the rest is shared."""
        return self.sharing.share if self.sharing else 1.0

    def layout(self, command: str = "", controls: Sequence[str] = ()) -> Layout:
        """What the run will hold; `command` and `controls` as in `ventral.experiment.provenance.attributes_of`."""
        experiment = self.experiment
        return Layout(
            presentation=coordinates_of(experiment),
            time_ms=np.array(experiment.protocol.times_ms),
            recordings=self.rig.recordings,
            classes=experiment.model.label_names,
            batch=experiment.settings.batch,
            dtype=experiment.settings.dtype,
            attrs=attributes_of(experiment, command, controls),
            statistics=self.rig.statistics,
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
        return self.sharing.tasks(batches) if self.sharing else [[batch] for batch in batches]

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
        if self.sharing is None:
            for batch in itertools.chain.from_iterable(tasks):
                rows = range(batch * size, min((batch + 1) * size, experiment.presentations))
                yield batch, *self.record(rows)
            return
        if self.rig.replays:
            gathered = one_later(self.sharing.gathered(made_ahead(tasks, self.sharing.stimuli)))
        else:
            gathered = self.sharing.gathered((task, {}) for task in tasks)
        for batch, found in gathered:
            whole = found.arrays()
            del found
            self.recorded += experiment.protocol.count
            yield batch, {area: whole[area] for area in experiment.areas}, whole[READOUT]
            del whole

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
        network = self.rig.network(condition)
        gains = experiment.protocol.gains(condition, graph).__getitem__
        noise = draws_of(experiment, experiment.selection.presented, padded)
        conditions, record = [presented.condition for presented in padded], self.rig.record()
        if noise is None and isinstance(network, Network):
            steps = self.rig.steps(network)
            inputs = self.rig.screen.inputs(steps.engine, images, conditions)
            ticks = (values for _, values in steps.run(inputs, gains))
        else:
            runs = self.rig.steps(network).engine if isinstance(network, Network) else network
            states = runs.run(self.rig.screen.inputs(network, images, conditions), gains, disturb=noise)
            ticks = (
                self.rig.taken(runs, found, tick, noise.counts if noise else {}) for tick, found in enumerate(states)
            )
        for values in ticks:
            record.add({name: x[:number] for name, x in values.items()})
        self._alone += experiment.protocol.count
        self.recorded += experiment.protocol.count
        return record.gather(number).arrays()
