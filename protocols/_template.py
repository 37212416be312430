"""Template: the question of this experiment, in one line.

Design: what is shown when, and which conditions are compared.

Source: where the design comes from. Departures: what differs from there.
"""

from ventral import Condition, Protocol, Scale, Show, image, mask, target


def protocol(
    target_ms: int = 20,  # a knob has a default and a type: --set target_ms=30
    soa_ms: tuple[int, ...] = (20, 50),  # several values: --set soa_ms=20,50,80
    contrast: float = 0.3,
    end_ms: int = 200,
) -> Protocol:
    """One condition per SOA, and some to compare them with."""
    # An event is on in [start, stop), in ms from target onset, multiples of 10. Between events the screen is grey.
    flash = Show(target, 0, target_ms)
    faint = Show(target.changed("contrast", contrast), 0, target_ms)  # or "blur", "gaussian-noise", "occluded-blocks"
    after = Show(image("other-object"), 50, 100)  # an image of another class
    silent = Scale("feedback", 50, 100, 0.0)  # transitions, an area or one transition, times 0 to 1 for a while
    conditions = [
        Condition("unmasked", (flash,)),
        Condition("faint", (faint,), parameters={"target_contrast": contrast}),  # a coordinate of each presentation
        Condition("replaced", (flash, after)),
        Condition("no_feedback", (flash,), interventions=(silent,)),
    ]
    for soa in soa_ms:
        masked = (flash, Show(mask("noise"), soa, soa + 50))
        conditions.append(Condition(f"soa_{soa}", masked, soa_ms=soa))
    read_ms = tuple(sorted({min(100, end_ms), end_ms}))  # when accuracy is summed up; every 10 ms are recorded anyway
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=read_ms, source=__doc__ or "")
