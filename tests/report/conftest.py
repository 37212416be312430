"""Runs and pages that tests of reports share."""

from dataclasses import replace

import pytest
from pages import Page
from small import small_graph

import ventral
from ventral.model.model import untrained_model
from ventral.report.report import report_run

STEPS = ("readout", "masking", "decoding", "generalisation")
WICKED = '<script>alert("1")</script>'  # as the name of a class


@pytest.fixture(scope="session")
def wicked(images):
    """Images whose first class has a name that would be a script."""
    return replace(images, label_names=(WICKED, *images.label_names[1:]))


@pytest.fixture(scope="session")
def masked(model, wicked, pool, tmp_path_factory):
    """A run of backward masking on a model that knows the classes by these names."""
    known = replace(model, label_names=wicked.label_names)
    protocol = ventral.load_protocol("backward-mask", soa_ms=(20, 50, 60), end_ms=120)
    selection = ventral.Selection(wicked, pool)
    place = tmp_path_factory.mktemp("reports") / "mask.zarr"
    return ventral.simulate(known, protocol, selection, place, ventral.Settings(units=12), "ventral simulate --out <b>")


@pytest.fixture(scope="session")
def lesioned(model, images, tmp_path_factory):
    """A run with lesions."""
    protocol = ventral.load_protocol("lesion", what=("feedback",), start_ms=(0, 40), end_ms=100)
    place = tmp_path_factory.mktemp("reports") / "lesion.zarr"
    return ventral.simulate(model, protocol, ventral.Selection(images), place, ventral.Settings(units=12))


@pytest.fixture(scope="session")
def page(masked, tmp_path_factory) -> Page:
    """The page of the run of masking."""
    out = tmp_path_factory.mktemp("pages") / "mask.html"
    return Page.read(report_run(masked, out, analyses=STEPS, quick=True))


@pytest.fixture(scope="session")
def fixed(images, tmp_path_factory):
    """A run of a network whose statistics are fixed."""
    made = untrained_model(small_graph(statistics="fixed"), images, seed=2, horizon_ms=100)
    protocol = ventral.load_protocol("flash", duration_ms=(20,), end_ms=60)
    place = tmp_path_factory.mktemp("fixed") / "flash.zarr"
    return ventral.simulate(made, protocol, ventral.Selection(images), place, ventral.Settings(units=8))


@pytest.fixture(scope="session", autouse=True)
def coarse():
    """Pictures of few dots, which are written quickly."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ventral.figures.saving.DPI", 40)
        yield
