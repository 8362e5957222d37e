"""Maps: the one place where attention is reduced and resized."""

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
