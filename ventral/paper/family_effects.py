"""Effects of time, masks and lesions on networks of the family, image by image and seed by seed.

An effect is an accuracy of one network, or a difference of two that a prediction says is above 0; the same effect of
another network is what a control leaves of it. In the words of the paper, accuracy should (a) rise while an image stays
on, (b) fall where a mask follows, and (c) rise after a flash has gone. Where the best of several times is meant, it is
chosen on one half of the images and measured on the other, and vice versa. Where what a flash leaves is at the readout
at every second tick only (`EVERY_SECOND`), a network is read one tick earlier if need be, so that it is not judged at a
tick at which nothing can be there.

Source: Liao & Poggio (2016), section 6. The choice of times is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ventral.clock import MS_PER_TICK
from ventral.measures.observers import OBSERVERS
from ventral.paper.family_probes import CLEAR, FLASHES_MS, MASKED_END_MS, MASKS, STAYS_MS
from ventral.paper.predictions import best_time

Array = NDArray[np.float64]

INSTANT, CUMULATIVE = OBSERVERS
DECODER = "decoder"
EARLY_MS, LATE_MS = 100, MASKED_END_MS  # when networks are read
READINGS = ((INSTANT, EARLY_MS), (INSTANT, LATE_MS), (CUMULATIVE, LATE_MS))  # observers of masked images, and when
ARRIVAL_MS = 30  # when an image arrives at the readout of V1, V2, V4 and IT
CUT_MS = 30  # after a mask has arrived in an area, the time over which its cost there is averaged
STEEP_MS = (20, 80)  # SOAs whose costs are compared
# Networks in which no state reaches its own area in one tick. What a flash of one tick leaves is then at the readout at
# every second tick only: as at its arrival, and not at the tick after.
EVERY_SECOND = ("no-lateral",)
NO_LATERAL = f"lateral 0-{MASKED_END_MS}"  # the lesion that makes a network one of these


@dataclass(frozen=True)
class Key:
    """What an effect is of, apart from the network.

    Parameters
    ----------
    prediction
        "a", "b" or "c"; "lesion" for those of lesions.
    measure
        "accuracy" (at the best time), "gain" (best time minus arrival), "cost" (of a mask: without minus with it),
        "fall" (of the cost from one SOA to a later one), "kept" (accuracy with a mask), "before" (cost of a mask that
        has not arrived, which must be 0), "rise" (best time after a flash minus its end), "held" (accuracy after a
        flash), "loss" (intact minus lesioned).
    stimulus
        Kind of image.
    what
        Kind of mask, area, or lesion; empty if there is none.
    shown_ms
        SOA, or else duration of the image.
    observer
        Of the readout, or "decoder".
    read_ms
        When it is read; -1 for the best time.
    """

    prediction: str
    measure: str
    stimulus: str
    what: str
    shown_ms: int
    observer: str
    read_ms: int = -1


@dataclass(frozen=True, eq=False)
class Effect:
    """An effect on one network, (seed, image), and the times at which it was read, in words."""

    key: Key
    network: str
    times: str
    values: Array


def effects_of_time(network: str, correct: xr.DataArray) -> Iterator[Effect]:
    """Predictions (a) and (c), and what is held of a flash, from responses to the probe of time."""
    correct = correct.sel(observer=INSTANT)
    for stimulus in dict.fromkeys(correct["stimulus"].values):
        staying = _condition(correct, stimulus=stimulus, target_ms=STAYS_MS)
        times = [int(ms) for ms in staying["time"].values[staying.notnull().all(("seed", "image"))]]
        better, best = _best(staying, times)
        key = (stimulus, "", STAYS_MS, INSTANT)
        yield Effect(Key("a", "accuracy", *key), network, best, better)
        for at_ms in (EARLY_MS, LATE_MS):
            yield Effect(Key("a", "accuracy", *key, at_ms), network, "", _at(staying, at_ms))
        yield Effect(Key("a", "gain", *key), network, f"{best} - {times[0]}", better - _at(staying, times[0]))
        for duration in FLASHES_MS:
            flash = _condition(correct, stimulus=stimulus, target_ms=duration)
            end = times[0] + duration  # when the end of the flash has arrived at the readout
            if _skips(network, duration):
                end += MS_PER_TICK
            better, best = _best(flash, [ms for ms in times if ms > end])
            key = (stimulus, "", duration, INSTANT)
            yield Effect(Key("c", "rise", *key), network, f"{best} - {end}", better - _at(flash, end))
            for at_ms in (EARLY_MS, LATE_MS):
                own_ms, times_said = _read(network, duration, at_ms)
                yield Effect(Key("c", "held", *key, at_ms), network, times_said, _at(flash, own_ms))


def effects_of_masks(network: str, correct: xr.DataArray) -> Iterator[Effect]:
    """Prediction (b) at the readout, by both observers, from responses to the probe of masks."""
    masked = correct["condition"][correct["soa_ms"].notnull()]
    for observer, at_ms in READINGS:
        read = correct.sel(observer=observer)
        own_ms, times = (at_ms, "") if observer == CUMULATIVE else _read(network, FLASHES_MS[0], at_ms)
        costs: dict[int, Array] = {}
        for each in masked:
            stimulus, kind, soa = str(each["stimulus"].item()), str(each["mask_kind"].item()), int(each["soa_ms"])
            alone = _at(_condition(read, stimulus=stimulus, mask_kind=""), own_ms)
            kept = _at(read.sel(condition=each.item()), own_ms)
            key = (stimulus, kind, soa, observer, at_ms)
            yield Effect(Key("b", "cost", *key), network, times, alone - kept)
            yield Effect(Key("b", "kept", *key), network, times, kept)
            if (stimulus, kind) == (CLEAR, MASKS[0]):
                costs[soa] = alone - kept
        early, late = STEEP_MS
        key = (CLEAR, MASKS[0], early, observer, at_ms)
        yield Effect(Key("b", "fall", *key), network, f"SOA {early} - {late}", costs[early] - costs[late])


def effects_in_areas(network: str, correct: xr.DataArray) -> Iterator[Effect]:
    """Prediction (b) in each area, from its decoders: the cost before the mask has arrived there, and after."""
    alone = _condition(correct, mask_kind="")
    for each in correct["condition"][correct["soa_ms"].notnull()]:
        cost = alone - correct.sel(condition=each.item(), drop=True)
        soa = int(each["soa_ms"])
        for area in correct["area"].values:
            arrival = soa + int(correct["arrival_ms"].sel(area=area))
            key = (CLEAR, str(area), soa, DECODER)
            for measure, start, stop in (("before", -np.inf, arrival), ("cost", arrival, arrival + CUT_MS)):
                during = cost.sel(area=area)[..., (cost["time"].values >= start) & (cost["time"].values < stop)]
                times = f"{max(during['time'].values[0], 0):g} to {during['time'].values[-1]:g}"
                yield Effect(Key("b", measure, *key), network, times, _matrix(during.mean("time")))


def effects_of_lesions(network: str, correct: xr.DataArray) -> Iterator[Effect]:
    """What silent transitions take, from responses to the probe of lesions; read at 100 ms and at the end."""
    correct = correct.sel(observer=INSTANT)
    for each in correct["condition"][correct["lesion"] != ""]:
        duration = int(each["target_ms"])
        intact = _condition(correct, lesion="", target_ms=duration)
        lesion = f"{each['lesion'].item()} {each['lesion_start_ms'].item():g}-{each['lesion_stop_ms'].item():g}"
        wired_as = "no-lateral" if lesion == NO_LATERAL else network
        for at_ms in (EARLY_MS, LATE_MS):
            own_ms, times = _read(wired_as, duration, at_ms)
            loss = _at(intact, own_ms) - _at(correct.sel(condition=each.item()), own_ms)
            yield Effect(Key("lesion", "loss", CLEAR, lesion, duration, INSTANT, at_ms), network, times, loss)


def _skips(network: str, shown_ms: int) -> bool:
    """Whether what an image that was shown so long leaves is at the readout at every second tick only."""
    return network in EVERY_SECOND and shown_ms == MS_PER_TICK


def _read(network: str, shown_ms: int, at_ms: int) -> tuple[int, str]:
    """When a network is read in place of a time at which nothing can be there, and that in words; empty if then."""
    if _skips(network, shown_ms) and (at_ms - ARRIVAL_MS) // MS_PER_TICK % 2:
        return at_ms - MS_PER_TICK, f"at {at_ms - MS_PER_TICK}"
    return at_ms, ""


def _condition(correct: xr.DataArray, **coordinates: str | float) -> xr.DataArray:
    """The only condition that has such coordinates."""
    has = np.logical_and.reduce([correct[name].values == value for name, value in coordinates.items()])
    (position,) = np.flatnonzero(has)
    return correct.isel(condition=position, drop=True)


def _matrix(correct: xr.DataArray) -> Array:
    return np.asarray(correct.transpose("seed", "image").values, dtype=np.float64)


def _at(correct: xr.DataArray, ms: int) -> Array:
    """(seed, image) at a time."""
    return _matrix(correct.sel(time=ms))


def _best(correct: xr.DataArray, times: list[int]) -> tuple[Array, str]:
    """(seed, image) at the time that is best over seeds for the other half of the images, and the times in words."""
    values = np.asarray(correct.sel(time=times).transpose("image", "time", "seed").values, dtype=np.float64)
    better, chosen = best_time(values)
    return better.T, " or ".join(str(times[position]) for position in sorted(set(chosen)))
