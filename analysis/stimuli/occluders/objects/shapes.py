"""Signed distances of simple shapes (negative inside), their unions, ramps and noise."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.occluders.objects.sketch import LOW, PIXEL, SIDE, Point


def disc(x: Tensor, y: Tensor, centre: Point, radius: float) -> Tensor:
    return torch.hypot(x - centre[0], y - centre[1]) - radius


def ellipse(x: Tensor, y: Tensor, centre: Point, radii: Point, power: float = 2.0) -> Tensor:
    """A superellipse: power 2 is an ellipse, more is squarer. The distance is right near the edge.

    First order: value over the length of its gradient (Taubin 1994).
    """
    a, b = (x - centre[0]).abs() / radii[0], (y - centre[1]).abs() / radii[1]
    value = (a**power + b**power).clamp(min=1e-6) ** (1 / power)
    slope = torch.hypot(a ** (power - 1) / radii[0], b ** (power - 1) / radii[1])
    return (value - 1) * value ** (power - 1) / slope.clamp(min=1e-3)


def box(x: Tensor, y: Tensor, centre: Point, half: Point, rounding: float = 0.0) -> Tensor:
    """A rectangle with these half sides, its corners rounded inwards."""
    a = (x - centre[0]).abs() - half[0] + rounding
    b = (y - centre[1]).abs() - half[1] + rounding
    outside = torch.hypot(a.clamp(min=0), b.clamp(min=0))
    return outside + torch.maximum(a, b).clamp(max=0) - rounding


def along(x: Tensor, y: Tensor, start: Point, stop: Point) -> tuple[Tensor, Tensor]:
    """Coordinates of a segment: how far along (0 at `start`, 1 at `stop`), and how far to its
    right as one walks (a length)."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    length = math.hypot(dx, dy)
    u, v = x - start[0], y - start[1]
    return (u * dx + v * dy) / length**2, (v * dx - u * dy) / length


def capsule(x: Tensor, y: Tensor, start: Point, stop: Point, thick: Point) -> tuple[Tensor, Tensor]:
    """A limb from start to stop, with these radii at its ends: distance, and its own radius."""
    share = along(x, y, start, stop)[0].clamp(0, 1)
    radius = thick[0] + (thick[1] - thick[0]) * share
    across = torch.hypot(
        x - start[0] - share * (stop[0] - start[0]), y - start[1] - share * (stop[1] - start[1])
    )
    return across - radius, radius


def outline(points: Sequence[Point], mirrored: bool = False, samples: int = 4) -> Tensor:
    """(SIDE, SIDE) distance to the smooth closed curve through these points (Catmull-Rom).

    Measured at half the canvas's resolution, as a distance is smooth.
    """
    corners = torch.from_numpy(_curve(np.array(points), samples)).float()
    if mirrored:
        corners = torch.stack([1 - corners[:, 0], corners[:, 1]], 1)
    following = corners.roll(-1, 0)
    centres = LOW + 2 * PIXEL * (torch.arange(SIDE // 2) + 0.5)
    nearest = torch.full((SIDE // 2, SIDE // 2), torch.inf)
    inside = torch.zeros(SIDE // 2, SIDE // 2, dtype=torch.bool)
    for (ax, ay), (bx, by) in zip(corners.tolist(), following.tolist(), strict=True):
        u, v = centres - ax, (centres - ay)[:, None]
        ex, ey = bx - ax, by - ay
        share = ((u * ex + v * ey) / max(ex * ex + ey * ey, 1e-12)).clamp_(0, 1)
        nearest = torch.minimum(nearest, (u - share * ex) ** 2 + (v - share * ey) ** 2)
        if ay != by:
            between = ((centres < ay) != (centres < by))[:, None]
            inside ^= between & (u * ey < v * ex) if ey > 0 else between & (u * ey > v * ex)
    signed = torch.where(inside, -1.0, 1.0) * nearest.sqrt()
    return F.interpolate(
        signed[None, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False
    )[0, 0]


def _curve(points: np.ndarray, samples: int) -> np.ndarray:
    """(len(points) * samples, 2): points of the curve."""
    before, after, next_ = (np.roll(points, shift, 0) for shift in (1, -1, -2))
    t = (np.arange(samples) / samples)[None, :, None]
    a, b, c, d = (p[:, None] for p in (before, points, after, next_))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3
    )
    return curve.reshape(-1, 2)


def union(*distances: Tensor, blend: float = 0.0) -> Tensor:
    """The nearest of these shapes; `blend` rounds the hollow where two meet (a length)."""
    whole = distances[0]
    for distance in distances[1:]:
        if blend:
            share = ((distance - whole) / (2 * blend) + 0.5).clamp(0, 1)
            mixed = distance + (whole - distance) * share
            whole = mixed - blend * share * (1 - share)
        else:
            whole = torch.minimum(whole, distance)
    return whole


def inside(distance: Tensor, soft: float = PIXEL) -> Tensor:
    """1 inside and 0 outside, a straight edge of the given width about distance 0."""
    return (0.5 - distance / soft).clamp(0, 1)


def ramp(value: Tensor, start: float, stop: float) -> Tensor:
    """Smoothstep from 0 at `start` to 1 at `stop` (which may lie below `start`)."""
    t = ((value - start) / (stop - start)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def line(distance: Tensor, width: float) -> Tensor:
    """A soft line: 1 on it, falling off as a Gaussian of this standard deviation."""
    return torch.exp(-0.5 * (distance / width) ** 2)


def dome(distance: Tensor, radius) -> Tensor:
    """Height of a round limb of this radius, from its signed distance; 0 outside."""
    return (radius**2 - (distance + radius).clamp(min=0) ** 2).clamp(min=0).sqrt()


def noise(u: Tensor, v: Tensor, seed: int, size: int = 64) -> Tensor:
    """Smooth noise about 0 at places (u, v), one knot a unit, repeated after `size` units."""
    generator = torch.Generator().manual_seed(seed)
    knots = torch.randn(size, size, generator=generator)
    i, j = u.floor(), v.floor()
    s, t = (u - i), (v - j)
    s, t = s * s * (3 - 2 * s), t * t * (3 - 2 * t)
    i, j = i.long() % size, j.long() % size
    k, m = (i + 1) % size, (j + 1) % size
    top = torch.lerp(knots[j, i], knots[j, k], s)
    bottom = torch.lerp(knots[m, i], knots[m, k], s)
    return torch.lerp(top, bottom, t)


def wobble(u: Tensor, seed: int) -> Tensor:
    """Smooth noise about 0 along one coordinate, one knot a unit."""
    return noise(u, torch.zeros_like(u), seed)
