"""Statistics of a network's normalisations: estimating them, fixing them, forgetting them, holding the last.

Source: Liao & Poggio (2016), section 3.7: time-specific statistics are estimated after training.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

import torch
from torch import Tensor

from ventral.clock import MS_PER_TICK
from ventral.model.kernels import Kernels
from ventral.model.network import Network, States
from ventral.model.normalisation import Normalisation
from ventral.model.subject import Dynamics

ROUNDS = 40  # of estimating the fixed statistics of a network that does not learn


def normalisations(network: Network) -> Iterator[Normalisation]:
    """Every normalisation of a network."""
    for module in network.modules():
        if isinstance(module, Normalisation):
            yield module


@contextmanager
def recording(network: Network) -> Iterator[None]:
    """Within this context the batches that run define the statistics of every normalisation at every tick."""
    norms = list(normalisations(network))
    for norm in norms:
        norm.start_recording()
    network.train()
    try:
        yield
    finally:
        network.eval()
        for norm in norms:
            norm.recording = False


def estimate(
    network: Network,
    inputs: Iterable[Tensor | None],
    gains: Callable[[int], Mapping[str, float | Tensor]] | None = None,
    disturb: Callable[[States], States] | None = None,
) -> None:
    """Estimate the statistics of every normalisation at every tick on one batch, without labels.

    Parameters
    ----------
    network
        Changed in place. Each tick is normalised by its batch.
    inputs
        As `Network.run` takes them. A generator that encodes while it is read also records a pre-net with
        normalisation. One tick beyond the horizon gives statistics to the transitions out of the last area; later ticks
        are not used.
    gains, disturb
        As `Network.run` takes them.
    """
    with torch.no_grad(), recording(network):
        _respond(network, inputs, gains, disturb)


def _respond(
    network: Network,
    inputs: Iterable[Tensor | None],
    gains: Callable[[int], Mapping[str, float | Tensor]] | None = None,
    disturb: Callable[[States], States] | None = None,
) -> None:
    """Run a network and its readout to the horizon."""
    last = network.horizon_ms // MS_PER_TICK
    count = last + (1 if network.graph.learns_per_tick else 2)
    for tick, states in enumerate(islice(network.run(inputs, gains, disturb=disturb), count)):
        if network.graph.readout in states and tick <= last:
            network.readout(states, tick)


def estimate_fixed(network: Network, inputs: Callable[[], Iterable[Tensor | None]]) -> None:
    """Estimate fixed statistics of a network that does not learn.

    Fixed statistics decide the states of which they are the statistics. So the first estimate, which normalises each
    tick by its batch, is improved in rounds: each runs the network with the statistics so far and moves them towards
    what it sees, by less from round to round, because full steps oscillate. The result is close to what the network
    sees (within half a standard deviation in the networks that were tried), not equal to it.

    Parameters
    ----------
    network
        Changed in place.
    inputs
        Gives the inputs of a round, as `estimate` takes them.
    """
    estimate(network, inputs())
    fix(network, 1.0, gathering=True)
    network.train()
    try:
        for turn in range(ROUNDS):
            with torch.no_grad():
                _respond(network, inputs())
            update_fixed(network, 1 / (2 + turn / 4))
    finally:
        network.eval()


def fix(network: Network, share: float, gathering: bool) -> None:
    """Let training normalise by the kept mean and variance in this share, and gather new ones if asked to.

    Statistics that were never estimated begin as mean 0 and variance 1.
    """
    for norm in normalisations(network):
        if norm.fixed is None and norm.mean.isnan().any():  # asked once, since a GPU has to be waited for
            norm.mean.zero_()
            norm.variance.fill_(1.0)
        norm.fixed, norm.gathering = share, gathering


def update_fixed(network: Network, weight: float) -> None:
    """Move fixed statistics towards those gathered since the last update (see `Normalisation.update`)."""
    for norm in normalisations(network):
        norm.update(weight)


def forget(network: Network, horizon_ms: int) -> None:
    """Replace all statistics by NaN, up to another horizon."""
    fewer = network.horizon_ms - horizon_ms
    network.horizon_ms = horizon_ms
    for norm in normalisations(network):
        norm.forget(len(norm.mean) - fewer // MS_PER_TICK)


def hold(network: Dynamics, held: bool) -> None:
    """Let ticks beyond the last statistics or weights per tick use those of the last, or refuse them if not held."""
    for module in network.modules():
        if isinstance(module, (Kernels, Normalisation)):
            module.held = held
