"""Fetching CIFAR-10: over a connection that may break, and checked against its sum before it has its name.

Nothing else in this package uses the network, and this only when it is asked to.

Source: https://www.cs.toronto.edu/~kriz/cifar.html, whose table of downloads gives the address and the md5.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, astuple, dataclass
from io import FileIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ventral.errors import DataError, UsageError
from ventral.files import PARTIAL, disk_errors, locked, need_space, put, sync_folder

NAME = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{NAME}"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # published at https://www.cs.toronto.edu/~kriz/cifar.html
SIZE = 170_052_171  # bytes of the file that has this sum

WAITS = (1.0, 3.0, 9.0)  # seconds before each new attempt; one more failure without a new byte is the last
TIMEOUT_S = 30.0  # without a byte
CHUNK = 2**18
BUSY = (408, 429)  # answers that, as those from 500 on, may be others in a moment
AGAIN = "give the same command again, or name another place in VENTRAL_DATA"
ELSEWHERE = "name another place in VENTRAL_DATA"

Report = Callable[[int, int], object]  # bytes received, bytes in all
Say = Callable[[str], object]


def archive_place() -> Path:
    """Where the archive belongs: in .data/cifar10, or in the folder, or as the file, that VENTRAL_DATA names."""
    path = Path(os.environ.get("VENTRAL_DATA") or Path(".data", "cifar10")).expanduser()
    as_file = path.is_file() or (path.suffix in (".gz", ".tgz") and not path.is_dir())
    return path if as_file else path / NAME


def address(given: str | None = None) -> str:
    """The address to fetch from: one that is given, that in VENTRAL_CIFAR10_URL, or the published one."""
    url = given or os.environ.get("VENTRAL_CIFAR10_URL") or URL
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"the address is {url!r}; give one of http or https, or a file that is here with --from PATH.")
    return url


def md5_sum(given: str | None = None) -> str:
    """The sum that the archive must have: one that is given, or the published one."""
    if given is not None and not re.fullmatch("[0-9a-fA-F]{32}", given):
        raise UsageError(f"--md5 is {given!r}; give 32 hexadecimal digits, as md5sum prints them.")
    return MD5 if given is None else given.lower()


def fetch_archive(
    target: Path, url: str = URL, md5: str = MD5, report: Report = lambda *_: None, said: Say = lambda _: None
) -> bool:
    """Download the archive, going on with what an earlier attempt received.

    What was received is in `<target>.part` until all of it is there and has the right sum.

    Parameters
    ----------
    target
        The file to be.
    url
        http or https; certificates are verified.
    md5
        The sum that the file must have.
    report
        Called with the bytes received and those in all, whenever there are more.
    said
        Called with a sentence when the connection was cut or the download starts over.

    Returns
    -------
    bool
        False if the file was there already, with this sum.

    Raises
    ------
    DataError
        If the server cannot be reached or has something else; a file with another sum is removed.
    StoreError
        If the file cannot be written.
    """
    with _prepared(target):
        if _is_there(target, md5):
            return False
        part = _Part(target)
        _download(part, url, md5, report, said)
        _settle(part.path, target)
    return True


def adopt_archive(source: Path, target: Path, md5: str = MD5) -> bool:
    """Copy an archive that is here to its place, whole; False if the right one was there already.

    Raises
    ------
    DataError
        If the sum is not `md5`; `source` is left as it is.
    StoreError
        If the file cannot be written.
    """
    if not source.is_file():
        raise DataError(f"there is no file at {source}; give the path of {NAME}, or of a folder extracted from it.")
    found = _md5_of(source).hexdigest()
    if found != md5:
        raise DataError(
            f"{source} has the md5 {found}, not {md5}, and was not taken; --data {source} reads any archive of "
            "CIFAR-10 where it is."
        )
    with _prepared(target):
        if _is_there(target, md5):
            return False
        copy = target.with_name(f".{target.name}{PARTIAL}")
        need_space(copy, source.stat().st_size, target.name, f"make room, or {ELSEWHERE}")
        try:
            shutil.copyfile(source, copy)
            if _md5_of(copy).hexdigest() != md5:
                raise DataError(f"{source} changed while it was copied; give the same command again.")
            _settle(copy, target)
        finally:
            copy.unlink(missing_ok=True)
    return True


# ---- on the disk


@contextlib.contextmanager
def _prepared(target: Path) -> Iterator[None]:
    """The folder of a file, made and not used by another process; removed again if nothing came of it."""
    folder = target.parent
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with disk_errors(target, AGAIN, ELSEWHERE):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder, ELSEWHERE):
                yield
        finally:
            with contextlib.suppress(OSError):  # not empty
                for place in made:
                    place.rmdir()


def _is_there(target: Path, md5: str) -> bool:
    """Whether the right file is there; a wrong one may be somebody's, and is neither used nor replaced."""
    if not target.exists():
        return False
    found = _md5_of(target).hexdigest()
    if found != md5:
        raise DataError(
            f"{target} is there already, but has the md5 {found}, not {md5}; move it away and give the same "
            "command again."
        )
    return True


def _settle(ready: Path, target: Path) -> None:
    """Give a file its name, and clear away what a download left."""
    with ready.open("r+b") as file:
        os.fsync(file.fileno())
    ready.replace(target)
    sync_folder(target.parent)
    for left in _part_files(target):
        left.unlink(missing_ok=True)


def _md5_of(path: Path) -> Any:
    """The running sum of a file; more can be added."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, _new_md5)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {_why(error)}; see to it, then give the same command again.") from None


def _new_md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _part_files(target: Path) -> tuple[Path, Path]:
    """The bytes received so far, and the note of where they are from."""
    return target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")


@dataclass(frozen=True)
class Origin:
    """What a server says of a file: enough to tell whether it still is the same."""

    url: str
    etag: str | None = None
    modified: str | None = None
    size: int | None = None

    @property
    def validator(self) -> str | None:
        """What If-Range may name: no weak tag, and a date only where there is no tag (RFC 9110, 13.1.5)."""
        if self.etag is None:
            return self.modified
        return None if self.etag.startswith("W/") else self.etag

    def agrees(self, other: "Origin") -> bool:
        """Whether nothing that both say differs."""
        return all(None in pair or pair[0] == pair[1] for pair in zip(astuple(self), astuple(other), strict=True))


class _Part:
    """What has been received: its bytes on the disk, their sum, and where they are from."""

    def __init__(self, target: Path) -> None:
        self.path, self.note = _part_files(target)
        self.sum = _md5_of(self.path) if self.path.exists() else _new_md5()
        self.length = self.path.stat().st_size if self.path.exists() else 0
        self.origin = _read_origin(self.note)

    def restart(self, origin: Origin) -> None:
        """Drop what was received; the note never speaks of bytes that are not from there."""
        self.path.write_bytes(b"")
        put(self.note, json.dumps(asdict(origin)).encode())
        self.sum, self.length, self.origin = _new_md5(), 0, origin

    def append(self, chunk: bytes, file: FileIO) -> None:
        """Write what has come, at once, so that it is there however this process ends."""
        left = memoryview(chunk)
        while left:
            left = left[file.write(left) :]
        self.sum.update(chunk)
        self.length += len(chunk)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _read_origin(note: Path) -> Origin | None:
    """Where the bytes of a part are from, if it is known."""
    try:
        origin = Origin(**json.loads(note.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    texts = (origin.url, origin.etag or "", origin.modified or "")
    known = all(isinstance(text, str) for text in texts) and isinstance(origin.size, int | None)
    return origin if known else None


# ---- over the network


class _CutError(Exception):
    """A connection that ended too early, or did not come about."""

    def __init__(self, why: str, connected: bool = True) -> None:
        super().__init__(why)
        self.connected = connected


def _download(part: _Part, url: str, md5: str, report: Report, said: Say) -> None:
    """Receive until the part is the whole file, trying again as long as that brings something new."""
    most, failures, connected = part.length, 0, False
    while part.sum.hexdigest() != md5:
        try:
            _receive(part, url, SIZE if md5 == MD5 else None, report, said)
        except _CutError as cut:
            connected = connected or cut.connected
            if not connected:
                raise DataError(
                    f"{urlsplit(url).hostname} cannot be reached ({cut}); see to the network and give the same command "
                    "again, or another address with --url, or an archive that you have with --from."
                ) from None
            failures = 0 if part.length > most else failures
            most = max(most, part.length)
            if failures == len(WAITS):
                left = f"{_mb(part.length)} are kept in {part.path}, and the" if part.length else "the"
                raise DataError(
                    f"{url} failed {failures + 1} times in a row ({cut}); {left} same command goes on."
                ) from None
            said(f"interrupted at {_mb(part.length)} ({cut}); trying again in {WAITS[failures]:g} s.")
            time.sleep(WAITS[failures])
            failures += 1
        else:
            found = part.sum.hexdigest()
            if found != md5:
                part.remove()
                raise DataError(
                    f"what came from {url} has the md5 {found}, not {md5}, and was removed; give the same command "
                    "again, or another address with --url."
                )


def _receive(part: _Part, url: str, size: int | None, report: Report, said: Say, whole: bool = False) -> None:
    """Receive what is missing, or all of it where the server no longer has the same file, over one connection."""
    known = part.origin if part.length and not whole else None
    kept = known if known is not None and known.url == url else None
    headers = {"User-Agent": "ventral"}
    if kept is not None:
        headers["Range"] = f"bytes={part.length}-"
        if kept.validator:
            headers["If-Range"] = kept.validator
    answer = _asked(Request(url, headers=headers))
    if answer is not None:
        with answer:
            origin, first = _described(answer, url)
            if first is None or (kept is not None and first == part.length and kept.agrees(origin)):
                total = kept.size if kept is not None and first is not None and origin.size is None else origin.size
                if size is not None and total not in (None, size):
                    raise DataError(
                        f"{url} has {total:,} bytes and {NAME} has {size:,}, so it is something else and was not "
                        "taken; give another address with --url, or its sum with --md5 if it is what you want."
                    )
                total = size if total is None else total
                need_space(part.path, (total or 0) - part.length, part.path.name, f"make room, or {ELSEWHERE}")
                if first is None:
                    if part.length:
                        said(f"what was received before ({_mb(part.length)}) cannot be gone on with; starting over.")
                    part.restart(origin)
                return _pour(answer, part, total, report)
    if kept is None:
        raise DataError(f"{url} answered with a part when asked for all of it; give another address with --url.")
    return _receive(part, url, size, report, said, whole=True)


def _asked(request: Request) -> Any:
    """The server's answer; None if it has no bytes where the request wants them."""
    try:
        return urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        if error.code == 416 and request.has_header("Range"):
            return None
        if error.code >= 500 or error.code in BUSY:
            raise _CutError(f"it answered {error.code} {error.reason}") from None
        raise DataError(
            f"{request.full_url} answered {error.code} {error.reason}; give another address with --url, or an archive "
            "that you have with --from."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        # what fails before the request was sent comes as an URLError
        raise _CutError(_why(error), connected=not isinstance(error, URLError)) from None


def _described(answer: Any, url: str) -> tuple[Origin, int | None]:
    """What an answer is of, and the position at which it starts if it is only a part."""
    etag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
    if answer.status == 206:
        matched = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers["Content-Range"] or "")
        if matched is None:
            return Origin(url, etag, modified), -1
        size = None if matched[2] == "*" else int(matched[2])
        return Origin(url, etag, modified, size), int(matched[1])
    if answer.status != 200:
        raise DataError(f"{url} answered {answer.status} {answer.reason}; give another address with --url.")
    return Origin(url, etag, modified, answer.length), None


def _pour(answer: Any, part: _Part, total: int | None, report: Report) -> None:
    """Write what comes, as it comes, to the end."""
    report(part.length, total or part.length)
    with part.path.open("ab", buffering=0) as file:
        while total is None or part.length < total:
            try:
                chunk = answer.read1(CHUNK if total is None else min(CHUNK, total - part.length))
            except (OSError, http.client.HTTPException) as error:
                raise _CutError(_why(error)) from None
            if chunk:
                part.append(chunk, file)
                report(part.length, total or part.length)
            elif total is None:
                return
            else:
                raise _CutError("the connection was closed")


def _mb(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _why(error: Exception) -> str:
    """What went wrong, in a few words."""
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {reason.verify_message}"
    if isinstance(reason, http.client.IncompleteRead):
        return "the connection was closed"
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__).lower()
