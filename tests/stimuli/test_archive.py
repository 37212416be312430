"""Laws of the archive of CIFAR-10: its address, its place and its sum."""

import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from ventral.errors import DataError, StoreError, UsageError
from ventral.files import locked
from ventral.stimuli import archive

CONTENT, OTHER = b"content", b"other"


def md5(content):
    return hashlib.md5(content).hexdigest()


def left_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


# ---- where from, where to


@pytest.mark.parametrize(
    "url", ["file:///tmp/x.tar.gz", "ftp://h/x", "x.tar.gz", "http://", "http://h:x/", "http://[::1", "http://h/a b"]
)
def test_an_address_that_is_none_is_refused(monkeypatch, url):
    for given in (url, None):
        monkeypatch.setenv("VENTRAL_CIFAR10_URL", url)
        with pytest.raises(UsageError, match="give an http or https address, or a local file with --from PATH"):
            archive.address(given)


def test_the_address_is_the_given_one_then_that_of_the_environment_then_the_published(target, monkeypatch):
    assert archive.address() == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    monkeypatch.setenv("VENTRAL_CIFAR10_URL", "http://here:8080/x")
    assert (archive.address(), archive.address("http://[::1]:80/x?y")) == ("http://here:8080/x", "http://[::1]:80/x?y")


def test_the_place_is_the_folder_or_file_that_the_environment_names(target, tmp_path, monkeypatch):
    assert archive.archive_place() == Path(".data", "cifar10", archive.NAME)
    (tmp_path / "plain").write_bytes(b"")
    (tmp_path / "folder.gz").mkdir()
    for named, place in {
        "folder": f"folder/{archive.NAME}",
        "folder.gz": f"folder.gz/{archive.NAME}",
        "mine.tar.gz": "mine.tar.gz",
        "plain": "plain",
    }.items():
        monkeypatch.setenv("VENTRAL_DATA", named)
        assert archive.archive_place() == Path(place)


# ---- the disk


def test_a_right_file_is_left_alone_and_a_wrong_one_is_not_replaced(server, target):
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    assert not archive.fetch_archive(target, server.url, md5(CONTENT))
    with pytest.raises(DataError, match=f"is there already, but has the md5 {md5(CONTENT)}, not {md5(OTHER)}; move it"):
        archive.fetch_archive(target, server.url, md5(OTHER))
    assert (target.read_bytes(), left_in(target.parent), server.asked) == (CONTENT, [target.name], [])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EROFS, "read-only file system. First make it writable; then give the same command again, or name"),
        (errno.EACCES, "permission denied. First make it writable; then give the same command again, or name"),
    ],
)
@pytest.mark.parametrize("step", ["mkdir", "open"])
def test_a_folder_that_cannot_be_written_is_named(server, target, monkeypatch, code, words, step):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, step, refuse)
    with pytest.raises(StoreError, match=rf"{target.name} cannot be written: {words}"):
        archive.fetch_archive(target, server.url, md5(server.content))
    assert left_in(target.parent) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused_unless_the_file_is_there(server, target):
    target.parent.mkdir()
    target.parent.chmod(0o555)
    with pytest.raises(StoreError, match=r"permission denied\. First make it writable"):
        archive.fetch_archive(target, server.url, md5(server.content))
    target.parent.chmod(0o755)
    target.write_bytes(server.content)
    target.parent.chmod(0o555)
    assert not archive.fetch_archive(target, server.url, md5(server.content))


def test_a_place_under_a_file_is_refused(server, target):
    target.parent.write_text("mine")
    with pytest.raises(StoreError, match=r"cannot be written: .*; name another place in VENTRAL_DATA"):
        archive.fetch_archive(target, server.url, md5(server.content))


def test_two_processes_do_not_write_to_the_same_place(server, target):
    target.parent.mkdir()
    with (
        locked(target.parent),
        pytest.raises(StoreError, match="by another process; wait, or name another place in VENTRAL_DATA"),
    ):
        archive.fetch_archive(target, server.url, md5(server.content))
    assert server.asked == []


# ---- a local archive


def test_a_local_archive_is_copied_whole_and_stays(tmp_path, target):
    mine = tmp_path / "mine"
    mine.write_bytes(CONTENT)
    target.parent.mkdir()
    target.with_name(f"{target.name}.part").write_bytes(b"{}")
    assert archive.adopt_archive(mine, target, md5(CONTENT))
    assert target.read_bytes() == mine.read_bytes() == CONTENT
    assert left_in(target.parent) == [target.name]
    assert not archive.adopt_archive(mine, target, md5(CONTENT))
    assert not archive.adopt_archive(target, target, md5(CONTENT))


def test_a_local_archive_with_a_wrong_sum_is_not_taken(tmp_path, target):
    mine = tmp_path / "mine"
    mine.write_bytes(OTHER)
    with pytest.raises(DataError, match=f"mine has the md5 {md5(OTHER)}, not {md5(CONTENT)}, and was not taken; --da"):
        archive.adopt_archive(mine, target, md5(CONTENT))
    with pytest.raises(DataError, match="there is no file at"):
        archive.adopt_archive(tmp_path / "none", target, md5(CONTENT))
    assert left_in(target.parent) is None
    assert mine.read_bytes() == OTHER


@pytest.mark.parametrize("step", ["copyfile", "fsync"])
def test_an_archive_that_cannot_be_copied_leaves_nothing(tmp_path, target, monkeypatch, step):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "")

    (tmp_path / "mine").write_bytes(CONTENT)
    monkeypatch.setattr(shutil if step == "copyfile" else os, step, refuse)
    with pytest.raises(StoreError, match="the disk is full"):
        archive.adopt_archive(tmp_path / "mine", target, md5(CONTENT))
    assert left_in(target.parent) is None
