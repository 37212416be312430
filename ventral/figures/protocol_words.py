"""Words in the figure of a protocol: of stimuli, parameters and numbers, and their widths in inches."""

from collections.abc import Collection

from ventral.experiment.condition import Condition
from ventral.experiment.events import Stimulus
from ventral.figures.inches import text_width

KINDS = {"none": "no input", "target": "the target's own"}
UNITS = {"_ms": " ms", "_hz": " Hz"}
OVERLAPS = {"over": "the later covers the earlier", "add": "contrasts add"}
NAME, LABEL = 10.5, 8.5  # points
COLUMN = 3.0  # widest that the names of conditions can be


def stimulus_words(what: Stimulus, numbered: Collection[tuple[str, str]]) -> str:
    """A stimulus as its bar is labelled: "other object 3, contrast=0.2"; with its number if its kind is numbered."""
    name = "target" if what.role == "target" else kind_words(what.kind)
    number = f" {what.exemplar}" if (what.role, what.kind) in numbered else ""
    return name + number + (f", {change_words(what)}" if what.changes else "")


def kind_words(kind: str) -> str:
    """A kind of mask, image or blank."""
    return KINDS.get(kind, kind.replace("-", " "))


def change_words(what: Stimulus) -> str:
    """The changes of a stimulus; empty if there are none."""
    return ", ".join(map(str, what.changes))


def parameter_words(condition: Condition, telling: Collection[str]) -> str:
    """The parameters that tell a condition from others, and what is seen where its events overlap."""
    words = [_parameter(name, value) for name, value in given(condition).items() if name in telling]
    return ", ".join(words + ([OVERLAPS[condition.combine]] if condition.overlaps else []))


def given(condition: Condition) -> dict[str, float | str]:
    """SOA and parameters of a condition, by name."""
    soa: dict[str, float | str] = {} if condition.soa_ms is None else {"soa_ms": condition.soa_ms}
    return {**soa, **condition.parameters}


def number_words(value: float) -> str:
    """A number with the minus sign of the axis."""
    return f"{value:g}".replace("-", "−")


def folded(text: str, size: float = LABEL, weight: str = "normal") -> tuple[str, ...]:
    """Lines that fit beside the rows, broken after a comma, or a space, "_" or "-", if possible."""
    lines: list[str] = []
    while text and width(text, size, weight) > COLUMN:
        fits = next(n for n in range(len(text), 0, -1) if width(text[:n], size, weight) <= COLUMN)
        near = range(fits, fits // 2, -1)
        breaks = [n for n in near if text[n - 2 : n] == ", "] + [n for n in near if text[n - 1] in " _-"]
        cut = breaks[0] if breaks else fits
        lines.append(text[:cut].rstrip())
        text = text[cut:]
    return (*lines, text) if text else tuple(lines)


def width(text: str, size: float = LABEL, weight: str = "normal") -> float:
    """Width of a text in inches; a little more than that of its outlines, as screens set letters on whole pixels."""
    return text_width(text, size, weight) * 72 / 70


def _parameter(name: str, value: float | str) -> str:
    """One parameter: "SOA 20 ms"."""
    unit = next((unit for unit in UNITS if name.endswith(unit)), "")
    words = name.removesuffix(unit).replace("_", " ").replace("soa", "SOA")
    return f"{words} {value if isinstance(value, str) else number_words(value)}{UNITS.get(unit, '')}"
