"""Laws of the sheet of stimuli: every kind is there with its name, and what is drawn is what is shown."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import AxesImage
from matplotlib.text import Text

from ventral.errors import DataError, UsageError
from ventral.figures.stimuli import SHOWN, stimuli_figure
from ventral.stimuli.datasets import load_images
from ventral.stimuli.degradations import AMOUNTS, CHANGES, changed, check_change
from ventral.stimuli.images import Images
from ventral.stimuli.mask_kinds import MASKS
from ventral.stimuli.masks import make_masks, needs_pool

MADE = [kind for kind in MASKS if needs_pool(kind)]
CHOICES = {
    "all": (),
    "one mask": ("noise",),
    "one change": ("gaussian-noise",),
    "the target": ("target",),
    "some": ("blur", "block_scrambled_8", "disc", "phase-scrambled", "blur"),
}

LONG = ("an unusually long name", "automobile", "hourglass", *"abcdefg")


@pytest.fixture(scope="module")
def targets():
    return load_images("shapes", "test", positions=range(3))


@pytest.fixture(scope="module")
def spare():
    return load_images("shapes", "train", positions=range(40))


def drawn(figure):
    """The pictures by their places, (left, top) in inches."""
    found = figure.findobj(AxesImage)
    return {(round(at.get_extent()[0], 3), round(at.get_extent()[3], 3)): np.asarray(at.get_array()) for at in found}


def written(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("choice", CHOICES)
def test_no_text_is_cut_off_or_drawn_over_another_or_over_a_picture(targets, spare, choice):
    long = Images(targets.pixels, targets.labels, targets.index, targets.stimulus_ids, LONG, "shapes", "test")
    figure = stimuli_figure(long, spare, CHOICES[choice])
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    boxes = {t: t.get_window_extent(renderer) for t in figure.findobj(Text) if t.get_text()}
    boxes |= {image: image.get_window_extent(renderer).padded(-0.5) for image in figure.findobj(AxesImage)}
    for what, box in boxes.items():
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, what
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, what
    for (what, box), (other, beside) in combinations(boxes.items(), 2):
        assert not box.overlaps(beside), (what, other)


def test_every_kind_and_amount_is_named_and_every_row_by_its_class(targets, spare):
    words = written(stimuli_figure(targets, spare))
    joined = " ".join(words).replace("- ", "-")
    assert all(name in joined for name in (*MASKS, *CHANGES))
    assert all(AMOUNTS[how][0] in words for how in CHANGES)
    for how in CHANGES:
        assert {f"{amount:g}" for amount in SHOWN[how]} <= set(words)
    blocks = 1 + -(-len(CHANGES) // 4)
    assert [words.count(targets.label_names[label]) for label in targets.labels] == [blocks] * 3


@pytest.mark.parametrize("seed", [0, 5])
def test_what_is_drawn_is_what_is_shown(targets, spare, seed):
    ids, labels = targets.stimulus_ids, targets.labels
    found = {
        pixels.transpose(2, 0, 1).tobytes() for pixels in drawn(stimuli_figure(targets, spare, seed=seed)).values()
    }
    wanted = [targets.pixels, *(make_masks(kind, ids, labels, spare, seed) for kind in MADE)]
    wanted += [
        changed(targets.pixels, ids, [(how, amount)], spare.mean, seed) for how in CHANGES for amount in SHOWN[how]
    ]
    assert found == {image.numpy().tobytes() for images in wanted for image in images}


def test_columns_follow_the_names_asked_for_and_rows_the_images(targets, spare):
    figure = stimuli_figure(targets, spare, ("flash", "noise"))
    masks = [make_masks(kind, targets.stimulus_ids, targets.labels, spare) for kind in ("flash", "noise")]
    places = sorted(drawn(figure))
    assert [len({left for left, _ in places}), len({top for _, top in places})] == [3, 3]
    for place, (left, top) in enumerate(places):  # by columns, then from the top down
        image = (targets.pixels, *masks)[place // 3][place % 3]
        assert np.array_equal(drawn(figure)[left, top].transpose(2, 0, 1), image)


def test_changes_that_are_drawn_can_be_and_grow():
    assert set(SHOWN) == set(CHANGES) == set(AMOUNTS)
    for how, amounts in SHOWN.items():
        assert [check_change(how, amount) for amount in amounts] == [how] * 4
        assert list(amounts) in (sorted(amounts), sorted(amounts, reverse=True))


def test_changes_need_no_pool_and_masks_do(targets):
    stimuli_figure(targets, kinds=("blur", "target"))
    with pytest.raises(DataError, match="'noise' are made from images that are not shown; give a pool"):
        stimuli_figure(targets, kinds=("blur", "noise"))


def test_what_cannot_be_drawn_is_refused(targets, spare):
    with pytest.raises(UsageError, match="no mask or change named 'four-dot'; did you mean 'four-dots'"):
        stimuli_figure(targets, spare, ("four-dot",))
    with pytest.raises(UsageError, match="give at least one"):
        stimuli_figure(targets.take([]), spare)


def test_a_sheet_leaves_no_state_behind(targets, spare):
    before = dict(mpl.rcParams)
    stimuli_figure(targets, spare, ("noise",))
    assert dict(mpl.rcParams) == before
