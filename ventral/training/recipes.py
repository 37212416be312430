"""Recipes by name, from files and settings, and as checkpoints hold them."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from ventral.errors import UsageError, choose, quoted
from ventral.files import expanded
from ventral.knobs import apply_settings
from ventral.training.recipe import RECIPES, Recipe

RENAMED = {"rate": "learning_rate", "decay": "weight_decay", "smoothing": "label_smoothing"}  # earlier names of fields
LARGEST = 10**15  # whole number, of either sign


def read_recipe(name: str) -> Recipe:
    """The recipe of this name, or that of a TOML file.

    The keys of a file are fields; `recipe = "paper"` in it names the recipe that it changes ("fast" otherwise).

    Raises
    ------
    UsageError
        If there is no such recipe or field, or a value is not of its type.
    """
    if not name.endswith(".toml"):
        return RECIPES[choose("recipe", name, RECIPES)]
    try:
        given = tomllib.loads(expanded(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {name}: {os.strerror(error.errno or 0).lower()}; give a file of TOML.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not TOML: {error}.") from None
    try:
        base = RECIPES[choose("recipe", str(given.pop("recipe", "fast")), RECIPES)]
        return replace(base, **checked_fields(given))
    except UsageError as error:
        raise type(error)(f"{name}: {error}") from None


def recipe_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Fields of a recipe by name, read from settings of the command line such as "learning_rate=0.1".

    Raises
    ------
    UsageError
        If there is no such field, it has another name now, or a value is not of its type.
    """
    return apply_settings(Recipe, settings, RENAMED)


def checked_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a recipe by name, with values of the type that the field's default has.

    Raises
    ------
    UsageError
        If there is no such field, it has another name now, it is given twice, or its value is of another type.
    """
    defaults = {field.name: field.default for field in fields(Recipe)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if new := RENAMED.get(key.replace("-", "_")):
            raise UsageError(f"the field {key} of a recipe is called {new} now; give {new} instead.")
        name = choose("field of a recipe", key, defaults)
        if name in values:
            raise UsageError(f"{name} is given twice; give it once.")
        values[name] = checked_value(name, value, defaults[name])
    return values


def checked_value(name: str, value: Any, default: Any) -> Any:
    """A field's value, a list as a tuple; refused unless it is of the default's type (a whole number is a number)."""
    if type(value) is int and abs(value) > LARGEST:
        raise UsageError(f"{name} is {quoted(value)}; give a smaller number.")
    if isinstance(default, tuple):
        if isinstance(value, list) and all(type(item) is int for item in value):
            return tuple(value)
        raise UsageError(f"{name} is {quoted(value)}; give a list of whole numbers.")
    if type(value) is type(default) or (type(value) is int and isinstance(default, float)):
        return value
    takes = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[type(default)]
    raise UsageError(f"{name} is {quoted(value)}; give {takes}.")


def renamed(old: Mapping[str, Any]) -> dict[str, Any]:
    """The same values under the present names of their fields."""
    return {RENAMED.get(name, name): value for name, value in old.items()}


def stored_recipe(header: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe in the metadata of a checkpoint, as JSON holds it, with the fields of today.

    A field that did not exist yet when the checkpoint was written has its default, under which training is what it was.
    Empty if the metadata hold no recipe.
    """
    stored = header.get("recipe", {})
    return {**as_stored(Recipe()), **renamed(stored)} if stored else {}


def as_stored(recipe: Recipe) -> dict[str, Any]:
    """A recipe's fields as JSON holds them, with lists for tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(recipe).items()}


def different(recipe: Recipe, stored: Mapping[str, Any]) -> list[str]:
    """How a stored recipe differs from this one, a phrase for each field."""
    mine = as_stored(recipe)
    return [
        f"{name} is {stored.get(name)} there and {mine.get(name)} here"
        for name in sorted({*mine, *stored})
        if stored.get(name) != mine.get(name) and not (name == "precision" and mine.get(name) == "auto")
    ]
