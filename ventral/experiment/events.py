"""What is shown when: stimuli, and the events at which they are on.

Times count in ms from target onset; an event is on in [start_ms, stop_ms). What stimuli look like is in
`ventral.stimuli.masks`.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ventral.clock import ticks, to_ms
from ventral.errors import ProtocolError, choose, quoted
from ventral.experiment.fields import checked_fields
from ventral.stimuli.layout import is_image_file

ROLES = ("target", "mask", "image", "blank")
LONGEST = 100  # characters of the name of a kind or a change
NEXT_CHANGE = re.compile(r"\+(?=[^+=]+=)")  # not the "+" of an amount such as 1e+06


class Change(NamedTuple):
    """A change of an image before it is shown: `how` (see `ventral.stimuli.degradations`), and how much of it."""

    how: str
    amount: float

    def __str__(self) -> str:
        short = f"{self.amount:g}"
        return f"{self.how}={short if float(short) == self.amount else repr(float(self.amount))}"


@dataclass(frozen=True)
class Stimulus:
    """Something to show: the target image, a mask, another image, a blank.

    Parameters
    ----------
    role
        "target", "mask", "image" (another image) or "blank".
    kind
        For a mask or another image, how it is made (see `ventral.stimuli.mask_kinds`), or the path of an image file;
        for a blank, "grey" or "none" (no input at all).
    exemplar
        Number of the mask or image among those of this kind that belong to a target.
    changes
        What is done to it, in this order.

    Raises
    ------
    UsageError
        If there is no such role.
    ProtocolError
        If a blank is changed, an exemplar has no kind, or a name has a character that separates names in writing.
    """

    role: str
    kind: str = ""
    exemplar: int = 0
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        choose("role", self.role, ROLES)
        object.__setattr__(self, "changes", tuple(self.changes))
        if self.role == "blank" and self.changes:
            raise ProtocolError(f"a blank cannot be changed ({self.changes[0]}); change an image or a mask.")
        if self.exemplar and not self.kind:
            raise ProtocolError(f"the {self.role} has exemplar {self.exemplar} but no kind; give its kind.")
        for name in (self.kind, *(change.how for change in self.changes)):
            if not name.isprintable() or (len(name) > LONGEST and not is_image_file(name)):
                raise ProtocolError(f"{quoted(name)} cannot name a stimulus or a change; give a shorter name.")
            if set(name) & set(":+="):
                raise ProtocolError(f"{quoted(name)} cannot name a stimulus or a change; leave out ':', '+' and '='.")

    @property
    def from_pool(self) -> bool:
        """Whether it is made of other images than the target."""
        return self.role in ("mask", "image") and not self.from_file and self.kind != "target"

    @property
    def from_file(self) -> bool:
        """Whether it is the image in a file."""
        return self.role in ("mask", "image") and is_image_file(self.kind)

    @classmethod
    def read(cls, text: str) -> "Stimulus":
        """The stimulus that is written so, the inverse of ``str``.

        >>> Stimulus.read("image:other-object:2+blur=1.5")
        Stimulus(role='image', kind='other-object', exemplar=2, changes=(Change(how='blur', amount=1.5),))

        Raises
        ------
        ProtocolError
            If no stimulus is written so.
        """
        name, *changes = NEXT_CHANGE.split(text)
        role, kind, exemplar, *rest = [*name.split(":"), "", "", ""][: max(3, name.count(":") + 1)]
        try:
            made = [Change(how, float(amount)) for how, amount in (change.split("=") for change in changes)]
            if rest:
                raise ValueError
            return cls(role, kind, int(exemplar or 0), tuple(made))
        except ValueError:
            raise ProtocolError(f"{quoted(text)} is no stimulus; write it as image:other-object:2+blur=1.5.") from None

    def changed(self, how: str, amount: float) -> "Stimulus":
        """The same stimulus, changed: `target.changed("contrast", 0.2)`."""
        return replace(self, changes=(*self.changes, Change(how.replace("_", "-"), float(amount))))

    def __str__(self) -> str:
        name = f"{self.role}:{self.kind}" if self.kind else self.role
        name = f"{name}:{self.exemplar}" if self.exemplar else name
        return "+".join([name, *map(str, self.changes)])


Frame = tuple[Stimulus, ...]  # what is on at one tick, the latest last

target = Stimulus("target")
grey = Stimulus("blank", "grey")
nothing = Stimulus("blank", "none")


def mask(kind: str = "noise", exemplar: int = 0) -> Stimulus:
    """A mask of a kind; each target has its own, the same at every SOA.

    The path of an image file, as in `mask("x.png")`, is the mask of all targets.
    """
    return Stimulus("mask", _plain(kind), exemplar)


def image(kind: str = "other-object", exemplar: int = 0) -> Stimulus:
    """Another image, of another class ("other-object") or the same one ("same-object"), or the target's own ("target").

    Each target has its own; different exemplars are different images. The image in a file, as
    in `image("x.png")`, is the same for all targets.
    """
    return Stimulus("image", _plain(kind), exemplar)


def _plain(kind: str) -> str:
    """A kind with "-" for "_"; the name of a file as it is."""
    return kind if is_image_file(kind) else kind.replace("_", "-")


@dataclass(frozen=True)
class Show:
    """An event: a stimulus that is on in [start_ms, stop_ms), counted from target onset.

    Raises
    ------
    ClockError
        If its onset or duration is off the clock.
    ProtocolError
        If it lasts no time.
    """

    what: Stimulus
    start_ms: int
    stop_ms: int

    def __post_init__(self) -> None:
        ticks(self.start_ms, f"{self.what.role} onset")
        ticks(self.stop_ms - self.start_ms, f"{self.what.role} duration")
        if self.duration_ms <= 0:
            raise ProtocolError(f"{self.what.role} lasts {self.duration_ms} ms; an event lasts at least {to_ms(1)} ms.")

    @property
    def duration_ms(self) -> int:
        """How long the stimulus is on, in ms."""
        return self.stop_ms - self.start_ms

    def to_dict(self) -> dict[str, Any]:
        """The event as JSON holds it."""
        return {"what": str(self.what), "start_ms": self.start_ms, "stop_ms": self.stop_ms}

    @classmethod
    def from_dict(cls, given: Any) -> "Show":
        """The event that JSON holds so, the inverse of `to_dict`."""
        fields = checked_fields("an event", given, ("what", "start_ms", "stop_ms"))
        return cls(Stimulus.read(fields["what"]), fields["start_ms"], fields["stop_ms"])
