"""What the paper compares: each figure's networks, and each claim as differences of error that must lie below a limit.

The figures' own numbers are not available to us; what can be reproduced is which network errs less, and by how much. A
claim in words ("costs little") needs a limit to be tested: ours are in the claims, and were set before anything ran.

Source: Liao & Poggio (2016); section and figure in each entry.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ventral.clock import to_ms
from ventral.errors import UsageError, unknown
from ventral.model.graph import AreaGraph
from ventral.model.zoo import FIG_10_TEST_MS, GRAPHS, graph

NARROWEST = 4
CHANCE = 90.0  # % of errors of a guess among ten
LITTLE = 2.0  # percentage points


@dataclass(frozen=True)
class Variant:
    """A network that figures compare.

    Parameters
    ----------
    name
        In tables.
    label
        In figures.
    model
        Name in the zoo.
    knobs
        Of that, where they are not the default.
    tested_ms
        When it is read in the test; as in training if empty.
    epochs, drop_epochs
        Of its training in the paper, and when the rate dropped.
    """

    name: str
    label: str
    model: str
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    tested_ms: tuple[int, ...] = ()
    epochs: int = 60
    drop_epochs: tuple[int, ...] = (40, 50)

    def at(self, width: float = 1.0) -> dict[str, Any]:
        """Its knobs with `width` times the paper's feature maps, no fewer than 4 in the first area."""
        defaults = inspect.signature(GRAPHS[self.model]).parameters
        knob = "features" if "features" in defaults else "channels"
        paper = int(self.knobs.get(knob, defaults[knob].default))
        return {knob: max(NARROWEST, round(width * paper)), **{k: v for k, v in self.knobs.items() if k != knob}}

    def graph(self, width: float = 1.0) -> AreaGraph:
        """Its graph at a width."""
        return graph(self.model, **self.at(width))

    def written(self, width: float = 1.0) -> str:
        """Its graph as the command line takes it: "two-state:channels=16,readout_ms=20"."""
        return f"{self.model}:{','.join(f'{knob}={value}' for knob, value in self.at(width).items())}"

    @property
    def reads_ms(self) -> tuple[int, ...]:
        """When it is read in the test."""
        return self.tested_ms or self.graph().readout_ms


@dataclass(frozen=True)
class Reading:
    """The error of a variant, read when it was trained to be read or at another time; in %, on the test images."""

    variant: str
    at_ms: int | None = None


@dataclass(frozen=True)
class Comparison:
    """A difference of errors that must lie below a limit.

    Parameters
    ----------
    text
        What is compared, in words: "left minus right".
    terms
        Factor of each reading; the difference is their sum.
    below
        The limit, in percentage points.
    """

    text: str
    terms: Mapping[Reading, float]
    below: float = 0.0


@dataclass(frozen=True)
class Claim:
    """What the paper says, as comparisons that must all hold.

    Parameters
    ----------
    name
        A Roman number, as in lists of the claims.
    text
        In words.
    source
        Section of the paper.
    comparisons
        All must hold.
    """

    name: str
    text: str
    source: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class Compared:
    """A figure: the networks it compares and the claims they decide.

    Parameters
    ----------
    name
        As given on the command line.
    title
        What it asks.
    variants
        Names of the networks that are drawn.
    claims
        Names of claims; these may need networks of other figures, which are trained too.
    against
        "epoch" for curves over training, "readout" for errors against the readout time, or both.
    note
        What a reader must know to read it, in sentences.
    """

    name: str
    title: str
    variants: tuple[str, ...]
    claims: tuple[str, ...] = ()
    against: tuple[str, ...] = ("epoch",)
    note: str = ""


def less(left: str, right: str, by: float = 0.0) -> Comparison:
    """The first errs less than the second, or with a negative `by` at most so much more."""
    limit = f"less than {-by:g} point{'s' * (by != -1)} more" if by < 0 else "less"
    text = f"{VARIANTS[left].label} errs {limit} than {VARIANTS[right].label}"
    return Comparison(text, {Reading(left): 1.0, Reading(right): -1.0}, 0.0 - by)


def nearer_than_chance(variant: str, at_ms: int, trained_ms: int) -> Comparison:
    """The error at another time is nearer to that at the time of training than to chance."""
    text = f"{VARIANTS[variant].label}: error at {at_ms} ms less half of that at {trained_ms} ms"
    return Comparison(text, {Reading(variant, at_ms): 1.0, Reading(variant, trained_ms): -0.5}, CHANCE / 2)


def _variants() -> dict[str, Variant]:
    unshared, adjacent = {"sharing": "per-tick"}, {"connections": "adjacent"}
    each = [
        Variant("one-state", "1-state, weights shared", "one-state"),
        Variant("one-state-unshared", "1-state, weights unshared", "one-state", unshared),
        Variant("three-state-resnet", "3-state ResNet, weights shared", "three-state-resnet"),
        Variant("three-state-resnet-unshared", "3-state ResNet, weights unshared", "three-state-resnet", unshared),
        Variant("two-state", "2-state, weights shared", "two-state"),
        Variant("two-state-unshared", "2-state, weights unshared", "two-state", unshared),
        *(Variant(f"two-state-t{t}", f"2-state, t = {t}", "two-state", {"readout_ms": to_ms(t)}) for t in (2, 3, 5)),
        *(
            Variant(
                f"one-kernel-{n}",
                f"{n} features at full width",
                "three-state-one-kernel",
                {"features": n},
                epochs=140,
                drop_epochs=(100, 120),
            )
            for n in (16, 32, 64, 128)
        ),
        Variant("four-state", "4-state, full", "four-state"),
        Variant("four-state-adjacent", "4-state, adjacent", "four-state", adjacent),
        Variant("three-state", "3-state, full", "three-state"),
        Variant("three-state-adjacent", "3-state, adjacent", "three-state", adjacent),
        Variant(
            "three-state-no-self",
            "no self-transitions, states carried over",
            "three-state-no-self",
            {"reading": "identity"},
            FIG_10_TEST_MS,
        ),
        Variant(
            "three-state-no-self-sustained",
            "no self-transitions, constant input",
            "three-state-no-self",
            {"reading": "sustained"},
            FIG_10_TEST_MS,
        ),
        Variant("three-state-inhomogeneous", "3-state, full, constant input", "three-state-inhomogeneous"),
        Variant(
            "three-state-inhomogeneous-adjacent",
            "3-state, adjacent, constant input",
            "three-state-inhomogeneous",
            adjacent,
        ),
        Variant("one-state-inhomogeneous", "1-state, constant input", "one-state-inhomogeneous"),
        Variant(
            "one-state-statistics-shared", "1-state, statistics shared over time", "one-state", {"statistics": "shared"}
        ),
        Variant(
            "two-state-statistics-shared", "2-state, statistics shared over time", "two-state", {"statistics": "shared"}
        ),
        Variant("three-state-prenet-conv", "3-state, pre-net of one convolution", "three-state", {"prenet": "conv"}),
    ]
    return {variant.name: variant for variant in each}


def _claims() -> dict[str, Claim]:
    each = [
        Claim(
            "i",
            f"Sharing weights over time costs little (less than {LITTLE:g} points).",
            "section 5.2.1",
            tuple(less(name, f"{name}-unshared", -LITTLE) for name in ("one-state", "three-state-resnet", "two-state")),
        ),
        Claim(
            "ii",
            "The 2-state network with shared weights errs less than the unshared 1-state and 3-state ResNets.",
            "Fig. 6",
            (less("two-state", "one-state-unshared"), less("two-state", "three-state-resnet-unshared")),
        ),
        Claim(
            "iii",
            "Error falls as the readout comes later: t = 2, 3, 5, 10.",
            "section 5.3.2, Fig. 8",
            (
                less("two-state-t3", "two-state-t2"),
                less("two-state-t5", "two-state-t3"),
                replace(less("two-state", "two-state-t5"), text="2-state, t = 10 errs less than 2-state, t = 5"),
            ),
        ),
        Claim("iv-a", "3 states err less than 2.", "section 5.3.3", (less("three-state", "two-state"),)),
        Claim(
            "iv-b",
            f"Transitions between neighbours alone do well with 3 states (less than {LITTLE:g} points more errors than "
            "all), and slightly less well with 4.",
            "section 5.3.3, Fig. 9",
            (less("three-state-adjacent", "three-state", -LITTLE), less("four-state", "four-state-adjacent")),
        ),
        Claim(
            "v",
            "Read at other times than trained for, the error stays nearer to that at the trained time than to chance "
            f"(less half of that, it is below {CHANCE / 2:g}).",
            "section 5.3.4, Fig. 10",
            tuple(nearer_than_chance("three-state-no-self", ms, 100) for ms in FIG_10_TEST_MS if ms != 100),
        ),
        Claim(
            "vi",
            "Statistics of normalisation that are shared over time hurt; those of each tick restore.",
            "section 3.7",
            (
                less("one-state", "one-state-statistics-shared"),
                less("two-state", "two-state-statistics-shared"),
            ),
        ),
        Claim(
            "vii-a", "Constant input hurts one state.", "appendix B", (less("one-state", "one-state-inhomogeneous"),)
        ),
        Claim(
            "vii-b",
            f"Constant input is tolerated by three states (it costs less than {LITTLE:g} points).",
            "appendix B, Fig. 13",
            (
                less("three-state-inhomogeneous", "three-state", -LITTLE),
                less("three-state-inhomogeneous-adjacent", "three-state-adjacent", -LITTLE),
            ),
        ),
        Claim(
            "viii",
            "A pre-net of three convolutions errs less than one of a single one, by less than a point.",
            "section 5.3.3",
            (less("three-state", "three-state-prenet-conv"), less("three-state-prenet-conv", "three-state", -1.0)),
        ),
    ]
    return {claim.name: claim for claim in each}


def _figures() -> dict[str, Compared]:
    each = [
        Compared(
            "fig6",
            "weights shared over time, and not",
            (
                "one-state",
                "one-state-unshared",
                "three-state-resnet",
                "three-state-resnet-unshared",
                "two-state",
                "two-state-unshared",
            ),
            ("i", "ii"),
        ),
        Compared(
            "fig7",
            "one kernel for all convolutions",
            tuple(f"one-kernel-{n}" for n in (16, 32, 64, 128)),
            against=("epoch",),
        ),
        Compared(
            "fig8",
            "2-state network read at t = 2, 3, 5, 10",
            ("two-state-t2", "two-state-t3", "two-state-t5", "two-state"),
            ("iii",),
            ("epoch", "readout"),
        ),
        Compared(
            "fig9",
            "3 and 4 states, all transitions and those between neighbours",
            ("three-state", "three-state-adjacent", "four-state", "four-state-adjacent"),
            ("iv-a", "iv-b"),
            note="As in the paper, networks of 3 and 4 states have a pre-net of three convolutions and are read at "
            "t = 5; the 2-state network that claim iv-a compares has a single convolution and is read at t = 10. "
            "How much worse “slightly” may be is not tested: the paper's text gives no number.",
        ),
        Compared(
            "fig10",
            "trained at t = 10, read at other times",
            ("three-state-no-self", "three-state-no-self-sustained"),
            ("v",),
            ("readout",),
            "Half of the error at the trained time is taken off because an error halfway between that and chance is as "
            "near to the one as to the other. The errors themselves are in a table below.",
        ),
        Compared(
            "fig13",
            "constant input to three states",
            (
                "three-state",
                "three-state-inhomogeneous",
                "three-state-adjacent",
                "three-state-inhomogeneous-adjacent",
            ),
            ("vii-b",),
        ),
        Compared("one-state", "constant input to one state", ("one-state", "one-state-inhomogeneous"), ("vii-a",)),
        Compared(
            "statistics",
            "statistics of normalisation of each tick, and shared over time",
            ("one-state", "one-state-statistics-shared", "two-state", "two-state-statistics-shared"),
            ("vi",),
            note="In training every tick is normalised by its own batch in both, so that both have the same weights; "
            "they differ in the statistics of the test: of each tick, or of all ticks together.",
        ),
        Compared(
            "prenet",
            "a pre-net of three convolutions, and of one",
            ("three-state", "three-state-prenet-conv"),
            ("viii",),
        ),
    ]
    return {figure.name: figure for figure in each}


VARIANTS = _variants()
CLAIMS = _claims()
FIGURES = _figures()


def find_figure(name: str, others: Iterable[str] = ()) -> Compared:
    """A figure by name; "6" and "Fig. 6" are "fig6", and appendix B is "one-state".

    Parameters
    ----------
    name
        As typed.
    others
        Names that mean something else where it was typed, and may have been meant.

    Raises
    ------
    UsageError
        If there is no such figure; says which there are.
    """
    plain = name.lower().replace(" ", "").replace(".", "").replace("_", "-")
    plain = plain.replace("figure", "fig")
    plain = f"fig{plain}" if plain.isdigit() else plain
    if plain in {"fig11", "fig12"}:
        raise UsageError(f"{name} is a diagram; nothing is measured in it. `ventral models show` draws networks.")
    if plain not in FIGURES:
        raise unknown("figure", plain, [*FIGURES, *others])
    return FIGURES[plain]


def needed(figure: Compared) -> tuple[str, ...]:
    """Names of the variants that a figure draws or its claims compare, in order."""
    compared = (
        reading.variant
        for claim in figure.claims
        for comparison in CLAIMS[claim].comparisons
        for reading in comparison.terms
    )
    return tuple(dict.fromkeys([*figure.variants, *compared]))
