"""Which faces are shown, and how many at a time."""


import numpy as np

from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.seeds import derived_seed


def sample(dataset: FaceDataset, limit: int | None, seed: int) -> FaceDataset:
    """A random `limit` of the faces, in their order; smaller ones are parts of larger ones.

    Drawn, since a folder's first faces are often all of one class.
    """
    chosen = sampled(len(dataset), limit, seed)
    return dataset if len(chosen) == len(dataset) else dataset.subset(chosen)


def sampled(count: int, limit: int | None, seed: int) -> np.ndarray:
    """Which of `count` faces `sample` takes, in order."""
    if limit is None or limit >= count:
        return np.arange(count)
    if limit < 1:
        raise InputError(f"--limit {limit}: at least one face is needed")
    order = np.random.default_rng(derived_seed(seed, "sample")).permutation(count)
    return np.sort(order[:limit])
