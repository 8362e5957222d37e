"""How many pictures a model is shown at a time."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from iram.data.dataset import FaceDataset
from iram.threads import one_thread

BATCH_SIZES = (32, 64, 128, 256)


def in_batches(answer: Callable[[Tensor], Tensor], pictures: Tensor, size: int | None) -> Tensor:
    """answer(pictures), asked for `size` pictures at a time if a size is given.

    What is missing in the last batch is filled with its last picture, and the answers to that are
    dropped.
    """
    if size is None or len(pictures) == size:
        return answer(pictures)
    answers = []
    for part in pictures.split(size):
        lacking = size - len(part)
        full = torch.cat([part, part[-1:].expand(lacking, -1, -1, -1)]) if lacking else part
        answers.append(answer(full)[: len(part)])
    return torch.cat(answers)


def fastest_batch_size(
    answer: Callable[[Tensor], Tensor], dataset: FaceDataset, seconds: float = 0.25
) -> int:
    """The batch size with the most pictures answered a second, by a short measurement."""

    def speed(size: int) -> float:
        images = dataset.images(np.arange(size) % min(BATCH_SIZES[0], len(dataset)))
        answer(images)  # the first pass also allocates
        started, passes = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            answer(images)
            passes += 1
        return passes * size / (time.perf_counter() - started)

    with one_thread():
        return max(BATCH_SIZES, key=speed)
