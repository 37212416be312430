"""Outside networks: any torch module as a model, to be recorded, analysed and exported as ours are.

A network with steps in time gives its areas at every tick. A static network (of torchvision, say) has none: its named
layers are the areas, each with a latency.
"""

from collections.abc import Mapping, Sequence
from types import FunctionType, MethodType

from torch import nn

from ventral.clock import ticks
from ventral.errors import GraphError, UsageError, few, unknown
from ventral.model.model import Model
from ventral.model.outside_graph import LOGITS, OutsideArea, OutsideGraph, Pixels, checked_names
from ventral.model.outside_layers import Layers
from ventral.model.outside_network import OutsideNetwork, as_weights, training_part
from ventral.model.outside_outputs import Readout, Responding
from ventral.model.outside_probe import noise_images, probe
from ventral.model.outside_source import parts_of, versions_of, weights_digest
from ventral.model.outside_steps import Adapter, OwnStep, Steps


def wrap(
    module: nn.Module,
    *,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    white: float = 1.0,
    layers: Mapping[str, str] | Sequence[str] | None = None,
    latency_ms: int | Mapping[str, int] = 0,
    adapter: Adapter | None = None,
    readout: Readout = None,
    classes: Sequence[str] = (),
    name: str = "",
    version: str = "",
) -> Model:
    """Any torch module as a model that `simulate`, analyses and exports take.

    Parameters
    ----------
    module
        The network, in evaluation mode. Without `layers` it takes steps in time: its method ``step(states, screen)``
        takes area tensors by name (an empty dict at first) and the images on the screen, (image, 3, size, size), and
        returns the area tensors at this tick.
    size
        Height and width of its images.
    mean, std, white
        Its normalisation: grey levels from 0 to 255 become 0 to `white`, then `mean` is subtracted and the rest is
        divided by `std`, for red, green and blue.
    layers
        Layers of a static network that are recorded as areas: their names by area, or their names alone.
    latency_ms
        Time from the screen to a layer, for all layers or by area; "readout" is that of a readout layer, by default the
        latest of all.
    adapter
        How the network takes a step, and which areas its state has, if its state is not a dict of area tensors (see
        `ventral.model.outside_steps.Adapter`).
    readout
        What gives logits, (image, class): a layer, or a function of the areas present at a tick, by name; None for a
        run without logits.
    classes
        Name of the class of each logit.
    name
        Name of the model; that of the module's class if empty.
    version
        Version of code that is in no file, such as that of a notebook.

    Returns
    -------
    Model
        Areas are maps (channel, y, x) or vectors (channel,). ``model.graph`` says when a stimulus arrives in each.

    Raises
    ------
    UsageError
        If a layer does not exist, the module is in training mode, an argument is missing or out of its range.
    ClockError
        If a latency is off the clock.
    GraphError
        If the network cannot be recorded: its states change their shape or are not finite; its response to an image
        depends on chance, on other images or on earlier ones.
    """
    if not isinstance(module, nn.Module):
        raise UsageError(f"wrap takes a torch module, not a {type(module).__name__}; put it into a module.")
    name = name or type(module).__name__
    helpers = [helper for helper in (adapter, readout) if helper is not None and not isinstance(helper, str)]
    parts = parts_of(module, *helpers)
    if part := training_part(parts):
        raise UsageError(f"{name} is in training mode ({part}); call eval() on it before it is wrapped.")
    pixels = Pixels(size, mean, std, white)
    dynamics = _dynamics(module, layers, latency_ms, adapter, readout)
    found = _areas(dynamics, probe(dynamics, as_weights(parts, noise_images(pixels)), name))
    logits = found.pop(LOGITS, None)
    _check_readout(readout, logits, classes, [*found])
    versions = versions_of(parts, *helpers, version=version)
    graph = OutsideGraph(tuple(found.values()), pixels, dynamics.drive, logits, dynamics.takes_noise, versions)
    network = OutsideNetwork(graph, dynamics, parts)
    return Model(name, network, pixels.preprocessing, tuple(classes), {}, weights_digest(parts, *helpers))


def _areas(dynamics: Responding, probed: Mapping[str, tuple[tuple[int, ...], int | None]]) -> dict[str, OutsideArea]:
    """Areas and logits by name: layers in the order in which they are given, states in that in which they appear."""
    names = [name for name in {**dynamics.layers, **probed} if name in probed]
    return {name: OutsideArea(name, *probed[name], dynamics.layers.get(name, "")) for name in names}


def _dynamics(
    module: nn.Module,
    layers: Mapping[str, str] | Sequence[str] | None,
    latency_ms: int | Mapping[str, int],
    adapter: Adapter | None,
    readout: Readout,
) -> Responding:
    """What a module does in time: it has layers with latencies, or takes steps."""
    if isinstance(readout, str):
        _check_layer(module, readout)
    elif not (readout is None or isinstance(readout, (FunctionType, MethodType, nn.Module))):
        given = type(readout).__name__
        raise UsageError(f"the readout is a {given}; give the name of a layer, a function or a module.")
    if layers is None:
        return Steps(module, _adapter_of(module, adapter, latency_ms), readout)
    if adapter is not None:
        raise UsageError("an adapter is for networks that take steps in time; leave out the layers, or the adapter.")
    named = [layers] if isinstance(layers, str) else layers
    layer_of = dict(named) if isinstance(named, Mapping) else dict(zip(named, named, strict=True))
    if not layer_of:
        raise UsageError("no layers are given; name at least one to record.")
    checked_names([*layer_of])
    for layer in layer_of.values():
        _check_layer(module, layer)
    return Layers(module, layer_of, _latency_of([*layer_of], latency_ms, readout), readout)


def _adapter_of(module: nn.Module, adapter: Adapter | None, latency_ms: int | Mapping[str, int]) -> Adapter:
    """The adapter given or, for a module with a method `step`, that of its own step."""
    if latency_ms != 0:
        raise UsageError("latency_ms is for layers of a static network; the steps of this one have their own time.")
    if adapter is not None:
        return adapter
    if not callable(getattr(module, "step", None)):
        listed = few([layer for layer, _ in module.named_children()])
        raise UsageError(
            f"{type(module).__name__} has no method step(states, screen); give an adapter or, for a static network, "
            f"the layers to record: {listed}."
        )
    return OwnStep(module)


def _latency_of(areas: Sequence[str], latency_ms: int | Mapping[str, int], readout: Readout) -> dict[str, int]:
    """Latency of each area in ticks and, last, of a readout layer."""
    named = [*areas, *([LOGITS] if isinstance(readout, str) else [])]
    given = latency_ms if isinstance(latency_ms, Mapping) else dict.fromkeys(areas, latency_ms)
    for area in given:
        if area not in named:
            raise UsageError(str(unknown("area", area, named)))
    if missing := [area for area in areas if area not in given]:
        raise UsageError(f"latency_ms has no {missing[0]}; give a latency for each area, or one number for all.")
    latency = {area: ticks(ms, f"latency of {area}") for area, ms in given.items()}
    latency |= {area: max(latency.values()) for area in named if area not in latency}
    if early := [area for area in named if latency[area] < 0]:
        raise UsageError(f"the latency of {early[0]} is {given[early[0]]} ms; give 0 or more.")
    return {area: latency[area] for area in named}


def _check_layer(module: nn.Module, layer: str) -> None:
    """Refuse a layer that a module does not have."""
    names = [name for name, _ in module.named_modules() if name]
    if layer not in names:
        raise unknown(f"layer of {type(module).__name__}", layer, names)


def _check_readout(readout: Readout, logits: OutsideArea | None, classes: Sequence[str], areas: Sequence[str]) -> None:
    """Refuse a readout that gives no logits, and names of classes that do not fit."""
    if not areas:
        raise GraphError("the network gives no area in the ticks looked at; return at least one.")
    if readout is None:
        if classes:
            raise UsageError(f"{len(classes)} names of classes are given, but no readout; name the layer with logits.")
        return
    if logits is None:
        why = (
            f"layer {readout} does not run in a step; call it there, or give a function"
            if isinstance(readout, str)
            else f"it asks for an area that is never there; the areas are {few(areas)}"
        )
        raise GraphError(f"the readout gives no logits: {why}.")
    if len(logits.shape) != 1:
        raise GraphError(f"the readout gives {logits.shape} for an image; logits are one number for each class.")
    if len(classes) != logits.shape[0]:
        raise UsageError(
            f"the readout has {logits.shape[0]} classes, and {len(classes)} are named; name each (classes=...)."
        )
    if twice := [label for label in classes if list(classes).count(label) > 1]:
        raise UsageError(f"two classes are called {twice[0]!r}; names must differ, since labels are looked up by them.")
