"""Lesion: transitions are weakened for a while, or throughout.

When is feedback needed, and when lateral input? A lesion in a window says what the transitions that it silences
contribute then, where leaving them out of the graph says only that they matter.

Design: `intact`; and for each of `what` and each `scale` (0 is silent, partial cooling lies between) one condition per
window and, with `whole`, one from onset to the end. `what` is "feedback", "lateral", "feedforward", an area ("V4": all
that it sends) or a transition ("IT->V4"). `identity` takes an area's identity away too.

Expected: feedback and lateral transitions matter late and for hard images; nothing changes before the window.

Source: Kar & DiCarlo (2021), Neuron 109:164 (without vlPFC, IT is worse from 150 ms on); Hupe et al. (1998), Nature
394:784 (cooled V5); Kietzmann et al. (2019), PNAS 116:21854 (virtual cooling). Departures: a lesion in a model begins
and ends within a tick, and leaves the rest as it was trained.
"""

from ventral import Condition, Protocol, ProtocolError, Scale, Show, target


def protocol(
    what: tuple[str, ...] = ("feedback", "lateral"),
    scale: tuple[float, ...] = (0.0,),
    start_ms: tuple[int, ...] | None = (0, 40, 80, 120),
    window_ms: int = 40,
    whole: bool = True,
    identity: bool = False,
    target_ms: int = 100,
    end_ms: int = 200,
    before_ms: int = 0,
) -> Protocol:
    """One condition per lesion, scale and window, and one intact."""
    windows = [(f"{start}-{start + window_ms}", start, start + window_ms) for start in start_ms or ()]
    windows += [("whole", 0, end_ms)] * whole
    if not windows:
        raise ProtocolError("start_ms is none and whole is false, so nothing is lesioned; give start_ms or whole=true.")
    flash = (Show(target, 0, target_ms),)
    conditions = [Condition("intact", flash)]
    for name in what:
        for amount in scale:
            for window, start, stop in windows:
                parameters = {"lesion_scale": amount, "lesion_start_ms": start, "lesion_stop_ms": stop}
                condition = Condition(
                    f"{name}_{amount:g}_{window}",
                    flash,
                    interventions=(Scale(name, start, stop, amount, identity),),
                    parameters={"lesion": name, **parameters},
                )
                conditions.append(condition)
    readout_ms = tuple(sorted({min(100, end_ms), end_ms}))
    return Protocol(tuple(conditions), end_ms=end_ms, readout_ms=readout_ms, source=__doc__ or "", before_ms=before_ms)
