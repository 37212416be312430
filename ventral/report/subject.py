"""Of which model: the graph of a run's network, its training and its accuracy, as far as its weights are here."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ventral.clock import to_ms
from ventral.errors import StoreError, VentralError
from ventral.experiment.run import Run
from ventral.figures.graph import graph_figure
from ventral.figures.looks import Look
from ventral.figures.style import INK
from ventral.measures.intervals import Estimate, wilson_interval
from ventral.model.counting import parameters
from ventral.model.graph import AreaGraph
from ventral.model.model import Model, driven, load_model
from ventral.model.weights import shipped
from ventral.report.charts import Chart, Curve, Panel
from ventral.report.pictures import Picture, of_figure
from ventral.views import listed

STATISTICS = {
    "fixed": "one set for all ticks, the same in training and test",
    "per-tick": "one set for each tick",
    "shared": "one set for all ticks, of activity that training normalised at each tick",
}


@dataclass(frozen=True, eq=False)
class Subject:
    """The network of a run.

    Parameters
    ----------
    name
        Of the model.
    facts
        Facts by name.
    graph
        Its areas and transitions; None for an outside network.
    training
        Facts of its training by name; empty if they are not known.
    accuracy
        On its test images over time; None if it is not known.
    refusal
        What of this is not known, and why, as a sentence; empty if all is.
    """

    name: str
    facts: dict[str, str]
    graph: Picture | None
    training: dict[str, str]
    accuracy: Chart | None
    refusal: str = ""

    @property
    def best(self) -> str:
        """Best accuracy on test images, for a table of models; empty if it is not known."""
        if self.accuracy is None:
            return ""
        middle = self.accuracy.panels[0].curves[0].estimate.middle
        at = int(np.nanargmax(middle))
        return f"{self.accuracy.spelled(float(middle[at]))} % at {self.accuracy.x[at]:g} ms"


def subject(run: Run, number: int = 0, source: str | None = None) -> Subject:
    """The network of a run.

    Parameters
    ----------
    run
        The run.
    number
        Of the run among those of a page, for the names of charts.
    source
        The model, as `load_model` takes it; what the run's own command named if not given.
    """
    graph, name = run.graph, str(run.attrs["model"])
    facts = {
        "areas": ", ".join(f"{area.name} {'×'.join(map(str, area.shape))}" for area in graph.areas),
        "drive": f"{graph.drive}",
        "normalisation": STATISTICS.get(graph.statistics, str(graph.statistics)),
        "readout": _readout(run),
    }
    picture = None
    if isinstance(graph, AreaGraph):
        facts["parameters"] = f"{parameters(graph):,}"
        picture = of_figure(graph_figure(graph))
    try:
        model = weights_of(run, source)
    except VentralError as problem:
        return Subject(name, facts, picture, {}, None, f"Training and accuracy are not shown: {problem}")
    missing = "" if "test" in model.metadata else "The file of its weights says nothing of a test."
    return Subject(name, facts, picture, _training(model.metadata), _accuracy(model, number), missing)


def _readout(run: Run) -> str:
    """Area that is read, and the classes."""
    try:
        classes = run.classes
    except VentralError:
        return "none"
    return f"{run.graph.readout}; {len(classes)} classes: {listed(list(map(str, classes)), 10)}"


def weights_of(run: Run, source: str | None = None) -> Model:
    """The model that was recorded, with its weights.

    Raises
    ------
    StoreError
        If it is not found, or has other weights than the run was recorded with.
    """
    wanted, problem = str(run.attrs["weights_sha256"]), "no model of that name is here"
    for name in [source] if source else _names(run):
        try:
            model = load_model(name)
        except VentralError as error:
            problem = str(error).rstrip(".")
            continue
        if model.sha256 == wanted:
            return driven(model, str(run.attrs["drive"]))
        problem = f"{name} has other weights now than it was recorded with"
    raise StoreError(f"the weights of {run.attrs['model']} are not found ({problem}); say with --model where they are.")


def _names(run: Run) -> list[str]:
    """Names under which the model of a run may be found: that of its command, then shipped ones."""
    words = shlex.split(str(run.attrs.get("command", "")))
    given = [after for word, after in pairwise(words) if word == "--model"]
    given += [word.removeprefix("--model=") for word in words if word.startswith("--model=")]
    if "--untrained" in words:
        return []
    name = str(run.attrs["model"])
    return [*given, *(known for known in shipped() if known == name or known.endswith(f"/{name}"))]


def _training(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What a checkpoint says of its training."""
    facts = {}
    if data := metadata.get("note") or (metadata.get("data") or {}).get("name"):
        facts["images"] = str(data)
    recipe = metadata.get("recipe") or {}
    for name in ("epochs", "training_images", "batch", "learning_rate", "schedule", "weight_decay", "momentum", "seed"):
        if name in recipe:
            value = recipe[name]
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            facts[name.replace("_", " ")] = shown
    if "masked" in recipe:
        facts["masks in training"] = f"{100 * float(recipe['masked']):g} % of images" if recipe["masked"] else "none"
    return facts


def _accuracy(model: Model, number: int) -> Chart | None:
    """Accuracy on test images that stay on, with Wilson intervals over images."""
    test = model.metadata.get("test")
    if not test:
        return None
    correct = np.array([math.nan if value is None else value for value in test["accuracy"]], dtype=float)
    x = np.array([to_ms(tick) for tick in range(len(correct))], dtype=float)
    estimate = Estimate(correct, *wilson_interval(correct, int(test["images"])))
    curve = Curve("test images", Look(INK), estimate)
    what = f"Accuracy on {test['images']:,} test images of {test['name']} that stay on, with 95 % intervals."
    chance, best = 1 / len(model.label_names), float(x[int(np.nanargmax(correct))])
    title = f"Accuracy of {model.name} without masks or lesions"
    return Chart(
        f"test-{number}",
        title,
        what,
        x,
        (Panel("", (curve,)),),
        "time from onset (ms)",
        "% correct",
        chance=chance,
        start=best,
    )
