"""A campaign: the trainings of the networks that the paper's figures compare, at one scale, over seeds."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ventral.errors import UsageError
from ventral.model.counting import multiply_adds
from ventral.paper.claims import PaperFigure, needed
from ventral.paper.networks import NARROWEST, VARIANTS, Variant, by_name
from ventral.stimuli.images import Images
from ventral.stimuli.sampling import evenly
from ventral.training.recipe import RECIPES, Recipe, fitted

PAPER = RECIPES["paper"]
STATISTICS_IMAGES = 1000
# Fields of a recipe that a campaign may choose, in the recipe's order; all others are the same in every campaign.
SETTABLE = (
    "epochs",
    "batch",
    "learning_rate",
    "momentum",
    "weight_decay",
    "nesterov",
    "schedule",
    "warmup",
    "drop_epochs",
    "label_smoothing",
    "precision",
    "compile",
)


@dataclass(frozen=True)
class CampaignScale:
    """The size of a reproduction; images are drawn evenly over classes."""

    name: str  # in tables
    width: float = 1.0  # factor of the paper's feature maps
    images: int | None = None  # number of training images; None for all
    tested: int | None = None  # number of test images; None for all
    epochs: int | None = None  # in place of the recipe's; more, in proportion, where the paper trained longer
    recipe: str = "paper"  # name of the recipe if none is given
    precision: str = "float32"

    @property
    def text(self) -> str:
        """The scale in words."""
        if self.width == 1 and not (self.images or self.tested or self.epochs):
            return "as in the paper"
        narrow = f"{self.width:g} times the paper's feature maps but no fewer than {NARROWEST}"
        maps = "the paper's feature maps" if self.width == 1 else narrow
        train = f"{self.images:,} training images" if self.images else "all training images"
        test = f"{self.tested:,} test images" if self.tested else "all test images"
        return f"{maps}, {train}, {test}"

    def fit(self, recipe: Recipe) -> Recipe:
        """A recipe at this scale; apply a user's own settings after it."""
        recipe = replace(recipe, precision=self.precision)
        return recipe if self.epochs is None else with_epochs(recipe, self.epochs, recipe.epochs, recipe.drop_epochs)


SCALES = by_name(
    CampaignScale("full"),
    CampaignScale("medium", 0.25, epochs=12, precision="bfloat16"),
    CampaignScale("small", 0.25, 10_000, 5_000, 5, "fast", "bfloat16"),
    CampaignScale("trial", 0.0625, 500, 500, 2, "fast"),
)


@dataclass(frozen=True)
class Campaign:
    """What all trainings of a reproduction have in common."""

    scale: CampaignScale
    recipe: Recipe  # fitted to the scale (`CampaignScale.fit`)
    recipe_name: str  # in tables
    load: Callable[[str], Images]  # all images of a split, "train" or "test", of which the scale takes its part
    data: str  # name of the images in tables
    results: Path  # folder of the tables
    work: Path  # folder of the trainings
    device: str = "cpu"

    @property
    def cohort(self) -> tuple[str, str, str]:
        """Names of scale, recipe and data: what its results have in common that are compared with each other."""
        return self.scale.name, self.recipe_name, self.data

    @cached_property
    def parts(self) -> tuple[Images, Images]:
        """The training and the test images at this scale, which are read when they are first asked for."""
        return _part(self.load("train"), self.scale.images), _part(self.load("test"), self.scale.tested)

    @cached_property
    def images_id(self) -> str:
        """A hash of the images, which other images under the same name do not have."""
        return hashlib.sha256("".join(part.fingerprint for part in self.parts).encode()).hexdigest()[:12]

    @property
    def settings(self) -> str:
        """The fields of the recipe that a campaign may choose: "epochs=5 batch=64 learning_rate=0.05 ..."."""
        return " ".join(f"{name}={_written(getattr(self.recipe, name))}" for name in SETTABLE)


@dataclass(frozen=True)
class Training:
    """A training of a campaign: a variant of the paper from one seed."""

    variant: Variant
    seed: int

    @property
    def title(self) -> str:
        """Its name for reading."""
        return f"{self.variant.name}, seed {self.seed}"


def trainings_of(figures: Iterable[PaperFigure], seeds: int) -> list[Training]:
    """The trainings that figures need, all of one seed before the next, so that networks have equally many seeds."""
    names = dict.fromkeys(name for figure in figures for name in needed(figure))
    return [Training(VARIANTS[name], seed) for seed in range(seeds) for name in names]


def key_of(training: Training, campaign: Campaign) -> tuple[str, str, str, str, int]:
    """What identifies a training in the tables: the columns `ventral.paper.results.TRAINING`."""
    return training.variant.name, *campaign.cohort, training.seed


def folder_of(training: Training, campaign: Campaign) -> Path:
    """The folder of a training."""
    return campaign.work.joinpath(*map(slug, campaign.cohort), training.variant.name, f"seed-{training.seed}")


def slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^\w.=-]+", "-", name.lower()).strip("-")


def recipe_of(training: Training, campaign: Campaign) -> Recipe:
    """The recipe of a training: that of the campaign, for as many epochs as the scale and the variant say.

    Images stay on, as in the paper; none is held out and nothing is selected: the weights are those of the last epoch.
    """
    base, variant = campaign.recipe, training.variant
    if variant.epochs != PAPER.epochs:
        longer = round(base.epochs * variant.epochs / PAPER.epochs)
        base = with_epochs(base, longer, variant.epochs, variant.drop_epochs)
    recipe = replace(base, brief=0.0, preceded=0.0, delayed=0.0, masked=0.0, late_share=0.0, readout_ms=())
    recipe = replace(recipe, held_out=0, validate_every=1, statistics_images=STATISTICS_IMAGES, seed=training.seed)
    fits = fitted(recipe, variant.graph(campaign.scale.width))
    return replace(fits, horizon_ms=max(fits.end_ms, *variant.reads_ms))


def with_epochs(recipe: Recipe, epochs: int, of: int, drops: Sequence[int]) -> Recipe:
    """A recipe for another number of epochs; the rate drops at the same fractions of it as at `drops` among `of`."""
    drops = [round(drop * epochs / of) for drop in drops] if recipe.schedule == "steps" else ()
    return replace(recipe, epochs=max(1, epochs), drop_epochs=tuple(drops))


def expect_settable(names: Iterable[str]) -> None:
    """Refuse fields of a recipe that are the same for all networks that are compared."""
    for name in names:
        if name not in SETTABLE:
            settable = ", ".join(SETTABLE)
            raise UsageError(f"{name} is the same for all networks that are compared; what can be set is {settable}.")


def cost_of(training: Training, campaign: Campaign) -> float:
    """Cost of a training relative to others: multiply-adds for one image, times epochs."""
    graph = training.variant.graph(campaign.scale.width)
    return multiply_adds(graph, graph.readout_ms) * recipe_of(training, campaign).epochs


def _part(images: Images, count: int | None) -> Images:
    positions = range(len(images)) if count is None else evenly(images.labels, min(count, len(images)))
    return images.take(positions)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
