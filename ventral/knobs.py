"""Knobs: the arguments of a function that a user sets by name, as in `--set soa_ms=20,50`.

A knob is an argument that has a default. Its annotation says which values it takes, and the function's docstring what
it is.
"""

import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ventral.errors import UsageError, choose, quoted

# type -> what it takes, in words for one value and for several; an example; the texts it is read from. int() and
# float() alone would accept more than a user means: 1_000, digits of other scripts, nan.
SCALARS: dict[type, tuple[str, str, str, str]] = {
    int: ("a whole number", "whole numbers", "20", r"[+-]?[0-9]+"),
    float: ("a number", "numbers", "0.5", r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?"),
    bool: ("true or false", "true or false", "true", r"true|false"),
    str: ("a word", "words", "noise", r"(?s:.+)"),
}


@dataclass(frozen=True)
class Kind:
    """The values that a knob takes.

    Parameters
    ----------
    scalar
        int, float, bool or str; or the choices of a Literal.
    length
        How many values make a tuple, 0 for any number; None if the knob takes one value and no tuple.
    optional
        Whether the knob also takes None, written ``none``.
    """

    scalar: type | tuple[object, ...]
    length: int | None = None
    optional: bool = False

    @classmethod
    def of(cls, annotation: Any) -> "Kind | None":
        """Kind of an annotation; None if no value of it can be read from text."""
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in (typing.Union, types.UnionType):
            kinds = [cls.of(part) for part in parts if part is not types.NoneType]
            return replace(kinds[0], optional=True) if len(kinds) == 1 and kinds[0] else None
        if origin is tuple:
            items = {cls.of(part) for part in parts if part is not Ellipsis}
            item = items.pop() if len(items) == 1 else None
            single = item is not None and item.length is None and not item.optional
            return replace(item, length=0 if Ellipsis in parts else len(parts)) if item and single else None
        if origin is Literal:
            return cls(parts)
        return cls(annotation) if annotation in SCALARS else None

    def read(self, text: str) -> object:
        """Value that a text means; ValueError if it means none.

        >>> Kind.of(tuple[int, ...]).read("20,50")
        (20, 50)
        """
        if self.optional and text.strip().lower() == "none":
            return None
        if self.length is None:
            return self._read_scalar(text.strip())
        values = tuple(self._read_scalar(item.strip()) for item in text.split(","))
        if self.length not in (0, len(values)):
            raise ValueError(f"{len(values)} values instead of {self.length}")
        return values

    def _read_scalar(self, text: str) -> object:
        if isinstance(self.scalar, tuple):
            choices = {str(choice): choice for choice in self.scalar}
            if text not in choices:
                raise ValueError(f"{text!r} is not {self.takes}")
            return choices[text]
        text = text.lower() if self.scalar is bool else text
        if not re.fullmatch(SCALARS[self.scalar][3], text):
            raise ValueError(f"{text!r} is not {SCALARS[self.scalar][0]}")
        value = text == "true" if self.scalar is bool else self.scalar(text)
        if value in (math.inf, -math.inf):
            raise ValueError(f"{text!r} is too large")
        return value

    @property
    def takes(self) -> str:
        """The values in words: "whole numbers with commas between"."""
        if isinstance(self.scalar, tuple):
            single = several = " or ".join(map(str, self.scalar))
        else:
            single, several, *_ = SCALARS[self.scalar]
        if self.length is not None:
            single = f"{self.length or ''} {several} with commas between".lstrip()
        return f"{single}, or none" if self.optional else single

    @property
    def example(self) -> str:
        """Text that `read` accepts."""
        single = str(self.scalar[0]) if isinstance(self.scalar, tuple) else SCALARS[self.scalar][2]
        return single if self.length is None else ",".join([single] * (self.length or 2))


@dataclass(frozen=True)
class Knob:
    """An argument of a function that a user can set.

    Parameters
    ----------
    name
        As in the function's signature.
    kind
        The values it takes.
    default
        Its value if it is not set.
    help
        What the docstring says of it, in one line; empty if nothing.
    """

    name: str
    kind: Kind
    default: object
    help: str = ""

    @property
    def example(self) -> str:
        """Setting that is accepted: the default if it can be written, otherwise a value of the right kind."""
        try:
            text = written(self.default)
            fits = self.default is not None and self.kind.read(text) == self.default
        except ValueError:
            fits = False
        return f"{self.name}={text if fits else self.kind.example}"


def knobs(function: Callable[..., object]) -> dict[str, Knob]:
    """Knobs of a function, or of a dataclass, by name.

    Raises
    ------
    UsageError
        If one has no annotation or one whose values cannot be read from text, or if the function takes ``*args`` or
        ``**kwargs``.
    """
    name = getattr(function, "__name__", "function")
    try:
        hints = typing.get_type_hints(function)
    except (NameError, AttributeError) as error:
        raise UsageError(
            f"the annotations of {name} cannot be read: {error}; import what they name outside TYPE_CHECKING."
        ) from None
    described, found = parameter_texts(function.__doc__ or ""), {}
    for argument in inspect.signature(function).parameters.values():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise UsageError(f"{name} takes {argument}; name each knob, so that a misspelt one is noticed.")
        if argument.default is argument.empty:
            continue
        annotation = hints.get(argument.name)
        kind = Kind.of(annotation)
        if kind is None:
            given = "no annotation" if annotation is None else f"the annotation {inspect.formatannotation(annotation)}"
            raise UsageError(
                f"knob {argument.name} of {name} has {given}; annotate it with int, float, bool, str, Literal, a tuple "
                "such as tuple[int, ...], or one of these | None."
            )
        found[argument.name] = Knob(argument.name, kind, argument.default, described.get(argument.name, ""))
    return found


def apply_settings(
    function: Callable[..., object], settings: Iterable[str], renamed: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Keyword arguments of a function that settings such as "soa_ms=20,50" mean.

    Parameters
    ----------
    function
        Whose knobs are set: `protocol` or `analyze` of a script, a graph of the zoo, `Recipe`.
    settings
        Each ``name=value``; the items of a tuple have commas between, None is written ``none``.
    renamed
        Names that knobs had before, with the new ones; an old name is refused.

    Returns
    -------
    dict
        Only the knobs that were set. Whether a time fits the clock is checked where it is used.

    Raises
    ------
    UsageError
        If a knob does not exist, has another name now or is set twice, or if the value is not of its kind.
    """
    known = knobs(function)
    values: dict[str, object] = {}
    for setting in settings:
        name, _, text = (part.strip() for part in setting.partition("="))
        if new := (renamed or {}).get(name.replace("-", "_")):
            raise UsageError(f"knob {name} is called {new} now; write it as {known[new].example}.")
        knob = known[choose("knob", name, known)]
        if not text:
            raise UsageError(f"setting {quoted(setting)} gives no value; write it as {knob.example}.")
        if knob.name in values:
            raise UsageError(f"knob {knob.name} is set twice; set it once, as in {knob.example}.")
        try:
            values[knob.name] = knob.kind.read(text)
        except ValueError:
            raise UsageError(
                f"knob {knob.name} is {quoted(text)}; it takes {knob.kind.takes}, as in {knob.example}."
            ) from None
    return values


def written(value: object) -> str:
    """Text from which a value is read; ValueError if there is none.

    >>> written((20, 50))
    '20,50'
    """
    if isinstance(value, tuple):
        if not value:
            raise ValueError("an empty tuple cannot be written as a setting")
        return ",".join(written(item) for item in value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def parameter_texts(docstring: str) -> dict[str, str]:
    """What a docstring in the style of numpy says of each parameter, in one line each."""
    section = inspect.cleandoc(docstring).partition("Parameters\n----------\n")[2]
    section = re.split(r"\n\n(?=[A-Z].*\n-{3})", section)[0]
    entries = re.findall(r"^(\S.*)\n((?: +\S.*\n?|\n)+)", section, re.MULTILINE)
    return {name.strip(): " ".join(text.split()) for names, text in entries for name in names.split(",")}
