"""What is trained, as data: a grid is a list of cells, a cell is one model."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from iram.architecture import Architecture
from iram.model import plan
from iram.names import name_of
from iram.training.recipe import Recipe


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
        return name_of(self.label, self.seed)

    @property
    def epochs(self) -> int:
        return Recipe.from_dict(self.recipe).epochs

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
    """Each of the named changes of the base recipe, one at a time; seed 0."""
    return [
        Cell(f"{attention}-{name}", 0, {"attention": attention}, base | change)
        for name, change in changes.items()
    ]


def switched(base: dict, switches: dict[str, Iterable]) -> list[Cell]:
    """IRAM with one switch at a time off its default, every other one as it is; seed 0."""
    return [
        Cell(f"iram-{name}-{value}", 0, {"attention": "iram", name: value}, base)
        for name, values in switches.items()
        for value in values
    ]


def reseeded(cells: Iterable[Cell], seeds: Iterable[int]) -> list[Cell]:
    """The cells with other seeds, seed by seed."""
    return [replace(cell, seed=seed) for seed, cell in itertools.product(seeds, cells)]


STUDY = {"epochs": 24}  # the recipe of the study, on FER2013 and on FERPlus alike
LESS = {"rotation": 8.0, "shift": 0.05, "scale": 0.05, "brightness": 0.05, "contrast": 0.1}
# Pictures that grow and a moving average of the weights, with Muon and with SGD; not the study's.
SHORT = {"epochs": 14, "muon": 0.02, "warmup": 0.15, "ema": 0.995, "start_size": 32, "grown": 0.64}
QUICKER = variants(
    "none",
    SHORT,
    {
        "sgd": {"muon": 0.0, "warmup": 0.2, "epochs": 18, "start_size": 24, "grown": 0.7,
                "ema": 0.998},
        "muon": {},
        "muon-augment-less": LESS,
        "muon-28": {"epochs": 28},
    },
)
ERASING = {
    "erasing-noise": {"erasing": 0.5, "erasing_fill": "noise"},
    "erasing-mean": {"erasing": 0.5, "erasing_fill": "mean"},
    "erasing-occluders": {"erasing": 0.5, "erasing_fill": "any", "erasing_shape": "regions"},
}
# Labels without a pattern can only be learned by heart: few, of pictures that stay the same, often.
BY_HEART = {
    "random_labels": True, "faces": 4096, "epochs": 30,
    "label_smoothing": 0.0, "weight_decay": 0.0, "flip": False,
    "rotation": 0.0, "shift": 0.0, "scale": 0.0, "brightness": 0.0, "contrast": 0.0,
}
ERASED = zip(variants("iram", STUDY, ERASING), variants("none", STUDY, ERASING), strict=True)
COMPARED = ("none", "iram", "cbam", "none-matched")

SEED_0 = [
    *product(COMPARED, [0], recipe=STUDY),
    *variants("iram", STUDY, {"random-labels": BY_HEART}),
    *itertools.chain.from_iterable(ERASED),
    *product(("se", "eca", "coordinate", "simam"), [0], recipe=STUDY),
    *switched(STUDY, {"reuse": ("none", "branch", "layer"), "reduction": (4, 16),
                      "fusion": ("multiply", "residual")}),
]

# Readings of IRAM beside today's, by their labels; the docstrings of `iram.attention.iram` and
# `iram.attention.factored` say which sentence each follows.
FREE = {"attention": "iram", "fusion": "multiply", "start": "random"}
READINGS = {
    "iram-free": FREE | {"gain": 4.0},
    "iram-factored": {"attention": "iram-factored"},
}


def placed(readings: dict[str, dict], place: str, base: dict) -> list[Cell]:
    """The readings with their gates in this place; seed 0."""
    suffix, changed = ("", {}) if place == "branch" else (f"-{place}", {"place": place})
    return [Cell(label + suffix, 0, architecture | changed, base)
            for label, architecture in readings.items()]


BASES = (0, 5, 6)  # seeds of the study's nets that ship, from which a cell of seed 0, 1, 2 begins


def zoo(seed: int) -> list[Cell]:
    """Nets like those of ten other works (`iram.zoo`), the cheapest first; where a net is trained
    by more than cross-entropy, or has many parts that share the epochs, the recipe says so."""
    plain = {"attention": "none"}
    taught = {"terms": "cross_entropy:0.3+distillation:0.7", "teacher": f"none-seed{BASES[seed]}"}
    voting = {"terms": "cross_entropy:0+members:1+reconstruction:0.1", "epochs": 16}
    apart = {"terms": "cross_entropy:0+streams:1"}
    cells = {
        "vgg": ("vgg", plain, {}),
        "plain": ("plain", plain, {}),
        "regional": ("regional", {"attention": "regional"}, {}),
        "separable": ("separable", plain, {}),
        "crops": ("crops", plain, {}),
        "bidirectional": ("bidirectional", plain, voting),
        "ensemble": ("ensemble", plain, {"terms": "cross_entropy:0+members:1", "epochs": 10}),
        "resnet12": ("resnet12", plain, {}),
        "siamese": ("siamese", plain, {"terms": "contrastive:0.5"}),
        "mobile": ("mobile", plain, {}),
        "dual": ("dual", {"attention": "se"}, apart),
        "distilled": ("separable", plain, taught),
    }
    return [Cell(f"zoo-{label}", seed, {"backbone": backbone} | more, STUDY | recipe)
            for label, (backbone, more, recipe) in cells.items()]


# It goes on from the study's nets for a twelfth of their epochs: what that changes is seen against
# the same net before, and the grid fits on two cores. The copy of each face is covered.
AWAY = {"epochs": 2, "lr": 0.02, "erasing": 1.0, "erasing_fill": "families",
        "erasing_shape": "regions", "held_out": "texture"}
TERMS_AWAY = {"consistency": 1.0, "attention_stays": 4.0, "attention_falls": 4.0,
              "features_stay": 0.5}


def away(label: str, attention: str = "iram", **weights: float) -> list[Cell]:
    """A net of three seeds that is taught by a face beside the same face covered, with these terms;
    without any, by erasing half of the faces alike."""
    terms = {"terms": "+".join(f"{name}:{weight:g}" for name, weight in weights.items())}
    recipe = AWAY | (terms if weights else {"erasing": 0.5})
    return [Cell(label, seed, {"attention": attention},
                 recipe | {"pretrained": name_of(attention, base)})
            for seed, base in enumerate(BASES)]


def seed_by_seed(models: list[list[Cell]]) -> list[Cell]:
    """The first seed of every model, then the second of every model, and so on."""
    return [cell for cells in zip(*models, strict=True) for cell in cells]


def alone(term: str) -> dict[str, float]:
    return {term: TERMS_AWAY[term]}


def twins(cells: Iterable[Cell]) -> list[Cell]:
    """Of those that have attention: the same without, called LABEL-none."""
    return [replace(cell, label=f"{cell.label}-none",
                    architecture=cell.architecture | {"attention": "none"})
            for cell in cells if cell.architecture["attention"] != "none"]


AWAY_MAIN = [
    away("iram-away", **TERMS_AWAY),
    away("none-away-consistency", "none", **alone("consistency")),
    away("iram-away-erasing"),
    away("none-away-erasing", "none"),
    away("iram-away-falls-0", **(TERMS_AWAY | {"attention_falls": 0})),
]
AWAY_REST = [
    *(away(f"iram-away-falls-{weight}", **(TERMS_AWAY | {"attention_falls": weight}))
      for weight in (16, 1)),
    away("none-away", "none", **alone("consistency"), **alone("features_stay")),  # iram-away's twin
    *(away(f"iram-away-{name.replace('_', '-')}", **alone(name))
      for name in ("attention_falls", "consistency", "attention_stays", "features_stay")),
]
# What may help on really occluded faces, one upon the other; none of it is the study's.
VOTES = STUDY | {"votes": 1.0, "label_smoothing": 0.0, "ema": 0.998}
OCCLUDED = {"erasing": 0.5, "erasing_fill": "any", "erasing_shape": "regions"}
BESIDE = OCCLUDED | {"erasing": 1.0, "terms": "consistency:1"}
ROBUST = [
    Cell(f"robust{name}", 0, {"attention": attention, "width": width}, VOTES | more)
    for name, attention, width, more in (
        ("-votes", "none", 1.0, {}),
        ("-occluded", "none", 1.0, OCCLUDED),
        ("-wide", "none", 1.5, OCCLUDED),
        ("-iram", "iram", 1.0, OCCLUDED),
        ("-consistency", "none", 1.0, BESIDE),
    )
]
ZOO = [cell for seed in range(3) for cell in zoo(seed)]
GRIDS: dict[str, list[Cell]] = {
    # The search for a recipe: half the study's epochs, the net without attention, PublicTest.
    "recipe": variants(
        "none",
        {"epochs": 12},
        {
            "base": {},
            "augment-less": LESS,
            "lr-0.16": {"lr": 0.16},
            "lr-0.04": {"lr": 0.04},
            "decay-1e-4": {"weight_decay": 1e-4},
            "decay-1e-3": {"weight_decay": 1e-3},
            "smoothing-0": {"label_smoothing": 0.0},
        },
    ),
    # A search for the study's accuracy in half its time, on PublicTest, and for a higher one in its
    # time; then two more seeds (docs/protocol.md says of which).
    "speed": reseeded(QUICKER, range(3)),
    # On FER2013. The order makes a part of it useful: the first seed of everything first, what is
    # compared before its controls, these before the ablation.
    "study": [*SEED_0, *product(COMPARED, [1, 2], recipe=STUDY)],
    # New seeds for the verdicts, trained after the rules were frozen (docs/protocol.md): what H1,
    # H3 and H6 compare, and the control that learned labels without a pattern by heart.
    "confirmation": reseeded([*product(("iram", "none", "cbam"), [0], recipe=STUDY),
                              *variants("iram", STUDY, {"random-labels": BY_HEART})], range(5, 10)),
    # All of it five times, for a GPU: the cells of "study" are among them.
    "study-5": [*SEED_0, *reseeded(SEED_0, [1, 2, 3, 4])],
    "ferplus": product(["none", "iram"], [0, 1, 2], "-ferplus", recipe=STUDY),  # 8 classes
    # On FER2013, to choose a reading of IRAM on PublicTest; today's in the branch, cbam and none
    # are cells of "study". Two cells decide between the wirings, three more on the gate's place;
    # then, whether the gain matters beside the start, and what the place does to another module.
    "readings": [
        *placed(READINGS, "branch", STUDY),
        *placed(READINGS | {"iram": {"attention": "iram"}}, "block", STUDY),
        *placed({"iram-free-gain-1": FREE}, "branch", STUDY),
        *placed({"iram-free-gain-1": FREE, "cbam": {"attention": "cbam"}}, "block", STUDY),
    ],
    # On FER2013: what IRAM can do when size is not the limit, by the study's recipe on two cores
    # (an hour), so that it differs from the study's IRAM in size alone, and when time is not the
    # limit either, for a GPU.
    "reference": [
        Cell("iram-wide", architecture={"width": 2.0, "attention": "iram"}, recipe=STUDY),
        Cell(
            "iram-reference",
            architecture={"backbone": "resnet18", "attention": "iram"},
            recipe={"epochs": 200, "mixup": 0.2},
        ),
    ],
    # On FER2013: attention that is taught to look away (docs/protocol.md). All seeds of what
    # decides first; then each term alone, and other weights of what makes attention fall.
    "away": [*seed_by_seed(AWAY_MAIN), *seed_by_seed(AWAY_REST)],
    # On FERPlus (--data ferplus:...): chosen on PublicTest; docs/protocol.md.
    "robust": ROBUST,
    # On FER2013, beside the study's nets; at last, for the shift study, twins without attention.
    "zoo": [*ZOO, *twins(ZOO)],
    "heads": product(  # on heads:n=6000
        ["iram", "none", "se", "cbam"], [0], "-heads", recipe={"epochs": 8, "lr": 0.05}
    ),
}
