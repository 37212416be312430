"""Laws of downloading: whatever the connection does, the file is right or there is none, and no byte comes twice."""

import hashlib
import itertools
import random
import shutil
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import URLError

import pytest
from server import free_port

from ventral.errors import DataError, StoreError
from ventral.stimuli import archive, download

OTHER = random.Random(1).randbytes(200_000)


def md5(content):
    return hashlib.md5(content).hexdigest()


def part_of(target):
    return target.with_name(f"{target.name}.part")


def left_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


def fetched(server, target, content=None, **tellers):
    """The file after a download of this content, or else of what the server has; nothing is left beside it."""
    assert archive.fetch_archive(target, server.url, md5(content or server.content), **tellers)
    assert left_in(target.parent) == [target.name]
    return target.read_bytes()


# ---- connections that break


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sized", [True, False])
def test_a_file_cut_three_times_is_the_same_and_no_byte_is_sent_twice(server, target, seed, sized):
    server.cuts, server.sized = [random.Random(seed).randrange(1, 80_000) for _ in range(3)], sized
    sentences = []
    assert fetched(server, target, tell=sentences.append) == server.content
    assert len(server.sent) == 4
    assert all(before[1] == after[0] for before, after in itertools.pairwise(server.sent))
    assert server.asked == [None, *(f"bytes={start}-" for start, _ in server.sent[1:])]
    assert [sentence.split(" (")[1] for sentence in sentences] == [
        "the connection was closed); trying again in 0 s."
    ] * 3


def test_after_a_reset_exactly_what_was_not_received_is_asked_for(server, target):
    lengths = []
    server.cuts, server.cut_by = [70_000, 100_000, 1], "reset"
    assert fetched(server, target, tell=lambda _: lengths.append(download._length(part_of(target)))) == server.content
    # where nothing was received before the reset there is nothing to resume
    assert server.asked == [None, *(f"bytes={length}-" if length else None for length in lengths)]


def test_a_silent_server_is_asked_again(server, target, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", 0.1)
    server.cuts, server.then = [100_000], lambda: time.sleep(0.3)
    sentences = []
    assert fetched(server, target, tell=sentences.append) == server.content
    assert sentences == ["interrupted at 0.1 MB (timed out); trying again in 0 s."]
    assert server.sent[1:] == [(100_000, len(server.content))]


def test_a_server_without_ranges_sends_the_file_from_its_first_byte(server, target):
    server.ranges, server.cuts = False, [200_000, 100_000]
    assert fetched(server, target) == server.content
    assert server.sent[-1] == (0, len(server.content))


def test_a_file_that_changes_between_cuts_is_never_mixed(server, target):
    content, server.cuts = server.content, [100_000]
    server.then = lambda: setattr(server, "content", OTHER)
    assert fetched(server, target, OTHER) == OTHER

    target.unlink()
    server.content, server.cuts = content, [100_000]
    with pytest.raises(DataError, match=f"has the md5 {md5(OTHER)}, not {md5(content)}, and was removed"):
        archive.fetch_archive(target, server.url, md5(content))
    assert left_in(target.parent) == []


def test_a_part_that_is_not_the_one_asked_for_is_not_joined_on(server, target):
    server.cuts, server.shift = [100_000], -7
    assert fetched(server, target) == server.content
    assert server.asked == [None, "bytes=100000-", None]


def test_a_file_that_becomes_shorter_than_what_was_received_starts_over(server, target):
    server.cuts, server.then = [250_000], lambda: setattr(server, "content", OTHER)
    assert fetched(server, target, OTHER) == OTHER
    assert server.asked == [None, "bytes=250000-", None]


def test_a_server_that_fails_for_a_while_is_asked_again(server, target):
    server.statuses, server.cuts = [503, 429, None, 500, 500], [1000]
    assert fetched(server, target) == server.content


@pytest.mark.parametrize("cuts", [[1000, 0, 0, 0, 0], [0, 0, 0, 0]])
def test_what_came_is_kept_when_the_attempts_are_used_up_and_the_same_command_resumes(server, target, cuts):
    server.cuts = list(cuts)
    kept = r"0.0 MB are kept in .*\.part, and the same command" if cuts[0] else r"connection was closed\); the same"
    with pytest.raises(DataError, match=rf"failed 4 times in a row .*{kept}"):
        archive.fetch_archive(target, server.url, md5(server.content))
    assert not target.exists()
    assert fetched(server, target) == server.content
    assert server.sent[-1] == (cuts[0], len(server.content))


def test_attempts_that_bring_something_new_are_not_counted(server, target):
    server.cuts = [10] * 20
    fetched(server, target)
    assert server.sent[-1] == (200, len(server.content))


def test_a_file_that_never_fits_together_is_given_up(server, target):
    server.cuts = [200_000] * 100
    with pytest.raises(DataError, match="failed 4 times in a row"):
        archive.fetch_archive(target, server.url, md5(OTHER))


def test_a_killed_process_is_resumed_by_the_next(server, target):
    server.cuts, stopped = [123_456], threading.Event()
    server.then = lambda: stopped.wait(20)
    call = f"f.fetch_archive(f.Path({str(target)!r}), {server.url!r}, {md5(server.content)!r})"
    with subprocess.Popen([sys.executable, "-c", f"import ventral.stimuli.archive as f; {call}"]) as process:
        while process.poll() is None and download._length(part_of(target)) < 123_456:
            time.sleep(0.005)
        process.kill()
    stopped.set()
    assert fetched(server, target) == server.content
    assert server.sent == [(0, 123_456), (123_456, len(server.content))]


def test_a_complete_part_is_not_asked_for_again(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(server.content)
    assert fetched(server, target) == server.content
    assert server.asked == []


def test_a_part_of_another_file_does_no_harm(server, target):
    target.parent.mkdir()
    part_of(target).write_bytes(OTHER[:1000])
    assert fetched(server, target) == server.content
    assert server.sent == [(1000, len(server.content)), (0, len(server.content))]


def test_another_address_resumes_and_one_without_the_file_costs_nothing(server, target):
    server.cuts = [1000, 0, 0, 0, 0]
    with pytest.raises(DataError, match="failed 4 times"):
        archive.fetch_archive(target, server.url, md5(server.content))
    server.statuses = [404]
    with pytest.raises(DataError, match="404"):
        archive.fetch_archive(target, server.url + "?other", md5(server.content))
    assert archive.fetch_archive(target, server.url + "?another", md5(server.content))
    assert server.sent[-1] == (1000, len(server.content))
    assert target.read_bytes() == server.content


def test_progress_starts_with_what_is_there_and_only_grows(server, target):
    server.cuts, reported = [100_000, 50_000], []
    fetched(server, target, report=lambda *given: reported.append(given))
    assert reported[0] == (0, len(server.content))
    assert reported[-1] == (len(server.content), len(server.content))
    assert reported == sorted(reported)


# ---- what is refused


def test_a_wrong_sum_is_refused_with_both_and_nothing_is_left(server, target):
    with pytest.raises(DataError, match=f"has the md5 {md5(server.content)}, not {md5(OTHER)}, and was removed"):
        archive.fetch_archive(target, server.url, md5(OTHER))
    assert left_in(target.parent) is None
    assert len(server.sent) == 1


def test_a_file_of_another_length_than_the_published_one_is_not_taken(server, target, monkeypatch):
    monkeypatch.setattr(archive, "MD5", md5(server.content))
    monkeypatch.setattr(archive, "SIZE", len(server.content))
    server.cuts = [1000, 0, 0, 0, 0]
    with pytest.raises(DataError, match="failed 4 times"):
        archive.fetch_archive(target, server.url, archive.MD5)
    right, server.content, server.ranges = server.content, b"<html>log in</html>", False
    with pytest.raises(DataError, match=r"has 19 bytes, not 300,000, so it is another file and was not taken"):
        archive.fetch_archive(target, server.url, archive.MD5)
    server.content, server.ranges = right, True
    assert fetched(server, target) == right
    assert server.sent[-1] == (1000, len(right))


def test_no_more_is_taken_than_the_published_file_has(server, target, monkeypatch):
    monkeypatch.setattr(archive, "MD5", md5(server.content[:1000]))
    monkeypatch.setattr(archive, "SIZE", 1000)
    server.sized = False
    assert fetched(server, target, server.content[:1000]) == server.content[:1000]


@pytest.mark.parametrize("status", [401, 404, 416])
def test_a_refusal_that_will_not_change_ends_it_at_once(server, target, status):
    server.statuses = [status]
    with pytest.raises(DataError, match=rf"{target.name} answered {status} .*; give another address with") as refusal:
        archive.fetch_archive(target, server.url, md5(server.content))
    assert "\n" not in str(refusal.value)
    assert len(server.asked) == 1
    assert left_in(target.parent) is None


def test_a_server_that_is_not_there_is_named_at_once(target, monkeypatch):
    monkeypatch.setattr(time, "sleep", None)
    url = f"http://127.0.0.1:{free_port()}/x"
    with pytest.raises(DataError, match=rf"^{url} cannot be reached \(connection refused\); check the network"):
        archive.fetch_archive(target, url, md5(OTHER))
    assert left_in(target.parent) is None


def test_a_certificate_that_cannot_be_verified_is_named():
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    assert download._reason(URLError(error)) == "certificate verify failed: self-signed certificate"


# ---- the disk


def test_a_file_that_does_not_fit_is_refused_before_its_first_byte(server, target, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(StoreError, match=r"has 0\.00 GB free; make room, or name another place in VENTRAL_DATA"):
        archive.fetch_archive(target, server.url, md5(server.content))
    assert left_in(target.parent) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_disk_that_fills_up_keeps_what_it_took_and_the_same_command_resumes(server, target, monkeypatch):
    def open_full(path, mode="r", **options):
        return opened(Path("/dev/full") if mode == "ab" else path, mode, **options)

    opened, server.cuts = Path.open, [100_000]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", open_full)
        with pytest.raises(StoreError, match=r"the disk is full\. First make room; then give the same command again"):
            archive.fetch_archive(target, server.url, md5(server.content))
    assert fetched(server, target) == server.content
    assert server.sent[-1] == (100_000, len(server.content))
