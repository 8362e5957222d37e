"""How a model came about, as far as it decides what it may be compared with.

A training is read from the card beside the weights. Where there is none (a net from outside), or
where the card does not tell how it was trained, the name says it: NAME-erasing-FILL-seedN,
NAME-random-labels-seedN.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from analysis.subjects.subject import Subject
from iram.errors import InputError
from iram.names import label_of
from iram.recipe import Recipe
from iram.train import difference
from iram.weights import read_card

NOT_COMPARED = ("erasing", "erasing_fill", "erasing_shape", "random_labels")  # fields of a recipe


@dataclass(frozen=True)
class Training:
    """How a model came about, as far as it decides what it is compared with.

    Attributes:
        label: its name without the training seed: iram, iram-heads, iram-erasing-noise.
        attention: its module; "none" for a net without any.
        switches: the module's own options.
        erased: what its training erased with: none, noise, mean, any (picture by picture), or
            occluders (those of the study).
        random_labels: whether it learned shuffled labels.
        material: data, backbone, size and classes; of a net without a card its name's ending.
        recipe: the rest of its recipe; empty where it is not known.
    """

    label: str
    attention: str
    switches: str
    erased: str
    random_labels: bool
    material: tuple
    recipe: tuple

    @property
    def is_control(self) -> bool:
        """Whether no hypothesis is about it: it was taught by erasing, or learned nothing true."""
        return self.erased != "none" or self.random_labels

    @property
    def ending(self) -> str:
        """What the label says beside the module: -heads, -ferplus, or nothing."""
        return self.label[len(self.attention) :] if self.label.startswith(self.attention) else ""


def training_of(subject: Subject, has_attention: bool) -> Training:
    """How this model was trained.

    Raises:
        InputError: a card that can't be read.
    """
    path = getattr(subject, "path", None)
    ours = path and path.suffix == ".safetensors" and path.with_suffix(".json").is_file()
    card = read_card(path) if ours else {}
    label = card.get("label") or label_of(subject.name)
    built, recipe = card.get("architecture", {}), card.get("recipe")
    attention = built.get("attention") or (label.split("-")[0] if has_attention else "none")
    if recipe is None:
        named = re.search(r"-erasing-([a-z]+)", label)
        erased, random_labels = (named[1] if named else "none"), "-random-labels" in label
        rest = ()
    else:
        known = Recipe.from_dict(recipe)
        erased, random_labels = erased_with(known), known.random_labels
        rest = tuple((k, v) for k, v in known.to_dict().items() if k not in NOT_COMPARED)
    if card:
        made = [(k, built.get(k)) for k in ("backbone", "width", "classes", "input_size")]
        material = (("data", (card.get("data") or {}).get("sha256")), *made)
    else:
        ending = re.sub(r"-erasing-[a-z]+|-random-labels", "", label).partition("-")[2]
        material = (("name", ending),)
    return Training(label, attention, repr(built.get("switches") or {}), erased, random_labels,
                    tuple((k, repr(v)) for k, v in material), rest)  # fmt: skip


def erased_with(recipe: Recipe) -> str:
    """none, noise, mean, any or occluders."""
    if not recipe.erasing:
        return "none"
    return "occluders" if recipe.erasing_shape == "regions" else recipe.erasing_fill


def check(trainings: Iterable[tuple[str, int, Training]]) -> None:
    """Raises InputError if models of one label are no training seeds of the same thing.

    Args:
        trainings: name, seed and training of each model.
    """
    first: dict[str, tuple[str, Training]] = {}
    seeds: dict[tuple, str] = {}
    for name, seed, training in trainings:
        known, before = first.setdefault(training.label, (name, training))
        if before != training:
            told = difference(_told(before), _told(training))
            raise InputError(f"--models: {known} and {name} are both labelled '{training.label}', "
                             f"but trained differently ({told}); leave one out")  # fmt: skip
        other = seeds.setdefault((training.label, seed), name)
        if other != name:
            raise InputError(f"--models: {other} and {name} are both '{training.label}' of training"
                             f" seed {seed}; leave one out")  # fmt: skip


def _told(training: Training) -> dict:
    return {f.name: dict(v) if isinstance(v := asdict(training)[f.name], tuple) else v
            for f in fields(training)}  # fmt: skip
