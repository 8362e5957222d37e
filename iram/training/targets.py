"""Which faces are trained on, and what is to be answered to each."""

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.seeds import derived_seed
from iram.training.recipe import Recipe


def chosen(count: int, wanted: int, seed: int) -> np.ndarray:
    """Which `wanted` of `count` faces are trained on, in order."""
    order = np.random.default_rng(derived_seed(seed, "training faces")).permutation(count)
    return np.sort(order[:wanted])


def targets(training: FaceDataset, recipe: Recipe, seed: int) -> Tensor:
    """(N, K) float32: what is to be answered to each face, rows summing to 1.

    Raises:
        InputError: votes are asked for that the data do not tell.
    """
    labels = shuffled(training.labels, seed) if recipe.random_labels else training.labels
    told = F.one_hot(labels, len(training.classes)).float()
    if not recipe.votes:
        return told
    if training.distribution is None:
        raise InputError(f"recipe: votes is {recipe.votes}; {training.name} tells no votes: write "
                         "ferplus:CSV,VOTES or fer2013:CSV,votes=VOTES")
    return told.lerp(torch.as_tensor(training.distribution, dtype=torch.float32), recipe.votes)


def shuffled(labels: Tensor, seed: int) -> Tensor:
    """The labels in another order, which the seed alone decides; as many of each class."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "random labels"))
    return labels[torch.randperm(len(labels), generator=generator)]


def votes_sha256(training: FaceDataset) -> str:
    """By which the votes of these faces are known."""
    return hashlib.sha256(np.ascontiguousarray(training.distribution).tobytes()).hexdigest()
