"""From the rays' crossings to pictures: texture, background and their seam."""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.pose.rays import Hits, first_crossings, pixel_centres, self_occluded
from analysis.stimuli.pose.regions import REGIONS
from analysis.stimuli.pose.surface import Surface, labels_at, protected_at, sample

OVERSAMPLING = 2
FADE = (0.12, 0.40)  # source pixels per turned pixel between which texture is given up
WITHIN = 1.0  # of the head's outline: texture further out is hair against background
SOFT_WIDTH = 0.04  # standard deviation, in sides, of the texture that had to be stretched
FILL_WIDTHS = (0.06, 0.30)  # standard deviations, in sides, of what stands in for the background
AWAY_DEG = 10.0  # turned by more than this, a head has no background but a blurred one


class Field(NamedTuple):
    """How N pictures are turned; the same for every picture if N = 1. T = 2 S.

    Attributes:
        texture: (N, T, T, 2) where each subpixel's gray is taken from, as `grid_sample` wants it.
        mirror: (N, T, T, 2) where its mirrored texture is.
        mirrored: (N, 1, T, T) share of the mirrored texture.
        soft: (N, 1, T, T) share of the blurred texture: stretched, or from beyond the picture.
        head: (N, 1, T, T) 1 on the head, 0 on the background.
        covered: (N, 1, S, S) 1 where the frontal picture shows the head.
        background: (N, T, T, 2) where the background is taken from.
        away: 0 to 1, how far the background is the blurred one.
        hidden: (N, S, S) bool.
        region: (N, S, S) int8.
        source: (N, S, S, 2) in pixels, NaN on the background.
    """

    texture: Tensor
    mirror: Tensor
    mirrored: Tensor
    soft: Tensor
    head: Tensor
    covered: Tensor
    background: Tensor
    away: float
    hidden: Tensor
    region: Tensor
    source: Tensor


def field(surface: Surface, rotation: Tensor, size: int) -> Field:
    """The field of these heads turned by one rotation (3, 3), for pictures of `size` pixels."""
    count, fine = len(surface.pivot), size * OVERSAMPLING
    square = (count, fine, fine)
    hits = first_crossings(surface, rotation, fine)
    canonical = sample(surface.canonical, hits.places).transpose(1, 2)
    mirror = sample(surface.mirror, hits.places).transpose(1, 2)
    normal = sample(surface.normal, hits.places)
    fade = _fade(normal, rotation, hits)
    gain = sample(surface.normal, mirror)[:, 2] - normal[:, 2]
    mirrored = fade * (gain / 0.3).clamp(0, 1) * (1 - protected_at(canonical)) * hits.front
    away = _away(rotation)
    texture = _pulled(surface, hits, fade, away)
    beyond = ((texture - 0.5).abs().amax(-1) - 0.5).clamp(min=0) / SOFT_WIDTH
    soft = torch.maximum(fade * (1 - mirrored), beyond.clamp(max=1) * hits.hit)
    region, source = _labels(hits, canonical, size)
    front, back = sample(surface.heights, pixel_centres(size)[None].expand(count, -1, -1)).unbind(1)
    return Field(
        texture=texture.reshape(*square, 2) * 2 - 1,
        mirror=mirror.reshape(*square, 2) * 2 - 1,
        mirrored=mirrored.reshape(count, 1, fine, fine),
        soft=soft.reshape(count, 1, fine, fine),
        head=hits.hit.reshape(count, 1, fine, fine).float(),
        covered=(front > back).reshape(count, 1, size, size).float(),
        background=_background(surface, rotation, fine).reshape(*square, 2) * 2 - 1,
        away=away,
        hidden=self_occluded(surface, rotation, size),
        region=region,
        source=source,
    )


def _away(rotation: Tensor) -> float:
    """0 for a head that faces the viewer as it did, 1 once it is turned by AWAY_DEG."""
    return min(1.0, math.degrees(math.acos(min(1.0, float(rotation[2, 2])))) / AWAY_DEG)


def warp(images: Tensor, how: Field) -> Tensor:
    """The pictures (N, 1, S, S) turned: sampled at twice the size, then averaged."""
    count = len(images)

    def taken(picture: Tensor, places: Tensor) -> Tensor:
        twice = F.interpolate(
            picture, scale_factor=OVERSAMPLING, mode="bicubic", align_corners=False
        )
        places = places.expand(count, -1, -1, -1)
        return F.grid_sample(twice, places, padding_mode="border", align_corners=False)

    head = taken(images, how.texture)
    if how.mirrored.any():
        head = torch.lerp(head, taken(images, how.mirror), how.mirrored)
    if how.soft.any():
        softened = _masked_blur(images, how.covered, SOFT_WIDTH)
        head = torch.lerp(head, taken(softened, how.texture), how.soft)
    behind = torch.lerp(images, _filled(images, how.covered), how.away) if how.away else images
    turned = torch.where(how.head > 0, head, taken(behind, how.background))
    return F.avg_pool2d(turned, OVERSAMPLING).clamp(0, 1)


def _fade(normal: Tensor, rotation: Tensor, hits: Hits) -> Tensor:
    """(N, P): 0 where the frontal picture has the texture, 1 where it has none of use.

    Decided by how many of its pixels there are for one of the turned picture, which is 1
    everywhere when nothing is turned: a threshold on the normal alone would alter the baseline.
    """
    towards = (normal * rotation[2][:, None]).sum(1).clamp(min=0.05)
    share = normal[:, 2] / towards
    fade = ((FADE[1] - share) / (FADE[1] - FADE[0])).clamp(0, 1)
    return torch.where(hits.front, fade, torch.ones_like(fade))


def _pulled(surface: Surface, hits: Hits, fade: Tensor, away: float) -> Tensor:
    """(N, P, 2): where the texture is taken from: the crossing itself, or the rim of the face.

    The back of the head shows what the frontal picture has at the head's rim in its direction.
    """
    centre, axes, roll = surface.outline.split([2, 2, 1], 1)
    cos, sin = roll.cos(), roll.sin()
    offset = hits.places - centre[:, None]
    x, y = offset.unbind(-1)
    along = torch.stack([cos * x + sin * y, cos * y - sin * x], -1) / axes[:, None]
    radius = along.square().sum(-1).sqrt().clamp(min=1e-4)
    rim = torch.where(hits.front, radius.clamp(max=WITHIN), torch.full_like(radius, WITHIN))
    share = torch.where(hits.front, fade.clamp(min=away), fade)
    return centre[:, None] + offset * (torch.lerp(radius, rim, share) / radius)[..., None]


def _labels(hits: Hits, canonical: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Region and source of whole pixels, by the mean over their subpixels on the head."""
    fine = size * OVERSAMPLING

    def pooled(values: Tensor) -> Tensor:  # (N, P, k) -> (N, size * size, k)
        square = values.transpose(1, 2).reshape(len(values), -1, fine, fine)
        return F.avg_pool2d(square, OVERSAMPLING).flatten(2).transpose(1, 2)

    hit, front = hits.hit[..., None].float(), (hits.hit & hits.front)[..., None].float()
    head, facing = pooled(hit)[..., 0], pooled(front)[..., 0]
    region = labels_at(pooled(canonical * front) / facing[..., None].clamp(min=0.2))
    region = torch.where(facing * 2 >= head, region, torch.ones_like(region))
    region = torch.where(head >= 0.5, region, torch.zeros_like(region))
    source = pooled(hits.places * hit) / head[..., None] * size
    source[region == REGIONS.index("background")] = torch.nan
    return region.reshape(-1, size, size), source.reshape(-1, size, size, 2)


def _background(surface: Surface, rotation: Tensor, fine: int) -> Tensor:
    """(N, P, 2): the background follows the roll about the pivot, and nothing else."""
    roll = math.atan2(float(rotation[1, 0]), float(rotation[0, 0]))
    cos, sin = math.cos(roll), math.sin(roll)
    pivot = surface.pivot[:, None, :2]
    x, y = (pixel_centres(fine)[None] - pivot).unbind(-1)
    return torch.stack([cos * x + sin * y, cos * y - sin * x], -1) + pivot


def _filled(images: Tensor, covered: Tensor) -> Tensor:
    """The pictures without their heads: Gaussian means of what is around, near before far."""
    seen = 1 - covered
    near, far = (_masked_blur(images, seen, width) for width in FILL_WIDTHS)
    weight = _blurred(seen, FILL_WIDTHS[0])
    return torch.lerp(far, near, weight / (weight + 0.05))


def _masked_blur(images: Tensor, mask: Tensor, width: float) -> Tensor:
    """Gaussian means of the pictures' pixels where `mask` (N or 1, 1, S, S) is 1."""
    return _blurred(images * mask, width) / _blurred(mask, width).clamp(min=1e-6)


def _blurred(images: Tensor, width: float) -> Tensor:
    """One by one, since a product of many matrices may round differently from a product of one."""
    blur = _gaussian(images.shape[-1], width)
    return torch.stack([blur @ picture @ blur.T for picture in images[:, 0]])[:, None]


@lru_cache
def _gaussian(side: int, width: float) -> Tensor:
    """(side, side): the Gaussian of one axis, its rows summing to 1."""
    centres = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    weights = (-0.5 * ((centres[:, None] - centres) / width) ** 2).exp()
    weights[weights < 1e-6] = 0  # products with denormal numbers are slow
    return (weights / weights.sum(1, keepdim=True)).float()
