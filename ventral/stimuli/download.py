"""Downloading one file with a known sum over a connection that may break.

No other file of this package uses the network, and this one only when a user asks for it.

Bytes are appended to a part file as they arrive, so a process may be killed at any moment. The sum of the whole file is
known, so nothing else is remembered: a part is resumed from whatever address is given, and if the joined file has
another sum (the server's file changed, or the part belonged to another file) the download starts over.
"""

import hashlib
import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ventral.errors import DataError
from ventral.files import need_space

WAITS = (1.0, 3.0, 9.0)  # seconds before each new connection; one more failure without a new byte is the last
TIMEOUT_S = 30.0  # without a byte
CHUNK = 2**18
BUSY = (408, 429)  # statuses that, like those from 500, may be others in a moment
MAKE_ROOM = "make room, or name another place in VENTRAL_DATA"

Report = Callable[[int, int], object]  # bytes received, bytes in all
Tell = Callable[[str], object]


class _CutError(Exception):
    """A connection after which another one may bring the rest."""


def download(part: Path, url: str, md5: str, size: int | None, report: Report, tell: Tell) -> None:
    """Complete a part file until it is the whole file with this sum; what it holds already is not sent again.

    Parameters
    ----------
    part
        The file to append to; it need not exist.
    url
        http or https; certificates are verified.
    md5
        The sum that the whole file must have.
    size
        Its length in bytes, if known: a file of another length is refused before its first byte.
    report
        Called with the bytes received and the bytes in all, whenever there are more.
    tell
        Called with a sentence when another connection is made.

    Raises
    ------
    DataError
        If the server cannot be reached or has another file; a part with another sum is removed.
    StoreError
        If the file does not fit on the disk.
    """
    most, failures = _length(part), 0
    while not part.exists() or md5_of(part) != md5:
        try:
            _receive(part, url, md5, size, report)
        except _CutError as cut:
            length = _length(part)
            failures = 1 if length > most else failures + 1
            most = max(most, length)
            if failures > len(WAITS):
                kept = f"{_mb(length)} are kept in {part}, and the" if length else "the"
                raise DataError(
                    f"{url} failed {failures} times in a row ({cut}); {kept} same command resumes."
                ) from None
            tell(f"interrupted at {_mb(length)} ({cut}); trying again in {WAITS[failures - 1]:g} s.")
            time.sleep(WAITS[failures - 1])


def md5_of(path: Path) -> str:
    """The md5 of a file, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {_reason(error)}; make it readable.") from None


def _receive(part: Path, url: str, md5: str, size: int | None, report: Report) -> None:
    """Append what is missing over one connection; a server that does not resume sends the file from its first byte."""
    start = _length(part)
    with _request(url, start, part) as response:
        start = start if response.status == 206 else 0
        total = size if response.length is None else start + response.length
        if size is not None and total != size:
            raise DataError(
                f"{url} has {total:,} bytes, not {size:,}, so it is another file and was not taken; give another "
                "address with --url, or its sum with --md5 if it is the file you want."
            )
        need_space(part, (total or 0) - start, part.name, MAKE_ROOM)
        _append(response, part, start, total, report)
    found = md5_of(part)
    if found != md5:
        part.unlink()
        if start:
            raise _CutError("the parts received do not fit together")
        raise DataError(
            f"the file from {url} has the md5 {found}, not {md5}, and was removed; give the same command again, or "
            "another address with --url."
        )


def _request(url: str, start: int, part: Path) -> Any:
    """The server's response to a request for the bytes from `start`, as a context."""
    headers = {"User-Agent": "ventral"} | ({"Range": f"bytes={start}-"} if start else {})
    instead = "give another address with --url, or an archive that you have with --from."
    try:
        response = urlopen(Request(url, headers=headers), timeout=TIMEOUT_S)
        first = response.headers["Content-Range"] or ""
    except HTTPError as error:
        error.close()
        if error.code == 416 and start:  # the file ends where the part does, or before
            part.unlink()
            raise _CutError("its file is not longer than what was received") from None
        if error.code >= 500 or error.code in BUSY:
            raise _CutError(f"it answered {error.code} {error.reason}") from None
        raise DataError(f"{url} answered {error.code} {error.reason}; {instead}") from None
    except URLError as error:  # before the request was sent
        if start:
            raise _CutError(_reason(error)) from None
        raise DataError(f"{url} cannot be reached ({_reason(error)}); check the network, or {instead}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _CutError(_reason(error)) from None
    if response.status == 206 and not first.startswith(f"bytes {start}-"):
        response.close()
        part.unlink(missing_ok=True)
        raise _CutError("it sent another part than the one asked for")
    return response


def _append(response: Any, part: Path, done: int, total: int | None, report: Report) -> None:
    """Write what arrives, as it arrives."""
    with part.open("ab" if done else "wb") as file:
        report(done, total or done)
        while done != total:
            try:
                chunk = response.read1(CHUNK if total is None else min(CHUNK, total - done))
            except (OSError, http.client.HTTPException) as error:
                raise _CutError(_reason(error)) from None
            if not chunk and total is None:
                return
            if not chunk:
                raise _CutError("the connection was closed")
            file.write(chunk)
            file.flush()
            done += len(chunk)
            report(done, total or done)


def _reason(error: Exception) -> str:
    """What went wrong, in a few words."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, http.client.IncompleteRead):
        return "the connection was closed"
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__).lower()


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _mb(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
