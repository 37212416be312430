"""Laws of networks in one experiment: seeds are averaged, networks are compared on the same images."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from ventral.errors import UsageError
from ventral.measures.networks import by_graph, network_curves
from ventral.model.zoo import graph

IMAGES, TIMES = 80, [0, 10, 20]


def responses_of(seed: int, rate: float, images: int = IMAGES, present: slice = slice(None)) -> xr.Dataset:
    correct = (np.random.default_rng(seed).random((1, images, 1, 3)) < rate).astype(float)
    coords = {"condition": ["a"], "image": np.arange(images), "time": TIMES}
    values = xr.DataArray(correct, coords, ("condition", "image", "repeat", "time"))
    return xr.Dataset({"correct": values.isel(time=present)}, attrs={"choices": 10})


@pytest.fixture(scope="module")
def read() -> dict[str, list[xr.Dataset]]:
    return {
        name: [responses_of(10 * place + seed, rate) for seed in range(3)]
        for place, (name, rate) in enumerate({"full": 0.8, "feedforward": 0.5}.items())
    }


def test_seeds_are_averaged_and_differences_are_from_the_first_network(read):
    found = network_curves(read).isel(condition=0)
    own, other = (found.sel(network=name) for name in ("full", "feedforward"))
    for name, several in read.items():
        mean = np.mean([each["correct"].mean(("repeat", "image")).values[0] for each in several], axis=0)
        np.testing.assert_allclose(found["accuracy"].sel(network=name), mean)
    apart = other["accuracy"] - own["accuracy"]
    np.testing.assert_allclose(other["difference"], apart)
    assert (other["difference_high"] < 0).all()  # planted
    assert own["difference"].isnull().all()
    assert set(found["models"].values) == {3}


def test_a_network_does_not_differ_from_one_with_the_same_responses(read):
    found = network_curves({"one": read["full"], "other": read["full"]})
    other = found.sel(network="other")
    assert (other["difference"] == 0).all()
    assert (other["difference_low"] <= 0).all()
    assert (other["difference_high"] >= 0).all()


def test_networks_are_compared_on_the_same_images_at_common_times(read):
    late = [responses_of(5, 0.5, present=slice(1, None))]
    found = network_curves({"full": read["full"], "late": late})
    compared = found["accuracy"].sel(network="late").dropna("time", how="all")
    assert compared["time"].values.tolist() == [10, 20]
    with pytest.raises(UsageError, match="few was shown to other images than full"):
        network_curves({"full": read["full"], "few": [responses_of(0, 0.5, images=10)]})
    with pytest.raises(UsageError, match="give runs of models of two or more"):
        network_curves({"full": read["full"]})


def run_of(model: str, graph_name: str, path: str = "a.zarr") -> SimpleNamespace:
    return SimpleNamespace(attrs={"model": model}, graph=graph(graph_name), path=Path(path))


def test_models_of_one_name_and_graph_are_seeds_of_one_network():
    runs = [run_of("full-0", "full"), run_of("feedforward-0", "feedforward"), run_of("full-1", "full")]
    found = by_graph(runs)
    assert {name: [run.attrs["model"] for run in group] for name, group in found.items()} == {
        "full": ["full-0", "full-1"],
        "feedforward": ["feedforward-0"],
    }
    trained_otherwise = by_graph([run_of("full-0", "full"), run_of("full-taught-0", "full")])
    assert list(trained_otherwise) == ["full", "full-taught"]
    same_name = by_graph([run_of("model", "full", "a.zarr"), run_of("model", "feedforward", "b.zarr")])
    assert list(same_name) == ["model (a)", "model (b)"]
