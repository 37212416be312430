"""Runs in a bucket: the same bytes as on a disk, one writer at a time, and every failure survived or named."""

import gc
import json
import os
import pickle
import platform
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from buckets import SECRET, environment, new_bucket, object_store, stored, upload, web_server
from small_runs import RECORDINGS, contents, layout, record, write

from ventral.errors import BusyError, StoreError, UsageError
from ventral.experiment.run import IncompleteRun, open_run
from ventral.store import cache, client, lease
from ventral.store.address import Address, beside, run_path
from ventral.store.client import Client
from ventral.store.index import runs_at
from ventral.store.verify import verify
from ventral.store.writer import Writer, check_space

FILE = "V1/activity/c.1.0.0"
ROW = "checksums/commit/c.1.0.0"
LOCK = ".run.zarr.lock"


def plan(**identity):
    """A run of few files: V1 and the readout."""
    return layout(recordings=RECORDINGS[:1], **identity)


@pytest.fixture(scope="module")
def proxy():
    with object_store() as running:
        yield running


@pytest.fixture
def address(proxy, monkeypatch):
    """Where a run can be written; a request that fails is repeated for a second."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment(proxy).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(client, "RETRY_S", 1.0)
    return run_path(new_bucket(proxy)) / "run.zarr"


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A complete run on a disk that no test may change."""
    return record(tmp_path_factory.mktemp("runs") / "run.zarr", plan())


@pytest.fixture
def uploaded(address, complete, proxy):
    upload(complete, address)
    proxy.asked.clear()
    return address


# --- the same run as on a disk


def test_a_run_in_a_bucket_is_the_same_bytes_as_on_a_disk(address, tmp_path):
    wanted = contents(record(tmp_path / "run.zarr", layout()))
    record(address, layout(), [2, 0])
    with pytest.warns(IncompleteRun, match=f"{address} has 2 of 3 batches"):
        assert np.isnan(open_run(address)["V1"][3:6].values).all()
    assert verify(address) == ["checksums/commit/c.1.0.0 is not there: 1 of 3 batches are not recorded."]
    record(address, layout())
    assert stored(address) == wanted
    assert sorted(Client(address.parent).sizes()) == [f"run.zarr/{name}" for name in sorted(wanted)]


def test_a_run_in_a_bucket_is_read_as_on_a_disk(uploaded, complete):
    there, local = open_run(str(uploaded)), open_run(complete)
    for area in local.areas:
        assert there[area].identical(local[area])
    assert there.logits.identical(local.logits)
    assert there.presentations.identical(local.presentations)
    assert there.attrs == local.attrs
    assert verify(uploaded) == []


def test_a_run_on_a_web_server_is_read_as_on_a_disk(complete):
    with web_server(complete.parent) as web:
        there, local = open_run(f"{web}/run.zarr"), open_run(complete)
        assert there["V1"].identical(local["V1"])
        assert verify(f"{web}/run.zarr") == []
        with pytest.raises(StoreError, match=rf"^there is no run at {web}/other.zarr\.$"):
            open_run(f"{web}/other.zarr")
        with pytest.raises(UsageError, match=r"can only be read; write to a bucket, as in s3://bucket/run\.zarr"):
            Writer.open(run_path(f"{web}/run.zarr"), plan())


def test_a_run_that_is_not_complete_is_read_from_a_web_server(tmp_path):
    """Nobody can list the files there: a missing row is a batch that is not recorded, a missing file is damage."""
    path = record(tmp_path / "run.zarr", plan(), [0, 2])
    (path / "V1/activity/c.2.0.0").unlink()
    with web_server(tmp_path) as web:
        with pytest.warns(IncompleteRun, match="3 of 7 presentations read as NaN"):
            run = open_run(f"{web}/run.zarr")
        assert np.isnan(run["V1"][3:6].values).all()
        with pytest.raises(StoreError, match=r"is damaged: V1/activity/c\.2\.0\.0 is missing"):
            run["V1"][6].load()
        assert verify(f"{web}/run.zarr") == [
            "V1/activity/c.2.0.0 is missing.",
            "checksums/commit/c.1.0.0 is not there: 1 of 3 batches are not recorded.",
        ]


def test_no_file_is_fetched_twice_and_none_that_is_not_needed(uploaded, proxy):
    run = open_run(uploaded)
    opened = [path for method, path in proxy.asked if method == "GET" and "list-type" not in path]
    assert len(opened) == len(set(opened))
    assert not any("activity/c." in path for path in opened)
    proxy.asked.clear()
    for _ in range(3):
        run["V1"][:5].mean("presentation").load()
        run["V1"].isel(time=2, presentation=[0, 1]).load()
    assert sorted(path.partition("run.zarr/")[2] for _, path in proxy.asked) == [
        "V1/activity/c.0.0.0",
        "V1/activity/c.1.0.0",
    ]


def test_what_memory_does_not_hold_is_kept_in_a_temporary_folder(uploaded, complete, tmp_path, monkeypatch, proxy):
    monkeypatch.setattr(cache, "MEMORY_BYTES", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = open_run(uploaded)
    for _ in range(2):
        assert run["V1"].identical(open_run(complete)["V1"])
    assert sum(path.endswith(FILE) for _, path in proxy.asked) == 1
    assert len(list(tmp_path.iterdir())) == 1
    del run
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_several_runs_in_a_bucket_are_found(uploaded, complete):
    upload(complete, uploaded.with_name("also.zarr"))
    assert [each.name for each in runs_at(uploaded.parent)] == ["also.zarr", "run.zarr"]
    assert runs_at(uploaded) == [uploaded]


# --- damage


@pytest.mark.parametrize("name", ["V1/activity/c.1.0.0", "label/c.0", "zarr.json", "checksums/commit/c.1.0.0"])
def test_damage_is_named(uploaded, complete, name):
    data = bytearray((complete / name).read_bytes())
    data[len(data) // 2] ^= 4
    Client(uploaded).put(name, bytes(data))
    assert any(problem.startswith(f"{name} has changed") for problem in verify(uploaded))
    if name == ROW:
        return
    with pytest.raises(StoreError, match=rf"is damaged: {name} has changed|is not a run"):
        open_run(uploaded)["V1"].load()
    with pytest.raises(StoreError, match=rf"is damaged: {name} has changed|is not a run"):
        Writer.open(uploaded, plan())


def test_a_file_that_was_lost_is_recorded_again(uploaded, complete):
    Client(uploaded).delete(FILE)
    with pytest.warns(IncompleteRun):
        assert open_run(uploaded).missing.tolist() == [3, 4, 5]
    record(uploaded, plan())
    assert stored(uploaded) == contents(complete)


def test_files_that_do_not_belong_are_named(uploaded):
    Client(uploaded).put("V1/notes.txt", b"mine")
    assert verify(uploaded) == ["V1/notes.txt is not part of the run."]


def test_a_run_is_not_made_among_other_files(address):
    Client(address).put("notes.txt", b"mine")
    with pytest.raises(StoreError, match=r"holds other files \(notes\.txt\); delete them, or choose another --out"):
        Writer.open(address, plan())
    assert stored(address.parent) == {"run.zarr/notes.txt": b"mine"}


def test_a_run_of_other_numbers_is_not_continued(uploaded, complete):
    with pytest.raises(StoreError, match="seed is 0 there and 1 here"):
        Writer.open(uploaded, plan(seed=1))
    assert stored(uploaded.parent).keys() == {f"run.zarr/{name}" for name in contents(complete)}  # no lock is left


# --- a network that fails


@pytest.mark.parametrize("fault", ["503", "reset", "lost", "half"])
def test_single_failures_are_survived_by_a_writer(address, complete, proxy, fault, monkeypatch):
    """Of every four requests one fails: before it was done, after it, and in the middle of what comes back."""
    monkeypatch.setattr(client, "RETRY_S", 60.0)
    asked = []
    proxy.when = lambda method, path: asked.append(0) or len(asked) % 4 == 0
    proxy.always = fault
    record(address, plan())
    proxy.always = None
    assert len(asked) > 60
    assert stored(address) == contents(complete)


def test_a_lock_and_a_root_whose_reply_was_lost_count_as_written(address, complete, proxy):
    """They are put only if there is none; when the put is repeated there is one, which is its own."""
    lost = []
    ends = (f"/{LOCK}", "/run.zarr/zarr.json")
    proxy.when = lambda method, path: (
        method == "PUT" and path.endswith(ends) and path not in lost and not lost.append(path)
    )
    proxy.always = "lost"
    record(address, plan())
    assert len(lost) == 2
    assert {f"run.zarr/{name}": data for name, data in contents(complete).items()} == stored(address.parent)


@pytest.mark.parametrize("fault", ["503", "reset", "half"])
def test_single_failures_are_survived_by_a_reader(uploaded, complete, proxy, fault, monkeypatch):
    monkeypatch.setattr(client, "RETRY_S", 60.0)
    asked = []
    proxy.when = lambda method, path: asked.append(0) or len(asked) % 4 == 0
    proxy.always = fault
    assert open_run(uploaded)["V1"].identical(open_run(complete)["V1"])
    assert verify(uploaded) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [("503", "503 Service Unavailable"), ("reset", "the connection was reset"), ("half", "the connection was reset")],
)
def test_a_failure_that_lasts_is_named_in_a_sentence(uploaded, proxy, fault, words):
    run = open_run(uploaded)
    proxy.always = fault
    start = time.monotonic()
    with pytest.raises(StoreError) as caught:
        run["V1"].load()
    assert time.monotonic() - start < 6
    assert str(caught.value) == (
        f"{uploaded} cannot be read: {words}, also after 1 s. First check the network and the service; then give the "
        "same command again."
    )
    proxy.always = None
    assert np.isfinite(run["V1"][:, 1:].values).all()


def test_a_failure_that_lasts_stops_a_writer_and_loses_nothing(address, complete, proxy):
    writer = Writer.open(address, plan())
    write(writer, 0)
    proxy.always = "503"
    with pytest.raises(StoreError, match="cannot be written: 503 Service Unavailable, also after 1 s"):
        write(writer, 1)
    writer.close()
    proxy.always = None
    Client(address.parent).delete(LOCK)
    with pytest.warns(IncompleteRun):
        assert open_run(address).missing.tolist() == [3, 4, 5, 6]
    record(address, plan())
    assert stored(address) == contents(complete)


def test_a_service_that_is_not_there_is_named(address, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="cannot be read: the connection is refused, also after 1 s"):
        open_run(address)


def test_a_run_is_not_there_before_its_root(address, proxy):
    """Whatever of the first files is written, there is no run until the last of them."""
    empty = address.with_name("empty.zarr")
    Writer.open(empty, plan()).close()
    puts = [path for method, path in proxy.asked if method == "PUT" and "/empty.zarr/" in path]
    assert puts[-1].endswith("/empty.zarr/zarr.json")
    for count in (1, len(puts) - 1):
        target = address.with_name(f"{count}.zarr")
        allowed = iter(range(1 + count))  # the lock, and some files
        proxy.when = lambda method, path, allowed=allowed: method == "PUT" and next(allowed, None) is None
        proxy.always = "503"
        with pytest.raises(StoreError, match="cannot be written"):
            Writer.open(target, plan())
        proxy.always = None
        with pytest.raises(StoreError, match="there is no run"):
            open_run(target)
        Client(target.parent).delete(f".{target.name}.lock")
        Writer.open(target, plan()).close()
        assert not open_run_quietly(target).store.recorded.any()


def open_run_quietly(path):
    with pytest.warns(IncompleteRun):
        return open_run(path)


# --- one writer at a time


def test_a_second_writer_is_refused(address, complete):
    with Writer.open(address, plan()) as writer:
        with pytest.raises(BusyError) as caught:
            Writer.open(address, plan())
        assert str(caught.value).startswith(
            f"{address} is being written by process {os.getpid()} on {platform.node()} since 20"
        )
        assert str(caught.value).endswith(
            "s ago); wait, or choose another --out. If that process has ended, give the same command again to resume "
            "120 s after its last sign."
        )
        for batch in writer.pending:
            write(writer, batch)
    assert stored(address) == contents(complete)
    assert Writer.open(address, plan()).close() is None


def test_a_lock_that_is_renewed_is_not_taken_over(address, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_S", 0.2)
    monkeypatch.setattr(lease, "STALE_S", -1.0)  # as if clocks differed by hours: every lock looks stale
    with Writer.open(address, plan()) as writer:
        with pytest.raises(BusyError, match="is being written by process"):
            Writer.open(address, plan())
        write(writer, 0)


def test_a_stale_lock_is_taken_over_and_its_holder_stopped(address, complete, monkeypatch):
    monkeypatch.setattr(lease, "STALE_S", 0.5)
    first = Writer.open(address, plan())
    write(first, 0)
    monkeypatch.setattr(lease, "RENEW_S", 0.1)
    time.sleep(1.1)  # the first writer gives no sign: it renews every 20 s
    with Writer.open(address, plan()) as second:
        assert second.pending == [1, 2]
        with pytest.raises(BusyError, match="is being written by another process, which took it over while this one"):
            write(first, 1)
        first.close()  # must not give the lock of the second back
        with pytest.raises(BusyError, match="is being written by process"):
            Writer.open(address, plan())
        for batch in second.pending:
            write(second, batch)
    assert stored(address) == contents(complete)


def test_a_lock_that_was_not_renewed_is_renewed_before_anything_is_written(address, monkeypatch):
    """As after the sleep of a laptop during which nobody took the run over."""
    monkeypatch.setattr(lease, "STALE_S", 0.2)
    with Writer.open(address, plan()) as writer:
        before = Client(address.parent).get(LOCK)
        time.sleep(0.3)
        write(writer, 0)
        assert Client(address.parent).get(LOCK) != before


def test_of_processes_that_take_a_stale_lock_over_at_once_one_wins(address, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    Client(address.parent).put(LOCK, b"left by something else")
    monkeypatch.setattr(lease, "RENEW_S", 0.2)
    monkeypatch.setattr(lease, "STALE_S", 1.0)
    time.sleep(2.1)  # a bucket tells whole seconds

    def attempt(_):
        try:
            return Writer.open(address, plan())
        except BusyError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(6)))
    (winner,) = [each for each in outcomes if isinstance(each, Writer)]
    assert all("is being written by" in each for each in outcomes if each is not winner)
    winner.close()


def test_a_service_that_overwrites_what_is_there_is_refused(address, proxy):
    """Of two writers on such a service both would think that they are alone."""
    proxy.deaf = True
    with pytest.raises(StoreError, match="the service overwrites a file that was to be put only if there"):
        Writer.open(address, plan())
    assert stored(address.parent) == {}


SCRIPT = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from small_runs import RECORDINGS, layout, write
from ventral.store.address import run_path
from ventral.store.bucket import Bucket
from ventral.store.writer import Writer

kept, put = {kept}, Bucket.put
with Writer.open(run_path({address!r}), layout(recordings=RECORDINGS[:1])) as writer:
    def killing(self, name, data):
        global kept
        if kept == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        kept -= 1
        put(self, name, data)
    Bucket.put = killing
    Bucket.each = lambda self, function, items: [function(item) for item in items]
    for batch in writer.pending:
        write(writer, batch)
"""


@pytest.mark.parametrize("kept", [0, 2, 5])
def test_a_writer_that_is_killed_between_files_and_row_is_resumed(address, complete, monkeypatch, kept):
    """A batch is two files and a row."""
    script = textwrap.dedent(SCRIPT).format(tests=str(Path(__file__).parents[1]), kept=kept, address=str(address))
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr
    assert open_run_quietly(address).store.recorded.sum() == kept // 3
    assert all("not committed" in problem or "not recorded" in problem for problem in verify(address))
    with pytest.raises(BusyError, match=r"is being written by process \d+ on .* give the same command again"):
        Writer.open(address, plan())
    monkeypatch.setattr(lease, "STALE_S", 0.0)
    monkeypatch.setattr(lease, "RENEW_S", 0.1)
    record(address, plan())
    assert stored(address) == contents(complete)


# --- errors


def test_a_bucket_that_is_not_there_is_named(proxy, address):
    for refuse in (open_run, lambda path: Writer.open(path, plan())):
        with pytest.raises(StoreError, match=r"^there is no bucket 'nowhere'; make it first, or give another\.$"):
            refuse(run_path("s3://nowhere/run.zarr"))


def test_a_run_that_is_not_there_is_named(address):
    with pytest.raises(StoreError, match=f"^there is no run at {address}.$"):
        open_run(address)
    Client(address).put("zarr.json", b'{"attributes": {}}')
    with pytest.raises(StoreError, match=f"^{address} is not a run of ventral, or its zarr.json is damaged"):
        open_run(address)


def test_access_that_is_denied_is_named(uploaded, proxy):
    proxy.always = "403"
    with pytest.raises(
        StoreError,
        match=rf"^{uploaded} cannot be read: access is denied \(AccessDenied\); set AWS_ACCESS_KEY_ID and .* public",
    ):
        open_run(uploaded)


def test_a_bucket_that_nobody_may_list_is_read(uploaded, complete, proxy):
    proxy.always, proxy.when = "403", lambda method, path: "list-type" in path
    assert open_run(uploaded)["V1"].identical(open_run(complete)["V1"])
    assert verify(uploaded) == []


def test_credentials_are_in_no_message_and_in_no_run(address, proxy, capfd):
    record(address, plan())
    texts = [repr(open_run(address).attrs), repr(Client(address)), str(address)]
    for fault in ("503", "403", "reset"):
        proxy.always = fault
        with pytest.raises(StoreError) as caught:
            open_run(address)
        error = caught.value
        while error is not None:  # a traceback prints causes too, unless they are suppressed
            texts.append(str(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    proxy.always = None
    texts += [data.decode(errors="replace") for data in stored(address.parent).values()]
    texts += list(capfd.readouterr())
    assert not [text for text in texts if SECRET in text]


@pytest.mark.parametrize(
    "text", ["s3://key:secret@lab/run.zarr", "https://lab.org/run.zarr?sig=secret", "s3://lab/run.zarr#secret"]
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(text):
    with pytest.raises(UsageError, match="has no user name, password or query") as caught:
        open_run(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://lab/run.zarr", "addresses of the kind 'ftp' cannot be opened; one begins with s3://"),
        ("s3://lab//run.zarr", "has an empty part"),
        ("s3://", "has an empty part"),
        ("s3://lab/../run.zarr", "one of dots only"),
        (Path("s3://lab/run.zarr"), "was an address before it was made a Path; give it as text"),
    ],
)
def test_an_address_that_cannot_be_opened_is_refused(text, words):
    with pytest.raises(UsageError, match=words):
        open_run(text)


def test_a_bucket_without_a_name_cannot_be_written(address):
    with pytest.raises(UsageError, match=rf"is a bucket; give the run a name of its own, as in {address.parent}/run"):
        Writer.open(address.parent, plan())


def test_the_extra_is_named_if_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(
        UsageError, match=r"^s3:// needs the package obstore; install it with: pip install 'ventral\[remote\]'\.$"
    ):
        open_run("s3://lab/run.zarr")


@pytest.mark.parametrize(
    ("text", "words"), [("gs://lab/run.zarr", "gs://lab/run.zarr"), ("az://lab/run.zarr", "AZURE_STORAGE_ACCOUNT_NAME")]
)
def test_other_services_want_credentials_of_their_own(text, words, monkeypatch):
    monkeypatch.setattr(client, "RETRY_S", 1.0)
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", "/nowhere.json")
    with pytest.raises((UsageError, StoreError), match=words):
        open_run(text)


def test_a_bucket_has_room(address, proxy):
    check_space(address, plan())
    assert proxy.asked == []


def test_an_address_has_the_parts_of_a_path():
    address = run_path("s3://lab/masks/run.zarr/")
    path = Path("lab/masks/run.zarr")
    for part in ("name", "stem", "suffix"):
        assert getattr(address, part) == getattr(path, part)
    assert str(address) == "s3://lab/masks/run.zarr"
    assert str(address.with_name("other.zarr")) == "s3://lab/masks/other.zarr"
    assert address.parent == Address("s3", ("lab", "masks"))
    assert pickle.loads(pickle.dumps(address)) == address
    assert beside(address, "figures") == Path("figures")
    assert beside(path, "figures") == Path("lab/masks/figures")


def test_the_lock_says_who_writes_and_nothing_else(address):
    with Writer.open(address, plan()):
        held = json.loads(Client(address.parent).get(LOCK))
    assert held.keys() == {"host", "process", "since", "token", "renewals"}
