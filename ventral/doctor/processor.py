"""The processor and other devices: cores, threads, and what torch sees."""

import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from ventral.doctor.finding import Finding, good, hint, wrong

CORES = Path("/sys/devices/system/cpu")
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time in a period, and the period
GPU_FILES = ("/dev/nvidia0", "/dev/kfd")  # of drivers of NVIDIA and of AMD


def look_at_processor() -> Iterator[Finding]:
    """Findings on threads and devices."""
    import torch

    yield look_at_threads(torch.get_num_threads(), *cores())
    yield good("device", f"cpu, with {torch.backends.cpu.get_cpu_capability()} instructions")
    yield from look_at_gpus()


def look_at_threads(threads: int, count: int, kind: str) -> Finding:
    """Finding on the number of threads that compute, beside the number of cores that they have."""
    number = f"{threads} thread{'s' * (threads != 1)}"
    text = f"{number} on {count} {kind}{'s' * (count != 1)}"
    if threads > count:
        text += f", which slows all down; set OMP_NUM_THREADS={count}, or give --threads {count}."
        return hint("threads", text, threads=threads, cores=count)
    return good("threads", text, threads=threads, cores=count)


def cores() -> tuple[int, str]:
    """Number of cores that this process may use, and what they are: "physical core", "processor", ...

    Two processors of one core share its arithmetic, so that a second thread there gains little.
    """
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    count, kind = len(usable), "processor"
    shared = [_read(CORES / f"cpu{number}" / "topology" / "thread_siblings_list") for number in usable]
    if all(shared):
        count, kind = len(set(shared)), "physical core"
    limit, _, period = _read(QUOTA).partition(" ")
    if limit.isdigit() and period.isdigit() and math.ceil(int(limit) / int(period)) < count:
        return max(1, math.ceil(int(limit) / int(period))), "core of this container's share"
    return count, kind


def look_at_gpus() -> Iterator[Finding]:
    """Findings on the devices beside the processor, each of which computes something."""
    import torch

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for number in range(count):
        yield try_gpu(f"cuda:{number}")
    if torch.backends.mps.is_available():
        yield good("device", "mps, which is not tried with ventral")
    if count:
        return
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    if any(Path(file).exists() for file in GPU_FILES):
        reason = f" ({str(told[0].message).splitlines()[0]})" if told else ""
        yield hint("device", f"there is a GPU, and torch, {built}, does not see it{reason}; check its driver.")
    else:
        yield good("device", f"torch is {built} and sees no GPU; everything runs on the processor.")


def try_gpu(name: str) -> Finding:
    """Finding on a GPU that torch sees, after it has multiplied two matrices."""
    import torch

    about = torch.cuda.get_device_properties(name)
    text = f"{name}, {about.name}, {about.total_memory / 1e9:.0f} GB"
    try:
        ones = torch.ones(64, 64, device=name)
        fits = bool(((ones @ ones) == 64).all())
    except RuntimeError as error:
        return wrong("device", f"{text}, fails ({str(error).splitlines()[0]}); use --device cpu.", name=about.name)
    if not fits:
        return wrong("device", f"{text}, computes wrong products; use --device cpu.", name=about.name)
    return good("device", f"{text}; use it with --device {name.removesuffix(':0')}.", name=about.name)


def _read(path: Path) -> str:
    """Text of a small file of the system; empty if there is none."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
