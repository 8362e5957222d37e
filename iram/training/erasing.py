"""Random erasing: what is covered while a model is trained, and with what.

Only the twins of the study see any of it: a model trained on covered faces has been taught about
occlusion, and what it was taught decides what its attention does.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.training.recipe import Recipe

FACE = (0.1152, 0.1100, 0.8926, 1.0000)
BROWS = ((0.1738, 0.2617, 0.4076, 0.3060), (0.5879, 0.2539, 0.8268, 0.2949))
EYES = ((0.2383, 0.3672, 0.3984, 0.4134), (0.6042, 0.3633, 0.7643, 0.4076))
NOSE = ((0.4245, 0.3737, 0.5827, 0.6556),)
MOUTH = ((0.3555, 0.7246, 0.6562, 0.8496),)
"""Left, top, right, bottom of FER2013's mean face and its parts (medians of FaceMesh landmarks over
PublicTest), in shares of the picture's side."""

LEAST, MOST = 0.1, 0.5  # share of the face area that a region covers, as in the study


def erase(images: Tensor, recipe: Recipe, generator: torch.Generator, grid: Tensor | None = None):
    """`recipe.erasing` of the pictures (N, 1, H, W) with a part covered; the others as they were.

    Args:
        grid: (N, H, W, 2), how the pictures were moved (see `augment.movement`). Regions move
            along, so that they stay on the face, while their edge stays sharp.
    """
    n, _, height, width = images.shape
    inside = rectangles(n, height, width, generator)
    chosen = torch.rand(n, generator=generator) < recipe.erasing
    if recipe.erasing_shape == "regions":
        inside = _with_regions(inside, grid, generator)
    inside &= chosen[:, None, None]
    paint = _paint(images, recipe.erasing_fill, generator)
    return torch.where(inside[:, None].to(images.device), paint, images)


def rectangles(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """(N, H, W) bool: rectangles of 2-33% of the picture, aspect 0.3 to 3.3, anywhere.

    As in Zhong et al., AAAI 2020.
    """
    area = 0.02 + 0.31 * torch.rand(n, generator=generator)
    aspect = torch.exp((2 * torch.rand(n, generator=generator) - 1) * math.log(3.3))
    h = (area * aspect).sqrt().clamp(max=1) * height
    w = (area / aspect).sqrt().clamp(max=1) * width
    top = torch.rand(n, generator=generator) * (height - h)
    left = torch.rand(n, generator=generator) * (width - w)
    rows, columns = torch.arange(height)[None, :, None], torch.arange(width)[None, None, :]
    inside = (rows >= top[:, None, None]) & (rows < (top + h)[:, None, None])
    return inside & (columns >= left[:, None, None]) & (columns < (left + w)[:, None, None])


@lru_cache
def growth(height: int, width: int) -> Tensor:
    """(regions, H, W): the share of the face area that is covered when a region, as it grows,
    comes to this pixel. So a region of fraction f is where this is below f.

    The regions are those of the study's benchmark: brows, eyes, nose, mouth, each growing alike in
    all directions, and the four halves, each coming in from its side. The face is an ellipse.
    """
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height,
                          (torch.arange(width) + 0.5) / width, indexing="ij")
    parts = [_distance(x, y, part) for part in (BROWS, EYES, NOSE, MOUTH)]
    order = torch.stack([*parts, y, -y, x, -x])
    left, top, right, bottom = FACE
    across = (2 * x - left - right) / (right - left)
    face = torch.hypot(across, (2 * y - top - bottom) / (bottom - top)) <= 1
    covered = [torch.searchsorted(o[face].sort().values, o.contiguous()) for o in order]
    return torch.stack(covered) / face.sum()


def _distance(x: Tensor, y: Tensor, boxes) -> Tensor:
    """To the nearest of the boxes; inside them, a little of the distance to its middle."""
    distances = []
    for left, top, right, bottom in boxes:
        dx, dy = x - (left + right) / 2, y - (top + bottom) / 2
        outside = torch.hypot((dx.abs() - (right - left) / 2).clamp(min=0),
                              (dy.abs() - (bottom - top) / 2).clamp(min=0))
        distances.append(outside + 1e-3 * torch.hypot(dx, dy))
    return torch.stack(distances).amin(0)


def _with_regions(inside: Tensor, grid: Tensor | None, generator: torch.Generator) -> Tensor:
    """The rectangles, of which all but one in nine give way to a region of random size."""
    reached = growth(*inside.shape[1:])
    kind = torch.randint(0, len(reached) + 1, (len(inside),), generator=generator)
    fraction = LEAST + (MOST - LEAST) * torch.rand(len(inside), generator=generator)
    region = reached[kind.clamp(max=len(reached) - 1)]
    if grid is not None:
        region = F.grid_sample(region[:, None], grid.cpu(), mode="nearest", padding_mode="border",
                               align_corners=False)[:, 0]
    region = region < fraction[:, None, None]
    return torch.where((kind < len(reached))[:, None, None], region, inside)


def _paint(images: Tensor, fill: str, generator: torch.Generator) -> Tensor:
    """What is painted: noise, each picture's mean, or one of these and black by turns ("any")."""
    noise = torch.randn(images.shape, generator=generator).mul_(0.25).add_(0.5).clamp_(0, 1)
    noise, mean = noise.to(images), images.mean((1, 2, 3), keepdim=True)
    if fill == "any":
        kind = torch.randint(0, 3, (len(images), 1, 1, 1), generator=generator).to(images.device)
        return torch.where(kind == 0, noise, torch.where(kind == 1, mean, torch.zeros_like(mean)))
    return noise if fill == "noise" else mean
