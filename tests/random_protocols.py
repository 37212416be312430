"""Random protocols, for tests."""

from hypothesis import strategies as st

from ventral.experiment.condition import NAME, TAKEN, Condition, Parameter
from ventral.experiment.events import Change, Show, Stimulus
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol

times = st.integers(-5, 20).map(lambda ticks: 10 * ticks)
names = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters=":+="), min_size=1, max_size=8)
printable = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters=":+=", include_characters=" "),
    min_size=1,
    max_size=8,
)
numbers = st.floats(allow_nan=False)
parameter_names = st.from_regex(NAME, fullmatch=True).filter(lambda x: x != "soa_ms" and not TAKEN.fullmatch(x))
parameters = st.dictionaries(
    parameter_names | st.sampled_from(["target_ms", "mask_kind", "blank_ms"]),
    numbers | st.integers(-100, 100) | st.sampled_from([10.0, 20.0]) | names,
    max_size=3,
)


@st.composite
def stimuli(draw: st.DrawFn) -> Stimulus:
    """A stimulus of any role, changed or not."""
    role = draw(st.sampled_from(["target", "mask", "image", "blank"]))
    changes = st.builds(Change, printable, numbers | st.sampled_from([1 / 3, 1e6, 0.2]))
    changed = tuple(draw(st.lists(changes, max_size=2))) if role != "blank" else ()
    kind = draw(printable | st.just(""))
    return Stimulus(role, kind, draw(st.integers(0, 3)) if kind else 0, changed)


@st.composite
def events(draw: st.DrawFn) -> Show:
    """An event within 300 ms."""
    start_ms = draw(times)
    return Show(draw(stimuli()), start_ms, start_ms + draw(st.integers(1, 5)) * 10)


@st.composite
def interventions(draw: st.DrawFn) -> Scale:
    """A scale of some transition, area or class, in a window."""
    start_ms = draw(st.integers(20, 25)) * 10  # events start by 200 ms, the record ends at 250
    scale = draw(st.floats(0, 1))
    return Scale(draw(printable), start_ms, start_ms + draw(st.integers(1, 5)) * 10, scale, draw(st.booleans()))


@st.composite
def conditions(draw: st.DrawFn, name: str) -> Condition:
    """A condition of this name."""
    given: dict[str, Parameter] = draw(parameters)
    return Condition(
        name,
        tuple(draw(st.lists(events(), max_size=3))),
        draw(st.none() | times),
        tuple(draw(st.lists(interventions(), max_size=2))),
        given,
        draw(st.sampled_from(["over", "add"])),
    )


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    """A protocol of one to three conditions."""
    called = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    read_ms = draw(st.lists(st.integers(20, 25).map(lambda ticks: 10 * ticks), max_size=3))
    return Protocol(
        tuple(draw(conditions(name)) for name in called),
        end_ms=250,
        gap=draw(st.sampled_from(["grey", "none"])),
        readout_ms=tuple(read_ms),
        source=draw(names),
        name=draw(names),
    )
