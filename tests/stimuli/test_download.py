"""Fetching an archive: whatever the connection does, the file is right or there is none, and no byte comes twice.

The servers are on this machine.
"""

import errno
import hashlib
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from cifar import batches, cifar_files, random_pixels, write_cifar
from PIL import Image

from ventral import files as disk
from ventral.cli import console as talk
from ventral.cli import main as cli
from ventral.errors import DataError, StoreError, UsageError
from ventral.stimuli import download as fetch
from ventral.stimuli.datasets import load_images

CONTENT = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(200_000)
ARCHIVE = "cifar-10-binary.tar.gz"


def md5(content):
    return hashlib.md5(content).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one file, and misbehaves as it is told; remembers what it was asked for and what it sent."""

    daemon_threads = False

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag, self.modified = content, '"one"', None
        self.ranges, self.checks, self.sized, self.total = True, True, True, True
        self.shift = 0  # from where a part is asked for to where it begins
        self.cuts = []  # bytes that each of the next answers sends before the connection ends; None: all
        self.cut_by = "close"
        self.statuses = []  # of the next answers, in place of the file
        self.then = lambda: None  # called when an answer was cut
        self.asked = []  # (Range, If-Range) of each request
        self.sent = []  # (start, stop) of each answer
        self.watched, self.lengths = None, []  # a file, and its length at each request

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/{ARCHIVE}"

    def handle_error(self, *_):
        pass  # a client that goes away


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        asked = self.headers["Range"]
        server.asked.append((asked, self.headers["If-Range"]))
        if server.watched is not None:
            server.lengths.append(server.watched.stat().st_size if server.watched.exists() else 0)
        self.close_connection = True
        if server.statuses and (status := server.statuses.pop(0)):
            self.send_error(status)
            return
        content, start = server.content, 0
        validators = (None, server.etag, server.modified) if server.checks else (self.headers["If-Range"],)
        if asked and server.ranges and self.headers["If-Range"] in validators:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + server.shift
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            total = len(content) if server.total else "*"
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{total}")
        else:
            self.send_response(200)
        for name, text in (("ETag", server.etag), ("Last-Modified", server.modified)):
            if text:
                self.send_header(name, text)
        if server.sized:
            self.send_header("Content-Length", str(len(content) - start))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        count = server.cuts.pop(0) if server.cuts else None
        body = content[start:][:count]
        server.sent.append((start, start + len(body)))
        self.write(body, whole=count is None)
        if count is not None:
            server.then()
            if server.cut_by == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    def write(self, body, whole):
        if self.server.sized:
            self.wfile.write(body)
            return
        for at in range(0, len(body), 10_000):
            piece = body[at : at + 10_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if whole:
            self.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def server():
    with Server(CONTENT) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    """An empty folder, no proxy, and waits that take no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "*")
    for name in ("VENTRAL_DATA", "VENTRAL_CIFAR10_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetch, "WAITS", (0.0, 0.0, 0.0))


@pytest.fixture
def target(tmp_path, server):
    server.watched = tmp_path / "data" / f"{ARCHIVE}.part"
    return tmp_path / "data" / ARCHIVE


def left_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


def do_not_overlap(spans):
    return all(before[1] <= after[0] for before, after in zip(sorted(spans), sorted(spans)[1:], strict=False))


# ---- connections that break


@pytest.mark.parametrize("seed", range(5))
def test_a_file_cut_three_times_is_the_same_and_no_byte_is_sent_twice(server, target, seed):
    server.cuts = [random.Random(seed).randrange(1, 80_000) for _ in range(3)]
    said = []
    assert fetch.fetch_archive(target, server.url, md5(CONTENT), said=said.append)
    assert target.read_bytes() == CONTENT
    assert left_in(target.parent) == [ARCHIVE]
    assert len(server.sent) == 4
    assert do_not_overlap(server.sent)
    assert sum(stop - start for start, stop in server.sent) == len(CONTENT)
    assert server.asked == [(None, None), *((f"bytes={start}-", '"one"') for start, _ in server.sent[1:])]
    assert [sentence.split(" (")[1] for sentence in said] == ["the connection was closed); trying again in 0 s."] * 3


@pytest.mark.parametrize("sized", [True, False])
def test_after_a_reset_exactly_what_was_not_received_is_asked_for(server, target, sized):
    server.cuts, server.cut_by, server.sized = [70_000, 100_000, 1], "reset", sized
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    # before the first answer there was nothing to go on with
    assert [asked for asked, _ in server.asked] == [f"bytes={n}-" if n else None for n in server.lengths]


@pytest.mark.parametrize(("sized", "total"), [(False, True), (False, False), (True, False)])
def test_a_file_whose_length_is_not_always_told_is_the_same(server, target, sized, total):
    server.sized, server.cuts, server.total = sized, [90_000, 50_000], total
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert do_not_overlap(server.sent)


def test_a_server_that_falls_silent_is_asked_again(server, target, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.1)
    server.cuts, server.then = [100_000], lambda: time.sleep(0.3)
    said = []
    fetch.fetch_archive(target, server.url, md5(CONTENT), said=said.append)
    assert target.read_bytes() == CONTENT
    assert said == ["interrupted at 0.1 MB (timed out); trying again in 0 s."]
    assert do_not_overlap(server.sent)


@pytest.mark.parametrize(
    ("etag", "modified", "named"),
    [
        ('"one"', "Thu, 04 Jun 2009 00:00:00 GMT", '"one"'),
        (None, "Thu, 04 Jun 2009 00:00:00 GMT", "Thu, 04 Jun 2009 00:00:00 GMT"),
        ('W/"one"', "Thu, 04 Jun 2009 00:00:00 GMT", None),
        (None, None, None),
    ],
)
def test_what_the_server_gave_to_tell_versions_apart_goes_back_to_it(server, target, etag, modified, named):
    server.etag, server.modified, server.cuts = etag, modified, [1000]
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert server.asked == [(None, None), ("bytes=1000-", named)]
    assert server.sent == [(0, 1000), (1000, len(CONTENT))]


def test_a_server_without_ranges_starts_over(server, target):
    server.ranges, server.cuts = False, [200_000, 100_000]
    said = []
    fetch.fetch_archive(target, server.url, md5(CONTENT), said=said.append)
    assert target.read_bytes() == CONTENT
    assert "what was received before (0.2 MB) cannot be gone on with; starting over." in said


@pytest.mark.parametrize("checks", [True, False], ids=["If-Range heeded", "If-Range ignored"])
@pytest.mark.parametrize("etag", ['"{}"', 'W/"{}"'])
def test_a_file_that_changes_between_cuts_is_never_mixed(server, target, checks, etag):
    def change():
        server.content, server.etag = OTHER, etag.format("two")

    server.etag, server.cuts, server.checks, server.then = etag.format("one"), [100_000], checks, change
    fetch.fetch_archive(target, server.url, md5(OTHER))
    assert target.read_bytes() == OTHER

    target.unlink()
    server.content, server.etag, server.cuts = CONTENT, etag.format("one"), [100_000]
    with pytest.raises(DataError, match=f"has the md5 {md5(OTHER)}, not {md5(CONTENT)}, and was removed"):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert left_in(target.parent) == []


def test_a_part_that_is_not_the_one_asked_for_is_not_joined_on(server, target):
    server.cuts, server.shift = [100_000], -7
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert [asked for asked, _ in server.asked] == [None, "bytes=100000-", None]


def test_a_file_that_becomes_shorter_than_what_was_received_starts_over(server, target):
    server.etag, server.cuts = None, [250_000]
    server.then = lambda: setattr(server, "content", OTHER)
    fetch.fetch_archive(target, server.url, md5(OTHER))
    assert target.read_bytes() == OTHER
    assert [asked for asked, _ in server.asked] == [None, "bytes=250000-", None]


def test_a_server_that_fails_for_a_while_is_asked_again(server, target):
    server.statuses, server.cuts = [503, 429, None, 500, 500], [1000]
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("cuts", [[1000, 0, 0, 0, 0], [0, 0, 0, 0]])
def test_what_came_is_kept_when_the_attempts_are_used_up_and_the_same_command_goes_on(server, target, cuts):
    server.cuts = list(cuts)
    kept = (
        r"0.0 MB are kept in .*\.part, and the same command" if cuts[0] else r"\(the connection was closed\); the same"
    )
    with pytest.raises(DataError, match=rf"failed 4 times in a row .*{kept}"):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert not target.exists()
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.sent[-1] == (cuts[0], len(CONTENT))


def test_attempts_that_bring_something_new_are_not_counted(server, target):
    server.cuts = [10] * 20
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert server.sent[-1] == (200, len(CONTENT))


def test_a_process_that_is_killed_is_gone_on_with_by_the_next(server, target):
    server.cuts, stopped = [123_456], threading.Event()
    server.then = lambda: stopped.wait(20)
    call = f"f.fetch_archive(f.Path({str(target)!r}), {server.url!r}, {md5(CONTENT)!r})"
    code = f"import ventral.stimuli.download as f; {call}"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while process.poll() is None and not (server.watched.exists() and server.watched.stat().st_size == 123_456):
            time.sleep(0.005)
        process.kill()
    stopped.set()
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.sent == [(0, 123_456), (123_456, len(CONTENT))]
    assert server.asked[1] == ("bytes=123456-", '"one"')


def test_all_that_was_received_but_has_no_name_yet_is_not_asked_for_again(server, target):
    target.parent.mkdir()
    server.watched.write_bytes(CONTENT)
    assert fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert (target.read_bytes(), server.asked) == (CONTENT, [])


@pytest.mark.parametrize("note", [None, b"", b"{}", b'{"url": 3}', b'{"url": "URL", "etag": ["x"]}', b"\xff", b"[1]"])
def test_what_is_from_nobody_knows_where_is_not_gone_on_with(server, target, note):
    target.parent.mkdir()
    server.watched.write_bytes(OTHER[:1000])
    if note is not None:
        server.watched.with_name(f"{ARCHIVE}.part.json").write_bytes(note.replace(b"URL", server.url.encode()))
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.asked == [(None, None)]


def test_another_address_starts_over_but_only_once_it_has_the_file(server, target):
    def cut_off():
        server.cuts = [1000, 0, 0, 0, 0]
        with pytest.raises(DataError, match="failed 4 times"):
            fetch.fetch_archive(target, server.url, md5(CONTENT))

    cut_off()
    server.statuses = [404]
    with pytest.raises(DataError, match="404"):
        fetch.fetch_archive(target, server.url + "?other", md5(CONTENT))
    assert server.watched.stat().st_size == 1000
    fetch.fetch_archive(target, server.url + "?other", md5(CONTENT))
    assert server.sent[-1] == (0, len(CONTENT))
    assert server.asked[-2:] == [(None, None)] * 2
    assert target.read_bytes() == CONTENT


def test_progress_tells_what_is_there_from_the_start_and_only_grows(server, target):
    server.cuts, told = [100_000, 50_000], []
    fetch.fetch_archive(target, server.url, md5(CONTENT), report=lambda *given: told.append(given))
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)


# ---- what is refused


def test_a_wrong_sum_is_refused_with_both_and_nothing_is_left(server, target):
    with pytest.raises(DataError, match=f"has the md5 {md5(CONTENT)}, not {md5(OTHER)}, and was removed"):
        fetch.fetch_archive(target, server.url, md5(OTHER))
    assert left_in(target.parent) is None


def test_what_has_another_length_than_the_published_file_is_not_taken(server, target, monkeypatch):
    monkeypatch.setattr(fetch, "MD5", md5(CONTENT))
    monkeypatch.setattr(fetch, "SIZE", len(CONTENT))
    server.cuts = [1000, 0, 0, 0, 0]
    with pytest.raises(DataError, match="failed 4 times"):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    right, server.content, server.etag = server.content, b"<html>log in</html>", None
    with pytest.raises(
        DataError, match=r"has 19 bytes and cifar-10-binary.tar.gz has 300,000, so it is something else"
    ):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    server.content, server.etag = right, '"one"'
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert server.sent[-1] == (1000, len(CONTENT))


def test_no_more_is_taken_than_the_published_file_has(server, target, monkeypatch):
    monkeypatch.setattr(fetch, "MD5", md5(CONTENT[:1000]))
    monkeypatch.setattr(fetch, "SIZE", 1000)
    server.sized = False
    fetch.fetch_archive(target, server.url, md5(CONTENT[:1000]))
    assert target.read_bytes() == CONTENT[:1000]


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 416])
def test_an_answer_that_will_not_change_ends_it_at_once(server, target, status):
    server.statuses = [status]
    with pytest.raises(DataError, match=rf"{ARCHIVE} answered {status} .*; give another address with --url") as refusal:
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert "\n" not in str(refusal.value)
    assert len(server.asked) == 1
    assert left_in(target.parent) is None


def test_a_server_that_is_not_there_is_named_at_once(target, monkeypatch):
    monkeypatch.setattr(time, "sleep", None)
    with pytest.raises(DataError, match=r"^127.0.0.1 cannot be reached \(connection refused\); see to the network"):
        fetch.fetch_archive(target, f"http://127.0.0.1:{free_port()}/x", md5(CONTENT))
    assert left_in(target.parent) is None


def test_a_certificate_that_cannot_be_verified_is_told():
    error = fetch.ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_message = "self-signed certificate"
    assert fetch._why(fetch.URLError(error)) == "its certificate is not to be trusted: self-signed certificate"


@pytest.mark.parametrize(
    "url", ["file:///tmp/x.tar.gz", "ftp://h/x", "x.tar.gz", "http://", "http://h:x/", "http://[::1", "http://h/a b"]
)
def test_an_address_that_is_none_is_refused(monkeypatch, url):
    for given in (url, None):
        monkeypatch.setenv("VENTRAL_CIFAR10_URL", url)
        with pytest.raises(UsageError, match="give one of http or https, or a file that is here with --from PATH"):
            fetch.address(given)


def test_the_address_is_the_given_one_then_that_of_the_environment_then_the_published(monkeypatch):
    assert fetch.address() == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    monkeypatch.setenv("VENTRAL_CIFAR10_URL", "http://here/x")
    assert (fetch.address(), fetch.address("http://there/x")) == ("http://here/x", "http://there/x")


# ---- the disk


def test_a_right_file_is_left_alone_and_a_wrong_one_is_not_replaced(server, target):
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    assert not fetch.fetch_archive(target, server.url, md5(CONTENT))
    with pytest.raises(DataError, match=f"is there already, but has the md5 {md5(CONTENT)}, not {md5(OTHER)}; move it"):
        fetch.fetch_archive(target, server.url, md5(OTHER))
    assert (target.read_bytes(), left_in(target.parent), server.asked) == (CONTENT, [ARCHIVE], [])


def test_what_does_not_fit_is_refused_before_it_comes(server, target, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(StoreError, match=r"has 0\.00 GB free; make room, or name another place in VENTRAL_DATA"):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert left_in(target.parent) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EROFS, "read-only file system. First make it writable; then give the same command again, or name"),
        (errno.EACCES, "permission denied. First make it writable; then give the same command again, or name"),
    ],
)
@pytest.mark.parametrize("step", ["mkdir", "write_bytes"])
def test_a_folder_that_cannot_be_written_is_named(server, target, monkeypatch, code, words, step):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, step, refuse)
    with pytest.raises(StoreError, match=rf"{ARCHIVE} cannot be written: {words}"):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert left_in(target.parent) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused_unless_the_file_is_there(server, target):
    target.parent.mkdir()
    target.parent.chmod(0o555)
    with pytest.raises(StoreError, match=r"permission denied\. First make it writable"):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    target.parent.chmod(0o755)
    target.write_bytes(CONTENT)
    target.parent.chmod(0o555)
    assert not fetch.fetch_archive(target, server.url, md5(CONTENT))


def test_a_disk_that_fills_up_keeps_what_it_took_and_the_same_command_goes_on(server, target, monkeypatch):
    def fill(part, chunk, file):
        if part.length > 100_000:
            file.write(chunk[:10])
            raise OSError(errno.ENOSPC, "")
        append(part, chunk, file)

    append = fetch._Part.append
    monkeypatch.setattr(fetch, "CHUNK", 20_000)
    with monkeypatch.context() as patched:
        patched.setattr(fetch._Part, "append", fill)
        with pytest.raises(StoreError, match=r"the disk is full\. First make room; then give the same command again"):
            fetch.fetch_archive(target, server.url, md5(CONTENT))
    kept = server.watched.stat().st_size
    assert kept > 100_000
    fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.sent[-1] == (kept, len(CONTENT))


def test_a_place_under_a_file_is_refused(server, tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(StoreError, match=r"cannot be written: .*; name another place in VENTRAL_DATA"):
        fetch.fetch_archive(tmp_path / "note" / ARCHIVE, server.url, md5(CONTENT))


def test_two_do_not_fetch_to_the_same_place(server, target):
    target.parent.mkdir()
    with (
        disk.locked(target.parent),
        pytest.raises(StoreError, match="by another process; wait, or name another place in VENTRAL_DATA"),
    ):
        fetch.fetch_archive(target, server.url, md5(CONTENT))
    assert server.asked == []


def test_the_place_is_the_folder_or_file_that_the_environment_names(tmp_path, monkeypatch):
    assert fetch.archive_place() == Path(".data", "cifar10", ARCHIVE)
    (tmp_path / "plain").write_bytes(b"")
    (tmp_path / "folder.gz").mkdir()
    for named, place in {
        "folder": f"folder/{ARCHIVE}",
        "folder.gz": f"folder.gz/{ARCHIVE}",
        "mine.tar.gz": "mine.tar.gz",
        "plain": "plain",
    }.items():
        monkeypatch.setenv("VENTRAL_DATA", named)
        assert fetch.archive_place() == Path(place)


# ---- an archive that is here


def test_an_archive_that_is_here_is_copied_whole_and_stays(tmp_path, target):
    mine = tmp_path / "mine"
    mine.write_bytes(CONTENT)
    target.parent.mkdir()
    for left in ("part", "part.json"):
        target.with_name(f"{ARCHIVE}.{left}").write_bytes(b"{}")
    assert fetch.adopt_archive(mine, target, md5(CONTENT))
    assert target.read_bytes() == mine.read_bytes() == CONTENT
    assert left_in(target.parent) == [ARCHIVE]
    assert not fetch.adopt_archive(mine, target, md5(CONTENT))
    assert not fetch.adopt_archive(target, target, md5(CONTENT))


def test_an_archive_with_a_wrong_sum_is_not_taken(tmp_path, target):
    mine = tmp_path / "mine"
    mine.write_bytes(OTHER)
    with pytest.raises(
        DataError, match=f"mine has the md5 {md5(OTHER)}, not {md5(CONTENT)}, and was not taken; --data"
    ):
        fetch.adopt_archive(mine, target, md5(CONTENT))
    with pytest.raises(DataError, match="there is no file at"):
        fetch.adopt_archive(tmp_path / "none", target, md5(CONTENT))
    assert left_in(target.parent) is None
    assert mine.read_bytes() == OTHER


@pytest.mark.parametrize("step", ["copyfile", "fsync"])
def test_an_archive_that_cannot_be_copied_leaves_nothing(tmp_path, target, monkeypatch, step):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "")

    (tmp_path / "mine").write_bytes(CONTENT)
    monkeypatch.setattr(shutil if step == "copyfile" else os, step, refuse)
    with pytest.raises(StoreError, match="the disk is full"):
        fetch.adopt_archive(tmp_path / "mine", target, md5(CONTENT))
    assert left_in(target.parent) is None


# ---- the command


@pytest.fixture
def ventral(monkeypatch, capsys):
    """Gives a command; its exit code, and what it said on both streams."""

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
def archive(tmp_path, server):
    """A small CIFAR-10, which is what the server has."""
    path = tmp_path / "served.tar.gz"
    write_cifar(path, "binary", cifar_files("binary"))
    server.content = path.read_bytes()
    return path


def test_the_command_fetches_what_the_word_cifar10_then_means(server, archive, ventral, monkeypatch):
    monkeypatch.setenv("VENTRAL_CIFAR10_URL", server.url)
    server.cuts = [5000]
    line = ("data", "fetch", "cifar10", "--md5", md5(server.content).upper())
    code, out, err = ventral(*line)
    assert (code, err) == (0, "interrupted at 0.0 MB (the connection was closed); trying again in 0 s.\n")
    assert out.startswith(f".data/cifar10/{ARCHIVE} has the md5 {md5(server.content)}.\nnext:  ventral simulate")
    assert left_in(Path(".data/cifar10")) == [ARCHIVE]
    assert np.array_equal(load_images("cifar10").pixels.numpy(), batches()["test_batch"][0])
    assert len(load_images("cifar10", "train").labels) == 20
    code, out, err = ventral(*line)
    assert (code, err) == (0, "")
    assert out.startswith(f".data/cifar10/{ARCHIVE} was there already and has the md5")
    assert len(server.asked) == 2


@pytest.mark.parametrize("named", ["elsewhere", "mine.tgz"])
def test_the_command_heeds_the_place_in_the_environment(server, archive, ventral, monkeypatch, named):
    monkeypatch.setenv("VENTRAL_DATA", named)
    assert ventral("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))[0] == 0
    assert load_images("cifar10", positions=[1]).stimulus_ids == ("cifar10/test/00001",)
    assert not Path(".data").exists()


def test_without_a_sum_only_the_published_file_is_taken(server, archive, ventral, monkeypatch):
    code, out, err = ventral("data", "fetch", "cifar10", "--url", server.url)
    assert (code, out) == (1, "")
    assert "bytes and cifar-10-binary.tar.gz has 170,052,171, so it is something else and was not taken" in err
    monkeypatch.setattr(fetch, "SIZE", len(server.content))
    code, out, err = ventral("data", "fetch", "cifar10", "--url", server.url)
    assert (code, out) == (1, "")
    assert f"has the md5 {md5(server.content)}, not c32a1d4ab5d03f1284b67883e8d87530, and was removed" in err
    assert len(err.splitlines()) == 1
    assert not Path(".data").exists()


def test_a_download_that_is_stopped_says_how_to_go_on_and_goes_on(server, archive, ventral, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    server.cuts = [5000]
    line = ("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", stop)
        code, out, err = ventral(*line)
    assert (code, out) == (130, "")
    assert err.endswith("\nstopped; what was received is kept, and the same command goes on.\n")
    assert ventral(*line)[0] == 0
    assert server.sent == [(0, 5000), (5000, len(server.content))]


def test_progress_is_told_in_lines_where_there_is_no_terminal(server, ventral, monkeypatch):
    monkeypatch.setattr(talk, "EVERY_S", 0)
    server.content = random.Random(2).randbytes(3_500_000)
    code, out, err = ventral("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))
    assert "downloading: 2 of 3 MB, " in err
    assert out.startswith(f".data/cifar10/{ARCHIVE} has the md5")
    # the sum was given for something that is no archive
    assert (code, "is not an archive; give" in err) == (1, True)


@pytest.mark.parametrize("extra", ["test/cat", "cifar-10-batches-bin"])
def test_what_else_the_word_cifar10_means_or_meant_there_is_told(server, archive, ventral, extra):
    place = Path(".data/cifar10")
    if extra == "test/cat":
        (place / extra).mkdir(parents=True)
        Image.fromarray(random_pixels(1)[0].transpose(1, 2, 0)).save(place / extra / "0.png")
        told = "from now on cifar10 means the archive, not the images in .data/cifar10/test; to use those, move"
    else:
        write_cifar(place, "binary", cifar_files("binary"))
        told = ".data/cifar10/cifar-10-batches-bin is there too and is what cifar10 means; move it away"
    code, out, _ = ventral("data", "fetch", "cifar10", "--url", server.url, "--md5", md5(server.content))
    assert (code, told in out) == (0, True)


def test_an_archive_or_folder_that_is_here_is_taken_without_the_network(server, archive, tmp_path, ventral):
    code, out, err = ventral("data", "fetch", "cifar10", "--from", archive, "--md5", md5(archive.read_bytes()))
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
        ("cifar10 --url file:///x", 2, "the address is 'file:///x'; give one of http or https"),
        ("cifr10", 2, "no data to fetch named 'cifr10'; did you mean 'cifar10'?"),
        ("cifar10 --url http://127.0.0.1:PORT/x", 1, "127.0.0.1 cannot be reached (connection refused)"),
    ],
)
def test_a_mistake_is_explained_in_one_line_and_leaves_nothing(archive, tmp_path, ventral, words, code, message):
    found = ventral("data", "fetch", *words.replace("PORT", str(free_port())).split())
    assert found[:2] == (code, "")
    assert found[2].startswith("Error: ")
    assert message in found[2]
    assert len(found[2].splitlines()) == 1
    assert left_in(tmp_path) == ["served.tar.gz"]
