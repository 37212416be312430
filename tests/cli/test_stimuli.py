"""`ventral stimuli` as a person meets it."""

import re
from pathlib import Path

import pytest
from PIL import Image

from ventral.stimuli.degradations import CHANGES
from ventral.stimuli.mask_kinds import MASKS

DESCRIPTIONS = {name: kind.description for name, kind in MASKS.items()}
DESCRIPTIONS |= {name: change.__doc__.splitlines()[0] for name, change in CHANGES.items()}


def test_masks_and_changes_are_listed_with_a_line_each(give):
    code, out, err = give("stimuli")
    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.splitlines()]
    for name, description in DESCRIPTIONS.items():
        (row,) = (line for line in lines if line.startswith(f"{name} "))
        assert description in row
    assert any(line.startswith("blur ") and line.endswith("SD in pixels, 0 to 100") for line in lines)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_kind_is_described_in_one_line_that_fits(name):
    assert DESCRIPTIONS[name].endswith(".")
    assert len(DESCRIPTIONS[name]) <= 100


def test_the_sheet_is_drawn_and_its_place_printed(give):
    assert give("stimuli show") == (0, "stimuli.png\n", "")
    whole = size_of("stimuli.png")
    assert give("stimuli show flash blur --images 2 --figure out/some.png") == (0, "out/some.png\n", "")
    assert all(few < all_of for few, all_of in zip(size_of("out/some.png"), whole, strict=True))


def test_a_seed_decides_the_images_and_is_written_on_the_sheet(give):
    sheets = []
    for seed in (0, 0, 1):
        give(f"stimuli show target noise blur --images 2 --seed {seed} --figure sheet.svg")
        sheets.append(Path("sheet.svg").read_text(encoding="utf-8"))
    one, again, other = (re.findall('xlink:href="(data:.*?)"', sheet, re.DOTALL) for sheet in sheets)
    assert one == again
    assert len(one) == len(other) == 2 * (2 + 1 + 4)
    assert not set(one) & set(other)
    assert [sheets[2].count(f"seed {seed}") for seed in (0, 1)] == [0, 2]


def size_of(path):
    with Image.open(path) as image:
        return image.size


def test_images_of_ones_own_are_drawn(give):
    for split in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            Path(f"mine/{split}/{name}").mkdir(parents=True)
            for shade in range(2):
                Image.new("RGB", (40, 30), (60 * number, 100 * shade, 9)).save(f"mine/{split}/{name}/{shade}.png")
    assert give("stimuli show grey disc --data mine --images 2") == (0, "stimuli.png\n", "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stimuli show blurr", "no mask or change named 'blurr'; did you mean 'blur'?"),
        ("stimuli show --data nowhere noisy", "no mask or change named 'noisy'"),
        ("stimuli show blur --figure sheet.gif", "end its name in .svg, .png or .pdf"),
        ("stimuli show blur --images 0", "0 is not in the range"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_left(give, here, line, message):
    code, out, err = give(line)
    assert (code, out) == (2, "")
    assert message in err
    assert not list(here.iterdir())


def test_show_has_help_that_fits(give):
    code, out, _ = give("stimuli show --help")
    assert code == 0
    assert out.startswith("Usage: ventral stimuli show")
    assert all(len(line) <= 110 for line in out.splitlines())
