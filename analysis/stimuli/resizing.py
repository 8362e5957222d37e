"""The one place where maps and pictures are resized, and colour becomes gray."""

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # of R, G and B: ITU-R 601


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, h, w) at (N, height, width), bilinear, align_corners=False."""
    return F.interpolate(maps[:, None].float(), (height, width), mode="bilinear")[:, 0]


def resize_pictures(pictures: Tensor, size: int) -> Tensor:
    """Pictures (N, C, H, W) as squares of `size` pixels, bilinear, antialiased; those that are of
    this size come back as they are."""
    if pictures.shape[2:] == (size, size):
        return pictures
    return F.interpolate(pictures, (size, size), mode="bilinear", antialias=True)


def luma(pictures: Tensor) -> Tensor:
    """(N, 1, H, W) gray of pictures (N, 3, H, W) in colour: 0.299 R + 0.587 G + 0.114 B."""
    weights = torch.tensor(LUMA, dtype=pictures.dtype, device=pictures.device).view(1, 3, 1, 1)
    return (pictures * weights).sum(1, keepdim=True)


def resize_labels(labels: Tensor, height: int, width: int) -> Tensor:
    """Label maps (h, w) or (N, h, w) of integers at another size: each pixel's nearest label."""
    rows, columns = (
        ((2 * torch.arange(new, device=labels.device) + 1) * old).div(
            2 * new, rounding_mode="floor"
        )
        for new, old in zip((height, width), labels.shape[-2:], strict=True)
    )
    return labels[..., rows[:, None], columns]
