"""How an experiment is recorded."""

from dataclasses import dataclass

from ventral.errors import UsageError, choose
from ventral.experiment.noise import Noise

RECORDS = ("units", "maps", "channels")
DTYPES = ("float16", "float32")
PRECISIONS = ("float32", "bfloat16")
POLICIES = ("frozen", "pooled", "per-condition")
BEYOND = ("refuse", "held")


@dataclass(frozen=True)
class Settings:
    """How an experiment is recorded.

    Parameters
    ----------
    areas
        Areas to record; all if empty.
    record
        "units": some sites of each area, drawn once; "maps": every channel and place; "channels": means over places.
    units
        Number of sites per area with "units"; all where there are fewer.
    dtype
        "float16" or "float32", of the numbers on disk.
    precision
        In which convolutions are computed: "float32", or rather that of the weights; or "bfloat16", which is faster and
        less exact (see `ventral.experiment.engine`).
    batch
        Number of presentations that are computed and written together.
    policy
        Which normalisation statistics: "frozen", those of training; "pooled", estimated anew without labels under the
        run's own conditions, pooled over them at each tick; or "per-condition", estimated anew under each condition
        alone.
    beyond_horizon
        Past the last normalisation statistics: "refuse", or "held" to use the last.
    repeats
        Number of presentations of each image in each condition; more than one needs noise.
    noise
        Noise that differs from one presentation to the next; None for a deterministic network.
    seed
        Addresses recorded sites, masks and noise.
    device
        Where the network runs: "cpu", "cuda".

    Raises
    ------
    UsageError
        If a name is not one of those above, a number is below 1, or there are repeats without noise.
    """

    areas: tuple[str, ...] = ()
    record: str = "units"
    units: int = 1024
    dtype: str = "float16"
    precision: str = "float32"
    batch: int = 100
    policy: str = "frozen"
    beyond_horizon: str = "refuse"
    repeats: int = 1
    noise: Noise | None = None
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.policy == "recalibrated":
            raise UsageError("the policy recalibrated is called pooled now; give pooled, or per-condition.")
        for name, kind, choices in (
            ("record", "kind of record", RECORDS),
            ("dtype", "dtype", DTYPES),
            ("precision", "precision", PRECISIONS),
            ("policy", "policy", POLICIES),
            ("beyond_horizon", "policy beyond the horizon", BEYOND),
        ):
            object.__setattr__(self, name, choose(kind, getattr(self, name), choices))
        for name in ("batch", "units", "repeats"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; give a whole number from 1.")
        if self.repeats > 1 and self.noise is None:
            raise UsageError(
                f"without noise all {self.repeats} repeats of an image would be the same; give noise (--noise "
                "gaussian:0.5) or one repeat."
            )
