"""Thousands of random damages to runs, checkpoints and the cache of images; run with `make slow`."""

import shutil
import warnings

import numpy as np
import pytest
import torch
from small_runs import contents, layout, record

from ventral.errors import CheckpointError, StoreError
from ventral.experiment.run import open_run
from ventral.model.model import load_model
from ventral.stimuli import cache
from ventral.store.verify import verify

DAMAGES = 2000


def flipped(data, chance):
    position = chance.integers(len(data))
    return data[:position] + bytes([data[position] ^ (1 << chance.integers(8))]) + data[position + 1 :]


def replaced(data, chance):
    position, length = chance.integers(len(data)), chance.integers(1, 9)
    return data[:position] + chance.bytes(length) + data[position + length :]


def spliced(data, chance):
    first, second = sorted(chance.integers(0, len(data) + 1, 2))
    return data[:first] + data[second:] + data[first:second]


KINDS = {
    "flipped": flipped,
    "replaced": replaced,
    "spliced": spliced,
    "cut": lambda data, chance: data[: chance.integers(len(data))],
    "lengthened": lambda data, chance: data + chance.bytes(chance.integers(1, 100)),
    "emptied": lambda data, chance: b"",
    "deleted": lambda data, chance: None,
}


def read(path):
    """Every number of a run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not complete
        run = open_run(path)
    return {**{area: run[area].values for area in run.areas}, "readout": run.logits.values}


def damages(before, chance):
    """Other bytes in place of a file's, again and again, each with the name of what was done; None: no file."""
    for _ in range(DAMAGES):
        after = before
        while after == before:
            kind = str(chance.choice(list(KINDS)))
            after = KINDS[kind](before, chance)
        yield kind, after


def attack(path, names, other, chance):
    """Damage one file; returns what was done, or None if the file is as it was."""
    name = str(chance.choice(names))
    kind = str(chance.choice([*KINDS, "of another run", "of another place"]))
    before = (path / name).read_bytes()
    if kind == "of another run":
        after = (other / name).read_bytes()
    elif kind == "of another place":
        after = (path / str(chance.choice([each for each in names if each.count("/") == name.count("/")]))).read_bytes()
    else:
        after = KINDS[kind](before, chance)
    if after is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(after)
    return None if after == before else f"{name} {kind}"


@pytest.mark.slow
def test_no_damage_of_a_run_gives_other_numbers_without_a_word(tmp_path):
    """It is refused, or it reads as a run that is not complete; `verify` names it in either case."""
    path = record(tmp_path / "run.zarr", layout())
    other = record(tmp_path / "other.zarr", layout(seed=1))
    names, wanted, chance = sorted(contents(path)), read(path), np.random.default_rng(0)
    refused = missing = 0
    while refused + missing < DAMAGES:
        shutil.rmtree(tmp_path / "copy.zarr", ignore_errors=True)
        copy = shutil.copytree(path, tmp_path / "copy.zarr")
        damage = attack(copy, names, other, chance)
        if damage is None:
            continue
        if (copy / "zarr.json").exists():
            assert verify(copy), damage
        try:
            found = read(copy)
        except StoreError:
            refused += 1
            continue
        missing += 1
        for area, values in found.items():
            recorded = ~np.isnan(values).all(tuple(range(1, values.ndim)))
            assert not recorded.all(), damage
            np.testing.assert_array_equal(values[recorded], wanted[area][recorded], damage)
    print(f"{refused} of {DAMAGES} damages were refused; {missing} left a run that is not complete")


@pytest.mark.slow
def test_no_damage_of_a_checkpoint_gives_another_network_without_a_word(tmp_path, model_file):
    wanted, copy = load_model(model_file), tmp_path / "copy.safetensors"
    refused = 0
    for kind, data in damages(model_file.read_bytes(), np.random.default_rng(0)):
        copy.unlink(missing_ok=True)
        if data is not None:
            copy.write_bytes(data)
        try:
            found = load_model(copy)
        except CheckpointError:
            refused += 1
            continue
        assert found.network.graph == wanted.network.graph, kind
        assert found.preprocessing == wanted.preprocessing, kind
        for name, values in wanted.network.state_dict().items():
            torch.testing.assert_close(found.network.state_dict()[name], values, rtol=0, atol=0, equal_nan=True)
    print(f"{refused} of {DAMAGES} damages of a checkpoint were refused; the others changed nothing that is used")


@pytest.mark.slow
def test_no_damage_of_the_cache_gives_other_pixels(tmp_path):
    pixels = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (9, 3, 8, 8), dtype=np.uint8))
    file = tmp_path / "pixels.safetensors"
    cache._keep(pixels, file, "key")
    assert cache._kept(file, "key").equal(pixels)
    again = 0
    for kind, data in damages(file.read_bytes(), np.random.default_rng(0)):
        file.unlink(missing_ok=True)
        if data is not None:
            file.write_bytes(data)
        found = cache._kept(file, "key")
        again += found is None
        assert found is None or found.equal(pixels), kind
    print(f"after {again} of {DAMAGES} damages of the cache, images are decoded again; the others changed no pixel")
