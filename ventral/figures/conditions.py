"""How figures show conditions: the look and the label of each.

Conditions that differ in a number only, such as the SOA or the coverage, are a family: its lines have one stroke and
grow darker from condition to condition, and each has a marker of its own. Conditions without a target are grey.
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.lines import Line2D

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show
from ventral.figures.looks import MARKED, Look, shades
from ventral.figures.style import CHANCE_LINE, INK, OTHER_COLOURS

# name of a colour map, and the part of it that is used, from light to dark
SHADES = (("viridis", 0.78, 0.12), ("YlOrBr", 0.45, 0.95), ("PuRd", 0.4, 0.95), ("Blues", 0.4, 0.95))
GREYS = ("Greys", 0.45, 0.8)
MOST_DRAWN = 6  # of conditions that are drawn where nobody chose any
Family = list[Condition]


def first_mask(condition: Condition) -> Show | None:
    """The mask that comes first in a condition, if it has one."""
    return min(condition.masks, key=lambda event: event.start_ms, default=None)


def label(condition: Condition) -> str:
    """The name of a condition for a reader: "SOA 20 ms, noise", "mask only", "no feedback, 40-80 ms"."""
    for change in condition.interventions:
        if condition.name.startswith(stem := f"{change.what}_{change.scale:g}_"):  # as `lesion` calls its conditions
            window = condition.name.removeprefix(stem)
            what = f"{change.what} × {change.scale:g}" if change.scale else f"no {change.what}"
            return f"{what}, {'throughout' if window == 'whole' else f'{window} ms'}"
    words = condition.name.replace("_", " ")
    return re.sub(r"\bsoa (-?\d+) ?", r"SOA \1 ms, ", words).removesuffix(", ")


def few_conditions(conditions: Sequence[Condition]) -> list[Condition]:
    """At most six conditions, the first and the last and what lies evenly between, as more cannot be told apart."""
    places = np.unique(np.linspace(0, len(conditions) - 1, min(MOST_DRAWN, len(conditions))).round().astype(int))
    return [conditions[place] for place in places]


def condition_looks(conditions: Sequence[Condition]) -> dict[str, Look]:
    """Look of each condition, by name, in the order of a legend: alone ones, families from dark to light, grey ones."""
    alone, families, without_target = _families(conditions)
    colours = itertools.cycle((INK, *OTHER_COLOURS))
    looks = {condition.name: Look.at(next(colours), place) for place, condition in enumerate(alone)}
    place = len(alone)  # the first family has the stroke of the conditions alone; each other one has its own
    for family, shading in [*zip(families, itertools.cycle(SHADES)), (without_target, GREYS)]:
        own = [Look.at(colour, place + i) for i, colour in enumerate(shades(*shading, len(family)))]
        names = [condition.name for condition in family]
        looks |= dict(reversed([*zip(names, own, strict=True)]))
        place = MARKED * math.ceil((place + len(family)) / MARKED) + len(alone) % MARKED
    return looks


def condition_handles(conditions: Sequence[Condition], looks: Mapping[str, Look]) -> list[Line2D]:
    """Entries of a legend: the conditions in the order of their looks, then chance."""
    labels = {condition.name: label(condition) for condition in conditions}
    handles = [Line2D([], [], label=labels[name], **(look.line | look.dot(5.5))) for name, look in looks.items()]
    return [*handles, Line2D([], [], label="chance", **CHANCE_LINE)]


def _families(conditions: Sequence[Condition]) -> tuple[Family, list[Family], Family]:
    """Conditions like no other, families of those that differ in a number only, and those without a target."""
    shown = [condition for condition in conditions if condition.target]
    families: dict[object, Family] = {}
    for condition in shown:
        families.setdefault(_kind(condition), []).append(condition)
    for family in families.values():
        family.sort(key=lambda condition: condition.soa_ms or 0)
    alone = [family[0] for family in families.values() if len(family) == 1]
    several = [family for family in families.values() if len(family) > 1]
    return alone, several, [condition for condition in conditions if not condition.target]


def _kind(condition: Condition) -> object:
    """All that tells a condition from others but its numbers."""
    coordinates = condition.coordinates()
    words = [value for value in coordinates.values() if isinstance(value, str)]
    return (*sorted(coordinates), *words, bool(condition.interventions))
