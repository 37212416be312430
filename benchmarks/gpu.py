"""How fast `simulate` computes on a GPU: replaying steps, computing them one operation at a time, and a plain loop.

The loop has one `nn.Sequential` per transition in `torch.channels_last` (see `simulate.py` here), keeps its numbers on
the GPU until a condition is done, and makes and encodes each stimulus once for a block of images, as the engine does;
in bfloat16 it uses `torch.autocast`. All take turns on the same images. The first turn also folds kernels and captures
steps, and is printed apart; of the others the median is printed, with the ratio to the loop of the same precision.
Then how far the numbers are apart, on this GPU and from those of the processor; the most memory; and the time of a run
that is written to the disk, beside computing alone. Whatever fails prints its traceback, and the rest goes on.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --data cifar10 --images 1000 --batch 500 --models cifar10
    python benchmarks/gpu.py --device cpu --images 8 --batch 4 --rounds 1 --models family/full-0   # tries the script
"""

import argparse
import contextlib
import time
import traceback
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from simulate import Loop, Numbers, compare
from torch import Tensor

import ventral
from ventral.experiment.experiment import Experiment
from ventral.experiment.precision import exact_convolutions
from ventral.experiment.recorder import Recorder
from ventral.experiment.replay import capture_on
from ventral.experiment.settings import PRECISIONS, Settings
from ventral.stimuli.selection import Selection

ROOT = Path(__file__).parents[1]
ENOUGH_S = 190.0  # after which no further part begins
START = time.perf_counter()


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """A part of the benchmark, whose errors do not end the others."""
    print(f"\n# {name} (after {time.perf_counter() - START:.0f} s)", flush=True)
    try:
        yield
    except Exception:
        print(traceback.format_exc(), flush=True)


class DeviceLoop(Loop):
    """The plain loop on a device: each stimulus is made and encoded once for a block of images."""

    def __init__(self, experiment: Experiment, precision: str) -> None:
        super().__init__(experiment)
        self.device, self.precision = experiment.settings.device, precision
        self.sites = {area: sites.to(self.device) for area, sites in self.sites.items()}
        for module in self.edges.values():
            module.to(self.device)

    def __call__(self) -> Numbers:
        """Every batch of the experiment, in order."""
        size, conditions = self.experiment.settings.batch, self.experiment.protocol.conditions
        images = self.experiment.selection.presented
        kind = torch.device(self.device).type
        rounded = torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bfloat16")
        found: list[list[dict[str, np.ndarray]]] = [[] for _ in conditions]
        with torch.no_grad(), exact_convolutions(), rounded:
            for start in range(0, len(images), size):
                block = images.take(range(start, start + size))
                encoded: dict[object, Tensor] = {}
                for condition, blocks in zip(conditions, found, strict=True):
                    shown = self.recorder.rig.screen.shown(condition)
                    for each in shown:
                        if each.frame and each not in encoded:
                            encoded[each] = self.network.encode(self.recorder.rig.screen.pixels(each, block))
                    blocks.append(self.run([encoded.get(each) for each in shown]))
        return [batch for blocks in found for batch in blocks]

    def run(self, inputs: list[Tensor | None]) -> dict[str, np.ndarray]:
        """The units and logits of a block of images in a condition."""
        graph, size, count = self.network.graph, self.experiment.settings.batch, len(inputs)
        shapes = {**{area: len(sites) for area, sites in self.sites.items()}, "readout": graph.classes}
        units = {
            name: torch.full((size, count, width), torch.nan, dtype=torch.float16, device=self.device)
            for name, width in shapes.items()
        }
        states: dict[str, Tensor] = {}
        for tick, entering in enumerate(inputs):
            after: dict[str, Tensor] = {}
            for edge in graph.edges:
                if edge.source in states:
                    added = self.edges[edge.name](states[edge.source])
                    after[edge.target] = after[edge.target] + added if edge.target in after else added
            if entering is not None:
                after[graph.entry] = after[graph.entry] + entering if graph.entry in after else entering
            states = after
            for area, state in states.items():
                units[area][:, tick] = state.flatten(1)[:, self.sites[area]].half()
            if graph.readout in states:
                units["readout"][:, tick] = self.network.readout(states, tick).half()
        return {name: values.cpu().numpy() for name, values in units.items()}


def numbers_of(recorder: Recorder, batches: int) -> Numbers:
    """Every batch of an experiment, as it is handed to the writer, in float16."""
    found: dict[int, dict[str, np.ndarray]] = {}
    for batch, activity, logits in recorder.record_tasks(recorder.tasks(range(batches))):
        found[batch] = {**activity, "readout": logits}
    return [{name: x.astype(np.float16) for name, x in found[batch].items()} for batch in sorted(found)]


def consumed(recorder: Recorder, batches: int) -> None:
    """Compute every batch and let go of it, as a run without a disk would."""
    for _ in recorder.record_tasks(recorder.tasks(range(batches))):
        pass


def seconds(compute: Callable[[], object]) -> float:
    """Time that something takes, until the GPU has done it."""
    start = time.perf_counter()
    compute()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_mb(compute: Callable[[], object]) -> tuple[float, float]:
    """Most memory of the GPU that tensors have, and that torch holds, while something is computed, in MB."""
    if not torch.cuda.is_available():
        return 0.0, 0.0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    compute()
    return torch.cuda.max_memory_allocated() / 1e6, torch.cuda.max_memory_reserved() / 1e6


@cache
def images_of(data: str, count: int) -> Selection:
    """Images to present, and a pool for masks."""
    return ventral.select_images(data, "test", count, pool=True)


def experiment_of(model: str, given: argparse.Namespace, precision: str, images: int, device: str) -> Experiment:
    """Backward masking with its default times."""
    protocol = ventral.load_protocol(str(ROOT / "protocols" / "backward_mask.py"))
    selection = images_of(given.data, images)
    how = Settings(batch=min(given.batch, images), precision=precision, device=device)
    return Experiment(ventral.load_model(model, device), protocol, selection, how)


def measure(model: str, given: argparse.Namespace) -> None:
    """Speed, agreement and memory of one model."""
    computing: dict[str, Callable[[], object]] = {}
    loops: dict[str, DeviceLoop] = {}
    recorders: dict[str, Recorder] = {}
    for precision in PRECISIONS:
        experiment = experiment_of(model, given, precision, given.images, given.device)
        batches = experiment.presentations // experiment.settings.batch
        loops[precision] = DeviceLoop(experiment, precision)
        computing[f"loop, {precision}"] = loops[precision]
        for how, capture in (("one by one", lambda device: None), ("replayed", capture_on)):
            recorder = recorders[f"{how}, {precision}"] = Recorder(experiment, capture=capture)
            computing[f"{how}, {precision}"] = partial(consumed, recorder, batches)
    print(f"{experiment.presentations} presentations of {experiment.protocol.count} ticks, batch {given.batch}")
    times: dict[str, list[float]] = {name: [] for name in computing}
    for turn in range(given.rounds + 1):
        for name, compute in computing.items():
            with part(f"{model}, {name}") if turn == 0 else contextlib.nullcontext():
                times[name].append(seconds(compute))
                if turn == 0:
                    print(f"first turn {times[name][0]:.2f} s", flush=True)
        computing = {name: compute for name, compute in computing.items() if times[name]}  # those that did not fail
    times = {name: taken for name, taken in times.items() if taken}
    for name, taken in times.items():
        later = median(taken[1:] or taken)
        loop = median(times.get(f"loop, {name.split(', ')[1]}", [])[1:] or [np.nan])
        print(
            f"  {name:24s} {experiment.presentations / later:8.0f} presentations/s, {loop / later:5.2f} times the loop;"
            f" first turn {taken[0]:.2f} s, then {', '.join(f'{each:.3f}' for each in taken[1:])} s"
        )
    recorders = {name: recorder for name, recorder in recorders.items() if name in times}
    for name, recorder in recorders.items():
        per_tick = 1e6 * median(times[name][1:] or times[name]) / (recorder.computed / len(times[name]))
        kinds = [len([each for each in steps._met.values() if each]) for steps in recorder.rig._steps.values()]
        replayed = sum(steps.replayed for steps in recorder.rig._steps.values())
        print(f"  {name:24s} {per_tick:7.0f} us per computed tick; kinds captured {kinds}, ticks replayed {replayed}")
    with part(f"{model}: agreement on the device"):
        found = {name: numbers_of(recorder, batches) for name, recorder in recorders.items()}
        for precision in PRECISIONS:
            a, b = found[f"replayed, {precision}"], found[f"one by one, {precision}"]
            alike = all(x[name].tobytes() == y[name].tobytes() for x, y in zip(a, b, strict=True) for name in x)
            print(f"  {precision}: replayed and one by one have {'the same bits' if alike else 'OTHER BITS'}")
            print(f"  {precision}, replayed beside the loop: {compare(a, loops[precision]())}", flush=True)
        a, b = found["replayed, bfloat16"], found["replayed, float32"]
        print(f"  bfloat16 beside float32: {compare(a, b)}")
        alone = Recorder(recorders["replayed, float32"].experiment)
        _, logits = alone.record(range(given.batch))
        same = found["replayed, float32"][0]["readout"].tobytes() == logits.astype(np.float16).tobytes()
        print(f"  float32, a batch alone beside the same with others: {'the same bits' if same else 'OTHER BITS'}")
    with part(f"{model}: memory"):
        for name, compute in computing.items():
            held, kept = peak_mb(compute)
            print(f"  {name:24s} {held:6.0f} MB at most, {kept:6.0f} MB held by torch")


def beside_the_processor(model: str, given: argparse.Namespace) -> None:
    """How far the GPU's numbers are from the processor's."""
    images = min(given.batch, given.images, 100)
    for precision in PRECISIONS:
        found = []
        for device in (given.device, "cpu"):
            experiment = experiment_of(model, given, precision, images, device)
            taken = time.perf_counter()
            found.append(numbers_of(Recorder(experiment), len(experiment.protocol.conditions)))
            taken = time.perf_counter() - taken
        print(f"  {precision}, {given.device} beside processor ({taken:.1f} s): {compare(*found)}", flush=True)


def written(model: str, given: argparse.Namespace) -> None:
    """A run that is written, beside computing alone and beside writing one batch after the other (see `writing.py`)."""
    import writing  # needs zarr, which the other parts do not

    writing.compare(experiment_of(model, given, "float32", given.images, given.device), max(1, given.rounds - 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["cifar10", "family/full-0"])
    parser.add_argument("--data", default="shapes", help="images; cifar10 or a path of CIFAR-10")
    parser.add_argument("--images", type=int, default=500, help="a multiple of the batch")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("there is no GPU; --device cpu --images 4 --batch 2 tries the script")
        return
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"torch {torch.__version__}, {name}, {torch.get_num_threads()} threads, {given.data}")
    for done in (measure, beside_the_processor, written):
        for model in given.models:
            if time.perf_counter() - START < ENOUGH_S:
                with part(f"{model}: {done.__name__.replace('_', ' ')}"):
                    done(model, given)
    print(f"\n{time.perf_counter() - START:.0f} s in all")


if __name__ == "__main__":
    main()
