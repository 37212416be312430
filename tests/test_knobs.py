"""Laws of knobs: which arguments can be set, and how their values are read from text."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ventral.errors import UsageError
from ventral.knobs import apply_settings, knobs, parameter_texts, written


def example(
    run: object,
    *,
    soa_ms: tuple[int, ...] = (20, 50),
    window_ms: tuple[int, int] = (100, 200),
    gain: float = 0.5,
    grey: bool = False,
    kind: Literal["noise", "object"] = "noise",
    areas: tuple[str, ...] = (),
    name: str = "x",
    folds: int | None = None,
) -> None:
    """A function with a knob of every type."""


words = st.text(st.characters(categories=["L", "N"]), min_size=1).filter(lambda text: text.lower() != "none")
values = st.fixed_dictionaries(
    {},
    optional={
        "soa_ms": st.lists(st.integers(), min_size=1).map(tuple),
        "window_ms": st.tuples(st.integers(), st.integers()),
        "gain": st.floats(allow_nan=False, allow_infinity=False),
        "grey": st.booleans(),
        "kind": st.sampled_from(["noise", "object"]),
        "areas": st.lists(words, min_size=1).map(tuple),
        "name": words,
        "folds": st.none() | st.integers(),
    },
)


@given(values)
def test_settings_that_are_written_are_read_as_they_were(chosen):
    settings = [f"{name.replace('_', '-')}={written(value)}" for name, value in chosen.items()]
    assert apply_settings(example, settings) == chosen


def refusal(setting: str) -> str:
    """The message about a setting, empty if it is accepted."""
    try:
        apply_settings(example, [setting])
    except UsageError as error:
        return str(error)
    return ""


@given(st.text())
def test_any_text_is_read_or_refused_with_an_example_that_is_accepted(text):
    for knob in knobs(example).values():
        assert knob.example in (refusal(f"{knob.name}={text}") or knob.example)
        assert not refusal(knob.example)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("soa=20", r"no knob named 'soa'; did you mean 'soa_ms'\?"),
        ("soa_ms", r"setting 'soa_ms' gives no value; write it as soa_ms=20,50\."),
        ("soa_ms=", r"gives no value; write it as soa_ms=20,50\."),
        ("soa_ms=20.5", r"knob soa_ms is '20.5'; it takes whole numbers with commas between, as in soa_ms=20,50\."),
        ("soa_ms=20,", r"it takes whole numbers with commas between"),
        ("soa_ms=1_0", r"it takes whole numbers"),
        ("window_ms=100", r"it takes 2 whole numbers with commas between, as in window_ms=100,200\."),
        ("gain=nan", r"knob gain is 'nan'; it takes a number, as in gain=0\.5\."),
        ("grey=1", r"knob grey is '1'; it takes true or false, as in grey=false\."),
        ("kind=nois", r"knob kind is 'nois'; it takes noise or object, as in kind=noise\."),
        ("areas=V1,,V2", r"it takes words with commas between, as in areas=noise,noise\."),
        ("folds=five", r"it takes a whole number, or none, as in folds=20\."),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_saying_what_would(setting, message):
    with pytest.raises(UsageError, match=message):
        apply_settings(example, [setting])


@pytest.mark.parametrize("setting", ["soa_ms=" + "x" * 9999, "x" * 9999, "x" * 9999 + "=1", "gain=" + "9" * 9999])
def test_a_long_text_is_refused_in_a_short_sentence(setting):
    assert 0 < len(refusal(setting)) < 500


def test_a_knob_set_twice_is_refused():
    with pytest.raises(UsageError, match="knob soa_ms is set twice"):
        apply_settings(example, ["soa_ms=20", "soa-ms=50"])


def loose(**settings: int) -> None: ...


def untyped(soa_ms=20) -> None: ...


def unwritable(masks: dict[str, int] | None = None) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (loose, r"loose takes \*\*settings: int; name each knob"),
        (untyped, r"knob soa_ms of untyped has no annotation; annotate it with int"),
        (unwritable, r"knob masks of unwritable has the annotation dict\[str, int\] \| None; annotate it with int"),
    ],
)
def test_a_function_whose_knobs_cannot_be_set_is_refused(function, message):
    with pytest.raises(UsageError, match=message):
        knobs(function)


def test_nothing_is_written_as_an_empty_tuple():
    with pytest.raises(ValueError, match="empty tuple"):
        written(())


def test_a_knob_that_was_renamed_is_refused_with_its_new_name():
    with pytest.raises(UsageError, match=r"knob times is called soa_ms now; write it as soa_ms=20,50\."):
        apply_settings(example, ["times=20"], renamed={"times": "soa_ms"})


def test_the_help_of_a_knob_is_its_part_of_the_docstring():
    assert parameter_texts(
        """A function.

        Parameters
        ----------
        start_ms, stop_ms
            When it is on,
            in ms.

            And more.
        what
            Which.

        Returns
        -------
        int
            A number.
        """
    ) == {"start_ms": "When it is on, in ms. And more.", "stop_ms": "When it is on, in ms. And more.", "what": "Which."}
    assert parameter_texts("No parameters.") == {}
