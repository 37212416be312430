"""What linear decoders find in real neurons: 132 of macaque IT, seven objects (Zhang et al. 2011, PNAS 108:8850).

The rasters are not in the repository. Where they lie in `.data/zhang-desimone-7objects`, as the Neural Decoding Toolbox
distributes them, they are read as an array and decoded by the same calls as a model.
"""

import numpy as np
import pytest
from neurons import NEURONS, read_rasters

from ventral.measures.codes import code_numbers
from ventral.measures.decoders import DECODERS
from ventral.measures.decoding import decode_over_time
from ventral.measures.generalisation import generalise

pytestmark = pytest.mark.skipif(not NEURONS.exists(), reason="the rasters of Zhang et al. are not in .data")

CHANCE = 1 / 7


@pytest.fixture(scope="module")
def spikes():
    return read_rasters(NEURONS)


@pytest.mark.parametrize("decoder", DECODERS)
def test_objects_are_known_from_100_ms_on_and_best_at_about_150(spikes, decoder):
    found = decode_over_time(spikes, decoder=decoder)["pooled"]
    early = found.sel(time=slice(-200, 60))
    assert abs(early - CHANCE).max() < 4 * np.sqrt(CHANCE * (1 - CHANCE) / 413)  # the most of 27 ticks
    assert float(found.time[int((found > 0.4).argmax("time"))]) == pytest.approx(105, abs=10)
    assert float(found.time[int(found.argmax("time"))]) == pytest.approx(145, abs=20)
    assert found.max() > 0.6


def test_the_code_is_that_of_its_time_at_first_and_holds_later(spikes):
    """At 400 ms a decoder of 300 ms is as good as that of 400 ms; one of 120 ms is worse late than early."""
    matrix = generalise(spikes.sel(time=slice(0, 400))).mean("fold").rename("accuracy")
    at = matrix.sel
    assert at(train_time=300, test_time=400) > at(train_time=400, test_time=400) - 0.08
    assert at(train_time=120, test_time=380) < at(train_time=120, test_time=150) - 0.1
    late = at(train_time=slice(100, 400), test_time=slice(100, 400))
    diagonal, off_diagonal, width_ms, _ = code_numbers(late.values, late.test_time.values.astype(float), CHANCE)
    assert CHANCE + 0.2 < off_diagonal < diagonal
    assert width_ms > 150
