"""An experiment: a network, a protocol, images and settings, checked against each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ventral.clock import to_ms
from ventral.errors import DataError, ProtocolError, UsageError, choose
from ventral.experiment.condition import Condition
from ventral.experiment.protocol import Protocol
from ventral.experiment.schedule import check_fit
from ventral.experiment.settings import Settings
from ventral.model.model import Model
from ventral.model.network import Network
from ventral.stimuli.degradations import check_change
from ventral.stimuli.masks import check_kind
from ventral.stimuli.selection import Selection

# what an area's arrays are called in an export to numpy, after the name of the area
SITE_NAMES = ("", "_channel", "_y", "_x", "_rf_y", "_rf_x", "_rf_height", "_rf_width")


class Presentation(NamedTuple):
    """One image under one condition, once.

    Parameters
    ----------
    image
        Position of the image among those presented.
    condition
        The condition.
    repeat
        Number of the repeat, from 0.
    """

    image: int
    condition: Condition
    repeat: int


@dataclass(frozen=True, eq=False)
class Experiment:
    """A network, a protocol, images and settings, checked against each other before anything is computed.

    Presentations are numbered: conditions follow one another, each with its repeats of all images.

    Parameters
    ----------
    model
        The network, with its preprocessing.
    protocol
        Conditions, each shown to every image.
    selection
        The images presented; a pool or others, if the protocol has masks or other images; images for calibration, if
        statistics are to be estimated anew.
    settings
        How it is recorded.

    Raises
    ------
    UsageError
        If an area, a mask or a change does not exist, or an outside network is to compute in another precision.
    ProtocolError
        If the protocol outlasts the statistics, or asks for what the drive cannot give; if statistics are to be pooled
        over conditions in which different areas are present; or if they are fixed and the policy would estimate others.
    DataError
        If the images do not fit the network, or images are missing that the protocol or the policy needs.
    """

    model: Model
    protocol: Protocol
    selection: Selection
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self._areas(self.settings.areas)
        self._areas(self.settings.noise.areas if self.settings.noise else ())
        self._check_policy()
        self._check_precision()
        self._check_noise()
        self._check_horizon()
        self._check_protocol()
        self._check_images()
        if self.settings.policy != "frozen":
            self._check_calibration()

    def _check_policy(self) -> None:
        if self.model.graph.statistics == "fixed" and self.settings.policy != "frozen":
            raise ProtocolError(
                f"{self.model.name} has fixed statistics, the same at every tick and in every condition, so there "
                "are no others to estimate; leave out --policy (and --control)."
            )

    def _check_precision(self) -> None:
        if self.settings.precision != "float32" and not isinstance(self.model.network, Network):
            raise UsageError(
                f"{self.model.name} is an outside network, which computes in the precision of its own weights; leave "
                "out --precision."
            )

    def _check_noise(self) -> None:
        if self.settings.noise and not self.model.graph.takes_noise:
            raise ProtocolError(
                f"noise is added to the state that a network carries from tick to tick, and {self.model.name} has none "
                "that can be changed; leave out --noise."
            )

    def _check_horizon(self) -> None:
        last = to_ms(self.protocol.count - 1)
        needed, limit = limit_of(self.model, self.settings.policy)
        if limit is not None and last > limit and self.settings.beyond_horizon == "refuse":
            raise ProtocolError(
                f"the protocol runs for {last} ms, but {self.model.name} has {needed} only to {limit} ms; end "
                "earlier (--set end_ms=...) or hold the last (--beyond-horizon held)."
            )

    def _check_protocol(self) -> None:
        check_fit(self.protocol, self.model.graph)
        check_stimuli(self.protocol)
        for stimulus in self.protocol.made():
            if self.selection.donors(stimulus.role) is None:
                raise DataError(
                    f"{stimulus} is made from images that are not presented; present fewer (--images) or give a pool."
                )

    def _check_images(self) -> None:
        shape, images = self.model.graph.image_shape, self.selection.presented
        if tuple(images.pixels.shape[1:]) != shape:
            size = shape[-1]
            raise DataError(f"{self.model.name} takes images of {size}x{size}; load them with size={size}.")
        if not len(images):
            raise DataError("there are no images to present.")
        parameters = {name for condition in self.protocol.conditions for name in condition.coordinates()}
        if twice := sorted(parameters & {*images.coordinates}):
            raise ProtocolError(
                f"{twice[0]} is a parameter of the conditions and one of the images of {images.name}; give the "
                "conditions' another name."
            )
        taken = {f"{area.name}{axis}" for area in self.model.graph.areas for axis in SITE_NAMES}
        if twice := sorted(parameters & taken):
            raise ProtocolError(
                f"{twice[0]} is a parameter of the conditions, and {self.model.name} has an area of this name; call "
                f"the parameter, for instance, condition_{twice[0]}."
            )

    def _check_calibration(self) -> None:
        if not self.selection.calibration:
            raise DataError(
                f"{self.settings.policy} statistics are estimated from images that are not presented; give some."
            )
        if self.settings.policy == "pooled":
            self._check_pooling()

    def _check_pooling(self) -> None:
        graph = self.model.graph
        first, *others = self.protocol.conditions
        for other in others:
            if self.protocol.inputs(other, graph) != self.protocol.inputs(first, graph):
                raise ProtocolError(
                    f"statistics cannot be pooled over conditions, because something enters at other times in "
                    f"{other.name} than in {first.name}; use grey gaps and a model with sustained drive, or another "
                    "policy."
                )

    @property
    def areas(self) -> tuple[str, ...]:
        """The recorded areas, in the order of the graph."""
        return self._areas(self.settings.areas)

    @property
    def noisy(self) -> tuple[str, ...]:
        """The areas that have noise, in the order of the graph."""
        return () if self.settings.noise is None else self._areas(self.settings.noise.areas)

    def _areas(self, names: Sequence[str]) -> tuple[str, ...]:
        """Areas by name, all if none is named, in the order of the graph."""
        known = [area.name for area in self.model.graph.areas]
        wanted = {choose("area", name, known) for name in names} or set(known)
        return tuple(name for name in known if name in wanted)

    @property
    def presentations(self) -> int:
        """Number of presentations: images times repeats times conditions."""
        return len(self.selection.presented) * self.settings.repeats * len(self.protocol.conditions)

    def presentation(self, number: int) -> Presentation:
        """The presentation of this number, from 0."""
        block, image = divmod(number, len(self.selection.presented))
        condition, repeat = divmod(block, self.settings.repeats)
        return Presentation(image, self.protocol.conditions[condition], repeat)


def check_stimuli(protocol: Protocol) -> None:
    """Refuse kinds of masks and images, and changes of them, that do not exist.

    Raises
    ------
    UsageError
        With the nearest name that exists, or the range of a change.
    DataError
        If a file is not an image.
    """
    for stimulus in protocol.stimuli():
        if stimulus.role in ("mask", "image"):
            check_kind(stimulus.role, stimulus.kind)
        for change in stimulus.changes:
            check_change(change.how, change.amount)


def limit_of(model: Model, policy: str) -> tuple[str, int | None]:
    """What a network has only up to some time under a policy, and that time in ms; None if there is no such time."""
    if policy == "frozen" and model.statistics_horizon_ms is not None:
        return "normalisation statistics", model.statistics_horizon_ms
    return "weights per tick", model.graph.learned_until_ms
