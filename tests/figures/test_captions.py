"""Laws of captions: they say which models, images and policies a figure is of."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from ventral.figures.captions import provenance

ATTRS = {"model": "shapes", "weights_sha256": "a", "data": "some", "split": "test", "repeats": 1, "noise": "none"}


@dataclass
class Recorded:
    """What a caption needs of a run: 50 images, each in two conditions."""

    policy: str = "frozen"
    attrs: dict = field(default_factory=dict)
    statistics: str = "time-specific"

    def __post_init__(self):
        self.attrs = ATTRS | self.attrs
        self.graph = SimpleNamespace(statistics=self.statistics)
        self.protocol = SimpleNamespace(name="flash")
        self.presentations = xr.Dataset(coords={"image": ("presentation", np.arange(100) % 50)})


@pytest.mark.parametrize(
    ("runs", "wanted"),
    [
        ([Recorded()], "shapes on 50 images of some (test), frozen normalisation statistics; protocol flash."),
        ([Recorded(), Recorded("pooled")], "frozen and pooled normalisation statistics"),
        ([Recorded(statistics="fixed")], "fixed normalisation statistics"),
        ([Recorded(), Recorded(attrs={"weights_sha256": "b"})], "2 models (shapes) on 50 images"),
        ([Recorded(), Recorded(attrs={"weights_sha256": "b", "model": "cifar10"})], "shapes, cifar10 on 50 images"),
        ([Recorded(attrs={"repeats": 3, "noise": "gaussian:0.5"})], "3 repeats of each image, noise gaussian:0.5"),
    ],
)
def test_provenance_names_models_images_policies_and_what_else_differs(runs, wanted):
    assert wanted in provenance(runs)
