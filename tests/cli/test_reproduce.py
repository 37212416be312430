"""`ventral reproduce` as a person gives it."""

import pytest
from trainings import written

from ventral.errors import TrainingError
from ventral.paper import sweep
from ventral.paper.campaign import SCALES, CampaignScale
from ventral.paper.report import DESCRIPTIONS
from ventral.paper.results import read_results
from ventral.stimuli.datasets import load_images

COMMAND = "reproduce fig8 --scale tiny --seeds 1 --set batch=8 --data {data} --out {out} --work {work}"


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The command, for a scale that takes a moment."""
    for split in ("train", "test"):
        written(load_images("shapes", split, 32, positions=range(30)), tmp_path / "data")
    tiny = CampaignScale("tiny", 0.01, 20, 10, 1, "fast")
    monkeypatch.setitem(SCALES, "tiny", tiny)
    monkeypatch.setitem(DESCRIPTIONS, "tiny", tiny.text)
    return COMMAND.format(data=tmp_path / "data", out=tmp_path / "out", work=tmp_path / "work")


def test_a_figure_is_trained_drawn_and_judged(command, give, tmp_path):
    code, said, complaint = give(command)
    assert (code, complaint) == (0, "")
    assert (
        "scale tiny: 0.01 times the paper's feature maps but no fewer than 4, 20 training images, 10 test images;"
        in said
    )
    assert "recipe fast, batch=8, 1 epoch;" in said
    assert "two-state-t2, seed 0: " in said
    assert "undecided (1 seed; 3 are needed)" in said
    assert set(read_results(tmp_path / "out")["recipe"]) == {"fast, batch=8"}
    assert "tiny" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert list((tmp_path / "out").glob("fig8-tiny-*.png"))


def test_given_again_it_trains_nothing_and_draws_the_same(command, give, tmp_path):
    give(command)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    code, said, _ = give(command)
    assert code == 0
    assert "4 of 4 trainings are in the tables already" in said
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_list_says_what_is_done_and_does_nothing(command, give, tmp_path):
    assert "0 trainings of 4 done" in give(f"{command} --list")[1]
    assert not (tmp_path / "out").exists()
    give(command)
    said = give(f"{command} --seeds 3 --list")[1]
    assert "4 trainings of 12 done" in said
    row = next(line for line in said.splitlines() if line.split()[:1] == ["two-state-t5"])
    assert row.split()[1:4] == ["0", "1,", "2"]


def test_a_list_needs_no_images(give):
    code, out, err = give("reproduce fig8 --list --data nowhere")
    assert (code, err) == (0, "")
    assert "0 trainings of 12 done" in out


def test_what_could_not_be_trained_is_told_at_the_end(command, give, monkeypatch):
    def failing(*_, **__):
        raise TrainingError("the loss is not finite")

    monkeypatch.setattr(sweep, "train", failing)
    code, said, complaint = give(command)
    assert code == 1
    assert said.count("the loss is not finite") == 4
    assert complaint.startswith("Error: 4 trainings of 4 missing: two-state-t2 (seed 0), ")
    assert complaint.endswith(
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
    code, _, said = give(f"reproduce {words}")
    assert code == 2
    assert complaint in said
    assert said.count("\n") == 1
