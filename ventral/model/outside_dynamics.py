"""What an outside network does in time: it takes steps, or it is static and each of its layers has a latency."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ventral.errors import AbsentError, GraphError
from ventral.model.outside_graph import LOGITS, checked_names

States = dict[str, Tensor]
Readout = str | Callable[[Mapping[str, Tensor]], Tensor] | None
Disturb = Callable[[States], States]

SEARCHED = 20  # ticks in which areas of a network with steps in time are looked for
KEPT_BYTES = 1 << 30  # of activity that is kept for screens that come again


class Adapter(Protocol):
    """How an outside network takes a step in time, and which areas its state has.

    A third method, ``with_areas(state, areas)``, is needed for noise only: it returns the state with these area tensors
    in place of its own.
    """

    def step(self, state: Any, screen: Tensor) -> Any:
        """State of the network after a tick, from the one before (None at first) and images (image, colour, y, x)."""

    def areas(self, state: Any) -> Mapping[str, Tensor]:
        """Areas of a state by name, each (image, channel, y, x) or (image, channel); without those that are absent."""


class OwnStep:
    """Adapter of a module whose method ``step(states, screen)`` takes and returns area tensors by name."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def step(self, state: States | None, screen: Tensor) -> States:
        """Area tensors after a tick, from those before (an empty dict at first)."""
        states = self.module.step({} if state is None else state, screen)
        if not isinstance(states, Mapping):
            raise GraphError(
                f"step of {type(self.module).__name__} returns a {type(states).__name__}; return a dict of area "
                "tensors, or give an adapter that knows which areas the state has."
            )
        return dict(states)

    def areas(self, state: States) -> States:
        """The state itself."""
        return state

    def with_areas(self, state: States, areas: States) -> States:
        """The areas themselves."""
        return areas


class Steps:
    """Dynamics of a network that takes a step at every tick.

    Parameters
    ----------
    module
        The network.
    adapter
        How it takes a step.
    readout
        Layer of the module that runs in a step and gives logits, or a function of the areas; None for none.
    """

    drive = "continuous"
    searched = SEARCHED

    def __init__(self, module: nn.Module, adapter: Adapter, readout: Readout) -> None:
        self.module = module
        self.adapter = adapter
        self.readout = readout
        self.layers = {LOGITS: readout} if isinstance(readout, str) else {}

    @property
    def takes_noise(self) -> bool:
        """Whether noise can be added to the state; a layer within the step would read the state without it."""
        return hasattr(self.adapter, "with_areas") and not self.layers

    def responses(self, screens: Iterable[Tensor | None], disturb: Disturb | None = None) -> Iterator[States]:
        """Areas and logits at each tick, for images (image, colour, y, x) on the screen at each tick."""
        state: Any = None
        for screen in screens:
            with captured(self.module, self.layers) as outputs:
                state = self.adapter.step(state, screen)  # type: ignore[arg-type]  # an image enters at every tick
            states = dict(self.adapter.areas(state))
            checked_names([*states])
            if disturb is not None:
                states = disturb(states)
                state = self.adapter.with_areas(state, states)  # type: ignore[attr-defined]  # see takes_noise
            yield with_logits({**states, **outputs}, self.readout)


class Layers:
    """Dynamics of a static network: at each tick a layer is what it makes of the screen of a latency ago.

    A screen that comes again, at the next tick or in another batch, is computed once.

    Parameters
    ----------
    module
        The network.
    layers
        Layer of each area by name.
    latency
        Latency of each area, in ticks; and of the readout, if that is a layer.
    readout
        Layer that gives logits, or a function of the areas at a tick; None for none.
    """

    drive = "sustained"
    takes_noise = False

    def __init__(
        self, module: nn.Module, layers: Mapping[str, str], latency: Mapping[str, int], readout: Readout
    ) -> None:
        self.module = module
        self.layers = {**layers, LOGITS: readout} if isinstance(readout, str) else dict(layers)
        self.latency = latency
        self.readout = readout
        self.memory = Memory()

    @property
    def searched(self) -> int:
        """Number of ticks after which every area is present."""
        return max(self.latency.values()) + 1

    def responses(self, screens: Iterable[Tensor | None], disturb: Disturb | None = None) -> Iterator[States]:
        """Areas and logits at each tick, for images (image, colour, y, x) on the screen at each tick, or None."""
        seen: deque[States] = deque(maxlen=self.searched)  # the latest first
        for screen in screens:
            seen.appendleft({} if screen is None else self.memory.recall(screen, self._activity))
            states = {
                area: seen[late][area] for area, late in self.latency.items() if late < len(seen) and area in seen[late]
            }
            yield with_logits(states, self.readout)

    def _activity(self, screen: Tensor) -> States:
        """Output of every layer for the images of a screen."""
        with captured(self.module, self.layers) as outputs:
            self.module(screen)
        if missing := [layer for area, layer in self.layers.items() if area not in outputs]:
            raise GraphError(
                f"layer {missing[0]} does not run when {type(self.module).__name__} sees an image; record another."
            )
        return outputs


class Memory:
    """Activity of the screens that were seen last, as much as `KEPT_BYTES` hold."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, States] = OrderedDict()
        self._last: tuple[Tensor, States] | None = None

    def recall(self, screen: Tensor, compute: Callable[[Tensor], States]) -> States:
        """What `compute` makes of a screen, from memory if it was the same before."""
        if self._last is not None and self._last[0] is screen:
            return self._last[1]
        key = _key(screen)
        activity = self._kept.pop(key) if key in self._kept else compute(screen)
        self._kept[key] = activity
        self._last = screen, activity
        while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)
        return activity


def _key(screen: Tensor) -> bytes:
    """A digest of the images on a screen."""
    digest = blake2b(f"{screen.dtype} {tuple(screen.shape)} {screen.device}".encode())
    digest.update(screen.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.digest()


def _size(activity: States) -> int:
    return sum(values.nbytes for values in activity.values())


@contextmanager
def captured(module: nn.Module, layers: Mapping[str, str]) -> Iterator[States]:
    """The outputs of layers, by area, of what runs within this context.

    An output is copied when the layer has made it: the next layer may change it in place, as ReLU often does.
    """
    outputs: States = {}

    def keep(area: str, layer: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if area in outputs:
                raise GraphError(
                    f"layer {layer} runs more than once for an image, so it is not clear which output is meant; "
                    "record a layer that runs once, such as the one that it is part of."
                )
            if not isinstance(output, Tensor):
                raise GraphError(f"layer {layer} gives a {type(output).__name__}; record one that gives a tensor.")
            outputs[area] = output.clone()

        return hook

    handles = [module.get_submodule(layer).register_forward_hook(keep(area, layer)) for area, layer in layers.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


class Present(dict[str, Tensor]):
    """Areas that are present at a tick; to ask for another is an `AbsentError`."""

    def __missing__(self, area: str) -> Tensor:
        raise AbsentError(f"there is no area {area!r}; at this tick there is {', '.join(self) or 'none'}.")


def with_logits(states: States, readout: Readout) -> States:
    """States and the logits that a function gives of them, if it does not ask for an area that is absent."""
    if readout is None or isinstance(readout, str):
        return states
    try:
        return {**states, LOGITS: readout(Present(states))}
    except AbsentError:
        return states
