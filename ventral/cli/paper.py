"""The command that reproduces the paper: trainings, what is done of them, figures, claims and predictions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ventral.cli.console import busy, progress_bar, resumable, table, typed
from ventral.cli.lookup import find_protocol, load_trained, own_data
from ventral.cli.options import check_device, device_option, read_source, set_threads, settings_option, threads_option
from ventral.errors import TrainingError, UsageError, choose

if TYPE_CHECKING:
    from ventral.paper.sweep import Job, Setting
    from ventral.training.train import Trainer


@click.command()
@click.argument("figures", nargs=-1, required=True, metavar="FIGURE...")
@click.option("--scale", "scale_name", default="small", show_default=True, help="full, or smaller: small, trial.")
@click.option("--seeds", type=click.IntRange(1), metavar="N", default=3, show_default=True, help="From 0 to N-1.")
@click.option("--recipe", "recipe_name", metavar="NAME|FILE.toml", help="How trained; the scale's own if not given.")
@settings_option
@click.option("--data", metavar="SOURCE", help="Images, splits train and test; cifar10, or the model's, if not given.")
@click.option("--data-name", metavar="NAME", help="What they are called in tables; as in --data if not given.")
@click.option("--model", default="cifar10", show_default=True, metavar="NAME|FILE", help="Whose predictions.")
@click.option(
    "--images", type=click.IntRange(1), metavar="N", default=1000, show_default=True, help="How many for predictions."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default="results", show_default=True, help="Folder of tables and figures."
)
@click.option(
    "--work", type=click.Path(path_type=Path), default="runs/reproduce", show_default=True, help="Folder of trainings."
)
@click.option("--list", "listing", is_flag=True, help="Say what is done and what is missing, and do nothing.")
@device_option
@threads_option
def reproduce(
    figures: tuple[str, ...],
    scale_name: str,
    seeds: int,
    recipe_name: str | None,
    settings: tuple[str, ...],
    data: str | None,
    data_name: str | None,
    model: str,
    images: int,
    out: Path,
    work: Path,
    listing: bool,
    device: str,
    threads: int | None,
) -> None:
    """Train the networks that figures of the paper compare, and draw and judge what follows.

    \b
    FIGURE is one of fig6, fig7, fig8, fig9, fig10, fig13, one-state (appendix B),
    statistics (section 3.7), prenet (section 5.3.3), all of these; or predictions,
    those of section 6, by a trained model.

    Trainings are worked off one by one, seed by seed. What is done is not done again; what was interrupted is gone on
    with; what another process is at is left to it, so that several may be given the same command.
    """  # noqa: D301 - click wants the character
    if "predictions" in figures:
        if set(figures) != {"predictions"}:
            raise UsageError("predictions are of a trained model, with options of their own; give them alone.")
        set_threads(threads)
        predict(model, data, data_name or "", images, out, work, check_device(device))
        return
    with busy("loading"):
        from ventral.paper.claims import FIGURES, find_figure
        from ventral.paper.sweep import SCALES, Setting, expect_free, jobs_of
        from ventral.paper.verdicts import counted
        from ventral.stimuli.datasets import load_images
        from ventral.training.recipe import read_recipe, recipe_settings

        set_threads(threads)
        asked = (
            list(FIGURES.values())
            if "all" in figures
            else [find_figure(name, ("all", "predictions")) for name in figures]
        )
        scale = SCALES[choose("scale", scale_name, SCALES)]
        given = recipe_settings(settings)
        expect_free(given)
        name = recipe_name or scale.recipe
        recipe = replace(scale.fit(read_recipe(name)), **given)
        title = ", ".join([Path(name).stem, *(setting.replace(" ", "") for setting in sorted(settings))])
    data = data or "cifar10"
    source, shapes = read_source(data)
    with busy(f"reading {source}"):
        shown, test = (load_images(source, split, 32, shapes=shapes) for split in ("train", "test"))
    setting = Setting(scale, recipe, title, shown, test, data_name or data, out, work, check_device(device))
    jobs = jobs_of(asked, seeds)
    epochs = counted(recipe.epochs, "epoch")
    click.echo(f"scale {scale.name}: {scale.said}; recipe {title}, {epochs}; {setting.data}; {setting.device}")
    if listing:
        tell_campaign(jobs, setting)
        return
    left = run_campaign(jobs, setting)
    tell_reproduction(setting)
    if left:
        names = ", ".join(f"{job.variant.name} (seed {job.seed})" for job in left)
        few = counted(len(left), "training")
        raise TrainingError(
            f"{few} of {len(jobs)} missing: {names}; the same command goes on, but where the loss was not finite it "
            "needs another recipe (--recipe, --set learning_rate=...)."
        )


def run_campaign(jobs: "Sequence[Job]", setting: "Setting") -> "list[Job]":
    """Work off trainings with a bar over all of them."""
    from ventral.paper.sweep import missing, weight_of, work_off

    weights = {job: weight_of(job, setting) for job in missing(jobs, setting)}
    ended: dict[Job, float] = {}
    with resumable(f"{setting.work} keeps what is done"), progress_bar("reproducing", "%") as advance:

        def report(job: "Job", trainer: "Trainer", loss: float, accuracy: float) -> None:
            ended[job] = weights[job] * trainer.step / trainer.steps
            remark = f"{job.variant.name}, seed {job.seed}: loss {loss:.2f}, {100 * accuracy:.0f} % of the batch"
            advance(int(100 * sum(ended.values()) / sum(weights.values())), 100, remark)

        return work_off(jobs, setting, click.echo, report)


def predict(model: str, data: str | None, data_name: str, images: int, out: Path, work: Path, device: str) -> None:
    """Record what the paper's predictions are about, measure them, and redraw the page."""
    with busy("loading"):
        from ventral.paper.predictions import record_predictions, taught
        from ventral.paper.predictions_page import COLUMNS, read_outcomes, save_predictions, table_rows
        from ventral.paper.report import write_reproduction
        from ventral.paper.sweep import SAID

        network = load_trained(model, device)
    name, shapes = read_source(data or own_data(network))
    flash, masking = (find_protocol(protocol, ()) for protocol in ("flash", "backward-mask"))
    with resumable(f"{work} keeps what is recorded"), progress_bar("recording", "batches") as advance:
        record_predictions(
            network, flash, masking, name, work, count=images, shapes=shapes, command=typed(), progress=advance
        )
    with busy("measuring"):
        files = save_predictions(work, network.name, out, data_name, taught(network.metadata.get("recipe", {})))
    table(f"predictions of the paper, {network.name}", COLUMNS, table_rows(read_outcomes(files[-2])))
    write_reproduction(out, SAID)
    click.echo("\n".join(map(str, files)))


def tell_campaign(jobs: "Sequence[Job]", setting: "Setting") -> None:
    """What is done and what is missing."""
    from ventral.paper.results import read_results
    from ventral.paper.sweep import begun, key_of, missing
    from ventral.paper.verdicts import counted

    found = {result.key: result for result in read_results(setting.results) if result.t == result.test_t}
    left = missing(jobs, setting)
    rows = []
    for name in dict.fromkeys(job.variant.name for job in jobs):
        mine = [job for job in jobs if job.variant.name == name]
        done = [found[key_of(job, setting)] for job in mine if key_of(job, setting) in found]
        errors = [result.validation_error for result in done]
        halves = {job.seed: begun(job, setting) for job in mine if job in left}
        open_ = [f"{seed} ({100 * part:.0f} %)" if part else str(seed) for seed, part in halves.items()]
        mean = f"{sum(errors) / len(errors):.1f}" if errors else ""
        rows.append((name, " ".join(str(result.seed) for result in done), ", ".join(open_), mean))
    table("trainings", ("network", "seeds done", "seeds missing", "% errors"), rows)
    click.echo(f"{counted(len(jobs) - len(left), 'training')} of {len(jobs)} done")


def tell_reproduction(setting: "Setting") -> None:
    """Draw everything that is in the tables, and say what follows from these trainings."""
    from ventral.paper.report import write_reproduction
    from ventral.paper.results import read_results
    from ventral.paper.sweep import SAID
    from ventral.paper.verdicts import group_of, judge_all, rows_of_verdicts

    group = (setting.scale.name, setting.recipe_name, setting.data)
    mine = [result for result in read_results(setting.results) if group_of(result) == group]
    if not mine:
        return
    with busy("drawing"):
        files = write_reproduction(setting.results, SAID)
    click.echo()
    rows = [row for row in rows_of_verdicts(judge_all(mine)) if row[3] != "0"]
    if rows:
        table(f"claims of the paper, {setting.scale.name} scale", ("claim", "that", "points", "seeds", "verdict"), rows)
    click.echo("\n".join(map(str, files[:2])))
    click.echo(f"{sum(file.suffix == '.png' for file in files)} figures (PNG and SVG) in {setting.results}")
