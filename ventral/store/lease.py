"""The lock of a run in a bucket: a file that says who writes, put only if there is none, and renewed.

No service unlocks a bucket when a process dies, so a lock is held for a time. Its holder replaces it every `RENEW_S`
seconds, on the condition that it is still its own. A lock that was not renewed for `STALE_S` seconds is stale. A
process that finds a stale lock watches it for longer than a renewal takes, because clocks differ, and then replaces it
on the condition that nobody has touched it; so of several that take over one wins, and a holder that comes back finds
the lock lost before it writes on.
"""

import contextlib
import json
import os
import platform
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any, Self

from ventral.errors import BusyError, StoreError, VentralError
from ventral.files import ANOTHER, RESUME
from ventral.store.client import Client, Found, Tag

RENEW_S = 20.0
PATIENCE_S = 10.0  # of a renewal, which is tried again after a while
STALE_S = 120.0


class Lease:
    """A lock that is held while a ``with`` statement runs.

    Parameters
    ----------
    client
        Requests to the folder of the run.
    name
        Name of the lock.
    run
        The run, for errors.
    """

    def __init__(self, client: Client, name: str, run: object) -> None:
        self._client, self._name, self._run = client, name, run
        self._holder = {
            "host": platform.node(),
            "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "token": uuid.uuid4().hex,
        }
        self._renewals = 0
        self._alone = threading.Lock()
        self._ended = threading.Event()
        self._tag: Tag | None = None
        self._renewed = 0.0  # when the lock was last known to be held, of time.monotonic

    def __enter__(self) -> Self:
        start = time.monotonic()
        self._tag = self._client.put_new(self._name, self._text()) or self._take_over()
        self._renewed = start
        if self._client.put_new(self._name, b"{}"):
            self._client.delete(self._name)
            raise StoreError(
                f"{self._run} cannot be written: the service overwrites a file that was to be put only if there is "
                "none, so it cannot keep a second process away; record onto a disk, and copy the run."
            )
        self._client = Client(self._client.address, min(PATIENCE_S, self._client.patience_s))
        threading.Thread(target=self._keep, name=f"lock of {self._run}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with contextlib.suppress(VentralError):  # if it cannot be given back, it becomes stale
            self._renew()
            if self._tag is not None:
                self._client.delete(self._name)

    def hold(self) -> None:
        """Refuse to write on if the lock is another's, or may be.

        Raises
        ------
        BusyError
            If another process has taken the run over.
        StoreError
            If the lock was not renewed for so long that it could be stale, and cannot be renewed now.
        """
        if time.monotonic() - self._renewed > STALE_S / 2:
            self._renew(STALE_S / 2)
        if self._tag is None:
            raise BusyError(
                f"{self._run} is being written by another process, which took it over while this one had no connection "
                f"or slept; wait, or {ANOTHER}."
            )

    def _text(self) -> bytes:
        """Contents of the lock, which differ in every renewal, and so does their version."""
        return json.dumps({**self._holder, "renewals": self._renewals}).encode()

    def _keep(self) -> None:
        """Renew the lock until it is given back or lost."""
        while not self._ended.wait(RENEW_S) and self._tag is not None:
            try:
                self._renew()
            except StoreError:  # no connection; `hold` looks when the lock was last renewed
                continue

    def _renew(self, after_s: float = 0.0) -> None:
        """Replace the lock, unless that was done less than a time ago, or the lock is lost."""
        with self._alone:
            if self._tag is None or time.monotonic() - self._renewed < after_s:
                return
            self._renewals += 1
            start = time.monotonic()
            self._tag = self._client.swap(self._name, self._text(), self._tag)
            self._renewed = start

    def _take_over(self) -> Tag:
        """The version of the lock, in place of one that is stale."""
        try:
            found = self._client.found(self._name)
        except FileNotFoundError:  # given back meanwhile
            raise self._busy("another process", "") from None
        who, seen = _holder(found), f" (last sign of it {max(found.age_s, 0):.0f} s ago)"
        if found.age_s >= STALE_S:
            time.sleep(1.5 * RENEW_S)
            if tag := self._client.swap(self._name, self._text(), found.tag):
                return tag
            seen = ""
        raise self._busy(who, seen)

    def _busy(self, who: str, seen: str) -> BusyError:
        return BusyError(
            f"{self._run} is being written by {who}{seen}; wait, or {ANOTHER}. If that process has ended, {RESUME} "
            f"{STALE_S:.0f} s after its last sign."
        )


def _holder(found: Found) -> str:
    """Who holds a lock, in words."""
    try:
        held: dict[str, Any] = json.loads(found.data)
        return f"process {held['process']} on {held['host']} since {held['since']}"
    except (ValueError, LookupError, TypeError):
        return "another process"
