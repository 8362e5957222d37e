"""The contract of occluders, and how a growing one is stopped at the asked share of the face."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from analysis.stimuli.layout import FaceLayout
from iram.registry import Registry


class Growth(NamedTuple):
    """An occluder that grows over the picture, pixel after pixel.

    Attributes:
        order: (N, S, S), or (1, S, S) if it is the same for every face: pixels with a low value
            are covered first, those with infinity never.
        counted: (N or 1, S, S) bool, the pixels whose number is to reach fraction x face area.
    """

    order: Tensor
    counted: Tensor


class Cover(NamedTuple):
    """Where an occluder is, and what it looks like.

    Attributes:
        mask: (N, S, S), or (1, S, S) if it is the same for every face; bool, True = occluded.
        alpha: (N, S, S) in [0, 1], how far an object hides what is behind it; None for an
            occluder without a look of its own.
        shade: (N, S, S) in [0, 1], the object's own gray; or relative to that of the skin.
        skin: whether it is relative.
    """

    mask: Tensor
    alpha: Tensor | None = None
    shade: Tensor | None = None
    skin: bool = False


Generators = Iterable[torch.Generator]
Grower = Callable[[FaceLayout, Generators], Growth]
GROWING = Registry("occluder", kind="other")  # "region", "at random" or "other"


def stopped(growth: Growth, fraction: float, layout: FaceLayout) -> Tensor:
    """(N, S, S) or (1, S, S) bool: the growth when it covers this share of the face area.

    Pixels of equal order are covered together, so the fraction is reached to the nearest such
    step (about one row of the picture at most); measure it with `occlusion_fraction`.
    """
    order = growth.order
    counted, face = torch.broadcast_tensors(growth.counted, layout.face)
    target = (fraction * face.sum((1, 2))).round().long()
    pixels = counted.sum((1, 2))
    values = torch.where(growth.counted, order, torch.inf).flatten(1)
    values = torch.from_numpy(np.sort(values.numpy(), 1))  # ten times as fast as torch's
    place = torch.minimum(target, pixels).clamp(min=1)[:, None] - 1
    values = values.expand(max(len(values), len(place)), -1).contiguous()
    limit = values.gather(1, place.expand(len(values), -1))
    over = torch.searchsorted(values, limit, right=True)[:, 0] - target
    under = target - torch.searchsorted(values, limit)[:, 0]
    limit, inclusive = limit[:, :, None], (over <= under)[:, None, None]
    mask = ((order < limit) | (inclusive & (order == limit))) & order.isfinite()
    return mask & (target > 0)[:, None, None]


def occlusion_fraction(mask: Tensor, layout: FaceLayout) -> Tensor:
    """(N,) float: the occluded share of the face area, 0 to 1."""
    mask, face = torch.broadcast_tensors(mask, layout.face)
    return (mask & face).sum((1, 2)) / face.sum((1, 2)).clamp(min=1)
