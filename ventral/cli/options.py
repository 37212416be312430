"""Options that several commands share, and what is written after them: data, areas, devices, threads."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from ventral.cli.candidates import fixed, setting, settings
from ventral.errors import UsageError, quoted

if TYPE_CHECKING:
    from ventral.experiment.cluster import Cluster
    from ventral.stimuli.shapes import ShapeSettings

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

NAMED_DATA = ("shapes", "cifar10")  # data that need no path


class PathType(click.Path):
    """A path on this machine that is neither empty nor the root of the disk."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path that was given."""
        if value == "":
            self.fail("it is empty; give a path.", param, ctx)
        if "://" in str(value):
            self.fail("it is an address; give a file or a folder on this machine.", param, ctx)
        path = Path(value)
        if path.absolute() == Path(path.absolute().anchor):
            self.fail(f"{value} is the root of the disk; give a folder or a file of its own.", param, ctx)
        return path


class RunType(PathType):
    """The path of a run, or its address in a bucket or on a web server."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path or the address that was given."""
        if "://" not in str(value):
            return super().convert(value, param, ctx)
        from ventral.store.address import run_path

        return run_path(value)


RUN = RunType(path_type=Path)
PATH, COUNT = PathType(path_type=Path), click.IntRange(1)
THREADS, BATCH = click.IntRange(1, 1024), click.IntRange(1, 100_000)


class ImageCount(click.ParamType):  # type: ignore[type-arg]  # generic in some versions only
    """A number of images; None for "all"."""

    name = "N|all"

    def convert(self, value: Any, option: click.Parameter | None, context: click.Context | None) -> int | None:
        """The number that a text means."""
        return None if value == "all" else COUNT.convert(value, option, context)


def option(*names: str, **described: Any) -> Callable[[Decorated], Decorated]:
    """Option of a command, whose help tells its default."""
    return click.option(*names, **({"show_default": True} | described))


def set_threads(context: click.Context, parameter: click.Parameter, count: int | None) -> None:
    """Use this number of processor threads; leave the number as it is if None."""
    if count is not None:
        import torch

        torch.set_num_threads(count)


settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KNOB=VALUE",
    shell_complete=settings,
    help="Set a knob, as in end_ms=150; can be repeated.",
)
calibration_option = option(
    "--calibration",
    metavar="SOURCE",
    help="Images from which statistics are estimated; by default those of --data that are not presented.",
)
device_option = option(
    "--device", default="cpu", shell_complete=fixed("cpu", "cuda"), help="Device that computes: cpu or cuda."
)
_threads: dict[str, Any] = {"type": THREADS, "metavar": "N", "expose_value": False, "callback": set_threads}
threads_option = option("--threads", **_threads, help="Number of processor threads; all cores if not given.")
precision_option = option(
    "--precision",
    default="float32",
    shell_complete=setting("PRECISIONS"),
    help="Convolutions in float32, or in bfloat16: faster and less exact.",
)
_horizon = "At times after the last normalisation statistics: refuse, or held (use the last)."
horizon_option = option("--beyond-horizon", default="refuse", shell_complete=setting("BEYOND"), help=_horizon)


def policy_option(function: Decorated) -> Decorated:
    """Add --policy to a command, and refuse the name that it had before."""
    text = (
        "Normalisation statistics: frozen (those of training), or estimated anew without labels over all conditions "
        "(pooled) or for each alone (per-condition)."
    )
    policies = option("--policy", default="frozen", shell_complete=setting("POLICIES"), help=text)
    return policies(renamed_option("--statistics", "--policy")(function))


def cluster_options(function: Decorated) -> Decorated:
    """Add --workers, --scheduler and --patience to a command that computes on several processes."""
    workers = option("--workers", type=COUNT, metavar="N", help="Processes on this machine that compute.")
    scheduler = option("--scheduler", metavar="ADDRESS|FILE.json", help="Scheduler of dask whose workers compute.")
    patience = option(
        "--patience", type=COUNT, metavar="S", default=1800, help="Seconds without a batch before giving workers up."
    )
    return workers(scheduler(patience(function)))


def chosen_cluster(workers: int | None, scheduler: str | None, patience: int) -> "Cluster | None":
    """The processes that are to compute; None for this one alone.

    Each uses the number of threads that was given, or one: so many are used here too, for what is computed here.
    """
    if workers is None and scheduler is None:
        return None
    import torch

    from ventral.experiment.cluster import Cluster

    if click.get_current_context().get_parameter_source("threads") is not ParameterSource.COMMANDLINE:
        torch.set_num_threads(1)
    return Cluster(workers, scheduler or "", torch.get_num_threads(), patience)


def figure_option(text: str) -> Callable[[Decorated], Decorated]:
    """Option --figure of a command that also draws."""
    return option("--figure", type=PATH, metavar="FILE.svg", help=text)


def renamed_option(old: str, new: str) -> Callable[[Decorated], Decorated]:
    """Option by the name that it had before, which is refused with the new name."""

    def refuse(context: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise UsageError(f"the option {old} is called {new} now; write {new} {value}.")

    return click.option(old, hidden=True, expose_value=False, callback=refuse)


def area_names(text: str | None) -> tuple[str, ...]:
    """Areas written as "V1,IT"; empty if all are meant."""
    return _names(text, "--areas", "V1,IT")


def condition_names(text: str | None) -> tuple[str, ...]:
    """Conditions written as "unmasked,soa_20"; empty if all are meant."""
    return _names(text, "--conditions", "unmasked,soa_20")


def _names(text: str | None, option: str, example: str) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError(f"{option} is {quoted(text)}; write it as {example} or leave it out to have all.")
    return names


def read_source(text: str) -> "tuple[str, ShapeSettings | None]":
    """Name or path of data, and how hard the built-in shapes are, as in "shapes:clutter=0.8,contrast=0.5"."""
    name, colon, rest = text.partition(":")
    if colon and name in NAMED_DATA and name != "shapes":
        raise UsageError(f"the data {name!r} has no settings; only shapes does, as in shapes:clutter=0.8.")
    if name != "shapes" or not colon:
        return text, None
    from ventral.knobs import apply_settings
    from ventral.stimuli.shapes import ShapeSettings

    given: dict[str, Any] = apply_settings(ShapeSettings, [part for part in rest.split(",") if part])
    return name, ShapeSettings(**given)


def check_device(name: str) -> str:
    """Return the name of a device, once it has computed something."""
    import torch

    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError):
        raise UsageError(f"there is no device {quoted(name)} here; use cpu, or cuda where torch finds a GPU.") from None
    return name
