"""Random erasing: what is covered while a model is trained, and with what.

No base model of the study sees any of it: a model trained on covered faces has been taught about
occlusion, and what it was taught decides what its attention does.
"""

import math
from dataclasses import dataclass
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


FAMILIES = ("flat", "noise", "texture")
"""The families of fills, as the study has them, by turns with the fill "families". Texture is
another face of the batch, upside down, so that it speaks for no expression. Objects, the study's
fourth family, are never painted in training."""


@dataclass
class Cover:
    """Faces covered.

    Attributes:
        images: (N, 1, H, W).
        mask: (N, H, W) bool, what is covered.
        face: (N, H, W) bool, the mean face's ellipse, moved as the faces were.
    """

    images: Tensor
    mask: Tensor
    face: Tensor


def erase(images: Tensor, recipe: Recipe, generator: torch.Generator, grid: Tensor | None = None):
    """`recipe.erasing` of the pictures (N, 1, H, W) with a part covered; the others as they were.

    Args:
        grid: (N, H, W, 2), how the pictures were moved (see `augment.movement`). Regions move
            along, so that they stay on the face, while their edge stays sharp.
    """
    return _covered(images, recipe, generator, grid)[0]


def cover(images: Tensor, recipe: Recipe, generator: torch.Generator, grid: Tensor) -> Cover:
    """The same as `erase`, with what it covered."""
    painted, mask = _covered(images, recipe, generator, grid)
    face = oval(*images.shape[2:]).float().expand(len(images), -1, -1)
    return Cover(painted, mask, _moved(face, grid, "zeros").bool().to(images.device))


def _covered(images, recipe, generator, grid) -> tuple[Tensor, Tensor]:
    n, _, height, width = images.shape
    inside = rectangles(n, height, width, generator)
    chosen = torch.rand(n, generator=generator) < recipe.erasing
    if recipe.erasing_shape == "regions":
        inside = _with_regions(inside, grid, generator)
    inside &= chosen[:, None, None]
    inside = inside.to(images.device)
    return torch.where(inside[:, None], _paint(images, recipe, generator), images), inside


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
    y, x = _places(height, width)
    parts = [_distance(x, y, part) for part in (BROWS, EYES, NOSE, MOUTH)]
    order = torch.stack([*parts, y, -y, x, -x])
    face = oval(height, width)
    covered = [torch.searchsorted(o[face].sort().values, o.contiguous()) for o in order]
    return torch.stack(covered) / face.sum()


@lru_cache
def oval(height: int, width: int) -> Tensor:
    """(H, W) bool: the mean face, an ellipse."""
    y, x = _places(height, width)
    left, top, right, bottom = FACE
    across = (2 * x - left - right) / (right - left)
    return torch.hypot(across, (2 * y - top - bottom) / (bottom - top)) <= 1


def _places(height: int, width: int) -> tuple[Tensor, Tensor]:
    """y and x of the pixels' middles, in shares of the side."""
    y, x = ((torch.arange(side) + 0.5) / side for side in (height, width))
    return torch.meshgrid(y, x, indexing="ij")


def _moved(maps: Tensor, grid: Tensor, beyond: str) -> Tensor:
    """Maps (N, H, W) moved as the pictures were, on the CPU; past their border they are `beyond`
    ("border": as there, or "zeros")."""
    return F.grid_sample(maps[:, None], grid.cpu(), mode="nearest", padding_mode=beyond,
                         align_corners=False)[:, 0]


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
        region = _moved(region, grid, "border")
    region = region < fraction[:, None, None]
    return torch.where((kind < len(reached))[:, None, None], region, inside)


def _paint(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """What is painted: noise, each picture's mean, or of several by turns ("any": noise, mean or
    black; "families": those of `FAMILIES` but for the one that is held out)."""
    fill, n = recipe.erasing_fill, len(images)
    noise = torch.randn(images.shape, generator=generator).mul_(0.25).add_(0.5).clamp_(0, 1)
    noise, mean = noise.to(images), images.mean((1, 2, 3), keepdim=True)

    def turns(count: int) -> Tensor:
        return torch.randint(0, count, (n, 1, 1, 1), generator=generator).to(images.device)

    if fill == "any":
        kind = turns(3)
        return torch.where(kind == 0, noise, torch.where(kind == 1, mean, torch.zeros_like(mean)))
    if fill == "families":
        flat = torch.where(turns(2) == 0, mean, torch.zeros_like(mean)).expand_as(images)
        painted = {"flat": flat, "noise": noise, "texture": images.roll(1, 0).flip(2)}
        painted.pop(recipe.held_out, None)
        return torch.stack(list(painted.values())).take_along_dim(turns(len(painted))[None], 0)[0]
    return noise if fill == "noise" else mean
