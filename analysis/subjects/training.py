"""How a model came about, as far as it decides what it may be compared with.

A training is read from the card beside the weights. Where there is none (a net from outside), or
where the card does not tell how it was trained, the name says it: NAME-erasing-FILL-seedN,
NAME-random-labels-seedN.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from analysis.subjects.subject import Subject
from iram.architecture import MATCHED, switched
from iram.errors import InputError
from iram.names import label_of
from iram.training.initial import OTHERS
from iram.training.recipe import Recipe
from iram.training.terms import TERMS, term_weights
from iram.training.train import difference
from iram.weights import read_card

BUILT = ("backbone", "width", "dropout", "classes", "input_size")  # of an architecture
ERASING = ("erasing", "erasing_fill", "erasing_shape", "held_out")  # fields of a recipe
CONSISTENCY = "consistency"  # erased is a copy of each face, beside the face itself


@dataclass(frozen=True)
class Training:
    """How a model came about, as far as it decides what it is compared with.

    Attributes:
        label: its name without the training seed: iram, iram-heads, iram-erasing-noise.
        attention: its module; "none" for a net without any.
        switches: the module's own options.
        erased: what its training erased with: none, noise, mean, any (picture by picture),
            families (likewise), occluders (those of the study), or consistency (a copy of each
            face, which stays whole itself).
        erasing: how much, with what and in what shape, as its recipe says; empty where none.
        random_labels: whether it learned shuffled labels.
        material: data, backbone, size and classes; of a net without a card its name's ending. The
            net that is as large as its reference by its width counts as of usual width.
        recipe: the rest of its recipe; empty where it is not known.
    """

    label: str
    attention: str
    switches: str
    erased: str
    erasing: tuple
    random_labels: bool
    material: tuple
    recipe: tuple

    @property
    def is_control(self) -> bool:
        """Whether no hypothesis is about it: it was taught by erasing, or learned nothing true.
        One that was taught consistency is a model of its own."""
        return self.erased not in ("none", CONSISTENCY) or self.random_labels

    @property
    def of_a_twin(self) -> tuple:
        """The recipe that its twin without attention has: without the terms that need it."""
        return tuple((name, _without_attention(value) if name == "terms" else value)
                     for name, value in self.recipe)

    @property
    def exposure(self) -> tuple:
        """What its training erased, how, and whether its labels were random."""
        return self.erased, self.erasing, self.random_labels

    @property
    def setting(self) -> tuple:
        """All that two models must share for their difference to be one of attention alone."""
        return self.material, self.recipe, *self.exposure

    @property
    def ending(self) -> str:
        """What the label says beside the module: -heads, -ferplus, or nothing."""
        return self.label[len(self.attention) :] if self.label.startswith(self.attention) else ""


def training_of(subject: Subject) -> Training:
    """How this model was trained; without a card its name's first part is the attention module.

    Raises:
        InputError: a card that can't be read.
    """
    path = getattr(subject, "path", None)
    ours = path and path.suffix == ".safetensors" and path.with_suffix(".json").is_file()
    card = read_card(path) if ours else {}
    label = card.get("label") or label_of(subject.name)
    return training_from(card, label, label.split("-")[0])


def training_from(card: dict, label: str, attention: str) -> Training:
    """What a card tells, an empty one nothing: then the label and the attention module tell it.

    Raises:
        InputError: its recipe has a field or a value that none can have.
    """
    built, recipe = card.get("architecture", {}), card.get("recipe")
    attention = built.get("attention") or attention
    erasing = rest = ()
    if recipe is None:
        named = re.search(r"-erasing-([a-z]+)", label)
        erased, random_labels = (named[1] if named else "none"), "-random-labels" in label
    else:
        known = Recipe.from_dict(recipe)
        erased, random_labels, told = erased_with(known), known.random_labels, known.to_dict()
        erasing = tuple((name, told[name]) for name in ERASING) if known.erasing else ()
        told |= {name: _of_any_seed(told[name], attention) for name in OTHERS}
        rest = tuple((k, v) for k, v in told.items() if k not in (*ERASING, "random_labels"))
    if card:
        if attention == MATCHED:  # wider than its reference: that is its point
            built = built | {"width": 1.0}
        data = card.get("data") or {}
        material = (("data", (data.get("name"), data.get("sha256"))),
                    *((name, built.get(name)) for name in BUILT))
    else:
        ending = re.sub(r"-erasing-[a-z]+|-random-labels", "", label).partition("-")[2]
        material = (("name", ending),)
    return Training(label, attention, repr(switched(built)), erased, erasing,
                    random_labels, tuple((k, repr(v)) for k, v in material), rest)


def erased_with(recipe: Recipe) -> str:
    """none, noise, mean, any, families, occluders or consistency."""
    if not recipe.erasing:
        return "none"
    if any(TERMS[name].paired for name in recipe.term_weights):
        return CONSISTENCY
    return "occluders" if recipe.erasing_shape == "regions" else recipe.erasing_fill


def _of_any_seed(name: str, attention: str) -> str:
    """What a net was taught by or went on from, as its twin and its other seeds would say it:
    "*-heads" of iram-heads-seed1 for a net with the module iram."""
    label = label_of(Path(name).stem if name.endswith(".safetensors") else name)
    return f"*{label[len(attention):]}" if label.startswith(attention) else label


def _without_attention(terms: str) -> tuple:
    return tuple(sorted((name, weight) for name, weight in term_weights(terms).items()
                        if not TERMS[name].attentive))


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
                             f"but trained differently ({told}); leave one out")
        other = seeds.setdefault((training.label, seed), name)
        if other != name:
            raise InputError(f"--models: {other} and {name} are both '{training.label}' of training"
                             f" seed {seed}; leave one out")


def _told(training: Training) -> dict:
    return {f.name: dict(v) if isinstance(v := asdict(training)[f.name], tuple) else v
            for f in fields(training)}
