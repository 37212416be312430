"""Runs and brains with known truth: a region that is an area of the model, later and slower, and noisy."""

import numpy as np
import xarray as xr
from fake_runs import fake_run, protocol

LAG_MS, SCALE = 40.0, 1.5
TICKS_MS = np.arange(0, 210, 10)
BRAIN_MS = np.arange(0, 360, 10)
AREAS = ("V1", "IT")


def latent(area: str, times_ms, images: int, seed: int = 0, width_ms: float = 25.0) -> np.ndarray:
    """What an area says of each image at each time, (time, image, latent): codes that follow one another."""
    chance = np.random.default_rng([seed, len(area), ord(area[0])])
    codes = chance.normal(size=(9, images, 6))
    centres = np.arange(9) * 25.0
    share = np.exp(-(((np.asarray(times_ms)[:, None] - centres) / width_ms) ** 2) / 2)
    return np.einsum("tc,cif->tif", share, codes)


def names(images: int) -> np.ndarray:
    return np.array([f"test/{number % 3}/{number:05d}.png" for number in range(images)], dtype=object)


def planted_run(path="run", images=40, units=30, seed=0, repeats=1, absent=2, conditions=("on",), model="small"):
    """A run whose areas have the latents above; IT is absent at the first ticks."""
    chance = np.random.default_rng([seed, 7])
    index = np.tile(np.arange(images), repeats * len(conditions))
    per = images * repeats
    columns = {
        "image": index,
        "stimulus_id": names(images)[index],
        "label": index % 3,
        "label_name": np.array(["cat", "dog", "ship"], dtype=object)[index % 3],
        "condition": np.repeat(np.array(conditions, dtype=object), per),
    }
    coords = {name: ("presentation", values) for name, values in columns.items()}
    activity = {}
    for area in AREAS:
        said = latent(area, TICKS_MS, images).transpose(1, 0, 2) @ chance.normal(size=(6, units))
        said = said[index] + 0.01 * chance.normal(size=(len(index), len(TICKS_MS), units))
        if area == "IT":
            said[:, :absent] = np.nan
        activity[area] = xr.DataArray(
            said.astype(np.float32), {"time": TICKS_MS, **coords}, ("presentation", "time", "unit"), area
        )
    logits = xr.DataArray(
        np.zeros((len(index), len(TICKS_MS), 3)), {"time": TICKS_MS}, ("presentation", "time", "class")
    )
    shown = protocol({name: {"target_ms": 10.0} for name in conditions}, 200)
    identity = {"model": model, "weights_sha256": model}
    return fake_run(path, shown, xr.Dataset(coords=coords), logits, activity, **identity)


def planted_brain(
    images=40, units=25, repetitions=4, noise=0.3, seed=1, region_of=(("IT", "IT"), ("V1", "V1")), order=True
):
    """Responses of regions, each of which is an area of the model at (time - LAG_MS) / SCALE; two subjects."""
    chance = np.random.default_rng([seed, 11])
    index = np.repeat(np.arange(images), repetitions)
    parts, regions = [], []
    for region, area in region_of:
        said = latent(area, (BRAIN_MS - LAG_MS) / SCALE, images).transpose(1, 0, 2) @ chance.normal(size=(6, units))
        parts.append(said[index] + noise * 2.5 * chance.normal(size=(len(index), len(BRAIN_MS), units)))
        regions += [region] * units
    values = np.concatenate(parts, axis=2)
    shuffled = chance.permutation(len(index)) if order else np.arange(len(index))
    return xr.DataArray(
        values[shuffled],
        {
            "stimulus_id": ("presentation", names(images)[index[shuffled]]),
            "repetition": ("presentation", np.tile(np.arange(repetitions), images)[shuffled]),
            "time": BRAIN_MS.astype(float),
            "unit": np.array([f"u{number}" for number in range(len(regions))], dtype=object),
            "region": ("unit", np.array(regions, dtype=object)),
            "subject": ("unit", np.array([f"monkey {number % 2}" for number in range(len(regions))], dtype=object)),
        },
        ("presentation", "time", "unit"),
        "responses",
    )
