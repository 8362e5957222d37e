"""Expression names: the same seven or eight classes under the names that data sets give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from iram.errors import InputError, listing

if TYPE_CHECKING:
    import torch

SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "disgusting": "disgust",
    "afraid": "fear",
    "fearful": "fear",
    "frightened": "fear",
    "scared": "fear",
    "happiness": "happy",
    "joy": "happy",
    "joyful": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "calm": "neutral",
    "contemptuous": "contempt",
}


def canonical(name: str) -> str:
    """The class name in lower case, with synonyms brought together (`Happiness` -> `happy`)."""
    name = str(name).strip().lower()
    return SYNONYMS.get(name, name)


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
