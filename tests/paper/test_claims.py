"""Laws of what the paper compares: every name exists, every network is the paper's, and figures are found."""

import dataclasses

import pytest
from catalogue import READ

from ventral.errors import UsageError
from ventral.knobs import apply_settings
from ventral.model.counting import effective_parameters
from ventral.model.zoo import FIG_10_TEST_MS, GRAPHS, graph
from ventral.paper.claims import (
    CLAIMS,
    FIGURES,
    error_name,
    find_figure,
    less,
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
    "one-state-statistics-fixed": 76_426,
    "two-state-statistics-fixed": 297_994,
    # a scale and a shift for each feature map of both normalisations of each transition
    "one-state-all-fixed": 76_426 + 2 * 2 * 64,
    "two-state-all-fixed": 297_994 + 4 * 2 * 2 * 64,
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
        for error in (comparison.left, comparison.right):
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
    assert graph(model, **apply_settings(GRAPHS[model], knobs.split(","))) == variant.graph(0.25)


@each_figure
def test_a_figure_needs_what_it_draws_and_what_its_claims_compare(figure):
    names = needed(figure)
    assert names[: len(figure.variants)] == figure.variants
    assert len(set(names)) == len(names)
    comparisons = [comparison for claim in figure.claims for comparison in CLAIMS[claim].comparisons]
    compared = {error.partition("@")[0] for each in comparisons for error in (each.left, each.right)}
    assert set(names) == {*figure.variants, *compared}


@pytest.mark.parametrize(("by", "limit", "words"), [(0.0, 0, "errs less than"), (-2.0, 2, "less than 2 points more")])
def test_a_comparison_of_two_errors_says_its_limit(by, limit, words):
    comparison = less("two-state", "one-state", by)
    assert comparison.below == limit
    assert (comparison.left, comparison.right) == ("two-state", "one-state")
    assert words in comparison.text
    left, right = VARIANTS["two-state"].label, VARIANTS["one-state"].label
    assert comparison.text.startswith(left)
    assert comparison.text.endswith(right)


@pytest.mark.parametrize(("claim", "times", "limit"), [("v-a", {80, 90, 110, 120}, 5), ("v-b", {60, 70, 150}, 10)])
def test_away_from_the_trained_time_the_error_may_grow_by_few_points(claim, times, limit):
    name = "three-state-no-self"
    for comparison in CLAIMS[claim].comparisons:
        assert (comparison.right, comparison.below) == (f"{name}@100ms", limit)
        assert f"errs less than {limit} points more than at 100 ms" in comparison.text
    assert {comparison.left for comparison in CLAIMS[claim].comparisons} == {f"{name}@{ms}ms" for ms in times}


@pytest.mark.parametrize(
    ("ending", "statistics", "scaled"),
    [
        ("", "per-tick", False),
        ("-statistics-shared", "shared", False),
        ("-statistics-fixed", "fixed", False),
        ("-all-fixed", "fixed", True),
    ],
)
@pytest.mark.parametrize("name", ["one-state", "two-state"])
def test_networks_of_claim_vi_differ_in_their_normalisation_alone(name, ending, statistics, scaled):
    graph = VARIANTS[f"{name}{ending}"].graph()
    assert (graph.statistics, graph.scale_shift) == (statistics, scaled)
    assert dataclasses.replace(graph, statistics="per-tick", scale_shift=False) == VARIANTS[name].graph()


@pytest.mark.parametrize(
    ("name", "width"),
    [("four-state", 0.5), ("three-state-resnet", 0.25), ("one-kernel-16", 0.25), ("two-state-t2", 0.25)],
)
def test_a_network_s_own_width_is_read_from_its_description(name, width):
    variant = VARIANTS[name]
    assert variant.width_of(variant.written(0.25)) == width
    assert variant.width_of(variant.written()) == 1


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
