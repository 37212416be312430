"""`ventral reproduce`: what it trains, draws, prints and lists."""

import pytest
from commands import printed, ventral
from trainings import written

from ventral.errors import TrainingError
from ventral.paper import sweep
from ventral.paper.campaign import SCALES, CampaignScale
from ventral.paper.report import DESCRIPTIONS
from ventral.paper.results import read_results
from ventral.stimuli.datasets import load_images

COMMAND = "reproduce fig8 --scale tiny --seeds 1 --set batch=8 --data {data} --out {out} --work {work}"


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """A scale that takes a moment."""
    scale = CampaignScale("tiny", 0.01, 20, 10, 1, "fast")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(SCALES, "tiny", scale)
        patched.setitem(DESCRIPTIONS, "tiny", scale.text)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A few images in folders."""
    folder = tmp_path_factory.mktemp("data")
    for split in ("train", "test"):
        written(load_images("shapes", split, 32, positions=range(30)), folder)
    return folder


@pytest.fixture(scope="module")
def reproduced(data, tmp_path_factory):
    """The command, once it has ended, what it printed, and the folder of tables and figures."""
    place = tmp_path_factory.mktemp("reproduced")
    command = COMMAND.format(data=data, out=place / "out", work=place / "work")
    return command, printed(command), place / "out"


def test_a_figure_is_trained_drawn_and_judged(reproduced):
    _, text, out = reproduced
    scale = "0.01 times the paper's feature maps but no fewer than 4, 20 training images, 10 test images"
    for part in (f"scale tiny: {scale};", "recipe fast, batch=8, 1 epoch;", "two-state-t2, seed 0: "):
        assert part in text
    assert "undecided (1 seed; 3 are needed)" in text
    assert set(read_results(out)["recipe"]) == {"fast, batch=8"}
    assert "tiny" in (out / "README.md").read_text(encoding="utf-8")
    assert list(out.glob("fig8-tiny-*.png"))


def test_given_again_it_trains_nothing_and_draws_the_same(reproduced):
    command, _, out = reproduced
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "4 of 4 trainings are in the tables already" in printed(command)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_list_says_what_is_done_and_does_nothing(reproduced, data, tmp_path):
    nothing = COMMAND.format(data=data, out=tmp_path / "out", work=tmp_path / "work")
    assert "0 trainings of 4 done" in printed(f"{nothing} --list")
    assert not (tmp_path / "out").exists()
    text = printed(f"{reproduced[0]} --seeds 3 --list")
    assert "4 trainings of 12 done" in text
    row = next(line for line in text.splitlines() if line.split()[:1] == ["two-state-t5"])
    assert row.split()[1:4] == ["0", "1,", "2"]


def test_a_list_needs_no_images(give):
    code, out, err = give("reproduce fig8 --list --data nowhere")
    assert (code, err) == (0, "")
    assert "0 trainings of 12 done" in out


def test_what_could_not_be_trained_is_listed_at_the_end(data, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise TrainingError("the loss is not finite")

    monkeypatch.setattr(sweep, "train", failing)
    outcome = ventral(COMMAND.format(data=data, out=tmp_path / "out", work=tmp_path / "work"))
    assert outcome.code == 1
    assert outcome.out.count("the loss is not finite") == 4
    assert outcome.err.startswith("Error: 4 trainings of 4 missing: two-state-t2 (seed 0), ")
    assert outcome.err.endswith(
        "the same command resumes them, but where the loss was not finite, use another recipe (--recipe, --set "
        "learning_rate=...).\n"
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("fig5", "no figure named 'fig5'"),
        ("predictons", "no figure named 'predictons'; did you mean 'predictions'?"),
        ("fig12", "fig12 is a diagram; nothing is measured in it. `ventral models show` draws networks."),
        ("fig8 --scale smal", "no scale named 'smal'; did you mean 'small'?"),
        ("fig8 --set seed=3", "seed is the same for all networks that are compared; what can be set is epochs, batch,"),
        ("fig8 --recipe quick", "no recipe named 'quick'"),
        ("fig8 predictions", "predictions are of a trained model, with options of their own; give them alone."),
        ("predictions --model two-state", "two-state is a graph and has no weights"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(give, words, complaint):
    code, _, err = give(f"reproduce {words}")
    assert code == 2
    assert complaint in err
    assert err.count("\n") == 1
