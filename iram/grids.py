"""What is trained, as data: a grid is a list of cells, a cell is one model."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from iram.model import Architecture, plan
from iram.recipe import Recipe


@dataclass(frozen=True)
class Cell:
    """One model to train.

    Attributes:
        label: what distinguishes it, without the seed; names its files.
        seed: of the initial weights, the order of the pictures and their augmentation.
        architecture: arguments of `iram.model.plan`; the classes come from the data.
        recipe: overrides of `Recipe`'s defaults.
    """

    label: str
    seed: int = 0
    architecture: dict = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.label}-seed{self.seed}"

    def build(self, classes: tuple[str, ...], size: int) -> tuple[Architecture, Recipe]:
        """The architecture for faces of these classes and this size, and the recipe."""
        recipe = Recipe.from_dict(self.recipe)
        return plan(**self.architecture, classes=classes, input_size=size), recipe


def product(
    attention: Iterable[str],
    seeds: Iterable[int],
    suffix: str = "",
    architecture: dict | None = None,
    recipe: dict | None = None,
) -> list[Cell]:
    """Every attention module with every seed: the first seed of all modules first, so that a
    grid which is not finished still compares all modules."""
    return [
        Cell(name + suffix, seed, {**(architecture or {}), "attention": name}, recipe or {})
        for seed, name in itertools.product(seeds, attention)
    ]


def variants(attention: str, base: dict, changes: dict[str, dict]) -> list[Cell]:
    """The base recipe, then each of the named changes of it, one at a time; seed 0."""
    return [
        Cell(f"{attention}-{name}", 0, {"attention": attention}, base | change)
        for name, change in {"base": {}, **changes}.items()
    ]


GRIDS: dict[str, list[Cell]] = {
    # The search for a recipe: half the study's epochs, the net without attention, PublicTest.
    "recipe": variants(
        "none",
        {"epochs": 12},
        {
            "augment-less": {
                "rotation": 8.0,
                "shift": 0.05,
                "scale": 0.05,
                "brightness": 0.05,
                "contrast": 0.1,
            },
            "lr-0.16": {"lr": 0.16},
            "lr-0.04": {"lr": 0.04},
            "decay-1e-4": {"weight_decay": 1e-4},
            "decay-1e-3": {"weight_decay": 1e-3},
            "smoothing-0": {"label_smoothing": 0.0},
        },
    ),
    "first": product(["iram", "none", "cbam"], [0], recipe={"epochs": 24}),  # on FER2013
    "heads": product(  # on heads:n=6000
        ["iram", "none", "se", "cbam"], [0], "-heads", recipe={"epochs": 8, "lr": 0.05}
    ),
}
