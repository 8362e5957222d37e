"""Trivial maps: what a method must beat. They ask nothing of the model."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.attributions.base import attribution
from analysis.attributions.chance import picture_seeds
from iram.errors import InputError


@attribution("random", title="random map", signed=False, trivial=True)
def random(model, x, target, seed: int = 0, ids: Sequence | None = None) -> Tensor:
    """Uniform noise in [0, 1), each picture's own; for seed and ids see `chance.picture_seeds`."""
    maps = [
        torch.rand(x.shape[2:], generator=torch.Generator().manual_seed(one))
        for one in picture_seeds(x, seed, "random", ids)
    ]
    return torch.stack(maps).to(x.device)


@attribution("centre_gaussian", title="centre Gaussian", signed=False, trivial=True)
def centre_gaussian(model, x, target, spread: float = 0.25) -> Tensor:
    """A Gaussian about the picture's centre, 1 at its peak.

    Args:
        spread: its standard deviation, in shares of each side.
    """
    if not spread > 0:
        raise InputError(f"centre_gaussian: spread is {spread!r}; it must be above 0")
    rows, columns = (
        torch.exp(-(((torch.arange(side) + 0.5) / side - 0.5) ** 2) / (2 * spread**2))
        for side in x.shape[2:]
    )
    return (rows[:, None] * columns[None]).to(x.device).expand(len(x), -1, -1)


@attribution("sobel", title="edge map", signed=False, trivial=True)
def sobel(model, x, target) -> Tensor:
    """The size of the gray picture's gradient by Sobel's 3 x 3 filters, in gray values a pixel."""
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    filters = torch.stack([across, across.T])[:, None].to(x)
    gray = F.pad(x.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    return F.conv2d(gray, filters).square().sum(1).sqrt()


@attribution("mean_map", signed=False, trivial=True)
def mean_map(model, x, target, mean: Tensor | None = None) -> Tensor:
    """The same map for every picture: the mean of a method's maps over a data set.

    Args:
        mean: (h, w), that mean.

    Raises:
        InputError: no mean, or one of another shape or with NaN.
    """
    if not isinstance(mean, Tensor) or mean.ndim != 2 or not mean.isfinite().all():
        raise InputError("mean_map needs `mean`, the finite mean (h, w) of a method's maps")
    return mean.detach().to(x).expand(len(x), -1, -1)
