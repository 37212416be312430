"""Laws of random streams: a key fixes the numbers, for ever."""

import numpy as np
import torch

from ventral.seeds import generator, stream


def test_a_stream_depends_on_its_key_alone():
    assert np.array_equal(stream("mask", 0, "a").random(3), stream("mask", 0, "a").random(3))
    assert not np.array_equal(stream("mask", 0, "a").random(3), stream("mask", 1, "a").random(3))
    assert not np.array_equal(stream("ab", "c").random(3), stream("a", "bc").random(3))


def test_a_generator_depends_on_seed_and_name_alone():
    def draw(seed, name):
        return torch.rand(3, generator=generator(seed, name))

    assert torch.equal(draw(0, "V1->V2/0"), draw(0, "V1->V2/0"))
    assert not torch.equal(draw(0, "V1->V2/0"), draw(1, "V1->V2/0"))
    assert not torch.equal(draw(0, "V1->V2/0"), draw(0, "V2->V1/0"))


def test_the_numbers_of_a_key_stay_what_they_were():
    assert stream("mask", 0, "shapes/test/000012").integers(1000, size=4).tolist() == [373, 542, 123, 181]
    assert torch.randint(1000, (4,), generator=generator(0, "V1->V2/0")).tolist() == [844, 849, 324, 923]
