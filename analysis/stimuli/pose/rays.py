"""Rays through the pixels of a turned picture: where each meets the head first."""

from typing import NamedTuple

import torch
from torch import Tensor

from analysis.stimuli.pose.surface import Surface, labels_at, sample

NEAR, FAR, STEP = 0.78, -0.90, 0.042  # depth of the rays about the pivot, in sides of the picture
BISECTIONS = 6  # 0.042 / 2**6 is a thirtieth of a pixel of 48
OUT_OF_SKIN = 0.015  # where a ray back to the viewer starts: above the heightfield's own error


class Hits(NamedTuple):
    """First crossings of N heads' rays, in shares of the side.

    Attributes:
        places: (N, P, 2) x, y in the frontal picture.
        hit: (N, P) bool, whether the ray meets the head at all.
        front: (N, P) bool, whether it meets the side that the frontal picture shows.
    """

    places: Tensor
    hit: Tensor
    front: Tensor


def pixel_centres(side: int) -> Tensor:
    """(side * side, 2): x and y of the pixels' centres in shares of the side, row by row."""
    centres = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def first_crossings(surface: Surface, rotation: Tensor, side: int) -> Hits:
    """Where the rays of the turned pictures of `side` x `side` pixels meet the heads.

    View coordinates are q = R (p - pivot); the ray of a pixel runs against the view's depth. The
    pivot keeps its place in the picture: the new crop has eyes and mouth where the old one had.
    Coarse steps find the first point inside the head, bisection the crossing before it.
    """
    pivot = surface.pivot[:, None]  # (N, 1, 3)
    flat = pixel_centres(side)[None] - pivot[..., :2]
    start = _turned_back(flat, rotation) + pivot  # (N, P, 3), at the pivot's depth
    direction = rotation[2]  # of the viewer, in the frontal picture's coordinates
    outside, inside = _coarse(surface, start, direction, NEAR, FAR)
    hit = inside.isfinite()
    inside = torch.where(hit, inside, outside)
    for _ in range(BISECTIONS):
        middle = (outside + inside) / 2
        within = _depth_inside(surface, start + middle[..., None] * direction) > 0
        inside = torch.where(within, middle, inside)
        outside = torch.where(within, outside, middle)
    point = start + inside[..., None] * direction
    front, back = sample(surface.heights, point[..., :2]).unbind(1)
    return Hits(point[..., :2], hit, front - point[..., 2] <= point[..., 2] - back)


def self_occluded(surface: Surface, rotation: Tensor, side: int) -> Tensor:
    """(N, side, side) bool: pixels of the frontal pictures' face ovals that turning hides.

    A point is hidden where the head is between it and the turned viewer, or where its own side of
    the head faces away.
    """
    count = len(surface.pivot)
    flat = pixel_centres(side)[None].expand(count, -1, -1)
    height = sample(surface.heights, flat)[:, 0]
    start = torch.cat([flat, height[..., None]], -1)
    direction = rotation[2]
    hidden = (sample(surface.normal, flat) * direction[:, None]).sum(1) < 0
    for distance in torch.arange(OUT_OF_SKIN, NEAR - FAR, STEP / 2):
        hidden |= _depth_inside(surface, start + distance * direction) > OUT_OF_SKIN / 4
    canonical = sample(surface.canonical, flat).transpose(1, 2)
    return (hidden & (labels_at(canonical) > 1)).reshape(count, side, side)


def _turned_back(flat: Tensor, rotation: Tensor) -> Tensor:
    """R' (u, v, 0), written out: a matrix product may round differently by batch size."""
    return flat[..., :1] * rotation[0] + flat[..., 1:] * rotation[1]


def _coarse(surface, start, direction, near, far) -> tuple[Tensor, Tensor]:
    """Depths of the last point outside and of the first inside (NaN: none) on each ray."""
    outside = torch.full(start.shape[:2], near)
    inside = torch.full(start.shape[:2], torch.nan)
    for depth in torch.arange(near, far, -STEP):
        within = _depth_inside(surface, start + depth * direction) > 0
        before = inside.isnan()
        inside = torch.where(before & within, depth, inside)
        outside = torch.where(before & ~within, depth, outside)
    return outside, inside


def _depth_inside(surface: Surface, points: Tensor) -> Tensor:
    """(N, P): how far inside the head points (N, P, 3) are along the height; negative outside."""
    front, back = sample(surface.heights, points[..., :2]).unbind(1)
    return torch.minimum(front - points[..., 2], points[..., 2] - back)
