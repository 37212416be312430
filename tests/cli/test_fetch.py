"""`ventral data fetch cifar10`: the archive arrives whole, and every mistake is explained in one line."""

import hashlib
import random
import time
from pathlib import Path

import numpy as np
import pytest
from cifar import batches, cifar_files, random_pixels, save_image, write_cifar
from commands import ventral
from server import free_port, running

from ventral.cli import console
from ventral.stimuli import archive, download
from ventral.stimuli.datasets import load_images


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No proxy, no other address, and waits that take no time."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("VENTRAL_CIFAR10_URL", raising=False)
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0, 0.0))


@pytest.fixture
def server():
    with running(random.Random(0).randbytes(3_500_000)) as server:
        yield server


@pytest.fixture
def served(here, server):
    """A small CIFAR-10 in the folder of the command, which is also what the server has."""
    write_cifar(here / "served.tar.gz", "binary", cifar_files("binary"))
    server.content = (here / "served.tar.gz").read_bytes()


def fetch(options="", **places):
    return ventral("data fetch cifar10 " + options, **places)


def from_server(server):
    return fetch("--url {url} --md5 {md5}", url=server.url, md5=md5(server.content))


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("served")
def test_the_archive_is_then_what_the_word_cifar10_means(server, monkeypatch):
    monkeypatch.setenv("VENTRAL_CIFAR10_URL", server.url)
    server.cuts = [5000]
    first, second = (fetch("--md5 {md5}", md5=md5(server.content).upper()) for _ in range(2))
    has = f"has the md5 {md5(server.content)}"
    assert (first.code, first.err) == (0, "interrupted at 0.0 MB (the connection was closed); trying again in 0 s.\n")
    assert first.out.startswith(f".data/cifar10/{archive.NAME} {has}.\nnext:  ventral simulate")
    assert left_in(Path(".data/cifar10")) == [archive.NAME]
    assert np.array_equal(load_images("cifar10").pixels.numpy(), batches()["test_batch"][0])
    assert len(load_images("cifar10", "train").labels) == 20
    assert (second.code, second.err) == (0, "")
    assert second.out.startswith(f".data/cifar10/{archive.NAME} was there already and {has}")
    assert len(server.asked) == 2


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("named", ["elsewhere", "mine.tgz"])
def test_the_place_in_the_environment_is_used(server, monkeypatch, named):
    monkeypatch.setenv("VENTRAL_DATA", named)
    assert from_server(server).code == 0
    assert load_images("cifar10", positions=[1]).stimulus_ids == ("cifar10/test/00001",)
    assert not Path(".data").exists()


@pytest.mark.usefixtures("served")
def test_without_a_sum_only_the_published_file_is_taken(server, monkeypatch):
    longer = fetch("--url {url}", url=server.url)
    monkeypatch.setattr(archive, "SIZE", len(server.content))
    other = fetch("--url {url}", url=server.url)
    assert [(refused.code, refused.out, refused.err.count("\n")) for refused in (longer, other)] == [(1, "", 1)] * 2
    assert "bytes, not 170,052,171, so it is another file and was not taken" in longer.err
    assert f"has the md5 {md5(server.content)}, not {archive.MD5}, and was removed" in other.err
    assert not Path(".data").exists()


@pytest.mark.usefixtures("served")
def test_a_stopped_download_says_how_to_resume_and_resumes(server, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    server.cuts = [5000]
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", stop)
        stopped = from_server(server)
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err.endswith("\nstopped; what was received is kept. Give the same command again to resume.\n")
    assert from_server(server).code == 0
    assert server.sent == [(0, 5000), (5000, len(server.content))]


def test_progress_is_printed_in_lines_where_there_is_no_terminal(server, monkeypatch):
    monkeypatch.setattr(console, "EVERY_S", 0)
    outcome = from_server(server)
    assert "downloading: 2 of 3 MB, " in outcome.err
    assert outcome.out.startswith(f".data/cifar10/{archive.NAME} has the md5")
    # the sum was given for a file that is no archive
    assert (outcome.code, "is not an archive; give" in outcome.err) == (1, True)


@pytest.mark.usefixtures("served")
def test_other_images_that_the_word_cifar10_means_or_meant_are_named(server):
    save_image(random_pixels(1)[0], Path(".data/cifar10/test/cat/0.png"))
    before = from_server(server)
    write_cifar(Path(".data/cifar10"), "binary", cifar_files("binary"))
    beside = from_server(server)
    assert [before.code, beside.code] == [0, 0]
    assert "from now on cifar10 means the archive, not the images in .data/cifar10/test; to use those" in before.out
    assert ".data/cifar10/cifar-10-batches-bin is there too and is what cifar10 means; move it away" in beside.out


@pytest.mark.usefixtures("served")
def test_a_local_archive_or_folder_is_taken_without_the_network(server, tmp_path):
    copied = fetch("--from served.tar.gz --md5 {md5}", md5=md5(server.content))
    assert (copied.code, copied.err) == (0, "")
    assert load_images("cifar10").name == "cifar10"
    write_cifar(tmp_path / "mine", "python", cifar_files("python"))
    folder = fetch("--from {mine}", mine=tmp_path / "mine")
    assert (folder.code, folder.err) == (0, "")
    assert f"{tmp_path / 'mine'} holds CIFAR-10 and stays as it is; name it with --data, or in VENT" in folder.out
    assert folder.out.endswith(f"--data {tmp_path / 'mine'}\n")
    assert server.asked == []


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("--from served.tar.gz", 1, f"not {archive.MD5}, and was not taken; --data served.tar.gz"),
        ("--from nowhere", 1, "there is no file at nowhere; give the path of cifar-10-binary.tar.gz"),
        ("--from .", 1, "holds neither cifar-10-binary.tar.gz nor cifar-10-python.tar.gz, nor what is extracted"),
        ("--from . --md5 " + 32 * "0", 2, "--md5 is the sum of an archive, and . is a folder; leave it out."),
        ("--from served.tar.gz --url http://h/x", 2, "give one of the two."),
        ("--md5 12", 2, "--md5 is '12'; give 32 hexadecimal digits, as md5sum prints them."),
        ("--url file:///x", 2, "the address is 'file:///x'; give an http or https address"),
        ("--url http://127.0.0.1:{port}/x", 1, "/x cannot be reached (connection refused)"),
    ],
)
def test_a_mistake_is_explained_in_one_line_and_leaves_nothing(here, options, code, message):
    refused = fetch(options, port=free_port())
    assert (refused.code, refused.out) == (code, "")
    assert refused.err.startswith("Error: ")
    assert message in refused.err
    assert refused.err.count("\n") == 1
    assert left_in(here) == ["served.tar.gz"]


def test_a_misspelt_data_set_is_refused():
    assert "no data to fetch named 'cifr10'; did you mean 'cifar10'?" in ventral("data fetch cifr10").err
