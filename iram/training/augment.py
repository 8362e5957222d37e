"""Augmentation of whole batches, on whatever device they are.

All random numbers come from one CPU generator, so that a run is the same on every device.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.training.erasing import Cover, cover, erase
from iram.training.recipe import Recipe


def augment(
    images: Tensor, recipe: Recipe, generator: torch.Generator, side: int | None = None
) -> Tensor:
    """Pictures (N, 1, H, W) in [0, 1], changed as the recipe says; as many, of the same shape, or
    of `side` pixels a side."""
    grid = movement(images, recipe, generator, side)
    images = relight(_resample(images, grid), recipe, generator)
    if recipe.erasing:  # last: an occluder is neither blurred by the resampling nor relit
        images = erase(images, recipe, generator, grid)
    return images


def augment_twice(
    images: Tensor, recipe: Recipe, generator: torch.Generator, side: int | None = None
) -> tuple[Tensor, Cover]:
    """As `augment`, but each picture twice: not erased, and `recipe.erasing` of them covered."""
    grid = movement(images, recipe, generator, side)
    images = relight(_resample(images, grid), recipe, generator)
    return images, cover(images, recipe, generator, grid)


def move(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Flip, rotation, scale and shift in one resampling."""
    return _resample(images, movement(images, recipe, generator))


def movement(
    images: Tensor, recipe: Recipe, generator: torch.Generator, side: int | None = None
) -> Tensor:
    """(N, H, W, 2): where each pixel of the moved pictures comes from, for `grid_sample`; H and W
    are `side` where it is given."""
    n = len(images)
    angle = _either_way(n, math.radians(recipe.rotation), generator)
    size = 1 + _either_way(n, recipe.scale, generator)
    flip = 1 - 2 * (torch.rand(n, generator=generator) < 0.5 * recipe.flip).float()
    shift = 2 * _either_way((n, 2), recipe.shift, generator)  # the grid's side is 2
    cos, sin = angle.cos() * size, angle.sin() * size
    top = torch.stack([cos * flip, -sin, shift[:, 0]], 1)
    bottom = torch.stack([sin * flip, cos, shift[:, 1]], 1)
    matrix = torch.stack([top, bottom], 1).to(images)  # (N, 2, 3)
    height, width = (side, side) if side else images.shape[2:]
    return F.affine_grid(matrix, [n, 1, height, width], align_corners=False)


def _resample(images: Tensor, grid: Tensor) -> Tensor:
    """Past the border the edge pixel is repeated: a black wedge would be an occluder of a kind."""
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def relight(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Contrast about each picture's mean, then brightness; clipped to [0, 1]."""
    n = len(images)
    gain = 1 + _either_way((n, 1, 1, 1), recipe.contrast, generator).to(images)
    offset = _either_way((n, 1, 1, 1), recipe.brightness, generator).to(images)
    mean = images.mean((1, 2, 3), keepdim=True)
    return ((images - mean) * gain + mean + offset).clamp_(0, 1)


def mix(images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator):
    """Mixup (Zhang et al., ICLR 2018) of each picture and its target (N, K) with another's."""
    # A Beta(a, a) draw from the same generator, as the ratio of two Gamma draws.
    gamma = torch._standard_gamma(torch.full((2, len(images)), alpha), generator=generator)
    weight = (gamma[0] / gamma.sum(0).clamp_min(1e-12)).to(images)
    other = torch.randperm(len(images), generator=generator).to(images.device)
    w = weight[:, None, None, None]
    mixed = w * images + (1 - w) * images[other]
    return mixed, weight[:, None] * targets + (1 - weight[:, None]) * targets[other]


def _either_way(shape, reach: float, generator: torch.Generator) -> Tensor:
    """Uniform in [-reach, reach]."""
    shape = shape if isinstance(shape, tuple) else (shape,)
    return (2 * torch.rand(shape, generator=generator) - 1) * reach


def side_at(recipe: Recipe, full: int, share: float) -> int:
    """Pixels a side after this share of all steps, for faces of `full` pixels."""
    if not 0 < recipe.start_size < full or share >= recipe.grown:
        return full
    grown = recipe.start_size + (full - recipe.start_size) * share / recipe.grown
    return min(full, recipe.start_size + int((grown - recipe.start_size) // 8) * 8)
