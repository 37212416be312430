import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest

from ventral import files as disk
from ventral.errors import BusyError, StoreError, UsageError


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch, step):
    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk.put(tmp_path / "file", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else disk.Path, step, refuse)
        with pytest.raises(OSError, match="Input/output error"):
            disk.put(tmp_path / "file", b"new")
    assert [(child.name, child.read_bytes()) for child in tmp_path.iterdir()] == [("file", b"old")]
    disk.put(tmp_path / "file", b"new")
    assert [(child.name, child.read_bytes()) for child in tmp_path.iterdir()] == [("file", b"new")]


WRITE = """
import sys, time
from pathlib import Path
from ventral.files import replacing

place, letter, wait_s = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
with replacing(place) as partial, partial.open("w") as file:
    for _ in range(50):
        file.write(letter * 1000)
        file.flush()
        print("writing", flush=True)
        time.sleep(wait_s)
"""


def writing(place, letter, wait_s):
    """A process that has begun to write 50,000 times a letter."""
    command = [sys.executable, "-c", WRITE, str(place), letter, str(wait_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    return process


def test_processes_that_write_one_file_take_turns(tmp_path):
    place = tmp_path / "file"
    first = writing(place, "a", 0.002)
    second = writing(place, "b", 0)  # returns when the first has ended
    assert [process.communicate() and process.returncode for process in (first, second)] == [0, 0]
    assert place.read_text() == "b" * 50000
    assert list(tmp_path.iterdir()) == [place]


def test_a_process_that_does_not_wait_is_refused(tmp_path):
    refusal = r"file is being written by another process; wait, or choose another --out\.$"
    with disk.replacing(tmp_path / "file") as partial:
        partial.write_bytes(b"new")
        with pytest.raises(BusyError, match=refusal), disk.replacing(tmp_path / "file", wait_s=0):
            pass
    assert (tmp_path / "file").read_bytes() == b"new"


def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path):
    disk.put(tmp_path / "file", b"old")
    others = tmp_path / ".file.txt.abcdefgh.partial"  # of a file called file.txt
    others.mkdir()
    process = writing(tmp_path / "file", "a", 9)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(list(tmp_path.iterdir())) == 4
    assert (tmp_path / "file").read_bytes() == b"old"
    disk.put(tmp_path / "file", b"new")
    assert sorted(tmp_path.iterdir()) == [others, tmp_path / "file"]
    assert (tmp_path / "file").read_bytes() == b"new"


def test_the_temporary_file_has_the_name_of_the_file(tmp_path):
    with disk.replacing(tmp_path / "figure.png") as partial:
        assert partial.name == "figure.png"
        partial.write_bytes(b"new")
    assert (tmp_path / "figure.png").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full. First make room; then try."),
        (errno.EACCES, "permission denied. First make it writable; then try."),
        (errno.EIO, "input/output error. First check the disk; then try."),
        (errno.ENOTDIR, "not a directory; choose another --out."),
        (errno.EISDIR, "is a directory; choose another --out."),
    ],
)
def test_an_error_of_the_disk_becomes_a_sentence(tmp_path, code, words):
    with pytest.raises(StoreError) as caught, disk.disk_errors(tmp_path, then="try"):
        raise OSError(code, "what a library makes of it")
    assert str(caught.value) == f"{tmp_path} cannot be written: {words}"


def test_the_nearest_folder_is_the_one_that_would_be_written_to(tmp_path):
    assert disk.nearest_folder(tmp_path) == tmp_path
    assert disk.nearest_folder(tmp_path / "a/b/c") == tmp_path


@pytest.mark.parametrize("place", ["text.txt/a", "text.txt/a/b", "loose/a"])
def test_nothing_is_made_under_a_file(tmp_path, place):
    (tmp_path / "text.txt").write_text("mine")
    (tmp_path / "loose").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"(txt|loose) is a file, not a folder; choose another --out\.$"):
        disk.nearest_folder(tmp_path / place)


def test_what_does_not_fit_is_refused_with_both_sizes(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    disk.need_space(tmp_path / "new", 10**9, "it", "make less")
    with pytest.raises(StoreError, match=r"it can take 2\.50 GB and .* has 1\.00 GB free; make less\.$"):
        disk.need_space(tmp_path / "new", 25 * 10**8, "it", "make less")


def test_a_folder_is_written_in_by_one_at_a_time(tmp_path):
    with disk.locked(tmp_path), pytest.raises(StoreError, match="by another process"), disk.locked(tmp_path):
        pass
    with disk.locked(tmp_path):
        pass


def test_a_file_stands_for_a_folder_and_other_names_are_other_locks(tmp_path):
    with disk.locked(tmp_path, by=".first"):
        with disk.locked(tmp_path, by=".second"), disk.locked(tmp_path):
            pass
        with pytest.raises(StoreError, match="by another process"), disk.locked(tmp_path, by=".first"):
            pass
    with disk.locked(tmp_path, by=".first"):  # the file is still there
        pass


def test_a_disk_without_locks_gives_a_warning(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(disk.fcntl, "flock", refuse)
    with (
        pytest.warns(UserWarning, match="cannot be locked .*; let no other process write there"),
        disk.locked(tmp_path),
    ):
        pass


def test_a_name_longer_than_that_of_any_file_is_refused_in_a_short_sentence():
    with pytest.raises(UsageError, match=r"'data/x+\.\.\. is longer than the name of any file; give a shorter one"):
        disk.expanded("data/" + "x" * 5000)
    assert disk.expanded("x" * 255).name == "x" * 255
