"""Memory: formats whose writer takes a whole file at once are refused before they fill it."""

import os
from pathlib import Path

from ventral.errors import StoreError

MEMINFO = Path("/proc/meminfo")


def free_memory() -> int | None:
    """Bytes of memory that can be used, or of all memory where the system does not say; None if it says neither."""
    try:
        for line in MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def need_memory(size: int, what: str, otherwise: str) -> None:
    """Raise `StoreError` if `size` bytes do not fit the memory; `otherwise` says what would be smaller."""
    free = free_memory()
    if free is not None and size > free:
        raise StoreError(f"{what} takes {size / 1e9:,.1f} GB of memory and {free / 1e9:,.1f} GB are free; {otherwise}.")
