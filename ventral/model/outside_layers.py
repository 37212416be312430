"""Static outside networks: layers as areas, each with a latency."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b

import torch
from torch import Tensor, nn

from ventral.errors import GraphError
from ventral.model.outside_graph import LOGITS
from ventral.model.outside_outputs import Disturb, Readout, States, captured, with_logits

KEPT_BYTES = 1 << 30  # of activity that is kept for screens that come again


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
