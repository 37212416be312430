"""How fast `simulate` computes, beside a loop of plain torch modules with the same weights.

Both make masks, encode what is shown, run every tick of every condition, and keep the sampled units of all areas and
the logits as float16. They take turns; a turn is all conditions on the same images. Nothing is written to the disk.
The loop has one `nn.Sequential` per transition, in `torch.channels_last`, and no gradients. Of each the median over
turns is printed, with the ratio to the loop; "processor" is the time that this process had a processor, which other
processes disturb less. Then how far the numbers are from the loop's.

    python benchmarks/simulate.py
    python benchmarks/simulate.py --models family/full-0 A/model.safetensors --protocols rsvp --threads 2 --rounds 5
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

import ventral
from ventral.experiment.experiment import Experiment
from ventral.experiment.recorder import Recorder
from ventral.experiment.settings import PRECISIONS, Settings
from ventral.experiment.sites import sites_of
from ventral.model.network import Network

Numbers = list[dict[str, np.ndarray]]  # by batch, by area and "readout", float16, (presentation, time, unit)


class Loop:
    """The plain loop: a network of fixed statistics as torch modules.

    Parameters
    ----------
    experiment
        What is recorded.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.recorder = Recorder(experiment)
        self.experiment = experiment
        network = experiment.model.network
        assert isinstance(network, Network)
        assert network.graph.statistics == "fixed"
        self.network = network
        self.edges = {edge.name: self._transition(edge).eval() for edge in network.graph.edges}
        for module in self.edges.values():
            module.to(memory_format=torch.channels_last)
        self.sites = {area: torch.as_tensor(sites_of(experiment, area)) for area in experiment.areas}

    def _transition(self, edge: ventral.Transition) -> nn.Sequential:
        parts: list[nn.Module] = []
        for i, stage in enumerate(self.network.graph.stages(edge)):
            norm = self.network.inner_norms[f"{edge.name}/{i}"] if i else self.network.area_norms[edge.source]
            batch_norm = nn.BatchNorm2d(stage.inward, affine=False)
            batch_norm.running_mean, batch_norm.running_var = norm.mean[0].clone(), norm.variance[0].clone()
            kind = nn.ConvTranspose2d if stage.transposed else nn.Conv2d
            more = {"output_padding": stage.stride - 1} if stage.transposed else {}
            convolution = kind(stage.inward, stage.outward, 3, stage.stride, 1, **more)
            convolution.load_state_dict(self.network.kernels.at(edge.name, i, 0).state_dict())
            parts += [batch_norm, nn.ReLU(), convolution]
        return nn.Sequential(*parts)

    def record(self, rows: range) -> dict[str, np.ndarray]:
        """The units and logits of some presentations of one condition."""
        experiment, graph = self.experiment, self.network.graph
        presented = [experiment.presentation(row) for row in rows]
        images = experiment.selection.presented.take([each.image for each in presented])
        inputs = self.recorder.rig.screen.inputs(self.network, images, [each.condition for each in presented])
        count = experiment.protocol.count
        units = {a: torch.full((len(rows), count, len(s)), torch.nan).half() for a, s in self.sites.items()}
        units["readout"] = torch.full((len(rows), count, graph.classes), torch.nan).half()
        states: dict[str, Tensor] = {}
        for tick, entering in enumerate(inputs):
            after: dict[str, Tensor] = {}
            for edge in graph.edges:
                if edge.source in states:
                    part = self.edges[edge.name](states[edge.source])
                    after[edge.target] = after[edge.target] + part if edge.target in after else part
            after[graph.entry] = after[graph.entry] + entering if graph.entry in after else entering
            states = after
            for area, state in states.items():
                units[area][:, tick] = state.flatten(1)[:, self.sites[area]].half()
            if graph.readout in states:
                units["readout"][:, tick] = self.network.readout(states, tick).half()
        return {name: values.numpy() for name, values in units.items()}

    def __call__(self) -> Numbers:
        """Every batch of the experiment."""
        size, count = self.experiment.settings.batch, self.experiment.presentations
        with torch.no_grad():
            return [self.record(range(start, start + size)) for start in range(0, count, size)]


def recorded(recorder: Recorder) -> Numbers:
    """Every batch of an experiment, as `simulate` computes it and hands it to the disk."""
    size, count = recorder.experiment.settings.batch, recorder.experiment.presentations
    batches: dict[int, dict[str, np.ndarray]] = {}
    for task in recorder.tasks(range(count // size)):
        for batch, activity, logits in recorder.record_task(task):
            batches[batch] = {name: x.astype(np.float16) for name, x in {**activity, "readout": logits}.items()}
    return [batches[batch] for batch in sorted(batches)]


def compare(ours: Numbers, theirs: Numbers) -> str:
    """How far two sets of numbers are apart, in words."""
    logits, others = (np.concatenate([batch["readout"] for batch in each]).astype(float) for each in (ours, theirs))
    assert np.array_equal(np.isnan(logits), np.isnan(others))
    known = ~np.isnan(others).all((0, 2))
    same = logits[:, known].argmax(2) == others[:, known].argmax(2)
    errors = []
    for area in ours[0]:
        a, b = (np.concatenate([batch[area] for batch in each]).astype(float) for each in (ours, theirs))
        errors.append(f"{area} {100 * np.sqrt(np.nanmean((a - b) ** 2) / np.nanmean(b**2)):.2g} %")
    return (
        f"logits differ by at most {np.nanmax(abs(logits - others)):.2g} of {np.nanmax(abs(others)):.3g}, decisions "
        f"are the same in {100 * same.mean():.2f} %, at all times in {100 * same.all(1).mean():.1f} %; "
        f"root mean square of differences: {', '.join(errors)}"
    )


def clocked(compute: Callable[[], Numbers]) -> tuple[float, float, Numbers]:
    """Seconds on the clock and on processors, and the numbers."""
    start, used = time.perf_counter(), time.process_time()
    numbers = compute()
    return time.perf_counter() - start, time.process_time() - used, numbers


def measure(model: str, protocol: str, data: str, images: int, batch: int, threads: int, rounds: int) -> None:
    """Time one model under one protocol and print what was found."""
    torch.set_num_threads(threads)
    network, script = ventral.load_model(model), ventral.load_protocol(protocol)
    selection = ventral.select_images(data, "test", images, pool=True, others=6)
    settings = {name: Settings(batch=batch, precision=name) for name in PRECISIONS}
    plain = Loop(Experiment(network, script, selection, settings["float32"]))
    computing: dict[str, Callable[[], Numbers]] = {"plain loop": plain}
    for name, how in settings.items():
        experiment = Experiment(network, script, selection, how)
        # a new one each time, since it remembers what was grey
        computing[name] = lambda experiment=experiment: recorded(Recorder(experiment))  # type: ignore[misc]
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in computing}
    found: dict[str, Numbers] = {}
    for turn in range(rounds + 1):
        for name, compute in computing.items():
            clock, used, found[name] = clocked(compute)
            if turn:  # the first warms up
                seconds[name].append((clock, used))
    count = plain.experiment.presentations
    print(f"{model}, {protocol}: {count} presentations of {script.count} ticks, {threads} threads, {rounds} rounds")
    loop = [median(column) for column in zip(*seconds["plain loop"], strict=True)]
    for name, times in seconds.items():
        clock, used = (median(column) for column in zip(*times, strict=True))
        print(
            f"  {name:10s} {count / clock:6.0f} presentations/s, {loop[0] / clock:.2f} times the loop; "
            f"processor {loop[1] / used:.2f} times"
        )
    for name in PRECISIONS:
        print(f"  {name}: {compare(found[name], found['plain loop'])}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["family/full-0"])
    parser.add_argument("--protocols", nargs="+", default=["backward-mask", "rsvp"])
    parser.add_argument("--data", default="shapes", help="images; cifar10 or a path of CIFAR-10")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--batch", type=int, default=100, help="divides the images")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for model in given.models:
        for protocol in given.protocols:
            for threads in given.threads:
                measure(model, protocol, given.data, given.images, given.batch, threads, given.rounds)


if __name__ == "__main__":
    main()
