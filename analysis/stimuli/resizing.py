"""The one place where maps and pictures are resized."""

import torch
from torch import Tensor
from torch.nn import functional as F


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, h, w) at (N, height, width), bilinear, align_corners=False."""
    return F.interpolate(maps[:, None].float(), (height, width), mode="bilinear")[:, 0]


def resize_pictures(pictures: Tensor, size: int) -> Tensor:
    """Pictures (N, C, H, W) as squares of `size` pixels, bilinear, antialiased; those that are of
    this size come back as they are."""
    if pictures.shape[2:] == (size, size):
        return pictures
    return F.interpolate(pictures, (size, size), mode="bilinear", antialias=True)


def resize_labels(labels: Tensor, height: int, width: int) -> Tensor:
    """Label maps (h, w) or (N, h, w) of integers at another size: each pixel's nearest label."""
    rows, columns = (
        ((2 * torch.arange(new, device=labels.device) + 1) * old).div(
            2 * new, rounding_mode="floor"
        )
        for new, old in zip((height, width), labels.shape[-2:], strict=True)
    )
    return labels[..., rows[:, None], columns]
