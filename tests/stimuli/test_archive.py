"""Laws of the archive of CIFAR-10: its address, its place and its sum; and `ventral data fetch` as a user meets it."""

import errno
import hashlib
import os
import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cifar import batches, cifar_files, random_pixels, save_image, write_cifar
from server import free_port

from ventral.cli import console
from ventral.cli import main as cli
from ventral.errors import DataError, StoreError, UsageError
from ventral.files import locked
from ventral.stimuli import archive
from ventral.stimuli.datasets import load_images

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


# ---- the command


@pytest.fixture
def ventral(monkeypatch, capsys):
    """Gives a command; its exit code, and what it wrote to both streams."""

    def give(*words):
        monkeypatch.setattr(sys, "argv", ["ventral", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return give


@pytest.fixture
def served(tmp_path, server):
    """A small CIFAR-10, which is what the server has."""
    path = tmp_path / "served.tar.gz"
    write_cifar(path, "binary", cifar_files("binary"))
    server.content = path.read_bytes()
    return path


def test_the_command_fetches_what_the_word_cifar10_then_means(server, served, target, ventral, monkeypatch):
    monkeypatch.setenv("VENTRAL_CIFAR10_URL", server.url)
    server.cuts = [5000]
    line = ("data", "fetch", "cifar10", "--md5", md5(server.content).upper())
    code, out, err = ventral(*line)
    assert (code, err) == (0, "interrupted at 0.0 MB (the connection was closed); trying again in 0 s.\n")
    assert out.startswith(f".data/cifar10/{archive.NAME} has the md5 {md5(server.content)}.\nnext:  ventral simulate")
    assert left_in(Path(".data/cifar10")) == [archive.NAME]
    assert np.array_equal(load_images("cifar10").pixels.numpy(), batches()["test_batch"][0])
    assert len(load_images("cifar10", "train").labels) == 20
    code, out, err = ventral(*line)
    assert (code, err) == (0, "")
    assert out.startswith(f".data/cifar10/{archive.NAME} was there already and has the md5")
    assert len(server.asked) == 2


@pytest.mark.parametrize("named", ["elsewhere", "mine.tgz"])
def test_the_command_heeds_the_place_in_the_environment(server, served, target, ventral, monkeypatch, named):
    monkeypatch.setenv("VENTRAL_DATA", named)
    assert ventral("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))[0] == 0
    assert load_images("cifar10", positions=[1]).stimulus_ids == ("cifar10/test/00001",)
    assert not Path(".data").exists()


def test_without_a_sum_only_the_published_file_is_taken(server, served, target, ventral, monkeypatch):
    code, out, err = ventral("data", "fetch", "cifar10", "--url", server.url)
    assert (code, out) == (1, "")
    assert "bytes, not 170,052,171, so it is another file and was not taken" in err
    monkeypatch.setattr(archive, "SIZE", len(server.content))
    code, out, err = ventral("data", "fetch", "cifar10", "--url", server.url)
    assert (code, out) == (1, "")
    assert f"has the md5 {md5(server.content)}, not c32a1d4ab5d03f1284b67883e8d87530, and was removed" in err
    assert len(err.splitlines()) == 1
    assert not Path(".data").exists()


def test_a_stopped_download_says_how_to_resume_and_resumes(server, served, target, ventral, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    server.cuts = [5000]
    line = ("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", stop)
        code, out, err = ventral(*line)
    assert (code, out) == (130, "")
    assert err.endswith("\nstopped; what was received is kept. Give the same command again to resume.\n")
    assert ventral(*line)[0] == 0
    assert server.sent == [(0, 5000), (5000, len(server.content))]


def test_progress_is_told_in_lines_where_there_is_no_terminal(server, target, ventral, monkeypatch):
    monkeypatch.setattr(console, "EVERY_S", 0)
    server.content = random.Random(2).randbytes(3_500_000)
    code, out, err = ventral("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))
    assert "downloading: 2 of 3 MB, " in err
    assert out.startswith(f".data/cifar10/{archive.NAME} has the md5")
    # the sum was given for something that is no archive
    assert (code, "is not an archive; give" in err) == (1, True)


@pytest.mark.parametrize("extra", ["test/cat", "cifar-10-batches-bin"])
def test_what_else_the_word_cifar10_means_or_meant_there_is_told(server, served, target, ventral, extra):
    place = Path(".data/cifar10")
    if extra == "test/cat":
        save_image(random_pixels(1)[0], place / extra / "0.png")
        told = "from now on cifar10 means the archive, not the images in .data/cifar10/test; to use those, move"
    else:
        write_cifar(place, "binary", cifar_files("binary"))
        told = ".data/cifar10/cifar-10-batches-bin is there too and is what cifar10 means; move it away"
    code, out, _ = ventral("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))
    assert (code, told in out) == (0, True)


def test_an_archive_or_folder_that_is_here_is_taken_without_the_network(server, served, target, tmp_path, ventral):
    code, out, err = ventral("data", "fetch", "cifar10", "--from", served, "--md5", md5(served.read_bytes()))
    assert (code, err) == (0, "")
    assert load_images("cifar10").name == "cifar10"
    write_cifar(tmp_path / "mine", "python", cifar_files("python"))
    code, out, err = ventral("data", "fetch", "cifar10", "--from", tmp_path / "mine")
    assert (code, err) == (0, "")
    assert f"{tmp_path / 'mine'} holds CIFAR-10 and stays as it is; name it with --data, or in VENTRAL_DATA." in out
    assert out.endswith(f"--data {tmp_path / 'mine'}\n")
    assert server.asked == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            "cifar10 --from served.tar.gz",
            1,
            "not c32a1d4ab5d03f1284b67883e8d87530, and was not taken; --data served.tar.gz",
        ),
        ("cifar10 --from nowhere", 1, "there is no file at nowhere; give the path of cifar-10-binary.tar.gz"),
        (
            "cifar10 --from .",
            1,
            "holds neither cifar-10-binary.tar.gz nor cifar-10-python.tar.gz, nor what is extracted",
        ),
        ("cifar10 --from . --md5 " + 32 * "0", 2, "--md5 is the sum of an archive, and . is a folder; leave it out."),
        ("cifar10 --from served.tar.gz --url http://h/x", 2, "give one of the two."),
        ("cifar10 --md5 12", 2, "--md5 is '12'; give 32 hexadecimal digits, as md5sum prints them."),
        ("cifar10 --url file:///x", 2, "the address is 'file:///x'; give an http or https address"),
        ("cifr10", 2, "no data to fetch named 'cifr10'; did you mean 'cifar10'?"),
        ("cifar10 --url http://127.0.0.1:PORT/x", 1, "/x cannot be reached (connection refused)"),
    ],
)
def test_a_mistake_is_explained_in_one_line_and_leaves_nothing(served, target, tmp_path, ventral, words, code, message):
    found = ventral("data", "fetch", *words.replace("PORT", str(free_port())).split())
    assert found[:2] == (code, "")
    assert found[2].startswith("Error: ")
    assert message in found[2]
    assert len(found[2].splitlines()) == 1
    assert left_in(tmp_path) == ["served.tar.gz"]
