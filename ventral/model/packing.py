"""Checkpoints with weights in half precision, which halves their size."""

from pathlib import Path

import torch

from ventral.errors import UsageError
from ventral.model.checkpoint import read_checkpoint, write_checkpoint


def pack(path: Path, out: Path) -> None:
    """Write a checkpoint anew with weights in half precision; statistics of normalisation stay as they are.

    Parameters
    ----------
    path
        A checkpoint; what is said of its training and accuracy is kept.
    out
        The new file.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be read, or a weight is too large for half precision, or `out` cannot be written.
    """
    tensors, header = read_checkpoint(path)
    halved = {name: x if _is_statistic(name) else x.to(torch.float16) for name, x in tensors.items()}
    large = next((name for name, x in halved.items() if not _is_statistic(name) and not x.isfinite().all()), None)
    if large is not None:
        raise UsageError(f"{large} has weights above 65,504, which half precision does not hold; keep {path} as it is.")
    write_checkpoint(out, halved, {name: value for name, value in header.items() if name != "digest"})


def _is_statistic(name: str) -> bool:
    return name.endswith((".mean", ".variance"))
