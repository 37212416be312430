"""Noise: a target under more and more noise.

Is time worth more the harder an image is? With a recurrent network, late readouts should gain on early ones as noise
grows.

Design: one condition per kind of noise and level: `sd` of `gaussian-noise`, where 1 is from black to white, and
`fraction` of the pixels that `salt-and-pepper` turns black or white. Level 0 is the image as it is.

Expected: lower accuracy and a later rise as noise grows; in IT, smaller and shorter responses with later onset (Emadi &
Esteky).

Source: Emadi & Esteky (2013), PLoS ONE 8:e76856 (macaque IT); Kumbhar, Sizikova, Majaj & Pelli (2020), arXiv:2011.12859
(people under time pressure, CIFAR-10, sd 0, 0.04 and 0.16). Departures: the image is on for a set time, where those
people saw it until they answered.
"""

from ventral import Condition, Protocol, ProtocolError, Show, choose, target


def protocol(
    kind: tuple[str, ...] = ("gaussian-noise",),
    sd: tuple[float, ...] = (0.0, 0.04, 0.08, 0.16, 0.32),
    fraction: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.4),
    target_ms: int = 100,
    end_ms: int = 200,
    before_ms: int = 0,
) -> Protocol:
    """One condition per kind and level."""
    levels = {"gaussian-noise": ("sd", sd), "salt-and-pepper": ("fraction", fraction)}
    conditions = []
    for name in (choose("kind of noise", name, levels) for name in kind):
        knob, amounts = levels[name]
        for amount in amounts:
            if not 0 <= amount <= 1:
                raise ProtocolError(f"{knob} is {amount:g}; give 0 to 1.")
            shown = Show(target.changed(name, amount) if amount else target, 0, target_ms)
            parameters: dict[str, float | str] = {"noise": name, f"noise_{knob}": amount}
            conditions.append(Condition(f"{name}_{amount:g}", (shown,), parameters=parameters))
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
