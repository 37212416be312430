"""The command that reproduces the paper: trainings, figures, claims and predictions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ventral.cli.console import busy, echo, progress_bar, resumable, table, typed
from ventral.cli.lookup import find_protocol, load_trained, own_data
from ventral.cli.options import (
    COUNT,
    PATH,
    check_device,
    device_option,
    option,
    read_source,
    settings_option,
    threads_option,
)
from ventral.errors import TrainingError, UsageError, choose

if TYPE_CHECKING:
    from ventral.paper.campaign import Campaign, Training
    from ventral.stimuli.images import Images
    from ventral.training.trainer import Trainer

PREDICTED_IMAGES, FAMILY_IMAGES = 1000, 300  # unless --images says so


@click.command()
@click.argument("figures", nargs=-1, required=True, metavar="FIGURE...")
@option("--scale", "scale_name", default="small", help="Scale: full, or smaller (medium, small, trial).")
@option("--seeds", type=COUNT, metavar="N", default=3, help="Number of seeds, from 0 to N-1.")
@option("--recipe", "recipe_name", metavar="NAME|FILE.toml", help="Recipe of training; by default the scale's.")
@settings_option
@option("--data", metavar="SOURCE", help="Images, splits train and test; by default cifar10, or the model's.")
@option("--data-name", metavar="NAME", help="Name of the images in the tables; by default as in --data.")
@option("--model", default="cifar10", metavar="NAME|FILE", help="Model for predictions.")
@option("--images", type=COUNT, metavar="N", help="Number of images for predictions (1,000) or the family (300).")
@option("--out", type=PATH, default="results", help="Folder of tables and figures.")
@option("--work", type=PATH, default="runs/reproduce", help="Folder of trainings.")
@option("--list", "listing", is_flag=True, help="List finished and missing trainings, and do nothing.")
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
    images: int | None,
    out: Path,
    work: Path,
    listing: bool,
    device: str,
) -> None:
    """Train the networks that figures of the paper compare, draw the figures, and judge the claims.

    \b
    FIGURE is one of fig6, fig7, fig8, fig9, fig10, fig13, one-state (appendix B),
    statistics (section 3.7), prenet (section 5.3.3), all of these; or predictions,
    those of section 6, by a trained model; or family, the same by networks that
    come with weights and differ in wiring, which tells what recurrence adds.

    Networks are trained one after another, seed by seed. Trainings that have ended are skipped, interrupted ones are
    resumed, and those that another process is running are left to it; so the same command can run in several processes.
    """  # noqa: D301 - click wants the character
    check_device(device)
    if "predictions" in figures:
        if set(figures) != {"predictions"}:
            raise UsageError("predictions are of a trained model, with options of their own; give them alone.")
        predict(model, data, data_name or "", images or PREDICTED_IMAGES, out, work, device)
        return
    if "family" in figures:
        if set(figures) != {"family"}:
            raise UsageError(
                "the networks of the family are trained already, with options of their own; give it alone."
            )
        compare_family(seeds, data or "cifar10", data_name, images or FAMILY_IMAGES, out, work, device)
        return
    with busy("loading"):
        from ventral.knobs import apply_settings
        from ventral.paper.campaign import SCALES, Campaign, expect_settable, trainings_of
        from ventral.paper.claims import FIGURES, find_figure
        from ventral.paper.verdicts import counted
        from ventral.stimuli.datasets import load_images
        from ventral.training.recipe import Recipe
        from ventral.training.recipes import read_recipe

        others = ("all", "predictions", "family")
        wanted = list(FIGURES.values()) if "all" in figures else [find_figure(name, others) for name in figures]
        scale = SCALES[choose("scale", scale_name, SCALES)]
        given = apply_settings(Recipe, settings)
        expect_settable(given)
        name = recipe_name or scale.recipe
        recipe = replace(scale.fit(read_recipe(name)), **given)  # type: ignore[arg-type]
        title = ", ".join([Path(name).stem, *(setting.replace(" ", "") for setting in sorted(settings))])
    data = data or "cifar10"
    source, shapes = read_source(data)

    def load(split: str) -> "Images":
        with busy(f"reading {source}"):
            return load_images(source, split, 32, shapes=shapes)

    campaign = Campaign(scale, recipe, title, load, data_name or data, out, work, device)
    trainings = trainings_of(wanted, seeds)
    epochs = counted(recipe.epochs, "epoch")
    echo(f"scale {scale.name}: {scale.text}; recipe {title}, {epochs}; {campaign.data}; {campaign.device}")
    if listing:
        list_trainings(trainings, campaign)
        return
    left = run_campaign(trainings, campaign)
    print_reproduction(campaign)
    if left:
        names = ", ".join(f"{training.variant.name} (seed {training.seed})" for training in left)
        raise TrainingError(
            f"{counted(len(left), 'training')} of {len(trainings)} missing: {names}; the same command resumes them, "
            "but where the loss was not finite, use another recipe (--recipe, --set learning_rate=...)."
        )


def run_campaign(trainings: "Sequence[Training]", campaign: "Campaign") -> "list[Training]":
    """Train what is missing, with a bar over all trainings, and return what is still missing."""
    from ventral.paper.campaign import cost_of
    from ventral.paper.sweep import missing, train_missing

    costs = {training: cost_of(training, campaign) for training in missing(trainings, campaign)}
    done: dict[Training, float] = {}
    with resumable(f"{campaign.work} keeps what was trained"), progress_bar("reproducing", "%") as advance:

        def report(training: "Training", trainer: "Trainer", loss: float, accuracy: float) -> None:
            done[training] = costs[training] * trainer.step / trainer.steps
            remark = f"{training.title}: loss {loss:.2f}, {100 * accuracy:.0f} % of the batch"
            advance(int(100 * sum(done.values()) / sum(costs.values())), 100, remark)

        return train_missing(trainings, campaign, echo, report)


def predict(model: str, data: str | None, data_name: str, images: int, out: Path, work: Path, device: str) -> None:
    """Record what the paper's predictions are about, measure them, and redraw the page."""
    with busy("loading"):
        from ventral.paper.outcomes import taught
        from ventral.paper.recordings import record_predictions
        from ventral.paper.report import write_reproduction
        from ventral.paper.report_predictions import COLUMNS, read_outcomes, save_predictions, table_rows

        network = load_trained(model, device)
    name, shapes = read_source(data or own_data(network))
    impulse = network.graph.drive == "impulse"  # an image enters at one tick, and so does a mask
    knobs = {"flash": ("duration_ms=10",), "backward-mask": ("mask_ms=10",)}
    flash, masking = (find_protocol(protocol, given if impulse else ()) for protocol, given in knobs.items())
    with resumable(f"{work} keeps what was recorded"), progress_bar("recording", "batches") as advance:
        record_predictions(
            network, flash, masking, name, work, count=images, shapes=shapes, command=typed(), progress=advance
        )
    with busy("measuring"):
        files = save_predictions(work, network.name, out, data_name, taught(network.metadata.get("recipe", {})))
    table(f"predictions of the paper, {network.name}", COLUMNS, table_rows(read_outcomes(files[-2])))
    write_reproduction(out)
    echo("\n".join(map(str, files)))


def compare_family(
    seeds: int, data: str, data_name: str | None, images: int, out: Path, work: Path, device: str
) -> None:
    """Record the networks of the family, and write what recurrence adds."""
    with busy("loading"):
        from ventral.model.weights import shipped
        from ventral.paper.family_recordings import record_family, subjects_of
        from ventral.paper.report_family import save_family

        subjects = subjects_of(list(shipped()), seeds)
    folder = work / "family"
    with resumable(f"{folder} keeps what was recorded"), progress_bar("recording", "runs") as advance:
        record_family(subjects, data, folder, count=images, device=device, command=typed(), progress=advance)
    with busy("measuring"):
        files = save_family(subjects, folder, out, data_name or data)
    echo("\n".join(map(str, files)))


def list_trainings(trainings: "Sequence[Training]", campaign: "Campaign") -> None:
    """List which trainings have ended and which are missing."""
    from ventral.paper.campaign import key_of
    from ventral.paper.results import TRAINING, read_results
    from ventral.paper.sweep import missing, saved_step
    from ventral.paper.verdicts import counted

    results = read_results(campaign.results)
    errors = results[results["t"] == results["test_t"]].set_index(TRAINING)["validation_error"]
    left = missing(trainings, campaign, compare_images=False)
    rows = []
    for name in dict.fromkeys(training.variant.name for training in trainings):
        several = [training for training in trainings if training.variant.name == name]
        ended = errors.reindex([key_of(training, campaign) for training in several]).dropna()
        begun = {training.seed: saved_step(training, campaign) for training in several if training in left}
        unfinished = [f"{seed} (step {step})" if step else str(seed) for seed, step in begun.items()]
        seeds = " ".join(map(str, ended.index.get_level_values("seed")))
        rows.append((name, seeds, ", ".join(unfinished), f"{ended.mean():.1f}" if len(ended) else ""))
    table("trainings", ("network", "seeds done", "seeds missing", "% errors"), rows)
    echo(f"{counted(len(trainings) - len(left), 'training')} of {len(trainings)} done")


def print_reproduction(campaign: "Campaign") -> None:
    """Draw everything that is in the tables, and print the verdicts on this campaign."""
    from ventral.paper.report import write_reproduction
    from ventral.paper.results import read_results, results_of_cohort
    from ventral.paper.verdicts import judge, verdict_rows

    own = results_of_cohort(read_results(campaign.results), campaign.cohort)
    if own.empty:
        return
    with busy("drawing"):
        files = write_reproduction(campaign.results)
    echo()
    verdicts = judge(own)
    if verdicts["seeds"].any():
        title = f"claims of the paper, {campaign.scale.name} scale"
        rows = verdict_rows(verdicts[verdicts["seeds"] > 0])
        table(title, ("claim", "comparison", "points", "seeds", "verdict"), rows)
    echo("\n".join(map(str, files[:2])))
    echo(f"{sum(file.suffix == '.png' for file in files)} figures (PNG, SVG and PDF) in {campaign.results}")
