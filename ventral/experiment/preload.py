"""What a new worker on this machine loads first: Ctrl-C is for the process that records, which then ends the worker."""

import signal


def dask_setup(worker: object) -> None:
    """Let Ctrl-C, which a terminal sends to all processes of a command, pass by."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
