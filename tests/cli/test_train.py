"""`ventral train`: what it prints and leaves, and how it resumes."""

from pathlib import Path

import pytest
from commands import Outcome, stopped_at, texts, ventral, worked
from small import small_graph

from ventral.training.trainer import Trainer

SHORT = "--set epochs=2 --set batch=4 --set held_out=4 --set statistics_images=8 --set end_ms=50 --set horizon_ms=100"
SHORT += " --set precision=float32"  # "auto" goes by the clock, and two trainings are compared


@pytest.fixture(scope="module")
def trained(places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """What a short training text, and its folder."""
    out = tmp_path_factory.mktemp("trained") / "pets"
    return worked("train {graph} --data {images} --out {out} " + SHORT, out=out, **places), out


def test_a_graph_is_trained_and_the_command_it_names_next_works(trained, places):
    outcome, out = trained
    lines = outcome.out.splitlines()
    assert lines[0].startswith("epoch 1 of 2, held out: ")
    assert lines[-2] == f"weights in {out}/model.safetensors"
    assert lines[-1].startswith("next:  ventral simulate --protocol backward-mask --model ")
    following = lines[-1].removeprefix("next:  ventral ")
    outcome = worked(following + " --images 4 --set soa_ms=20 --set end_ms=60")
    assert "next:  ventral analyze readout runs/backward-mask-pets.zarr" in outcome.out
    outcome = ventral("simulate --protocol flash --model {out}/model.safetensors", out=out)
    assert outcome.code == 2
    assert "pets was trained on images; say with --data where images are to be found." in outcome.err


def test_the_figure_of_a_training_names_model_data_and_numbers_of_images(trained):
    caption = "".join(texts(trained[1] / "curve.svg"))
    data = "images (train); dots: accuracy on 4 held-out images that stay on."
    assert f"pets, trained on 8 images of {data}" in caption
    assert "Grey: means over 2 batches; black: means over 1 of these." in caption


def test_a_training_that_is_stopped_says_how_to_resume_and_resumes(trained, places, here, monkeypatch):
    line = "train {graph} --data {images} --out half " + SHORT
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "advance", stopped_at(4, Trainer.advance))
        outcome = ventral(line, **places)
    assert outcome.code == 130
    assert outcome.err == "\nstopped; half keeps what is done. Give the same command again to resume.\n"
    assert "resuming from step 2 of 4" in worked(line, **places).out
    assert Path("half/model.safetensors").read_bytes() == (trained[1] / "model.safetensors").read_bytes()


def test_going_on_with_another_recipe_names_the_knob(trained, places):
    outcome = ventral(
        "train {graph} --data {images} --out {out} --set learning_rate=0.1 " + SHORT, out=trained[1], **places
    )
    assert outcome.code == 1
    assert (
        "made with another recipe (learning_rate is 0.05 there and 0.1 here); give another --out or the same sett"
        in outcome.err
    )


def test_a_named_graph_takes_the_classes_of_the_data(places, monkeypatch):
    monkeypatch.setattr("ventral.model.zoo.GRAPHS", {"shapes": lambda: small_graph()})
    outcome = worked("train shapes --data {images} --set epochs=1 " + SHORT.removeprefix("--set epochs=2 "), **places)
    assert outcome.out.splitlines()[0] == f"the readout distinguishes 2 classes, those of {places['images']}"
