"""Regions of a face on the grid of an attention layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

MOSTLY = 0.75  # share of a cell that is covered, or free, for it to count as such
LEAST = 0.5  # cells (in area) that a region and its rest need to be compared


@dataclass(frozen=True)
class Cells:
    """A region and the rest of the face on a layer's grid, as weights: the face's area per cell.

    Attributes:
        inside: (N, h, w), 0 outside the region.
        rest: (N, h, w), 0 inside the region and in the band about it.
        face: (N, h, w), both; the face but for the band.
        defined: (N,) bool, whether both have any cell.
    """

    inside: Tensor
    rest: Tensor

    @cached_property
    def face(self) -> Tensor:
        return self.inside + self.rest

    @cached_property
    def defined(self) -> Tensor:
        return (area(self.inside) >= LEAST) & (area(self.rest) >= LEAST)


def joined(parts: Sequence[Cells]) -> Cells:
    """One region of the faces after another, as one batch."""
    return Cells(torch.cat([one.inside for one in parts]), torch.cat([one.rest for one in parts]))


def cells(mask: Tensor, face: Tensor, height: int, width: int) -> Cells:
    """The cells of a mask, and those of the face that lie at least one cell away from it.

    The mask and the face are averaged down to the grid. A cell belongs to the region if at least
    three quarters of it are covered, and to the rest if at most a quarter is covered and none of
    its eight neighbours belongs to the region: what lies between is the band, about a cell wide,
    in which a layer sees both and whose values say nothing of either. Only what lies on the face
    counts; of a mask that lies wholly beside it (the sham), all of it.

    Args:
        mask, face: (N or 1, S, S) bool, True = in the region, on the face.
    """
    mask, face = torch.broadcast_tensors(mask, face)
    beside = ~(mask & face).flatten(1).any(1)
    covered, on_face = pooled(mask, height, width), pooled(face, height, width)
    region = (covered >= MOSTLY).float()
    near = F.max_pool2d(region[:, None], 3, stride=1, padding=1)[:, 0] > 0
    rest = on_face * ((covered <= 1 - MOSTLY) & ~near)
    return Cells(region * torch.where(beside[:, None, None], covered, on_face), rest)


def pooled(mask: Tensor, height: int, width: int) -> Tensor:
    """(N, height, width): the share of each cell that is True in the masks (N, S, S)."""
    return F.adaptive_avg_pool2d(mask[:, None].float(), (height, width))[:, 0]


def area(weights: Tensor) -> Tensor:
    """(N,): the sum over the cells of weights (N, h, w)."""
    return weights.flatten(1).sum(1)


def mean_over(maps: Tensor, weights: Tensor) -> Tensor:
    """(N,): the weighted mean of maps (N, h, w); NaN without any weight."""
    return area(maps * weights) / area(weights)
