"""Thousands of random damages to a run; run with `make slow`."""

import shutil
import warnings

import numpy as np
import pytest
from small_runs import contents, layout, record

from ventral.errors import StoreError
from ventral.experiment.run import open_run
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
