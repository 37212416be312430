"""Random streams addressed by a key, so that a draw depends on no other draw, order, batch or process."""

import hashlib
import json

import numpy as np
import torch


def stream(*key: int | str) -> np.random.Generator:
    """A random stream of numpy that depends on the key alone."""
    digest = hashlib.blake2b(json.dumps([str(part) for part in key]).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def generator(seed: int, name: str) -> torch.Generator:
    """A random stream of torch that depends on seed and name alone."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
