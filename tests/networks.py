"""Networks, what enters them, and their states, for tests."""

import torch
from hypothesis import HealthCheck, settings
from small import with_statistics

from ventral.model.network import Network

TICKS = 9
HYPOTHESIS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pictures(count=6, size=16, seed=0):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def trained(graph, size=16, ticks=TICKS, seed=0):
    """A network with statistics of its own response to random pictures."""
    network = Network(graph, 10 * (ticks - 1), seed)
    return with_statistics(network, pictures(40, size, 7).to(torch.get_default_dtype()), ticks)


def record(network, inputs, **how):
    with torch.no_grad():
        return list(network.run(inputs, **how))


def shown(network, images, ticks=TICKS):
    with torch.no_grad():
        encoded = network.encode(images)
    return [encoded] * ticks


def same(states, others):
    """Whether two sets of states have the same areas, equal in the last bit."""
    return states.keys() == others.keys() and all(torch.equal(states[area], others[area]) for area in states)


def is_on(edge, tick):
    return edge.windows is None or any(10 * tick in range(*window) for window in edge.windows)


def scrambled(network):
    """The network in training, with biases, scales and shifts that are not what they start from."""
    stream = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in sorted(network.named_parameters()):
            if not name.endswith("weight"):
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=stream))
    return network.train()
