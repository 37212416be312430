"""Networks of different graphs in one experiment: what each responds, and how it differs from another."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ventral.errors import UsageError
from ventral.experiment.run import Run
from ventral.measures.controls import model_names
from ventral.measures.intervals import unknown, variables
from ventral.measures.over_models import weighted_interval
from ventral.model.subject import Anatomy
from ventral.model.weights import SEED

Array = NDArray[np.float64]


def by_graph(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs of one experiment in groups of one graph and one name, in the order in which they first come.

    Models that differ in the number at the end of their names, the seed of their training, are one network. Two
    networks whose models have the same names, or whose graphs differ in spite of that, are told apart by their files.
    """
    found: dict[tuple[str, int], list[Run]] = {}
    graphs: list[Anatomy] = []
    for run in runs:
        if run.graph not in graphs:
            graphs.append(run.graph)
        found.setdefault((SEED.sub("", str(run.attrs["model"])), graphs.index(run.graph)), []).append(run)
    names = [name for name, _ in found]
    own = dict(zip((id(run) for run in runs), model_names(runs), strict=True))
    titles = [
        name if names.count(name) == 1 else f"{name} ({own[id(group[0])]})"
        for (name, _), group in zip(found, found.values(), strict=True)
    ]
    return dict(zip(titles, found.values(), strict=True))


def network_curves(responses: Mapping[str, Sequence[xr.Dataset]]) -> xr.Dataset:
    """Accuracy over time of each network in each condition, and its difference from that of the first network.

    Parameters
    ----------
    responses
        Of each network, those of each of its models, as `ventral.measures.responses.read_responses` gives them: to the
        same images in the same conditions.

    Returns
    -------
    Dataset
        Dims (network, condition, time), time in ms: "accuracy" and "difference" (from the first network, paired over
        images) with the ends of their intervals, "_low" and "_high", over models and images crossed or, where a network
        has one model, over images alone; NaN where a readout is absent or was not recorded of both. Coordinates are
        "models" of each network and "images" (their numbers).

    Raises
    ------
    UsageError
        If there is one network only, or networks were shown other images.
    """
    if len(responses) < 2:
        raise UsageError("there is one network; give runs of models of two or more, to compare them.")
    correct = {name: _correct(several) for name, several in responses.items()}
    (first, base), *_ = correct.items()
    found = []
    for name, values in correct.items():
        if not np.array_equal(values["image"], base["image"]):
            raise UsageError(f"{name} was shown to other images than {first}; compare networks on the same.")
        times = np.intersect1d(base["time"], values["time"])
        own, reference = (each.sel(time=times).values for each in (values, base))
        difference = weighted_interval([own, reference], (1.0, -1.0)) if name != first else unknown(own.shape[2:])
        estimates = {"accuracy": weighted_interval([own]), "difference": difference}
        coords = {"condition": values["condition"].values, "time": times.astype(float), "models": len(own)}
        found.append(xr.Dataset(variables(estimates, ("condition", "time")), coords))
    networks = pd.Index(list(correct), name="network")
    joined = xr.concat(found, networks, coords="different", compat="equals", join="outer", combine_attrs="override")
    models = ("network", [len(values) for values in correct.values()])
    return joined.assign_coords(images=base.sizes["image"], models=models)


def _correct(responses: Sequence[xr.Dataset]) -> xr.DataArray:
    """Whether images were classified correctly, (model, image, condition, time), as means over repeats."""
    joined = xr.concat([each["correct"].mean("repeat") for each in responses], "model")
    return joined.transpose("model", "image", "condition", "time")
