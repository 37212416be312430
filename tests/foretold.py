"""Short protocols of which the paper's predictions can be measured."""

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, mask, target
from ventral.experiment.protocol import Protocol
from ventral.paper.recordings import FOLDS

COUNT = FOLDS * 10  # images of ten classes


def flashes(*durations, end_ms=100):
    return Protocol(tuple(Condition(f"on_{ms}", (Show(target, 0, ms),)) for ms in durations), end_ms, name="flash")


def masks(*soas, end_ms=70, readout_ms=(60, 70)):
    first = Show(target, 0, 10)
    conditions = [Condition(f"soa_{s}", (first, Show(mask("noise"), s, s + 20)), soa_ms=s) for s in soas]
    unmasked, blank = Condition("unmasked", (first,)), Condition("blank")
    return Protocol((unmasked, *conditions, blank), end_ms, readout_ms=readout_ms, name="backward-mask")


FLASH, MASKING = flashes(10, 30, end_ms=70), masks(10, 40, end_ms=60, readout_ms=(50, 60))
SHARDS = 3 * 1 + 3 * 2  # flashes and masks under three policies, of 100 presentations
