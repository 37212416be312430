import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small import small_graph
from together import with_detours
from trainings import SHORT, assert_same, files_of, log_of, written

from ventral import files as disk
from ventral.errors import CheckpointError, StoreError, TrainingError, UsageError
from ventral.model.checkpoint import network_tensors, read_checkpoint
from ventral.model.counting import effective_parameters
from ventral.model.model import load_model
from ventral.stimuli.datasets import load_images
from ventral.training import batches, presentation
from ventral.training import train as training
from ventral.training import trainer as trainer_module
from ventral.training.batches import Batches
from ventral.training.log import Metrics
from ventral.training.objective import Objective
from ventral.training.presentation import Batch, Timing
from ventral.training.recipe import Recipe
from ventral.training.state import resume, states
from ventral.training.train import train
from ventral.training.trainer import Trainer
from ventral.training.validation import accuracy_over_time

EVERYTHING = replace(SHORT, brief=0.6, preceded=0.3, delayed=0.2, masked=0.5, late_share=0.3, late_end_ms=70)
STEPS = 16


@pytest.fixture(scope="module", autouse=True)
def small_steps():
    """A log and states often enough that some fall between epochs of 8 steps, and few masks."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "LOG_EVERY", 3)
        patched.setattr(training, "SAVE_EVERY", 5)
        patched.setattr(batches, "MASKS", 20)
        patched.setattr(presentation, "MASKS", 20)
        yield


@pytest.fixture(scope="module")
def whole(learned, unseen, small_steps, tmp_path_factory):
    """The folder of a training that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    train(small_graph(), learned, unseen, EVERYTHING, out)
    return out


@pytest.fixture
def going(learned, unseen, tmp_path):
    """Trains in a folder of its own: `going(report)`, likewise `going(report, epochs=3)` with another recipe."""

    def go(report=None, tell=lambda _: None, **changes):
        return train(
            small_graph(), learned, unseen, replace(EVERYTHING, **changes), tmp_path / "out", report=report, tell=tell
        )

    return go


def at(step, what):
    """A report that does something after one of the steps."""

    def report(trainer, loss, accuracy):
        if trainer.step == step:
            what()

    return report


def raising(error):
    def what():
        raise error

    return what


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


def stopped(going, step):
    """The folder of a training that broke off after a step."""
    with pytest.raises(RuntimeError, match="power cut"):
        going(at(step, raising(RuntimeError("power cut"))))


# --- what is learned, and where


def test_training_lowers_the_loss(learned):
    trainer = Trainer(small_graph(), learned, replace(SHORT, epochs=10, learning_rate=0.05))
    losses = [trainer.advance()[0] for _ in range(trainer.steps)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.05


def test_the_loss_is_taken_only_where_it_is_asked(learned):
    trainer = Trainer(small_graph(), learned, replace(SHORT, readout_ms=(30, 50)))
    assert trainer.objective.plans[50].reads == [3, 5]
    with pytest.raises(UsageError, match="IT is absent at 20 ms; it is present at 30, 40, 50 ms"):
        Trainer(small_graph(), learned, replace(SHORT, readout_ms=(20,)))


def test_held_out_images_are_not_trained_on_and_evenly_drawn(learned):
    trainer = Trainer(small_graph(), learned, SHORT)
    assert not set(trainer.kept) & set(trainer.held_out)
    assert np.bincount(learned.labels[trainer.held_out]).tolist() == [4] * 10


def test_the_result_has_statistics_to_the_horizon_and_tells_its_accuracy(whole, learned, unseen):
    model = load_model(whole / "model.safetensors")
    for name, tensor in network_tensors(model.network).items():
        if name.endswith("area_norms.V1.mean"):
            assert tensor.shape[0] == 9
            assert tensor.isfinite().all()
    measured = accuracy_over_time(model.network, model.preprocessing, unseen, 80)
    accuracy = model.metadata["test"]["accuracy"]
    assert accuracy[:3] == [None] * 3
    assert accuracy[3:] == pytest.approx(measured[3:], abs=1e-6)
    assert model.metadata["recipe"]["seed"] == 3
    assert model.metadata["data"]["fingerprint"] == learned.fingerprint


def test_the_result_tells_the_recipe_that_was_used(learned, unseen, tmp_path):
    recipe = replace(SHORT, epochs=1, precision="auto")
    path = train(small_graph(readout_ms=(30, 40)), learned, unseen, recipe, tmp_path)
    recipe = load_model(path).metadata["recipe"]
    assert (recipe["readout_ms"], recipe["end_ms"]) == ([30, 40], 40)
    assert recipe["precision"] in ("float32", "bfloat16")
    assert read_checkpoint(states(tmp_path)[0])[1]["recipe"] == recipe


def test_choosing_a_precision_changes_nothing_else(learned):
    chosen, plain = (Trainer(small_graph(), learned, replace(SHORT, precision=p)) for p in ("auto", "float32"))
    assert chosen.recipe == replace(SHORT, precision=chosen.recipe.precision)
    for chosen_weight, weight in zip(chosen.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(chosen_weight, weight)
        assert chosen_weight.grad is None


def test_a_precision_once_chosen_is_kept(going, monkeypatch, tmp_path):
    monkeypatch.setattr(trainer_module, "faster_precision", lambda *_: "bfloat16")
    with pytest.raises(RuntimeError):
        going(at(5, raising(RuntimeError)), precision="auto")
    monkeypatch.setattr(
        trainer_module, "faster_precision", lambda *_: "float32"
    )  # today the machine is faster with that
    assert load_model(going(precision="auto")).metadata["recipe"]["precision"] == "bfloat16"
    with pytest.raises(CheckpointError, match="precision is bfloat16 there and float32 here"):
        going(precision="float32")


@pytest.mark.parametrize(
    ("graph", "readout_ms"),
    [
        (with_detours(), (50,)),
        (small_graph(sharing="per-tick", readout_ms=(40, 50)), ()),
        (small_graph(scale_shift=True, readout_ms=(50,)), ()),
    ],
    ids=["detours", "weights per tick", "scales per tick"],
)
def test_what_cannot_reach_the_readout_keeps_its_bytes(graph, readout_ms, learned):
    recipe = replace(SHORT, readout_ms=readout_ms or graph.readout_ms, weight_decay=0.1, learning_rate=0.1)
    size = graph[graph.entry].size
    images = learned if size == 16 else load_images("shapes", "train", size, positions=range(200))
    trainer = Trainer(graph, images, recipe)
    before = {name: x.detach().clone() for name, x in trainer.network.named_parameters()}
    for _ in range(3):
        trainer.advance()
    trainer.finish()
    count = 0
    for name, x in trainer.network.named_parameters():
        if name.startswith("scales"):  # a row for each tick
            changed = (x != before[name]).any(1).sum()
            count += int(changed) * x.shape[1]
        elif x.requires_grad:
            assert not torch.equal(x, before[name])
            count += x.numel()
        else:
            assert x.numpy().tobytes() == before[name].numpy().tobytes()
    assert count == effective_parameters(graph, recipe.readout_ms)


def test_only_weights_decay(learned):
    trainer = Trainer(small_graph(scale_shift=True, readout_ms=(50,)), learned, SHORT)
    names = {parameter: name for name, parameter in trainer.network.named_parameters()}
    decayed, others = ({names[p].split(".")[-1] for p in group["params"]} for group in trainer.optimiser.param_groups)
    assert decayed == {"weight"}
    assert others == {"bias", "scale", "shift"}


# --- masks


def masked(learned, **changes):
    """An objective with statistics, and a batch of which half is masked from 10 ms on, the rest from 20 ms."""
    recipe = replace(SHORT, brief=1.0, masked=1.0, **changes)
    trainer = Trainer(small_graph(), learned, recipe)
    trainer.estimate_statistics(80, 60)
    trainer.network.eval()  # in training the statistics of a batch lead from one image to another
    pixels, labels = trainer.batches.pixels, trainer.batches.labels[:8]
    images, masks = (trainer.preprocessing(pixels[start : start + 8]) for start in (0, 8))
    offset = torch.tensor([1, 2] * 4)
    when = Timing(torch.zeros(8, dtype=torch.long), torch.zeros(8, dtype=torch.long), offset, torch.zeros(8).long())
    return trainer.objective, Batch(images, labels, when, 50, None, labels, masks)


def test_no_loss_is_taken_once_a_mask_has_arrived(learned):
    objective, batch = masked(learned)
    batch.masks.requires_grad_()
    batch.images.requires_grad_()
    loss, _ = objective(batch)
    of_masks, of_images = torch.autograd.grad(loss, (batch.masks, batch.images))
    assert not of_masks.any()
    assert of_images.any()


def test_a_mask_is_learned_from_if_it_counts(learned):
    objective, batch = masked(learned)
    later = replace(batch.timing, mask=torch.full((8,), -1), offset=torch.full((8,), 9))
    loss, _ = objective(replace(batch, images=batch.masks.requires_grad_(), masks=None, timing=later))
    assert torch.autograd.grad(loss, batch.masks)[0].any()


def test_before_a_mask_arrives_the_loss_is_as_without_it(learned):
    objective, batch = masked(learned)
    loss, _ = objective(batch)
    # V1 sees a mask at 10 or 20 ms, IT 30 ms later; loss is taken at 30, 40 and 50 ms
    expected = 0.0
    for offset, reads in ((1, (30,)), (2, (30, 40))):
        some = batch.timing.offset == offset
        plain = Objective(objective.network, replace(objective.recipe, readout_ms=reads))
        without = replace(batch.timing.take(some.nonzero()[:, 0]), mask=torch.full((4,), -1))
        labels = batch.labels[some]
        plain_loss, _ = plain(Batch(batch.images[some], labels, without, 50, None, labels, batch.masks[some]))
        expected = expected + len(reads) * plain_loss / 3 / 2
    torch.testing.assert_close(loss, expected)


def test_until_an_image_has_arrived_the_label_is_that_of_what_was_before_it(learned):
    objective, batch = masked(learned)
    never, others = torch.full((8,), 99), (batch.labels + 1) % 10
    onset = replace(batch.timing, onset=torch.full((8,), 2), offset=never, mask=torch.full((8,), -1))
    preceded = replace(batch, before=batch.masks, masks=None, timing=onset)
    loss, _ = objective(replace(preceded, labels_before=others))
    again, _ = objective(preceded)
    alone = replace(batch, images=batch.masks, masks=None, timing=replace(onset, onset=torch.zeros(8).long()))
    first = Objective(objective.network, replace(objective.recipe, readout_ms=(30, 40)))
    ours, theirs = (first(replace(alone, labels=these))[0] for these in (batch.labels, others))
    torch.testing.assert_close(loss - again, (theirs - ours) * 2 / 3)


def test_until_an_image_has_arrived_after_grey_no_loss_is_taken(learned):
    objective, batch = masked(learned)
    never = torch.full((8,), 99)
    none = never.sign().neg()
    late = replace(batch.timing, before=none, onset=torch.full((8,), 1), offset=never, mask=none)
    delayed = replace(batch, masks=None, timing=late, labels_before=(batch.labels + 1) % 10)
    loss, _ = objective(delayed)
    # V1 sees the image from 10 ms on, IT from 40 ms; loss is taken at 30, 40 and 50 ms
    from_then = Objective(objective.network, replace(objective.recipe, readout_ms=(40, 50)))
    torch.testing.assert_close(loss, from_then(delayed)[0] * 2 / 3)


def test_statistics_are_those_of_masked_images(learned):
    def means(masked):
        trainer = Trainer(small_graph(), learned, replace(SHORT, brief=1.0, end_ms=30, masked=masked))
        trainer.estimate_statistics(80, 60)
        return trainer.network.area_norms["V1"].mean

    with_masks, without = means(1.0), means(0.0)
    assert torch.equal(with_masks[0], without[0])  # everything is on for 10 ms
    assert not torch.isclose(with_masks[3], without[3]).any()  # nothing for more than 30 ms


# --- going on


@pytest.mark.parametrize("step", [1, 5, 6, 9, STEPS])  # states are written at 0, 5, 8, 10, 15 and 16
def test_a_training_that_broke_off_ends_the_same(going, whole, tmp_path, step):
    stopped(going, step)
    assert int(states(tmp_path / "out")[-1].stem[6:]) == max(s for s in (0, 5, 8, 10, 15, 16) if s < step)
    going()
    assert_same(whole, tmp_path / "out")


@pytest.mark.parametrize("step", [1, 8, 15])
def test_after_ctrl_c_a_training_finishes_its_step_and_goes_on_from_there(going, whole, tmp_path, step):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        going(at(step, ctrl_c))
    assert signal.getsignal(signal.SIGINT) is handler
    assert states(tmp_path / "out")[-1].name == f"state-{step + 1:08d}.safetensors"
    lines = []
    going(tell=lines.append)
    assert lines[0] == f"resuming from step {step + 1} of 16"
    assert log_of(tmp_path / "out") == log_of(whole)
    assert (tmp_path / "out/model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert states(tmp_path / "out")[-1].read_bytes() == states(whole)[-1].read_bytes()


def test_a_second_ctrl_c_stops_at_once(going, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        going(at(7, lambda: (ctrl_c(), ctrl_c())))
    assert states(tmp_path / "out")[-1].name == "state-00000005.safetensors"
    going()
    assert_same(whole, tmp_path / "out")


def test_ctrl_c_in_the_last_step_lets_the_training_finish(going, whole, tmp_path):
    going(at(STEPS, ctrl_c))
    assert_same(whole, tmp_path / "out")


def test_a_training_may_break_off_time_and_again(going, whole, tmp_path):
    for step in (2, 6, 6, 7, 11, 16):
        stopped(going, step)
    going()
    assert_same(whole, tmp_path / "out")
    going()  # what is finished is finished
    assert_same(whole, tmp_path / "out")


def test_random_numbers_from_a_stream_would_be_noticed(going, learned, unseen, tmp_path, monkeypatch):
    class Consuming(Batches):
        """Draws the order from a generator that has a state, which no file keeps."""

        chance = None

        def epoch(self, number):
            self.chance = self.chance or torch.Generator().manual_seed(self.recipe.seed)
            fresh = self._epoch is None or self._epoch.number != number
            epoch = super().epoch(number)
            if fresh:
                order = torch.randperm(len(self.labels), generator=self.chance)
                self._epoch = epoch = replace(epoch, order=order)
            return epoch

    monkeypatch.setattr(trainer_module, "Batches", Consuming)
    for name in ("one", "two"):
        train(small_graph(), learned, unseen, EVERYTHING, tmp_path / name)
    assert_same(tmp_path / "one", tmp_path / "two")
    stopped(going, 11)
    going()
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "one", tmp_path / "out")


def test_a_stored_momentum_is_needed(going, whole, tmp_path, monkeypatch):
    def forgetful(trainer, path):
        differences = resume(trainer, path)
        trainer.optimiser.state.clear()
        return differences

    stopped(going, 11)
    monkeypatch.setattr(training, "resume", forgetful)
    going()
    with pytest.raises(AssertionError):
        assert_same(whole, tmp_path / "out")


def test_the_log_is_cut_back_and_a_broken_line_dropped(going, whole, tmp_path):
    stopped(going, 10)
    log = tmp_path / "out/metrics.jsonl"
    assert [line["step"] for line in log_of(tmp_path / "out")] == [3, 6, 8, 8, 9]
    with log.open("a") as file:
        file.write('{"step": 10, "epo')
    going()
    assert_same(whole, tmp_path / "out")
    assert [line["step"] for line in log_of(whole)] == [3, 6, 8, 8, 9, 12, 15, 16, 16]


def test_a_log_that_cannot_be_cut_back_stays_whole(going, tmp_path, monkeypatch):
    stopped(going, 10)
    before = files_of(tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", raising_error(errno.EIO))
        with pytest.raises(StoreError, match=r"metrics.jsonl cannot be written: input/output error"):
            going()
    assert files_of(tmp_path / "out") == before


def test_two_states_are_kept_and_what_a_kill_left_half_written_does_no_harm(going, whole, tmp_path):
    assert [path.name[6:14] for path in states(whole)] == ["00000015", "00000016"]
    assert set(files_of(whole)) == {"metrics.jsonl", "model.safetensors", *(path.name for path in states(whole))}
    stopped(going, 9)
    for name in ("state-00000010.safetensors", "state-00000015.safetensors", "model.safetensors", "metrics.jsonl"):
        left = tmp_path / "out" / f".{name}.abcdefgh.partial"
        left.mkdir()
        (left / name).write_bytes(b"half")
    going()
    assert_same(whole, tmp_path / "out")
    assert set(files_of(tmp_path / "out")) == set(files_of(whole))


def test_with_another_number_of_threads_the_last_bits_may_differ_and_a_line_says_so(going, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(torch, "get_num_threads", lambda: 99)
        stopped(going, 16)
    lines = []
    going(tell=lines.append)
    mine = torch.get_num_threads()
    assert lines[0] == (
        f"the last bits may differ from those of an uninterrupted training: threads was 99 and is {mine}"
    )


# --- what is refused


def refused(going, out, error, message, **changes):
    """Check that going on is refused in a sentence or two, and that no file in the folder changes."""
    before = files_of(out)
    with pytest.raises(error, match=message) as caught:
        going(**changes)
    assert len(str(caught.value).splitlines()) == 1
    assert files_of(out) == before


def places(content):
    """Where a byte may flip: in the length of the header, in the header, in the tensors."""
    tensors = 8 + int.from_bytes(content[:8], "little")
    return {
        "the length": 0,
        "the first brace": 8,
        "the learning rate": content.index(b'rate\\": 0.02') + 10,
        "the digest": content.index(b'digest\\": \\"') + 20,
        "the digest's name": content.index(b'digest\\"'),  # without which nothing could be checked
        "a tensor's name": content.index(b"momentum/"),
        "the first number": tensors,
        "a number": (tensors + len(content)) // 2,
        "the last number": len(content) - 1,
    }


def test_a_state_with_a_flipped_byte_is_refused_by_name_and_the_one_before_will_do(going, whole, tmp_path):
    stopped(going, 10)
    state = states(tmp_path / "out")[-1]
    good = state.read_bytes()
    for position in places(good).values():
        content = bytearray(good)
        content[position] ^= 1
        state.write_bytes(content)
        refused(going, state.parent, CheckpointError, re.escape(str(state)))
    state.unlink()
    going()
    assert_same(whole, state.parent)


@pytest.mark.parametrize("size", [0, 7, 5000])
def test_a_state_that_was_cut_is_refused_by_name(going, tmp_path, size):
    stopped(going, 6)
    state = states(tmp_path / "out")[-1]
    os.truncate(state, size)
    refused(going, state.parent, CheckpointError, rf"{state} is not a whole checkpoint", precision="auto")


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_a_checkpoint_that_is_no_state_is_refused(going, whole, model_file, tmp_path, precision):
    out = tmp_path / "out"
    for file in (whole / "model.safetensors", model_file):
        out.mkdir(exist_ok=True)
        shutil.copy(file, out / "state-00000001.safetensors")
        refused(going, out, CheckpointError, "state-00000001.safetensors is not the state of a", precision=precision)


def test_going_on_with_another_recipe_graph_or_data_names_what_differs(going, learned, unseen, tmp_path):
    stopped(going, 6)
    out = tmp_path / "out"
    state = rf"{states(out)[-1]} was made with"
    fields = "brief is 0.6 there and 0.1 here, learning_rate is 0.02 there and 0.3 here"
    differing = rf"another recipe \({fields}\); give another --out"
    refused(going, out, CheckpointError, f"{state} {differing}", learning_rate=0.3, brief=0.1)

    def other(graph, images, **changes):
        return train(graph, images, unseen, replace(EVERYTHING, **changes), out)

    graph = small_graph(prenet="convx3", bias=False)
    refused(other, out, CheckpointError, rf"{state} another graph \(bias, prenet\)", graph=graph, images=learned)
    fewer, more = learned.take(range(199)), replace(learned, name="pets")
    for images, names in ((fewer, "fingerprint"), (more, "name")):
        message = rf"{state} other data \({names}\); give another --out"
        refused(other, out, CheckpointError, message, graph=small_graph(), images=images)


def raising_error(code, when=lambda _: True):
    """A function that fails as the system does, for some of its first arguments."""

    def refuse(first, *_, **__):
        if when(first):
            raise OSError(code, os.strerror(code), str(first))

    return refuse


def test_a_full_disk_is_reported_and_costs_nothing(going, whole, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write = Path.write_bytes

    def full(path, data):
        if "state-00000010" in path.name:
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(CheckpointError, match=r"^cannot write .*state-00000010.safetensors: No space left on d"):
            going()
    assert [path.name[6:14] for path in states(out)] == ["00000005", "00000008"]
    assert not list(out.glob(".*"))
    going()
    assert_same(whole, out)


def test_a_full_disk_under_the_log_is_reported_and_costs_nothing(going, whole, tmp_path, monkeypatch):
    def full(self, line):
        with self.path.open("a") as file:
            file.write('{"step": 9, ')
        with disk.disk_errors(self.path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match=r"metrics.jsonl cannot be written: the disk is full. First make room; then"):
        going(at(8, lambda: monkeypatch.setattr(Metrics, "write", full)))
    monkeypatch.undo()
    going()
    assert_same(whole, tmp_path / "out")


@pytest.mark.parametrize("state", ["new", "begun"])
def test_a_folder_that_is_read_only_is_reported(going, tmp_path, monkeypatch, state):
    out = tmp_path / "out"
    out.mkdir()
    if state == "begun":
        stopped(going, 6)
    monkeypatch.setattr(Path, "write_bytes", raising_error(errno.EROFS))
    refused(going, out, (CheckpointError, StoreError), f"(?i){out}/.*: read-only file system[.;]")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_others_own_is_reported(going, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o555)
    refused(going, tmp_path / "out", CheckpointError, "cannot write .*: Permission denied; choose another place")


def test_a_folder_that_is_a_file_is_reported(going, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(StoreError, match=r"out cannot be written: file exists; choose another --out\.$"):
        going()
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_in_which_another_process_trains_is_left_alone(going, tmp_path):
    stopped(going, 6)
    with disk.locked(tmp_path / "out"):
        refused(going, tmp_path / "out", StoreError, r"out is being written by another process; wait, or choose anoth")


def test_more_images_than_there_are_is_reported(learned):
    with pytest.raises(UsageError, match=r"^held_out is 400: "):
        Trainer(small_graph(), learned, replace(SHORT, held_out=400))
    with pytest.raises(UsageError, match="160 images are left for training and a batch takes 161; use a smaller batch"):
        Trainer(small_graph(), learned, replace(SHORT, batch=161))
    with pytest.raises(UsageError, match="the graph tells 7 classes apart and shapes has 10; give the graph as many"):
        Trainer(small_graph(classes=7), learned, SHORT)


# --- numbers that are none


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("prenet.kernels.0.weight", "V1 is not finite at 0 ms"),
        ("kernels.V1->V2/0.weight", "V2 is not finite at 10 ms"),
        ("kernels.V4->IT/1.weight", "IT is not finite at 30 ms"),
        ("postnet.weight", "all states are finite, the readout is not"),
    ],
)
def test_a_loss_that_is_not_finite_names_step_area_and_time_and_changes_nothing(learned, where, what):
    trainer = Trainer(small_graph(), learned, SHORT)
    trainer.advance()
    parameters = dict(trainer.network.named_parameters())
    with torch.no_grad():
        parameters[where][(0,) * parameters[where].ndim] = torch.inf
    before = {name: x.clone() for name, x in network_tensors(trainer.network).items()}
    with pytest.raises(TrainingError, match=rf"^the loss became nan at step 2: {what}\. Nothing was changed by this"):
        trainer.advance()
    assert trainer.step == 1
    for name, x in network_tensors(trainer.network).items():
        assert x.numpy().tobytes() == before[name].numpy().tobytes()


def test_a_training_that_falls_apart_leaves_its_states(going, tmp_path):
    found = {}

    def report(trainer, loss, accuracy):
        found["files"], found["step"] = files_of(tmp_path / "out"), trainer.step
        if trainer.step == 6:
            with torch.no_grad():
                trainer.network.kernels["V1->V2/0"].weight[0, 0, 0, 0] = torch.nan

    with pytest.raises(
        TrainingError, match=r"nan at step 7: V2 is not finite at 10 ms\. .* give a lower learning rate"
    ):
        going(report)
    assert found["step"] == 6
    assert files_of(tmp_path / "out") == found["files"]
    assert [path.name[6:14] for path in states(tmp_path / "out")] == ["00000000", "00000005"]


def test_a_rate_that_is_far_too_high_is_reported(going):
    with pytest.raises(
        TrainingError, match=r"the loss became (nan|inf) at step \d+: V\d is not finite at \d+ ms\. Noth"
    ):
        going(learning_rate=1e9)


def test_responses_to_the_images_held_out_that_are_not_finite_are_reported(going, tmp_path):
    """One step makes an epoch here: the loss before it is finite, the weights after it are not."""
    with pytest.raises(
        TrainingError, match=r"after step 1 the responses to the images held out are not finite; give a"
    ):
        going(learning_rate=1e38, batch=160)
    assert [path.name[6:14] for path in states(tmp_path / "out")] == ["00000000"]


# --- nothing held out


def test_with_nothing_held_out_the_last_weights_are_the_result_and_the_test_images_are_looked_at(
    learned, unseen, tmp_path
):
    trainers = []
    # a rate so high that a later epoch is worse than an earlier one
    recipe = replace(SHORT, held_out=0, epochs=4, learning_rate=0.3, statistics_images=200)
    path = train(small_graph(), learned, unseen, recipe, tmp_path, report=lambda trainer, *_: trainers.append(trainer))
    tensors, header = read_checkpoint(path)
    last = trainers[-1]
    assert len(last.kept) == len(learned)
    scores = [entry["score"] for entry in header["history"]]
    assert scores[-1] < max(scores)
    state, _ = read_checkpoint(states(tmp_path)[-1])
    assert not [name for name in state if name.startswith("best/")]
    learned_here = [name for name, _ in last.network.named_parameters()]
    assert all(tensors[f"network/{name}"].equal(state[f"network/{name}"]) for name in learned_here)
    looked_at = accuracy_over_time(last.network, last.preprocessing, unseen, recipe.end_ms)
    assert header["history"][-1]["test_accuracy"][3:] == pytest.approx(looked_at[3:], abs=1e-6)


def test_with_nothing_held_out_and_no_test_images_there_is_nothing_to_look_at(learned):
    trainer = Trainer(small_graph(), learned, replace(SHORT, held_out=0))
    with pytest.raises(UsageError, match=r"held_out is 0 and there are no test images to look at; hold out some"):
        trainer.validate()


# --- kills


@pytest.mark.slow
def test_compiled_steps_are_the_steps(learned):
    plain, compiled = (Trainer(small_graph(), learned, replace(EVERYTHING, compile=how)) for how in (False, True))
    # the order of float32 sums differs, and later steps magnify that
    assert plain.advance()[0] == pytest.approx(compiled.advance()[0], rel=1e-5)
    pairs = zip(plain.network.parameters(), compiled.network.parameters(), strict=True)
    grads = [(first.grad, second.grad) for first, second in pairs if first.grad is not None]
    longest = max(first.norm() for first, _ in grads)
    assert all((first - second).norm() <= 1e-3 * longest for first, second in grads)


@pytest.mark.slow
def test_without_a_compiler_the_error_names_what_is_missing(learned, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", (None, str(tmp_path / "none")))
    trainer = Trainer(small_graph(), learned, replace(SHORT, compile=True))
    with pytest.raises(UsageError, match=r"it needs a C\+\+ compiler. Leave out --set compile=true."):
        trainer.advance()


@pytest.mark.slow
def test_a_training_killed_at_random_moments_ends_bit_identical(tmp_path):
    """VENTRAL_KILLS says how often it is killed, at moments spread over its whole life, and begun again."""
    kills = int(os.environ.get("VENTRAL_KILLS", "5"))
    data = tmp_path / "data"
    for split, count in (("train", 400), ("test", 100)):
        written(load_images("shapes", split, 16, positions=range(count)), data)
    (tmp_path / "small.json").write_text(small_graph().to_json())
    recipe = replace(EVERYTHING, epochs=20, held_out=100)
    settings = {name: value for name, value in asdict(recipe).items() if value != getattr(Recipe(), name)}
    command = [
        *(sys.executable, "-m", "ventral", "train", str(tmp_path / "small.json"), "--data", str(data)),
        *("--threads", "1", "--out", "out", *(f"--set={name}={value}" for name, value in settings.items())),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(place):
        place.mkdir(exist_ok=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=place, env=environment, **quiet)

    def finish(place):
        process = start(place)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()

    begun = time.monotonic()
    finish(tmp_path / "whole")
    lasting = time.monotonic() - begun
    chance = np.random.default_rng(0)
    trial = killed = 0
    while killed < kills:
        place = tmp_path / f"killed-{trial}"
        process = start(place)
        try:
            process.communicate(timeout=chance.uniform(0.3, 1.0) * lasting)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
            found = states(place / "out")
            print(f"kill {killed} in trial {trial}: {found[-1].name if found else 'no state yet'}")
            if killed < kills:
                continue
            finish(place)
        assert_same(tmp_path / "whole/out", place / "out")
        assert set(files_of(place / "out")) == set(files_of(tmp_path / "whole/out"))  # and no others
        trial += 1
