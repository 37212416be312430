"""Laws of what the paper compares: every name exists, every network is the paper's, and figures are found."""

import dataclasses

import pytest
from catalogue import READ

from ventral.errors import UsageError
from ventral.model.counting import effective_parameters
from ventral.model.zoo import FIG_10_TEST_MS, GRAPHS, graph
from ventral.paper.claims import (
    CHANCE,
    CLAIMS,
    FIGURES,
    error_name,
    find_figure,
    less,
    nearer_than_chance,
    needed,
)
from ventral.paper.networks import NARROWEST, VARIANTS

# counted from the text of the paper: convolutions have biases
PARAMETERS = {
    "one-state": 76_426,
    "one-state-unshared": 741_130,
    "three-state-resnet": 121_354,
    "three-state-resnet-unshared": 315_338,
    "two-state": 297_994,
    "two-state-unshared": 2_661_386,
    "two-state-t2": 224_138,
    "two-state-t3": 297_994,
    "two-state-t5": 297_994,
    "one-kernel-16": 2_970,
    "one-kernel-32": 10_538,
    "one-kernel-64": 39_498,
    "one-kernel-128": 152_714,
    "four-state": 351_970,
    "four-state-adjacent": 209_530,
    "three-state": 4_210_186,
    "three-state-adjacent": 3_287_946,
    "three-state-no-self": 1_664_906,
    "three-state-no-self-sustained": 1_664_906,
    "three-state-inhomogeneous": 4_210_186,
    "three-state-inhomogeneous-adjacent": 3_287_946,
    "one-state-inhomogeneous": 76_426,
    "one-state-statistics-shared": 76_426,
    "two-state-statistics-shared": 297_994,
    # two convolutions of 64 feature maps fewer than with three, with their biases
    "three-state-prenet-conv": 4_210_186 - 2 * (64 * 64 * 9 + 64),
}
each_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
each_claim = pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
each_figure = pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)


def test_tables_are_keyed_by_name():
    for table in (VARIANTS, CLAIMS, FIGURES):
        assert [entry.name for entry in table.values()] == list(table)


@each_figure
def test_every_name_in_a_figure_exists(figure):
    assert set(figure.variants) <= set(VARIANTS)
    assert set(figure.claims) <= set(CLAIMS)
    assert figure.against
    assert set(figure.against) <= {"epoch", "readout"}


@each_claim
def test_every_error_of_a_claim_is_measured(claim):
    assert claim.comparisons
    for comparison in claim.comparisons:
        for error in comparison.terms:
            variant = VARIANTS[error.partition("@")[0]]
            assert error in {error_name(variant.name, ms) for ms in (None, *variant.reads_ms)}
            assert set(variant.graph().readout_ms) <= set(variant.reads_ms)


def test_every_claim_is_decided_by_a_figure_and_every_network_is_in_one():
    assert {name for figure in FIGURES.values() for name in figure.claims} == set(CLAIMS)
    assert {name for figure in FIGURES.values() for name in needed(figure)} == set(VARIANTS)


def test_names_and_labels_tell_networks_of_a_figure_apart():
    for figure in FIGURES.values():
        assert len({VARIANTS[name].label for name in figure.variants}) == len(figure.variants)
    texts = [comparison.text for claim in CLAIMS.values() for comparison in claim.comparisons]
    assert len(set(texts)) == len(texts)


@each_variant
def test_at_full_width_a_network_has_the_paper_s_parameters(variant):
    assert effective_parameters(variant.graph()) == PARAMETERS[variant.name]


def test_no_two_networks_are_the_same():
    assert len({variant.graph().to_json() for variant in VARIANTS.values()}) == len(VARIANTS)


@each_variant
def test_a_network_is_trained_to_be_read_when_the_paper_says(variant):
    t = int(variant.name.rpartition("-t")[2]) if "-t" in variant.name[-3:] else READ[variant.model]
    assert variant.graph().readout_ms == (10 * t,)
    assert variant.reads_ms == (FIG_10_TEST_MS if "no-self" in variant.name else (10 * t,))


@each_variant
@pytest.mark.parametrize("width", [0.5, 0.25, 0.01])
def test_width_scales_the_feature_maps_of_every_area_and_nothing_else(variant, width):
    full, narrow = variant.graph(), variant.graph(width)
    first = max(NARROWEST, round(width * full.areas[0].channels))
    for area, before in zip(narrow.areas, full.areas, strict=True):
        assert area.channels / first == before.channels / full.areas[0].channels
        assert dataclasses.replace(area, channels=before.channels) == before
    assert dataclasses.replace(narrow, areas=full.areas) == full


@each_variant
def test_a_network_as_it_is_written_is_that_network(variant):
    model, _, knobs = variant.written(0.25).partition(":")
    given = dict(knob.split("=") for knob in knobs.split(","))
    read = {name: int(value) if value.isdigit() else value for name, value in given.items()}
    assert model in GRAPHS
    assert graph(model, **read) == variant.graph(0.25)


@each_figure
def test_a_figure_needs_what_it_draws_and_what_its_claims_compare(figure):
    names = needed(figure)
    assert names[: len(figure.variants)] == figure.variants
    assert len(set(names)) == len(names)
    terms = [error for claim in figure.claims for each in CLAIMS[claim].comparisons for error in each.terms]
    compared = {error.partition("@")[0] for error in terms}
    assert set(names) == {*figure.variants, *compared}


@pytest.mark.parametrize(("by", "limit", "words"), [(0.0, 0, "errs less than"), (-2.0, 2, "less than 2 points more")])
def test_a_comparison_of_two_errors_says_its_limit(by, limit, words):
    comparison = less("two-state", "one-state", by)
    assert comparison.below == limit
    assert comparison.terms == {"two-state": 1, "one-state": -1}
    assert words in comparison.text
    left, right = VARIANTS["two-state"].label, VARIANTS["one-state"].label
    assert comparison.text.startswith(left)
    assert comparison.text.endswith(right)


@pytest.mark.parametrize("trained", [5.0, 30.0, 80.0])
@pytest.mark.parametrize("share", [0.1, 0.49, 0.51, 0.9])
def test_nearer_than_chance_is_nearer_than_chance(trained, share):
    read = trained + share * (CHANCE - trained)
    comparison = nearer_than_chance("three-state-no-self", 60, 100)
    errors = {"three-state-no-self@60ms": read, "three-state-no-self@100ms": trained}
    difference = sum(factor * errors[error] for error, factor in comparison.terms.items())
    assert (difference < comparison.below) == (abs(read - trained) < abs(read - CHANCE))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fig6", "fig6"),
        ("6", "fig6"),
        ("Fig. 10", "fig10"),
        ("FIGURE 13", "fig13"),
        ("one_state", "one-state"),
        ("statistics", "statistics"),
        *((name, name) for name in FIGURES),
    ],
)
def test_a_figure_is_found_by_the_names_people_give_it(name, found):
    assert find_figure(name) is FIGURES[found]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fig11", "fig11 is a diagram; nothing is measured in it"),
        ("12", "12 is a diagram"),
        ("fig66", "no figure named 'fig66'; did you mean 'fig6'"),
        ("statistic", "no figure named 'statistic'; did you mean 'statistics'"),
        ("xyz", "no figure named 'xyz'; there is: fig10, fig13"),
    ],
)
def test_a_figure_that_is_not_there_is_refused(name, message):
    with pytest.raises(UsageError, match=message):
        find_figure(name)
