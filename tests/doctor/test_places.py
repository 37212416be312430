"""Findings on the disk, the cache and the data."""

import os
import shutil
from collections import namedtuple

import pytest

from ventral.doctor.places import look_at_cache, look_at_data, look_at_folder

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "state"), [(10**11, "good"), (10**9, "hint"), (10**7, "wrong")])
def test_a_full_disk_is_found(free, state, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - free, free))
    found = look_at_folder("disk", tmp_path, "give --out")
    assert found.state == state
    assert found.values["free_bytes"] == free
    assert found.text.endswith("make room, or give --out.") == (state == "wrong")


def test_a_folder_that_cannot_be_written_is_found(tmp_path, monkeypatch):
    def refuse(**_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    found = look_at_folder("disk", tmp_path, "give --out")
    assert (found.state, found.text) == ("wrong", f"{tmp_path} cannot be written (permission denied); give --out.")


def test_the_cache_is_the_one_that_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("VENTRAL_CACHE", str(tmp_path / "cache"))
    assert look_at_cache().values == {"path": str(tmp_path / "cache" / "images"), "used_bytes": 0}
    (tmp_path / "cache" / "images").mkdir(parents=True)
    (tmp_path / "cache" / "images" / "a.safetensors").write_bytes(bytes(2_000_000))
    assert look_at_cache().values["used_bytes"] == 2_000_000
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert look_at_cache().state == "hint"


def test_data_that_are_named_and_not_there_are_wrong(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VENTRAL_DATA", raising=False)
    assert look_at_data().state == "good"
    assert not look_at_data().values["cifar10"]
    monkeypatch.setenv("VENTRAL_DATA", str(tmp_path / "none"))
    assert look_at_data().state == "wrong"
    (tmp_path / "none").mkdir()
    assert look_at_data().state == "hint"
    (tmp_path / "images" / "test" / "cat").mkdir(parents=True)
    monkeypatch.setenv("VENTRAL_DATA", str(tmp_path / "images"))
    assert look_at_data().values["cifar10"]
