"""What the networks of the family are shown: images of four kinds that stay on or are flashed, masks, and lesions.

Every condition of a probe is told apart by coordinates of its presentations: "stimulus", the kind of image;
"target_ms", how long it is on; "mask_kind" and "soa_ms"; and "lesion", the transitions that are silent, from
"lesion_start_ms" to "lesion_stop_ms".

The degraded images are such that `full` and `feedforward` recognise two thirds to three quarters as many of them as of
clear ones, and with low contrast about half, which was measured on training images.

Source: Liao & Poggio (2016), section 6, for the predictions; Tang et al. (2018), PNAS 115:8835, for occlusion, and
Kumbhar et al. (2020), arXiv:2011.12859, for noise, as conditions in which recurrence is expected to pay.
"""

from collections.abc import Iterator

from ventral.experiment.condition import Condition
from ventral.experiment.events import Show, Stimulus, mask, target
from ventral.experiment.interventions import Scale
from ventral.experiment.protocol import Protocol

CLEAR = "clear"
STIMULI: dict[str, Stimulus] = {
    CLEAR: target,
    "occluded": target.changed("occluded-bubbles", 0.4),
    "noisy": target.changed("gaussian-noise", 0.08),
    "low contrast": target.changed("contrast", 0.3),
}
END_MS = 300
STAYS_MS = END_MS + 10  # duration of an image that is on to the end
FLASHES_MS = (10, 30, 50)
MASKED_END_MS = 200
MASK_MS = 50
MASKS = ("noise", "phase-scrambled", "bars", "other-object")
SOAS_MS = tuple(range(10, 130, 10))
FEW_SOAS_MS = (20, 50, 80)
WINDOWS_MS = ((0, 40), (40, 80), (80, 120), (120, 160))
LESIONS = ("feedback", "lateral")
SOURCE = "Liao & Poggio (2016), section 6"


def time_probe() -> Protocol:
    """Images of each kind that stay on, and flashes of them."""
    conditions = [
        Condition(f"{name.replace(' ', '-')}_{ms}", (Show(image, 0, ms),), parameters={"stimulus": name})
        for name, image in STIMULI.items()
        for ms in (STAYS_MS, *FLASHES_MS)
    ]
    return Protocol(tuple(conditions), end_ms=END_MS, readout_ms=(END_MS,), source=SOURCE)


def mask_probe() -> Protocol:
    """A flash of 10 ms and a mask: noise at every SOA; other masks, and other kinds of images, at a few."""
    conditions = [_masked(name) for name in STIMULI]
    conditions += [_masked(CLEAR, MASKS[0], soa) for soa in SOAS_MS]
    conditions += [_masked(CLEAR, kind, soa) for kind in MASKS[1:] for soa in FEW_SOAS_MS]
    conditions += [_masked(name, MASKS[0], soa) for name in STIMULI if name != CLEAR for soa in FEW_SOAS_MS]
    conditions += [
        Condition(f"only_{kind}", (Show(mask(kind), 0, MASK_MS),), parameters={"stimulus": ""}) for kind in MASKS
    ]
    return Protocol(tuple(conditions), end_ms=MASKED_END_MS, readout_ms=(100, MASKED_END_MS), source=SOURCE)


def area_probe() -> Protocol:
    """A flash of 10 ms, alone and with masks of noise, for decoders in each area."""
    conditions = [_masked(CLEAR), *(_masked(CLEAR, MASKS[0], soa) for soa in FEW_SOAS_MS)]
    return Protocol(tuple(conditions), end_ms=MASKED_END_MS, readout_ms=(MASKED_END_MS,), source=SOURCE)


def lesion_probe() -> Protocol:
    """Images that stay on, and flashes of 10 ms, while feedback or lateral transitions are silent."""
    conditions = [
        Condition(f"{prefix}_{ms}", (Show(target, 0, ms),), interventions=change, parameters=parameters)
        for ms in (STAYS_MS, FLASHES_MS[0])
        for prefix, change, parameters in _lesions()
    ]
    return Protocol(tuple(conditions), end_ms=MASKED_END_MS, readout_ms=(100, MASKED_END_MS), source=SOURCE)


def _masked(stimulus: str, kind: str = "", soa_ms: int | None = None) -> Condition:
    """A flash of 10 ms, with a mask unless there is no SOA."""
    events = [Show(STIMULI[stimulus], 0, 10)]
    name = stimulus.replace(" ", "-")
    if soa_ms is not None:
        events.append(Show(mask(kind), soa_ms, soa_ms + MASK_MS))
        name += f"_{kind}_{soa_ms}"
    return Condition(name, tuple(events), soa_ms=soa_ms, parameters={"stimulus": stimulus})


def _lesions() -> Iterator[tuple[str, tuple[Scale, ...], dict[str, float | str]]]:
    """Name, interventions and parameters of no lesion, and of each lesion in each window and throughout."""
    yield "intact", (), {"stimulus": CLEAR, "lesion": ""}
    for what in LESIONS:
        for start, stop in (*WINDOWS_MS, (0, MASKED_END_MS)):
            window: dict[str, float | str] = {"lesion_start_ms": start, "lesion_stop_ms": stop}
            parameters = {"stimulus": CLEAR, "lesion": what} | window
            yield f"{what}_{start}-{stop}", (Scale(what, start, stop, 0.0),), parameters
