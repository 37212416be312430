"""Requests to a bucket or a web server, by obstore: whole files, conditional puts, listings.

A request that fails because of the network or the service (a reset, 429, 5xx) is repeated for `RETRY_S` seconds, by
obstore and, where a body breaks off or a put is conditional, by `Client`; then one sentence says what failed (see
`ventral.store.failures`).

Credentials, region and endpoint come from the environment, in the variables that obstore reads (``AWS_ACCESS_KEY_ID``,
``AWS_ENDPOINT_URL``, ``GOOGLE_SERVICE_ACCOUNT``, ``AZURE_STORAGE_ACCOUNT_NAME``, ...).
"""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ventral.errors import UsageError
from ventral.store.address import Address
from ventral.store.failures import KEYS, NO_KEYS, failure, of_bucket, passing

RETRY_S = 60.0  # how long a request is repeated
STALL_S = 30.0  # after which a connection over which nothing comes counts as broken
PIECE_BYTES = 2**20  # of a file that is hashed as it comes
ENDPOINTS = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT")

Result = TypeVar("Result")
Tag = dict[str, str]  # which version of a file it is, for a put that replaces this version only


@dataclass(frozen=True)
class Found:
    """A file with its version and its age.

    Parameters
    ----------
    data
        Its bytes.
    tag
        Its version.
    age_s
        Time since it was written, in s, by the clock of the service and that of this machine.
    """

    data: bytes
    tag: Tag
    age_s: float


class Client:
    """Requests for the files below an address. Reading a file that is not there raises `FileNotFoundError`.

    Parameters
    ----------
    address
        Folder of the files.
    patience_s
        How long a request is repeated, in s; `RETRY_S` if not given.
    """

    def __init__(self, address: Address, patience_s: float | None = None) -> None:
        self.address = address
        self.patience_s = RETRY_S if patience_s is None else patience_s
        self._store = _store(address, self.patience_s)

    def get(self, name: str) -> bytes:
        """The bytes of a file."""
        return self.found(name).data

    def found(self, name: str) -> Found:
        """A file with its version and its age."""
        import obstore

        def get() -> Found:
            result = obstore.get(self._store, name)
            age_s = (datetime.now(UTC) - result.meta["last_modified"]).total_seconds()
            return Found(bytes(result.bytes()), _tag(result.meta), age_s)

        return self._persist(get, "read")

    def digest(self, name: str, before: bytes) -> str:
        """The sha256 of some bytes and then those of a file, in hexadecimal; the file is never held whole."""
        import obstore

        def hashed() -> str:
            found = hashlib.sha256(before)
            for piece in obstore.get(self._store, name).stream(min_chunk_size=PIECE_BYTES):
                found.update(piece)
            return found.hexdigest()

        return self._persist(hashed, "read")

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whatever was there."""
        import obstore

        self._write(lambda: obstore.put(self._store, name, data))

    def put_new(self, name: str, data: bytes) -> Tag | None:
        """Write a file that must not be there; its version, or None if there is one with other bytes.

        A put whose reply was lost is repeated and then finds its own file, which counts as written.
        """
        return self._put_if(name, data, "create")

    def swap(self, name: str, data: bytes, tag: Tag) -> Tag | None:
        """Replace a file by another if it is still of this version; its new version, or None if it is not."""
        return self._put_if(name, data, tag)

    def _put_if(self, name: str, data: bytes, mode: Any) -> Tag | None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            return _tag(self._write(lambda: obstore.put(self._store, name, data, mode=mode, use_multipart=False)))
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            pass
        try:
            found = self.found(name)
        except FileNotFoundError:
            return None
        return found.tag if found.data == data else None

    def delete(self, name: str) -> None:
        """Delete a file."""
        import obstore

        self._write(lambda: obstore.delete(self._store, name))

    def sizes(self) -> dict[str, int]:
        """Names and bytes of all files below the address."""
        import obstore

        def listed() -> dict[str, int]:
            return {item["path"]: item["size"] for page in obstore.list(self._store) for item in page}

        return self._persist(listed, "listed")

    def folders(self) -> list[str]:
        """Names of the folders right below the address, sorted."""
        import obstore

        found = self._persist(lambda: obstore.list_with_delimiter(self._store), "listed")
        return sorted(path.rsplit("/", 1)[-1] for path in found["common_prefixes"])

    def _write(self, action: Callable[[], Result]) -> Result:
        return self._persist(action, "written")

    def _persist(self, action: Callable[[], Result], done: str) -> Result:
        """The result of a request; repeated while it fails because of the network or the service."""
        from obstore import exceptions

        until, wait_s = time.monotonic() + self.patience_s, 0.1
        while True:
            try:
                return action()
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                raise
            except FileNotFoundError as error:
                if of_bucket(error):
                    raise failure(self.address, done, error, 0.0) from None
                raise FileNotFoundError(done) from None
            except exceptions.BaseError as error:
                if not passing(error) or time.monotonic() + wait_s > until:
                    raise failure(self.address, done, error, self.patience_s) from None
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, 5.0)


def _tag(meta: Any) -> Tag:
    """The version of a file, as a put takes it."""
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name)}


def _store(address: Address, patience_s: float) -> Any:
    """The store of obstore at an address."""
    try:
        from obstore import store
        from obstore.exceptions import BaseError
    except ImportError:
        raise UsageError(
            f"{address.scheme}:// needs the package obstore; install it with: pip install 'ventral[remote]'."
        ) from None
    client: dict[str, Any] = {"timeout": timedelta(hours=1), "read_timeout": timedelta(seconds=STALL_S)}
    if address.scheme == "http" or any(os.environ.get(name, "").startswith("http:") for name in ENDPOINTS):
        client["allow_http"] = True
    backoff = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5)}
    retry: Any = {"max_retries": 100, "retry_timeout": timedelta(seconds=patience_s), "backoff": backoff}
    kinds = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}
    kind: Any = kinds.get(address.scheme, store.HTTPStore)
    try:
        return kind.from_url(str(address), client_options=client, retry_config=retry)
    except (BaseError, ValueError) as error:
        missing = any(sign in str(error) for sign in NO_KEYS)
        why = f"set {KEYS[address.scheme]} in the environment" if missing else "check the address and the environment"
        raise UsageError(f"{address} cannot be opened; {why}.") from None
