"""Recording an experiment: a network, a protocol and images make a run on disk.

The unit of work is a shard of consecutive presentations. Each is computed in batches of one fixed shape, padded where
it is short, so that a presentation's numbers do not depend on what else is recorded.
"""

import copy
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ventral.clock import MS_PER_TICK, to_ms
from ventral.errors import DataError, ProtocolError, StoreError, UsageError, choose
from ventral.experiment.condition import Condition
from ventral.experiment.coordinates import as_columns
from ventral.experiment.events import Frame, Stimulus
from ventral.experiment.noise import Noise, Trials
from ventral.experiment.protocol import Protocol
from ventral.experiment.run import Run, open_run
from ventral.model.checkpoint import Model, load_model
from ventral.model.layers import Normalisation
from ventral.model.network import Network
from ventral.seeds import stream
from ventral.stimuli.degradations import changed, check_change
from ventral.stimuli.images import Images
from ventral.stimuli.masks import INTACT, MASKS, make_masks, pool_positions
from ventral.stimuli.regions import region
from ventral.stimuli.selection import Selection
from ventral.store.layout import Layout, Recording
from ventral.store.writer import Writer, check_space

RECORDS = ("units", "maps", "channels")
POLICIES = ("frozen", "recalibrated")
BEYOND = ("refuse", "held")
CALIBRATION = 200  # images from which statistics are re-estimated, in every condition
LARGEST = 2000  # presentations, at most, that are re-estimated from together
LEAST = 0.01  # of the variance in training, below which re-estimated variance counts as this
COUNTS = 2048  # whole numbers to here are exact in float16
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """How an experiment is recorded.

    Parameters
    ----------
    areas
        Which to record, all if empty.
    record
        "units": some sites of each area, drawn once; "maps": every channel and place; "channels": means over places.
    units
        Sites per area with "units", or all where there are fewer.
    dtype
        "float16" or "float32", on disk.
    batch
        Presentations computed and written together.
    policy
        Which normalisation statistics: "frozen", those of training; or "recalibrated", estimated anew without labels
        under the run's own conditions, pooled over them at each tick.
    beyond_horizon
        Past the last normalisation statistics: "refuse", or "held" to use the last.
    repeats
        How often each image is presented in each condition; more than once needs noise.
    noise
        That differs from one presentation to the next; None for a deterministic network.
    seed
        Addresses recorded sites, masks and noise.
    device
        Where the network runs.
    """

    areas: tuple[str, ...] = ()
    record: str = "units"
    units: int = 1024
    dtype: str = "float16"
    batch: int = 100
    policy: str = "frozen"
    beyond_horizon: str = "refuse"
    repeats: int = 1
    noise: Noise | None = None
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for what, kind, choices in (
            ("record", "kind of record", RECORDS),
            ("dtype", "dtype", ("float16", "float32")),
            ("policy", "policy", POLICIES),
            ("beyond_horizon", "policy beyond the horizon", BEYOND),
        ):
            object.__setattr__(self, what, choose(kind, getattr(self, what), choices))
        for what in ("batch", "units", "repeats"):
            if getattr(self, what) < 1:
                raise UsageError(f"{what} is {getattr(self, what)}; give a whole number from 1.")
        if self.repeats > 1 and self.noise is None:
            raise UsageError(
                f"without noise all {self.repeats} repeats of an image would be the same; give noise (--noise "
                "gaussian:0.5) or one repeat."
            )


@dataclass(frozen=True, eq=False)
class Experiment:
    """A network, a protocol, images and settings, checked against each other before anything is computed.

    Parameters
    ----------
    model
        The network, with its preprocessing.
    protocol
        Conditions, each shown to every image.
    selection
        The images presented; a pool, if the protocol has masks or other images; images for calibration, if statistics
        are to be recalibrated.
    settings
        How it is recorded.

    Raises
    ------
    ProtocolError
        If the protocol outlasts the statistics, or asks for what the drive cannot give; or if statistics are to be
        pooled over conditions in which different areas are present.
    DataError
        If the images do not fit the network.
    """

    model: Model
    protocol: Protocol
    selection: Selection
    settings: Settings = Settings()

    def __post_init__(self) -> None:
        graph, settings = self.model.graph, self.settings
        for names in (settings.areas, settings.noise.areas if settings.noise else ()):
            self._areas(names)
        last = to_ms(self.protocol.count - 1)
        frozen = settings.policy == "frozen"
        what, limit = limit_of(self.model, settings.policy)
        if limit is not None and last > limit and settings.beyond_horizon == "refuse":
            raise ProtocolError(
                f"the protocol runs for {last} ms, but {self.model.name} has {what} only to {limit} ms; end "
                "earlier (--set end_ms=...) or hold the last (--beyond-horizon held)."
            )
        for condition in self.protocol.conditions:
            self.protocol.entering(condition, graph)
            self.protocol.gains(condition, graph)
        check_stimuli(self.protocol)
        for stimulus in self.protocol.made():
            if self.selection.pool is None:
                raise DataError(
                    f"{stimulus} is made from images that are not presented; present fewer (--images) or give a pool."
                )
        size = graph[graph.entry].size
        if tuple(self.selection.presented.pixels.shape[1:]) != (graph.colours, size, size):
            raise DataError(f"{self.model.name} takes images of {size}x{size}; load them with size={size}.")
        if not len(self.selection.presented):
            raise DataError("there are no images to present.")
        if twice := sorted(
            {name for c in self.protocol.conditions for name in c.coordinates()}
            & {*self.selection.presented.coordinates}
        ):
            raise ProtocolError(
                f"{twice[0]} is a parameter of the conditions and one of the images of "
                f"{self.selection.presented.name}; give the conditions' another name."
            )
        if not frozen:
            self._check_calibration()

    def _check_calibration(self) -> None:
        if self.selection.calibration is None or not len(self.selection.calibration):
            raise DataError("recalibrated statistics are estimated from images that are not presented; give some.")
        first, *others = self.protocol.conditions
        for other in others:
            if self.protocol.inputs(other, self.model.graph) != self.protocol.inputs(first, self.model.graph):
                raise ProtocolError(
                    f"recalibrated statistics are pooled over conditions, but something enters at other times in "
                    f"{other.name} than in {first.name}; use grey gaps and a model with sustained drive, or frozen."
                )

    @cached_property
    def network(self) -> Network:
        """The model's network, with the statistics that the settings ask for."""
        if self.settings.policy == "frozen":
            return self.model.network
        network = copy.deepcopy(self.model.network)
        network.hold_beyond_horizon(self.settings.beyond_horizon == "held")
        before = {
            name: norm.variance.clone() for name, norm in network.named_modules() if isinstance(norm, Normalisation)
        }
        network.forget_statistics(to_ms(self.protocol.count - 1))
        for name, norm in network.named_modules():
            if isinstance(norm, Normalisation):
                rows = [min(row, len(before[name]) - 1) for row in range(len(norm.variance))]
                norm.least = LEAST * before[name][rows].nan_to_num(0)
        gains = self._calibrating_gains()
        assert self.selection.calibration is not None
        ids, conditions = self.selection.calibration.stimulus_ids, self.protocol.conditions
        noise = self._trials([(stimulus, condition, 0) for condition in conditions for stimulus in ids])
        network.estimate_statistics(self._calibrating(network), gains.__getitem__, noise)
        return network

    def _calibrating(self, network: Network) -> Iterator[Tensor | None]:
        """What enters at each tick, and once more, for the calibration images under every condition."""
        assert self.selection.calibration is not None
        images, graph = self.selection.calibration, self.model.graph
        shown = [[(f, c.combine) for f in self.protocol.entering(c, graph)] for c in self.protocol.conditions]
        kinds = list(dict.fromkeys(what for frames in shown for what in frames if what[0]))
        # All at once, for a pre-net that normalises by what it sees.
        parts = network.encode(torch.cat([self._pixels(*kind, images) for kind in kinds])).split(len(images))
        encoded = dict(zip(kinds, parts, strict=True))
        last: Tensor | None = None
        for tick in range(self.protocol.count):
            now = [frames[tick] for frames in shown]
            last = torch.cat([encoded[what] for what in now]) if now[0][0] else None
            yield last
        yield last  # one tick more, for the transitions out of the last

    def _calibrating_gains(self) -> list[Mapping[str, float | Tensor]]:
        """Scales of transitions at each tick, for the same rows."""
        assert self.selection.calibration is not None
        number = len(self.selection.calibration)
        tables = [self.protocol.gains(condition, self.model.graph) for condition in self.protocol.conditions]
        gains: list[Mapping[str, float | Tensor]] = []
        for tick in range(self.protocol.count):
            names = sorted({name for table in tables for name in table[tick]})
            scales = {n: torch.tensor([table[tick].get(n, 1.0) for table in tables]) for n in names}
            device = self.settings.device
            gains.append({n: x.repeat_interleave(number).to(device)[:, None, None, None] for n, x in scales.items()})
        return gains

    @cached_property
    def statistics(self) -> dict[str, Array]:
        """Recalibrated mean and variance of every normalisation by name, (tick, channel); empty if frozen."""
        if self.settings.policy == "frozen":
            return {}
        return {name: buffer.cpu().numpy() for name, buffer in self.network.named_buffers()}

    @property
    def areas(self) -> tuple[str, ...]:
        """The recorded areas, in the order of the graph."""
        return self._areas(self.settings.areas)

    @property
    def noisy(self) -> tuple[str, ...]:
        """The areas that have noise, likewise."""
        return () if self.settings.noise is None else self._areas(self.settings.noise.areas)

    def _areas(self, names: Sequence[str]) -> tuple[str, ...]:
        """Areas by name, all if none is named, in the order of the graph."""
        known = [area.name for area in self.model.graph.areas]
        wanted = {choose("area", name, known) for name in names} or set(known)
        return tuple(name for name in known if name in wanted)

    @property
    def presentations(self) -> int:
        """Images times repeats times conditions."""
        return len(self.selection.presented) * self.settings.repeats * len(self.protocol.conditions)

    def sites(self, area: str) -> Array:
        """Recorded sites of an area, sorted positions in its flattened (channel, y, x)."""
        shape = self.model.graph[area]
        total = shape.channels * shape.size**2
        count = min(self.settings.units, total)
        chosen = stream("sites", self.settings.seed, area, total).choice(total, count, replace=False)
        return np.sort(chosen)

    def recording(self, area: str) -> Recording:
        """What is recorded of an area, and where."""
        shape = self.model.graph[area]
        whole = (shape.channels, shape.size, shape.size)
        arrival = self.model.graph.arrival_ms[area]
        attrs = {"arrival_ms": arrival, "recorded": "state", "identity_gain": shape.identity, "shape": list(whole)}
        noise = self.settings.noise
        if noise and noise.kind == "poisson" and area in self.noisy:
            attrs |= {"recorded": "count", "counts_per_rate": noise.level}
        if self.settings.record == "units":
            sites = self.sites(area)
            places = dict(zip(("channel", "y", "x"), np.unravel_index(sites, whole), strict=True))
            return Recording(area, ("unit",), (len(sites),), places, attrs)
        axes = {"channel": np.arange(shape.channels), "y": np.arange(shape.size), "x": np.arange(shape.size)}
        if self.settings.record == "channels":
            return Recording(area, ("channel",), whole[:1], {"channel": axes["channel"]}, attrs)
        return Recording(area, ("channel", "y", "x"), whole, axes, attrs)

    def coordinates(self) -> dict[str, Array]:
        """Every coordinate along presentation; conditions follow one another, each with its repeats of all images."""
        images, conditions, repeats = self.selection.presented, self.protocol.conditions, self.settings.repeats
        times, each = len(conditions) * repeats, len(self.selection.presented) * repeats
        labels = np.array(images.label_names, dtype=object)[images.labels]
        columns: dict[str, Array] = {
            "image": np.tile(images.index, times),
            "stimulus_id": np.tile(np.array(images.stimulus_ids, dtype=object), times),
            "label": np.tile(images.labels, times),
            "label_name": np.tile(labels, times),
            "condition": np.repeat(np.array([c.name for c in conditions], dtype=object), each),
        }
        if repeats > 1:
            columns["repeat"] = np.tile(np.repeat(np.arange(repeats), len(images)), len(conditions))
        for name, values in as_columns([condition.coordinates() for condition in conditions]).items():
            columns[name] = np.repeat(values, each)
        columns |= self._others()
        for name, values in images.coordinates.items():
            columns[name] = np.tile(values, times)
        return columns

    def _others(self) -> dict[str, Array]:
        """Label and name of the intact images of the pool that are shown too, (presentation,); empty where none is."""
        images, columns = self.selection.presented, dict[str, Array]()
        shown = np.array([self.condition(p).name for p in range(0, self.presentations, len(images))], dtype=object)
        for what in (what for what in self.protocol.made() if what.kind in INTACT):
            assert self.selection.pool is not None
            picked = pool_positions(
                what.kind, images.stimulus_ids, images.labels, self.selection.pool, self.settings.seed, what.exemplar
            )
            name = f"{what.role}_{what.exemplar}" if what.exemplar else what.role
            ids = np.array(self.selection.pool.stimulus_ids, dtype=object)[picked]
            columns.setdefault(f"{name}_label", np.full(self.presentations, np.nan))
            columns.setdefault(f"{name}_stimulus_id", np.full(self.presentations, "", dtype=object))
            there = {c.name for c in self.protocol.conditions if any(event.what == what for event in c.events)}
            for block in np.flatnonzero([condition in there for condition in shown]):
                rows = slice(block * len(images), (block + 1) * len(images))
                columns[f"{name}_label"][rows] = self.selection.pool.labels[picked]
                columns[f"{name}_stimulus_id"][rows] = ids
        return columns

    def identity(self) -> dict[str, Any]:
        """All that decides the numbers, for the run's key."""
        settings, graph = self.settings, self.model.graph
        return {
            "model": self.model.name,
            "weights": self.model.sha256,
            "graph": json.loads(graph.to_json()),
            "protocol": json.loads(self.protocol.to_json()),
            "images": {
                "name": self.selection.presented.name,
                "split": self.selection.presented.split,
                "fingerprint": self.selection.presented.fingerprint,
            },
            "pool": self.selection.pool.fingerprint
            if self.selection.pool is not None and self.protocol.made()
            else None,
            "seed": settings.seed,
            "drive": graph.drive,
            "statistics": settings.policy,
            "calibration": self.selection.calibration.fingerprint
            if self.selection.calibration and settings.policy != "frozen"
            else None,
            "beyond_horizon": settings.beyond_horizon,
            "repeats": settings.repeats,
            "noise": None if settings.noise is None else str(settings.noise),
            "record": settings.record,
            "units": settings.units,
            "device": device_name(settings.device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    def layout(self, command: str = "", control: str = "") -> Layout:
        """What the run will hold."""
        attrs = {
            "identity": self.identity(),
            "protocol": self.protocol.to_json(),
            "graph": self.model.graph.to_json(),
            "model": self.model.name,
            "weights_sha256": self.model.sha256,
            "data": self.selection.presented.name,
            "split": self.selection.presented.split,
            "seed": self.settings.seed,
            "drive": self.model.graph.drive,
            "statistics": self.settings.policy,
            "beyond_horizon": self.settings.beyond_horizon,
            "repeats": self.settings.repeats,
            "noise": str(self.settings.noise or "none"),
            "record": self.settings.record,
            "ms_per_tick": MS_PER_TICK,
            "readout": self.model.graph.readout,
            "readout_ms": list(self.protocol.readout_ms),
            "versions": {
                "ventral": metadata.version("ventral"),
                "torch": torch.__version__,
                **{name: metadata.version(name) for name in ("numpy", "xarray", "zarr")},
                "python": platform.python_version(),
            },
        }
        attrs |= {name: text for name, text in (("command", command), ("control", control)) if text}
        return Layout(
            presentation=self.coordinates(),
            time_ms=np.array(self.protocol.times_ms),
            recordings=tuple(self.recording(area) for area in self.areas),
            classes=self.model.label_names,
            batch=self.settings.batch,
            dtype=self.settings.dtype,
            attrs=attrs,
            statistics=self.statistics,
        )

    def groups(self, presentations: Sequence[int]) -> list[tuple[list[int], Condition]]:
        """Positions within a shard that share presence and interventions, with one condition of each group."""
        graph = self.model.graph
        found: dict[str, tuple[list[int], Condition]] = {}
        for position, presentation in enumerate(presentations):
            condition = self.condition(presentation)
            kind = str((self.protocol.inputs(condition, graph), self.protocol.gains(condition, graph)))
            found.setdefault(kind, ([], condition))[0].append(position)
        return list(found.values())

    def condition(self, presentation: int) -> Condition:
        """The condition of a presentation."""
        return self.protocol.conditions[presentation // (len(self.selection.presented) * self.settings.repeats)]

    def _trials(self, presented: Sequence[tuple[str, Condition, int]]) -> Trials | None:
        """The noise of presentations, each a stimulus id, a condition and a repeat; None if there is none."""
        if self.settings.noise is None:
            return None
        contents = {c.name: json.dumps(c.content, sort_keys=True) for c in self.protocol.conditions}
        seed = self.settings.seed
        keys = [f"{seed}/{stimulus}/{contents[condition.name]}/{repeat}" for stimulus, condition, repeat in presented]
        return Trials(self.settings.noise, self.noisy, keys)

    def record(self, presentations: Sequence[int]) -> tuple[dict[str, Array], Array]:
        """Compute a shard.

        Returns
        -------
        dict, array
            Activity of each area, (presentation, time, ...), and logits, (presentation, time, class); float32, NaN
            where an area is absent.
        """
        recordings = {area: self.recording(area) for area in self.areas}
        time = self.protocol.count
        activity = {
            area: np.full((len(presentations), time, *one.shape), np.nan, np.float32)
            for area, one in recordings.items()
        }
        logits = np.full((len(presentations), time, len(self.model.label_names)), np.nan, np.float32)
        network, graph = self.network, self.model.graph
        network.hold_beyond_horizon(self.settings.beyond_horizon == "held")
        sites = {area: torch.as_tensor(self.sites(area)) for area in self.areas if self.settings.record == "units"}
        for rows, condition in self.groups(presentations):
            gains = self.protocol.gains(condition, graph)
            padded = [presentations[rows[min(i, len(rows) - 1)]] for i in range(self.settings.batch)]
            with torch.inference_mode():
                images = self.selection.presented.take([p % len(self.selection.presented) for p in padded])
                under = [self.condition(p) for p in padded]
                repeats = [p // len(self.selection.presented) % self.settings.repeats for p in padded]
                noise = self._trials(list(zip(images.stimulus_ids, under, repeats, strict=True)))
                inputs = self._inputs(network, images, under)
                run = network.run(inputs, gains.__getitem__, disturb=noise)
                for tick, states in enumerate(run):
                    counts = noise.counts if noise else {}
                    for area in self.areas:
                        if area in states:
                            kept = self._kept(counts.get(area, states[area])[: len(rows)], sites.get(area))
                            if area in counts:
                                self._check_exact(kept, area)
                            activity[area][rows, tick] = self._finite(kept, area, tick).float().cpu().numpy()
                    if graph.readout in states:
                        logits[rows, tick] = network.readout(states, tick)[: len(rows)].float().cpu().numpy()
        return activity, logits

    def _kept(self, state: Tensor, sites: Tensor | None) -> Tensor:
        if self.settings.record == "channels":
            return state.mean(dim=(2, 3))
        return state if sites is None else state.flatten(1)[:, sites.to(state.device)]

    def _check_exact(self, counts: Tensor, area: str) -> None:
        if self.settings.dtype == "float16" and self.settings.record != "channels" and counts.max() > COUNTS:
            raise StoreError(
                f"{area} has counts of {counts.max():g}; float16 is exact to {COUNTS}, so record float32 (--dtype "
                "float32) or fewer spikes."
            )

    def _finite(self, kept: Tensor, area: str, tick: int) -> Tensor:
        if not kept.isfinite().all():
            raise StoreError(
                f"{area} is not finite {to_ms(tick)} ms after the network's start; {self.model.name} diverges or lacks "
                "statistics there, so end earlier (--set end_ms=...)."
            )
        return kept

    def _inputs(self, network: Network, images: Images, conditions: Sequence[Condition]) -> Iterator[Tensor | None]:
        """What enters at each tick for a batch of images, each under its condition, that share presence."""
        entering = {c.name: self.protocol.entering(c, network.graph) for c in conditions}
        encoded: dict[tuple[Frame, str], Tensor] = {}
        for tick in range(self.protocol.count):
            shown = [(entering[c.name][tick], c.combine) for c in conditions]
            if not shown[0][0]:
                yield None
                continue
            kinds = list(dict.fromkeys(shown))
            for kind in kinds:
                if kind not in encoded:
                    encoded[kind] = network.encode(self._pixels(*kind, images))
            mixed = encoded[kinds[0]]
            for kind in kinds[1:]:
                here = torch.tensor([what == kind for what in shown], device=mixed.device)
                mixed = torch.where(here[:, None, None, None], encoded[kind], mixed)
            yield mixed

    def _pixels(self, frame: Frame, combine: str, images: Images) -> Tensor:
        """What is on the screen for each image of a batch, mean-subtracted; the stimuli of a frame over one another."""
        seen = torch.zeros(images.pixels.shape, device=self.settings.device)
        for stimulus in frame:
            if stimulus.role != "blank":
                shown = self.model.preprocessing(self._made(stimulus, images).to(self.settings.device))
                shown = self._displayed(seen + shown) if combine == "add" else shown
                where = region(stimulus.kind, images.pixels.shape[-1], stimulus.changes)
                seen = shown if where is None else torch.where(where.to(seen.device), shown, seen)
        return seen

    def _displayed(self, seen: Tensor) -> Tensor:
        """What a screen can show, from black to white, of a mean-subtracted image."""
        ends = torch.tensor([0, 255], dtype=torch.uint8, device=seen.device).view(2, 1, 1, 1).expand(2, 3, 1, 1)
        black, white = self.model.preprocessing(ends).unsqueeze(1)
        return seen.clamp(black, white)

    def _made(self, stimulus: Stimulus, images: Images) -> Tensor:
        """A stimulus for each image of a batch, uint8."""
        pixels, ids, seed = images.pixels, images.stimulus_ids, self.settings.seed
        if stimulus.role != "target" and stimulus.kind != "target":
            assert self.selection.pool is not None
            pixels = make_masks(stimulus.kind, ids, images.labels, self.selection.pool, seed, stimulus.exemplar)
        if stimulus.changes:
            mean = np.array(self.model.preprocessing.mean) * 255
            pixels = changed(pixels, ids, stimulus.changes, mean, seed)
        return pixels


def check_stimuli(protocol: Protocol) -> None:
    """Refuse kinds of masks and images, and changes of them, that there are not."""
    for stimulus in protocol.stimuli():
        if stimulus.role in ("mask", "image"):
            choose("mask" if stimulus.role == "mask" else "kind of image", stimulus.kind, MASKS)
        for change in stimulus.changes:
            check_change(change.how, change.amount)


def limit_of(model: Model, policy: str) -> tuple[str, int | None]:
    """What a network has only up to some time, and that time in ms; None if it can go on for ever."""
    if policy == "frozen":
        return "normalisation statistics", model.statistics_horizon_ms
    return "weights per tick", model.graph.readout_ms[-1] if model.graph.learns_per_tick else None


def device_name(device: str) -> str:
    """What computes, as far as it decides the last bits: the kind of device and, for a GPU, its model."""
    kind = torch.device(device).type
    return f"{kind}: {torch.cuda.get_device_name(device)}" if kind == "cuda" else kind


def simulate(
    model: Model | str | Path,
    protocol: Protocol,
    selection: Selection,
    out: str | Path,
    settings: Settings | None = None,
    command: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Run:
    """Record an experiment, or go on with one that was interrupted.

    Parameters
    ----------
    model
        A model, or what `load_model` takes.
    protocol
        Conditions, each shown to every image.
    selection
        The images, as `ventral.stimuli.selection.select_images` chooses them.
    out
        Folder of the run; if it holds part of the same run, the rest is recorded.
    settings
        How it is recorded.
    command
        The command that makes the run, kept with it.
    progress
        Called with the number of shards done and their total, first before any is computed.

    Returns
    -------
    Run
        The complete run, opened.

    Raises
    ------
    StoreError
        If `out` holds something else, or the disk cannot hold the run.
    """
    settings = settings or Settings()
    if not isinstance(model, Model):
        model = load_model(model, settings.device)
    experiment = Experiment(model, protocol, selection, settings)
    return record(experiment, out, command, progress=progress)


def record(
    experiment: Experiment,
    out: str | Path,
    command: str = "",
    control: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Run:
    """Record an experiment that is described already, or go on with it; see `simulate`.

    Parameters
    ----------
    control
        Name of another run in the same folder that differs in its statistics only, kept with it for the analyses.
    """
    layout = experiment.layout(command, control)
    check_space(out, layout)
    with Writer.open(out, layout) as writer:
        pending = writer.pending
        progress(layout.batches - len(pending), layout.batches)
        for done, batch in enumerate(pending, start=1):
            rows = writer.batch_slice(batch)
            activity, logits = experiment.record(range(rows.start, rows.stop))
            writer.write(batch, activity, logits)
            progress(layout.batches - len(pending) + done, layout.batches)
    return open_run(out)


def calibration_count(protocol: Protocol) -> int:
    """Number of images from which statistics are re-estimated in each condition: fewer where conditions are many."""
    return max(10, min(CALIBRATION, LARGEST // len(protocol.conditions)))
