"""The runs of the family: each network, trained with each seed, under each probe.

Networks with statistics per tick are recorded under all three policies, and each policy counts as a network of its own:
an effect of theirs is one only if it is one under all.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ventral.errors import StoreError, UsageError
from ventral.experiment.experiment import Experiment
from ventral.experiment.protocol import Protocol
from ventral.experiment.provenance import identity_of
from ventral.experiment.recalibration import CALIBRATION, calibration_count
from ventral.experiment.run import Run, open_complete
from ventral.experiment.settings import POLICIES, Settings
from ventral.experiment.simulate import record
from ventral.model.graph import AreaGraph
from ventral.model.model import load_model, untrained_model
from ventral.model.weights import FAMILY_FOLDER, SEED, seeds_of, shipped
from ventral.paper.family_probes import area_probe, lesion_probe, mask_probe, time_probe
from ventral.paper.recordings import UNITS
from ventral.stimuli.selection import select_images

PROBES: dict[str, Callable[[], Protocol]] = {
    "time": time_probe,
    "masks": mask_probe,
    "areas": area_probe,
    "lesions": lesion_probe,
}
FULL, PER_TICK, UNTRAINED = "full", "full-per-tick", "full-untrained"
DECODED = (FULL, "no-feedback", "no-lateral", "feedforward", UNTRAINED)  # networks whose areas are decoded


@dataclass(frozen=True)
class Subject:
    """One training of a network of the family, under one policy."""

    network: str
    seed: int
    policy: str = "frozen"

    @property
    def model(self) -> str:
        """Name by which its weights are loaded; that of the trained network if it has random ones."""
        return f"{FAMILY_FOLDER}{FULL if self.network == UNTRAINED else self.network}-{self.seed}"

    @property
    def group(self) -> str:
        """What is averaged over seeds: the network, and its policy if it has several."""
        return f"{self.network}, {self.policy}" if self.network == PER_TICK else self.network

    @property
    def probes(self) -> tuple[str, ...]:
        """Names of the probes that it is recorded under."""
        wanted = {"areas": self.network in DECODED, "lesions": self.network == FULL}
        return tuple(name for name in PROBES if wanted.get(name, self.network != UNTRAINED))

    def path(self, folder: Path, probe: str) -> Path:
        """Path of its run."""
        policy = "" if self.policy == "frozen" else f"-{self.policy}"
        return folder / f"{probe}-{self.network}-{self.seed}{policy}.zarr"


def subjects_of(names: Sequence[str], seeds: int) -> list[Subject]:
    """The subjects among models that can be loaded by name, with seeds from 0 to `seeds` - 1; by network, then seed.

    With each `full` comes the same network with random weights, which has a readout that knows nothing: its areas are
    decoded.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = []
    for group, models in seeds_of([name for name in names if name.startswith(FAMILY_FOLDER)]).items():
        network = group.removeprefix(FAMILY_FOLDER)
        for seed in sorted(int(match.group()[1:]) for match in map(SEED.search, models) if match):
            policies = POLICIES if network == PER_TICK else POLICIES[:1]
            found += [Subject(network, seed, policy) for policy in policies if seed < seeds]
            found += [Subject(UNTRAINED, seed)] if network == FULL and seed < seeds else []
    if not found:
        raise UsageError("no network of the family is here; its weights lie in results/weights of the source tree.")
    return sorted(found, key=lambda subject: (subject.network, subject.policy != POLICIES[0], subject.policy))


def record_family(
    subjects: Sequence[Subject],
    source: str | Path,
    folder: Path,
    *,
    count: int = 300,
    device: str = "cpu",
    command: str = "",
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> None:
    """Record every subject under its probes, or resume that.

    Parameters
    ----------
    source, count
        The images: so many test images of the source, evenly over classes, the same for all subjects.
    folder
        Where the runs lie, as `Subject.path` names them.
    device, command
        Where the networks run, and the command that is stored with the runs.
    progress
        Called with the number of runs done, their total, and the name of the next.

    Raises
    ------
    UsageError, ProtocolError, StoreError
        As `ventral.experiment.simulate.record`.
    """
    runs = [(subject, probe) for subject in subjects for probe in subject.probes]
    for done, (subject, probe) in enumerate(runs):
        progress(done, len(runs), f"{subject.group} {subject.seed}, {probe}")
        experiment = experiment_of(subject, probe, source, count, device)
        if not _recorded(experiment, subject.path(folder, probe)):
            record(experiment, subject.path(folder, probe), command)
    progress(len(runs), len(runs), "")


def _recorded(experiment: Experiment, path: Path) -> bool:
    """Whether there is a complete run of this experiment, so that no statistics need be estimated to resume it."""
    try:
        found = open_complete(path).attrs["identity"]
    except StoreError:
        return False
    wanted = json.loads(json.dumps(identity_of(experiment)))
    return all(found.get(name) == value for name, value in wanted.items())


def experiment_of(subject: Subject, probe: str, source: str | Path, count: int, device: str) -> Experiment:
    """A subject under a probe: units of all areas are recorded for decoders, else the readout area's means alone."""
    model, protocol = load_model(shipped()[subject.model], device), PROBES[probe]()
    size = model.graph.image_shape[-1]
    untrained = subject.network == UNTRAINED
    calibration = CALIBRATION if untrained else calibration_count(protocol) if subject.policy != "frozen" else 0
    selection = select_images(source, "test", count, size=size, calibration=calibration)
    if untrained:
        assert isinstance(model.graph, AreaGraph)
        assert selection.calibration is not None
        model = untrained_model(model.graph, selection.calibration, subject.seed, protocol.end_ms, UNTRAINED)
        model.network.to(device)
    areas = Settings(units=UNITS) if probe == "areas" else Settings((model.graph.readout,), "channels")
    return Experiment(model, protocol, selection, replace(areas, policy=subject.policy, device=device))


def open_family(subjects: Sequence[Subject], folder: Path, probe: str) -> Iterator[tuple[Subject, Run]]:
    """Each subject that the probe is for, and its run; raises as `ventral.experiment.run.open_complete`."""
    for subject in subjects:
        if probe in subject.probes:
            yield subject, open_complete(subject.path(folder, probe))
