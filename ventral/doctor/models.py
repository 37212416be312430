"""Models: whether weights that come with ventral are whole, and a run records what they should give."""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ventral.doctor.finding import Finding, good, wrong
from ventral.errors import VentralError

if TYPE_CHECKING:
    from ventral.experiment.run import Run
    from ventral.model.model import Model
    from ventral.stimuli.images import Images

EXPECTED = ("cifar10", "shapes")  # models of the package
MODEL, AT_MS, IMAGES = "shapes", 100, 100
COMPARED = 2  # images whose logits are computed in float64 too
TOLERANCE = 1e-3  # of logits, in their standard deviation; float32 is off by less than 1e-5 on any processor
SURE = 4.0  # standard deviations of the binomial: chance alone is beyond once in 10,000 times
REINSTALL = "install ventral again"


def look_at_weights() -> Iterator[Finding]:
    """Findings on the files of weights, each read and held against its digest."""
    from ventral.model.checkpoint import read_checkpoint
    from ventral.model.weights import shipped

    files, whole = shipped(), 0
    for name in EXPECTED:
        if name not in files:
            yield wrong("weights", f"{name} is not there; {REINSTALL}.")
    for name, path in files.items():
        try:
            read_checkpoint(path)
        except VentralError as error:
            yield wrong("weights", f"{name}: {error} Or {REINSTALL}.")
        else:
            whole += 1
    yield good("weights", f"{whole} models are whole: what they hold has the digest that they name.", models=whole)


def look_at_recording(folder: Path | None = None) -> Iterator[Finding]:
    """Findings on a short run: whether it is on the disk as it was recorded, its accuracy, and its arithmetic.

    Parameters
    ----------
    folder
        Where the run is written and removed again; the temporary folder of the system if not given.
    """
    import ventral
    from ventral.store.verify import verify

    model = ventral.load_model(MODEL)
    protocol = ventral.load_protocol("flash", duration_ms=(AT_MS,), end_ms=AT_MS)
    selection = ventral.select_images(MODEL, count=IMAGES, pool=False)
    settings = ventral.Settings(units=16, dtype="float32")
    with tempfile.TemporaryDirectory(prefix="ventral-doctor-", dir=folder) as place:
        run = ventral.simulate(model, protocol, selection, Path(place, "run.zarr"), settings)
        for problem in verify(run.path):
            yield wrong("recording", f"in a run in {place}, {problem} Check the disk.")
        yield look_at_accuracy(run, model)
        yield look_at_arithmetic(run, model, selection.presented)


def look_at_accuracy(run: "Run", model: "Model") -> Finding:
    """Finding on the accuracy of a run of images that stay on: that of the test of the weights, within chance."""
    from ventral.clock import ticks
    from ventral.measures.readout import readout_accuracy

    accuracy = float(readout_accuracy(run.logits).sel(time=AT_MS))
    images = run.logits.sizes["presentation"]
    expected = float(model.metadata["test"]["accuracy"][ticks(AT_MS, "time")])
    margin = SURE * math.sqrt(expected * (1 - expected) / images)
    values = {"accuracy": accuracy, "expected": expected}
    text = f"{images} images of {MODEL} were recorded and read, {100 * accuracy:.0f} % correct at {AT_MS} ms"
    if not abs(accuracy - expected) <= margin:
        limits = f"{100 * expected:.1f} ± {100 * margin:.0f} %"
        return wrong(
            "recording", f"{text}, and should be {limits}; {REINSTALL}, or another version of torch.", **values
        )
    return good("recording", f"{text} ({100 * expected:.1f} % of all test images)", **values)


def look_at_arithmetic(run: "Run", model: "Model", images: "Images") -> Finding:
    """Finding on the logits of a run, which are float32, beside those of the same network in float64."""
    import torch

    from ventral.clock import ticks
    from ventral.model.network import Network

    assert isinstance(model.network, Network)
    shown = model.preprocessing(images.pixels[:COMPARED]).double()
    with torch.inference_mode():
        exact = model.network.double().respond(shown, ticks(AT_MS, "time") + 1)[:, -1].numpy()
    recorded = run.logits[:COMPARED].sel(time=AT_MS).to_numpy()
    error = float(abs(recorded - exact).max() / exact.std())
    text = f"logits of {MODEL} at {AT_MS} ms are within {error:.0e} of those in float64, in standard deviations"
    if not error <= TOLERANCE:
        return wrong("arithmetic", f"{text}, not {TOLERANCE:.0e}; install another version of torch.", error=error)
    return good("arithmetic", text, error=error)
