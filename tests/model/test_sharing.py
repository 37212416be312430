from dataclasses import replace

import pytest
from two_areas import DOWN, OWN, UP, V1, assert_refused, tied, two

from ventral.model.areas import Area, Entry, Transition

WIDE = (V1, Area("V2", 6, 4))
WRONG = {
    "tie of an unknown transition": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V4")),
        "tie of V1->V4/0: .*did you mean 'V1->V",
    ),
    "tie of an unknown stage": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2", 2)),
        "tie of V1->V2/2: V1->V2 has stages 0 to 1; name one that exists",
    ),
    "tie of pooling": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2"), edges=(OWN, replace(DOWN, kind="pool"))),
        "tie of V1->V2/0: V1->V2 has no weights; name one that exists",
    ),
    "tie of a tick when all are one": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2", at_ms=10)),
        "tie of V1->V2/0@10: weights are shared over time.*leave at_ms out, or use sharing='per-tick'",
    ),
    "tie of a tick without weights": (
        lambda: tied(Entry("V1", "V1"), Entry("V1", "V2", at_ms=30), sharing="per-tick", readout_ms=(30,)),
        "tie of V1->V2/0@30: V1->V2 has weights at 0, 10, 20 ms; name one of these",
    ),
    "tie of one": (lambda: tied(Entry("V1", "V1")), "a tie names V1->V1/0; tie at least two entries"),
    "tie of one with itself": (lambda: tied(Entry("V1", "V1"), Entry("V1", "V1")), "V1->V1/0; tie at least two"),
    "tie of nothing": (lambda: tied(), "a tie names nothing; tie at least two entries"),
    "tie of unlike widths": (
        lambda: tied(Entry("V1", "V1", 1), Entry("V1", "V2", 1), areas=WIDE),
        r"both V1->V1/1 \(4 to 4 channels\) and V1->V2/1 \(5 to 6 channels\); give .* equal channels, or do not tie",
    ),
    "tie of down with up": (
        lambda: tied(Entry("V1", "V2", 1), Entry("V2", "V1", 1), edges=(DOWN, UP)),
        r"both V1->V2/1 \(4 to 4 channels\) and V2->V1/1 \(transposed, 4 to 4 channels\); .*do not tie",
    ),
    "one weight for unlike widths": (
        lambda: two(OWN, DOWN, areas=WIDE, sharing="everywhere"),
        r"both V1->V1/0 \(4 to 4 channels\) and V1->V2/0 \(4 to 5 channels\); give .* equal channels",
    ),
    "one weight for down and up": (
        lambda: two(DOWN, UP, sharing="everywhere"),
        r"one weight cannot serve both .*V2->V1/0 \(transposed, 4 to 4 channels\)",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_tie_that_cannot_be_is_refused_with_a_remedy(mistake):
    assert_refused(*WRONG[mistake])


def test_one_weight_everywhere_is_none_where_nothing_has_weights():
    assert two(Transition("V1", "V2", "pool"), sharing="everywhere").weights == {}


def test_ties_with_an_entry_in_common_are_one():
    first, second, third = Entry("V1", "V1", 0), Entry("V1", "V1", 1), Entry("V1", "V2", 0)
    graph = two(OWN, DOWN, ties=((second, third), (third, first)))
    assert len({graph.weights[entry] for entry in (first, second, third)}) == 1
    assert len(set(graph.weights.values())) == 2
