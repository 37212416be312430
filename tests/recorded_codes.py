"""Made-up activity whose code is known: it holds still, rotates, or begins at a tick."""

import numpy as np
import xarray as xr


def made_up(
    code: str = "frozen",
    ticks: int = 8,
    images: int = 80,
    units: int = 48,
    classes: int = 4,
    signal: float = 1.5,
    onset: int = 0,
    shown: int = 1,
    seed: int = 0,
) -> xr.DataArray:
    """Noise and, from the onset tick on, a pattern of each class: "frozen", or another at each tick ("rotating")."""
    draw = np.random.default_rng(seed)
    label = np.repeat(np.arange(images) % classes, shown)
    codes = 1 if code == "frozen" else ticks
    across = np.linalg.qr(draw.normal(size=(units, codes * classes)))[0].T  # patterns that share nothing
    patterns = np.sqrt(units) * np.broadcast_to(across.reshape(codes, classes, units), (ticks, classes, units))
    activity = draw.normal(size=(images * shown, ticks, units))
    activity[:, onset:] += signal * patterns.swapaxes(0, 1)[label][:, onset:]
    return xr.DataArray(
        activity,
        dims=("presentation", "time", "unit"),
        coords={
            "time": np.arange(ticks) * 10,
            "image": ("presentation", np.repeat(np.arange(images) + 500, shown)),
            "label": ("presentation", label),
        },
    )
