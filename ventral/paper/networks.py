"""The networks that the paper's figures compare: models of the zoo with the knobs of each figure.

Source: Liao & Poggio (2016), sections 4 and 5.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ventral.clock import to_ms
from ventral.knobs import written
from ventral.model.graph import AreaGraph
from ventral.model.zoo import FIG_10_TEST_MS, GRAPHS, graph

Named = TypeVar("Named", bound=Any)  # a value with a name

NARROWEST = 4  # feature maps of the first area, at any width


@dataclass(frozen=True)
class Variant:
    """A network that figures compare."""

    name: str  # in tables
    label: str  # in figures
    model: str  # name in the zoo
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)  # those that are not at their defaults
    tested_ms: tuple[int, ...] = ()  # times at which the test reads it; the readout times of training if empty
    epochs: int = 60  # of its training in the paper
    drop_epochs: tuple[int, ...] = (40, 50)  # after which the learning rate drops

    @property
    def maps(self) -> tuple[str, int]:
        """The knob that sets the feature maps of the first area, and their number in the paper."""
        defaults = inspect.signature(GRAPHS[self.model]).parameters
        knob = "features" if "features" in defaults else "channels"
        return knob, int(self.knobs.get(knob, defaults[knob].default))

    def at(self, width: float = 1.0) -> dict[str, Any]:
        """All knobs with `width` times the paper's feature maps, but at least 4 in the first area."""
        knob, paper = self.maps
        return {knob: paper} | dict(self.knobs) | {knob: max(NARROWEST, round(width * paper))}

    def width_of(self, written: str) -> float:
        """Feature maps relative to the paper's, of the graph as `written` gives it: "four-state:channels=4"."""
        knob, paper = self.maps
        return int(re.findall(rf"\b{knob}=(\d+)", written)[0]) / paper

    def graph(self, width: float = 1.0) -> AreaGraph:
        """The graph at a width."""
        return graph(self.model, **self.at(width))

    def written(self, width: float = 1.0) -> str:
        """The graph as the command line takes it: "two-state:channels=16,readout_ms=20"."""
        return f"{self.model}:{','.join(f'{knob}={written(value)}' for knob, value in self.at(width).items())}"

    @property
    def reads_ms(self) -> tuple[int, ...]:
        """Times at which the test reads the network."""
        return self.tested_ms or self.graph().readout_ms


def by_name(*values: Named) -> dict[str, Named]:
    """Values by their names."""
    return {value.name: value for value in values}


def _two_state(t: int) -> Variant:
    return Variant(f"two-state-t{t}", f"2-state, t = {t}", "two-state", {"readout_ms": to_ms(t)})


def _one_kernel(features: int) -> Variant:
    label, knobs = f"{features} features at full width", {"features": features}
    name, model = f"one-kernel-{features}", "three-state-one-kernel"
    return Variant(name, label, model, knobs, epochs=140, drop_epochs=(100, 120))


def _no_self(ending: str, label: str, reading: str) -> Variant:
    name = "three-state-no-self"
    return Variant(f"{name}{ending}", f"no self-transitions, {label}", name, {"reading": reading}, FIG_10_TEST_MS)


UNSHARED, ADJACENT = {"sharing": "per-tick"}, {"connections": "adjacent"}
SHARED, FIXED = {"statistics": "shared"}, {"statistics": "fixed"}
SCALED = FIXED | {"scale_shift": True}
CONSTANT = "three-state-inhomogeneous"
VARIANTS = by_name(
    Variant("one-state", "1-state, weights shared", "one-state"),
    Variant("one-state-unshared", "1-state, weights unshared", "one-state", UNSHARED),
    Variant("three-state-resnet", "3-state ResNet, weights shared", "three-state-resnet"),
    Variant("three-state-resnet-unshared", "3-state ResNet, weights unshared", "three-state-resnet", UNSHARED),
    Variant("two-state", "2-state, weights shared", "two-state"),
    Variant("two-state-unshared", "2-state, weights unshared", "two-state", UNSHARED),
    *map(_two_state, (2, 3, 5)),
    *map(_one_kernel, (16, 32, 64, 128)),
    Variant("four-state", "4-state, full", "four-state"),
    Variant("four-state-adjacent", "4-state, adjacent", "four-state", ADJACENT),
    Variant("three-state", "3-state, full", "three-state"),
    Variant("three-state-adjacent", "3-state, adjacent", "three-state", ADJACENT),
    _no_self("", "states carried over", "identity"),
    _no_self("-sustained", "constant input", "sustained"),
    Variant(CONSTANT, "3-state, full, constant input", CONSTANT),
    Variant(f"{CONSTANT}-adjacent", "3-state, adjacent, constant input", CONSTANT, ADJACENT),
    Variant("one-state-inhomogeneous", "1-state, constant input", "one-state-inhomogeneous"),
    Variant("one-state-statistics-shared", "1-state, statistics shared in the test alone", "one-state", SHARED),
    Variant("one-state-statistics-fixed", "1-state, statistics shared in training and test", "one-state", FIXED),
    Variant("one-state-all-fixed", "1-state, statistics, scale and shift shared", "one-state", SCALED),
    Variant("two-state-statistics-shared", "2-state, statistics shared in the test alone", "two-state", SHARED),
    Variant("two-state-statistics-fixed", "2-state, statistics shared in training and test", "two-state", FIXED),
    Variant("two-state-all-fixed", "2-state, statistics, scale and shift shared", "two-state", SCALED),
    Variant("three-state-prenet-conv", "3-state, pre-net of one convolution", "three-state", {"prenet": "conv"}),
)
