"""What tests of the predictions share: recorded runs, and what was measured in them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from foretold import COUNT, FLASH, MASKING, SHARDS

from ventral.model.model import Model
from ventral.paper.predictions import Predictions, measure
from ventral.paper.recordings import record_predictions

Progress = list[tuple[int, int]]  # shards done, and their total
Predicted = tuple[Path, Progress, Progress]


@pytest.fixture(scope="session", autouse=True)
def coarse() -> Iterator[None]:
    """Pictures of few dots, which are written quickly."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ventral.figures.saving.DPI", 40)
        yield


@pytest.fixture(scope="session")
def predicted(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Predicted:
    """The folder of runs, of which the recording was interrupted, and what was reported until then and later."""
    place = tmp_path_factory.mktemp("predicted")
    before: Progress = []
    after: Progress = []

    def stop(done: int, total: int) -> None:
        before.append((done, total))
        if done == SHARDS // 2 and len(before) == 8:  # in the midst of the fourth run
            raise KeyboardInterrupt

    for progress in (stop, lambda done, total: after.append((done, total))):
        with contextlib.suppress(KeyboardInterrupt), pytest.MonkeyPatch.context() as patched:
            patched.setattr("ventral.experiment.recalibration.CALIBRATION", 20)  # images, which is quick
            record_predictions(model, FLASH, MASKING, "shapes", place, count=COUNT, progress=progress)
    return place, before, after


@pytest.fixture(scope="session")
def findings(model: Model, predicted: Predicted) -> Predictions:
    """What was measured in them."""
    return measure(predicted[0], model.name, resamples=100)
