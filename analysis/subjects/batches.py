"""Batches for a model that was exported for one batch size."""

from collections.abc import Callable

import torch
from torch import Tensor


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
