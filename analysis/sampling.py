"""Which faces are shown, and how many at a time."""

import time

import numpy as np

from analysis.parallel import one_thread
from analysis.subjects import Subject
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.seeds import derived_seed

BATCH_SIZES = (32, 64, 128, 256)


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


def fastest_batch_size(subject: Subject, dataset: FaceDataset, seconds: float = 0.4) -> int:
    """The batch size with the most images a second, by a short measurement of forward passes."""

    def speed(size: int) -> float:
        images = dataset.images(np.arange(size) % len(dataset))
        subject.logits(images)  # the first pass also allocates
        started, passes = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            subject.logits(images)
            passes += 1
        return passes * size / (time.perf_counter() - started)

    with one_thread():
        return max(BATCH_SIZES, key=speed)
