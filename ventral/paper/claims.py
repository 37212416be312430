"""What the paper compares: the networks of each figure, and each claim as differences of error below a limit.

The numbers in the paper's figures are not available to us; what can be reproduced is which network errs less, and by
how much. A claim in words ("costs little") needs a limit to be tested: the limits are ours, and were set before
anything ran.

Source: Liao & Poggio (2016); section and figure in each entry.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ventral.errors import UsageError, unknown
from ventral.model.zoo import FIG_10_TEST_MS
from ventral.paper.networks import CONSTANT, VARIANTS, by_name

CHANCE = 90.0  # % of errors of a guess among ten
LITTLE = 2.0  # percentage points
DIAGRAMS = ("fig11", "fig12")


@dataclass(frozen=True)
class Comparison:
    """A difference of errors that must lie below a limit."""

    text: str  # the comparison in words
    terms: Mapping[str, float]  # factor of each error by its name; the difference is their weighted sum
    below: float = 0.0  # the limit, in percentage points


@dataclass(frozen=True)
class Claim:
    """A claim of the paper: its Roman number, text and section, and the comparisons that must all hold."""

    name: str
    text: str
    source: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the paper: the networks that it compares and the claims that they decide."""

    name: str  # on the command line
    title: str  # what it compares
    variants: tuple[str, ...]  # names of the networks that are drawn
    claims: tuple[str, ...] = ()  # names; they may compare networks of other figures, which are trained too
    against: tuple[str, ...] = ("epoch",)  # curves over training ("epoch"), errors by readout time ("readout"), or both
    note: str = ""  # sentences that a reader needs to understand the figure


def error_name(variant: str, at_ms: int | None = None) -> str:
    """The name of a network's error on the test images at a time, that of training if the time is None.

    >>> error_name("two-state"), error_name("two-state", 60)
    ('two-state', 'two-state@60ms')
    """
    return variant if at_ms is None else f"{variant}@{at_ms}ms"


def less(left: str, right: str, by: float = 0.0) -> Comparison:
    """The left variant errs less than the right; with a negative `by`, at most by so many points more."""
    limit = f"less than {-by:g} point{'s' * (by != -1)} more" if by < 0 else "less"
    text = f"{VARIANTS[left].label} errs {limit} than {VARIANTS[right].label}"
    return Comparison(text, {left: 1.0, right: -1.0}, 0.0 - by)


def nearer_than_chance(variant: str, at_ms: int, trained_ms: int) -> Comparison:
    """The error at another time is nearer to the error at the time of training than to chance."""
    text = f"{VARIANTS[variant].label}: error at {at_ms} ms less half of that at {trained_ms} ms"
    terms = {error_name(variant, at_ms): 1.0, error_name(variant, trained_ms): -0.5}
    return Comparison(text, terms, CHANCE / 2)


STATES = ("one-state", "three-state-resnet", "two-state")

CLAIMS = by_name(
    Claim(
        "i",
        f"Sharing weights over time costs little (less than {LITTLE:g} points).",
        "section 5.2.1",
        tuple(less(name, f"{name}-unshared", -LITTLE) for name in STATES),
    ),
    Claim(
        "ii",
        "The 2-state network with shared weights errs less than the unshared 1-state and 3-state ResNets.",
        "Fig. 6",
        tuple(less("two-state", f"{name}-unshared") for name in STATES[:2]),
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
        tuple(less(name, f"{name}-statistics-shared") for name in ("one-state", "two-state")),
    ),
    Claim("vii-a", "Constant input hurts one state.", "appendix B", (less("one-state", "one-state-inhomogeneous"),)),
    Claim(
        "vii-b",
        f"Constant input is tolerated by three states (it costs less than {LITTLE:g} points).",
        "appendix B, Fig. 13",
        tuple(less(f"{CONSTANT}{end}", f"three-state{end}", -LITTLE) for end in ("", "-adjacent")),
    ),
    Claim(
        "viii",
        "A pre-net of three convolutions errs less than one of a single one, by less than a point.",
        "section 5.3.3",
        (less("three-state", "three-state-prenet-conv"), less("three-state-prenet-conv", "three-state", -1.0)),
    ),
)
FIGURES = by_name(
    PaperFigure(
        "fig6",
        "weights shared over time, and not",
        tuple(f"{name}{end}" for name in STATES for end in ("", "-unshared")),
        ("i", "ii"),
    ),
    PaperFigure("fig7", "one kernel for all convolutions", tuple(f"one-kernel-{n}" for n in (16, 32, 64, 128))),
    PaperFigure(
        "fig8",
        "2-state network read at t = 2, 3, 5, 10",
        ("two-state-t2", "two-state-t3", "two-state-t5", "two-state"),
        ("iii",),
        ("epoch", "readout"),
    ),
    PaperFigure(
        "fig9",
        "3 and 4 states, all transitions and those between neighbours",
        ("three-state", "three-state-adjacent", "four-state", "four-state-adjacent"),
        ("iv-a", "iv-b"),
        note="As in the paper, networks of 3 and 4 states have a pre-net of three convolutions and are read at "
        "t = 5; the 2-state network that claim iv-a compares has a single convolution and is read at t = 10. "
        "How much worse “slightly” may be is not tested: the paper's text gives no number.",
    ),
    PaperFigure(
        "fig10",
        "trained at t = 10, read at other times",
        ("three-state-no-self", "three-state-no-self-sustained"),
        ("v",),
        ("readout",),
        "Claim v subtracts half of the error at the trained time, because an error halfway between that error and "
        "chance is equally near to both. The errors themselves are in a table below.",
    ),
    PaperFigure(
        "fig13",
        "constant input to three states",
        ("three-state", CONSTANT, "three-state-adjacent", f"{CONSTANT}-adjacent"),
        ("vii-b",),
    ),
    PaperFigure("one-state", "constant input to one state", ("one-state", "one-state-inhomogeneous"), ("vii-a",)),
    PaperFigure(
        "statistics",
        "statistics of normalisation of each tick, and shared over time",
        ("one-state", "one-state-statistics-shared", "two-state", "two-state-statistics-shared"),
        ("vi",),
        note="In training, both normalise every tick by its own batch and so have the same weights; they differ in "
        "the statistics of the test: of each tick, or of all ticks together.",
    ),
    PaperFigure(
        "prenet", "a pre-net of three convolutions, and of one", ("three-state", "three-state-prenet-conv"), ("viii",)
    ),
)


def find_figure(name: str, others: Iterable[str] = ()) -> PaperFigure:
    """A figure by name; "6" and "Fig. 6" are "fig6", and appendix B is "one-state".

    Raises
    ------
    UsageError
        If there is no such figure; the message suggests the nearest name of a figure or of the `others` that the
        command accepts.
    """
    plain = name.lower().replace(" ", "").replace(".", "").replace("_", "-").replace("figure", "fig")
    plain = f"fig{plain}" if plain.isdigit() else plain
    if plain in DIAGRAMS:
        raise UsageError(f"{name} is a diagram; nothing is measured in it. `ventral models show` draws networks.")
    if plain not in FIGURES:
        raise unknown("figure", plain, [*FIGURES, *others])
    return FIGURES[plain]


def needed(figure: PaperFigure) -> tuple[str, ...]:
    """Names of the variants that a figure draws or that its claims compare, in order."""
    errors = [error for claim in figure.claims for each in CLAIMS[claim].comparisons for error in each.terms]
    return tuple(dict.fromkeys([*figure.variants, *(error.partition("@")[0] for error in errors)]))
