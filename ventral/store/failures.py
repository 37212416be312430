"""Failures of requests to a bucket or a web server, in one sentence each.

They are told by the text of an error of obstore, which itself is not passed on: it runs over pages, and an address in
it can hold a signature.
"""

import re

from ventral.errors import StoreError
from ventral.store.address import Address

KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for a public bucket",
    "gs": "GOOGLE_SERVICE_ACCOUNT, or GOOGLE_SKIP_SIGNATURE=true for a public bucket",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
NO_KEYS = ("169.254.169.254", "metadata.google.internal", "MissingAccount")  # asked for keys where none are given
NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
LASTING = ("MissingContentLength", "certificate")
CAUSES = {  # in the text of an error -> in words
    "ConnectionRefused": "the connection is refused",
    "dns error": "there is no server of this name",
    "ConnectionReset": "the connection was reset",
    "BrokenPipe": "the connection was reset",
    "IncompleteMessage": "the connection was reset",
    "IncompleteBody": "the connection was reset",
    "imeout": "nothing comes over the connection",
    "TimedOut": "nothing comes over the connection",
    "MissingContentLength": "the server does not say how long the file is",
    "certificate": "its certificate cannot be trusted",
}


class DeniedError(StoreError):
    """A bucket that these credentials cannot read, list or write."""


def passing(error: Exception) -> bool:
    """Whether a failure can pass: of the network, or a status that asks to come again."""
    text = str(error)
    if any(sign in text for sign in (*NO_KEYS, *NO_BUCKET, *LASTING)):
        return False
    status = _status(text)[:3]
    return not status or status in ("408", "409", "429") or (status.startswith("5") and status != "501")


def of_bucket(error: Exception) -> bool:
    """Whether it is the bucket that is not there, and not a file in it."""
    return any(sign in str(error) for sign in NO_BUCKET)


def failure(address: Address, done: str, error: Exception, tried_s: float) -> StoreError:
    """The error for the user.

    Parameters
    ----------
    address
        What the request was for.
    done
        What could not be done: "read", "written" or "listed".
    error
        The last error of obstore.
    tried_s
        How long the request was repeated, in s, if the failure could have passed.
    """
    text = str(error)
    if of_bucket(error):
        return StoreError(f"there is no bucket {address.parts[0]!r}; make it first, or give another.")
    status, code = _status(text), re.search(r"<Code>(\w+)</Code>", text)
    if any(sign in text for sign in NO_KEYS):
        return _denied(address, done, "no credentials are given")
    if status[:3] in ("401", "403"):
        return _denied(address, done, code[1] if code else status)
    cause = status or next((words for sign, words in CAUSES.items() if sign in text), "no answer")
    tried = f", also after {tried_s:g} s" if passing(error) else ""
    return StoreError(
        f"{address} cannot be {done}: {cause}{tried}. First check the network and the service; then give the same "
        "command again."
    )


def _denied(address: Address, done: str, why: str) -> DeniedError:
    given = KEYS.get(address.scheme)
    remedy = f"set {given} in the environment" if given else "the server wants a login, which ventral cannot give"
    return DeniedError(f"{address} cannot be {done}: access is denied ({why}); {remedy}.")


def _status(text: str) -> str:
    """The HTTP status in the text of an error, as in "503 Service Unavailable"; empty if there is none."""
    found = re.search(r"status(?: code)?: (\d{3}(?: [A-Z][A-Za-z]+)*)", text)
    return found[1] if found else ""
