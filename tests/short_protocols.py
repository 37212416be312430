"""Random protocols that the small network can run, for tests: conditions that share their beginning, masks, lesions."""

from hypothesis import strategies as st

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, grey, image, mask, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol

stimuli = st.one_of(
    st.just(target),
    st.builds(mask, st.sampled_from(["noise", "other-object", "target"]), st.integers(0, 1)),
    st.builds(image, st.sampled_from(["other-object", "target"])),
    st.just(target.changed("contrast", 0.3)),
    st.just(grey),
)


@st.composite
def events(draw):
    start, length = draw(st.integers(0, 10)), draw(st.integers(1, 5))
    return Show(draw(stimuli), 10 * start, 10 * (start + length))


@st.composite
def lesions(draw):
    what = draw(st.sampled_from(["feedforward", "lateral", "feedback", "V2", "IT->V4", "V1->V2"]))
    start, length = draw(st.integers(0, 10)), draw(st.integers(1, 5))
    return Scale(what, 10 * start, 10 * (start + length), draw(st.sampled_from([0.0, 0.5])))


@st.composite
def protocols(draw):
    """Some conditions that begin at 0, with events that overlap and lesions."""
    conditions = []
    for number in range(draw(st.integers(2, 3))):
        shown = [Show(target, 0, 10), *draw(st.lists(events(), max_size=3))]
        changes = draw(st.lists(lesions(), max_size=2))
        combine = draw(st.sampled_from(["over", "add"]))
        conditions.append(Condition(f"c{number}", tuple(shown), None, tuple(changes), combine=combine))
    return Protocol(tuple(conditions), end_ms=120)
