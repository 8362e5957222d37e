"""Expression names: the same seven or eight classes under the names that data sets give them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iram.errors import InputError, listing

if TYPE_CHECKING:
    import torch

WORDS = {
    "angry": "angry anger angered annoyed mad rage",
    "disgust": "disgust disgusted disgusting",
    "fear": "fear fearful feared afraid frightened scared terrified",
    "happy": "happy happiness joy joyful smile smiling",
    "sad": "sad sadness sorrow sorrowful",
    "surprise": "surprise suprise surprised surprising astonished astonishment",
    "neutral": "neutral neutrality calm",
    "contempt": "contempt contemptuous scorn scornful",
}
SYNONYMS = {word: name for name, words in WORDS.items() for word in words.split()}
WORD = re.compile(r"[^\W\d_]+")  # letters alone: numbers and what parts words are left out
ABOUT = {"face", "faces", "emotion", "emotions", "expression", "expressions", "class", "label",
         "image", "images", "img", "imgs", "picture", "pictures", "pics", "photos", "data"}

TAKEN = ("all", "image_id", "label")  # by columns of tables, and "all" by what is of all classes


def check_free(names: Sequence[str], way: str) -> None:
    """Raises InputError for a class whose name tables of results have for something else.

    Args:
        way: how to name it otherwise.
    """
    if taken := [name for name in names if name in TAKEN]:
        raise InputError(f"a class is called {listing(taken)}, which tables of results have for "
                         f"something else; name it otherwise: {way}")


def canonical(name: str) -> str:
    """The class name in lower case, with synonyms brought together (`Happiness` -> `happy`).

    Of a name that holds one known expression, numbers and words such as `faces` are left out
    (`3_happy`, `Happy-Faces`); letters that can be written in two ways (an accent of its own) count
    as the same.
    """
    name = unicodedata.normalize("NFC", str(name)).strip().lower()
    said = [word for word in WORD.findall(name) if word not in ABOUT]
    return SYNONYMS.get(said[0] if len(said) == 1 else name, name)


def is_expression(name: str) -> bool:
    """Whether the name means one of the eight known expressions."""
    return canonical(name) in WORDS


def match_classes(from_classes: Sequence[str], to_classes: Sequence[str]) -> torch.Tensor:
    """Where each of `from_classes` stands in `to_classes`: (len(from_classes),) LongTensor.

    So `match_classes(data.classes, model_classes)[data.labels]` gives the data set's labels in
    the order of a model trained elsewhere, and `logits[:, match_classes(...)]` brings that
    model's logits into the data set's order. `to_classes` may hold more classes. Case and usual
    synonyms (angry / anger, happy / happiness) don't matter.

    Raises:
        InputError: a class without a counterpart, or two names for the same expression on one
            side; the message names them.
    """
    import torch

    places = {}
    for side in (from_classes, to_classes):
        places = {canonical(name): place for place, name in enumerate(side)}
        if len(places) < len(side):
            raise InputError(f"two classes mean the same expression in: {listing(side)}")
    missing = [name for name in from_classes if canonical(name) not in places]
    if missing:
        raise InputError(
            f"no counterpart for the class {listing(missing)} among: {listing(to_classes)}"
        )
    return torch.tensor([places[canonical(name)] for name in from_classes], dtype=torch.long)
