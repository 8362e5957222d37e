"""Chance that belongs to a picture: the same draws whatever its batch or order."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import torch
from torch import Tensor

from iram.errors import InputError
from iram.seeds import derived_seed, seeded


def picture_seeds(x: Tensor, seed: int, purpose: str, ids: Sequence | None = None) -> list[int]:
    """One seed a picture, from `ids` if given, else from its pixels.

    With pixels alone, a picture that is changed in the least gets other draws; pass ids where
    a picture and its perturbed copy are to share them.

    Raises:
        InputError: another number of ids than pictures.
    """
    if ids is None:
        ids = [sha256(picture.float().cpu().contiguous().numpy()).hexdigest() for picture in x]
    if len(ids) != len(x):
        raise InputError(f"{len(ids)} ids for {len(x)} pictures")
    return [derived_seed(seed, purpose, str(one)) for one in ids]


def picture_by_picture(x: Tensor, seeds: list[int], work: Callable[[slice], Tensor]) -> Tensor:
    """work(slice of one picture) for each, its draws from the global generators seeded for it."""
    maps = []
    for place, seed in enumerate(seeds):
        with seeded(seed):
            maps.append(work(slice(place, place + 1)))
    return torch.cat(maps)
