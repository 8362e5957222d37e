"""Occluders that know no part of the face: boxes, blobs and patches at random places."""

import math

import torch
from torch import Tensor

from analysis.stimuli.layout import FaceLayout
from analysis.stimuli.occluders.growth import GROWING, Generators, Growth

CORNERS = (3, 15)  # of a blob
PATCH = 8  # patches a side


@GROWING.register("box", title="random box", kind="at random")
def box(layout: FaceLayout, generators: Generators) -> Growth:
    """A rectangle about a random place of the face, sides 2:3 to 3:2: the area-matched random
    twin of every occluder."""
    draws = _draws(4, generators)
    return Growth(_rectangles(layout.face, draws), layout.face)


@GROWING.register("sham", title="sham (background)", kind="at random")
def sham(layout: FaceLayout, generators: Generators) -> Growth:
    """As much as `box`, about a random place of the background, never on the face.

    What it changes is not occlusion but the mere presence of a patch.
    """
    draws = _draws(4, generators)
    order = _rectangles(~layout.face, draws)
    return Growth(order.masked_fill(layout.face, torch.inf), ~layout.face)


@GROWING.register("blob", title="random blob", kind="at random")
def blob(layout: FaceLayout, generators: Generators) -> Growth:
    """A smooth closed curve with 3 to 15 bulges about a random place of the face.

    In the style of RandOcc's random Bezier shapes (Voo et al., CVPRW 2022), but star-shaped, so
    that growing masks are nested: the radius is a periodic cubic interpolation of random ones.
    """
    draws = _draws(3 + CORNERS[1], generators)
    x, y = _about(_random_place(layout.face, draws[:, 0]), layout.size)
    corners = (
        (CORNERS[0] + draws[:, 1] * (CORNERS[1] - CORNERS[0] + 1)).long().clamp(max=CORNERS[1])
    )
    turn = torch.atan2(y, x) / math.tau + draws[:, 2, None, None]
    at = (turn % 1) * corners[:, None, None]
    return Growth(torch.hypot(x, y) / _periodic(0.35 + draws[:, 3:], at, corners), layout.face)


def _periodic(values: Tensor, at: Tensor, period: Tensor) -> Tensor:
    """(N, S, S): each row's first `period` values as a periodic Catmull-Rom curve at places
    `at`, kept above 0.2."""
    before = at.floor()
    t, total = at - before, 0
    weights = (
        -(t**3) + 2 * t**2 - t,
        3 * t**3 - 5 * t**2 + 2,
        -3 * t**3 + 4 * t**2 + t,
        t**3 - t**2,
    )
    for step, weight in enumerate(weights):
        place = (before.long() + step - 1) % period[:, None, None]
        total = total + weight / 2 * values.gather(1, place.flatten(1)).view_as(at)
    return total.clamp(min=0.2)


@GROWING.register("dropout", title="random patches", kind="at random")
def dropout(layout: FaceLayout, generators: Generators) -> Growth:
    """Square patches, an eighth of the picture's side, dropped one by one in random order; the last
    row by row."""
    order = torch.stack([torch.randperm(PATCH**2, generator=g) for g in generators]).float()
    along = torch.arange(layout.size) * PATCH / layout.size
    patch = along.long()[:, None] * PATCH + along.long()[None]
    return Growth(order[:, patch] + (along % 1)[None, :, None], layout.face)


def _draws(count: int, generators: Generators) -> Tensor:
    """(N, count) in [0, 1)."""
    return torch.stack([torch.rand(count, generator=generator) for generator in generators])


def _rectangles(home: Tensor, draws: Tensor) -> Tensor:
    """(N, S, S): growing rectangles about a random pixel of `home`."""
    x, y = _about(_random_place(home, draws[:, 0]), home.shape[-1])
    # Off the pixel's centre, so that its sides reach the next pixels one after the other.
    x, y = x + draws[:, 2, None, None] - 0.5, y + draws[:, 3, None, None] - 0.5
    stretch = (1.5 ** (draws[:, 1] - 0.5))[:, None, None]  # square root of the aspect
    return torch.maximum(x.abs() / stretch, y.abs() * stretch)


def _random_place(home: Tensor, draw: Tensor) -> Tensor:
    """(N,) index of a pixel among the True ones of `home` (N or 1, S, S), all alike likely."""
    nth = home.flatten(1).cumsum(1)
    wanted = (draw * nth[:, -1]).long() + 1
    return torch.searchsorted(nth.expand(len(draw), -1).contiguous(), wanted[:, None])[:, 0]


def _about(place: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """x and y of every pixel from the pixel with this index, (N, S, S) each."""
    along = torch.arange(size)
    x = along[None, None] - (place % size)[:, None, None]
    y = along[None, :, None] - (place // size)[:, None, None]
    return x.expand(-1, size, -1).float(), y.expand(-1, -1, size).float()
