"""Maps: the one place where attention is reduced, resized and normalised."""

import torch
from torch import Tensor
from torch.nn import functional as F


def spatial_attention(attention: Tensor) -> Tensor:
    """(N, H, W): the mean over channels of an attention map (N, C, H, W), in (0, 1).

    A module that gates channels alone (SE, ECA) has a constant spatial attention: it says how much
    of the features passes, not where.
    """
    return attention.mean(1)


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, h, w) at (N, height, width), bilinear, align_corners=False."""
    return F.interpolate(maps[:, None].float(), (height, width), mode="bilinear")[:, 0]


def relative(maps: Tensor) -> Tensor:
    """Maps (N, H, W) over their own mean: 1 is what a uniform map has everywhere.

    NaN where a map's mean is 0.
    """
    mean = maps.mean((1, 2), keepdim=True)
    return maps / torch.where(mean == 0, torch.nan, mean)
