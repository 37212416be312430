"""The examination: everything that `ventral doctor` looks at, in order."""

import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ventral.doctor.finding import Finding, wrong
from ventral.doctor.models import look_at_recording, look_at_weights
from ventral.doctor.packages import look_at_packages
from ventral.doctor.places import look_at_places
from ventral.doctor.processor import look_at_processor

Look = Callable[[], Iterable[Finding]]
LOOKS: dict[str, Look] = {
    "packages": look_at_packages,
    "processor": look_at_processor,
    "places": look_at_places,
    "weights": look_at_weights,
    "recording": look_at_recording,
}


def examine() -> Iterator[Finding]:
    """Findings on this machine and this installation, each as soon as it is there.

    What fails is a finding too: of one part that is broken the others are still looked at.
    """
    for subject, look in LOOKS.items():
        try:
            yield from look()
        except Exception as error:  # a broken installation fails in any way
            yield wrong(subject, _failure(error))


def _failure(error: Exception) -> str:
    """Kind and first line of an error, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f", in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    reason = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {reason}{where}; the findings above may say why."
