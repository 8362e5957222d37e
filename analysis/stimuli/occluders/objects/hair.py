"""Hair that falls over the face."""

import math

import torch
from torch import Tensor

from analysis.stimuli.occluders.objects.light import Layers, lit
from analysis.stimuli.occluders.objects.shapes import inside, line, noise, ramp, wobble
from analysis.stimuli.occluders.objects.sketch import OBJECTS, Sketch, plane, stacked, window


@OBJECTS.register("hair")
def hair() -> Sketch:
    """A fringe over brows and lids, long hair over one eye (left and right), curls."""
    drawn = [_fringe(0.17), _swept(False, 0.26), _swept(True, 0.52), _curls(0.15)]
    return stacked(drawn, anchor=(0.5, -0.10), smallest=0.85, largest=1.25)


def _combed(u: Tensor, v: Tensor, gray: float, gloss: Tensor, seed: int) -> Tensor:
    """The gray of combed hair; u counts across the strands and v along them, in lengths.

    Strands are noise, far longer than wide, bundled in locks; they break up the band of gloss.
    """
    u = u + 0.020 * noise(u * 11, v * 2.4, seed + 4)  # locks cross and part
    fine = noise(u * 110, v * 3.0, seed) + noise(u * 60 + 5, v * 2.2, seed + 1)
    locks = noise(u * 22, v * 1.6, seed + 2) + 0.6 * noise(u * 9, v * 1.2, seed + 3)
    strands = 0.5 * fine + 0.6 * locks
    return gray * (1 + 0.34 * strands).clamp(min=0.25) + gloss * (0.20 + 0.14 * strands)


def _fringe(gray: float) -> Layers:
    """Straight from the crown to the brows, and down both sides of the face."""
    x, y = plane()
    across = (x - 0.5).abs()
    sides = (
        0.420 - 0.05 * ramp(y, 0.30, 0.75) + 0.05 * ramp(y, 0.75, 1.10) + 0.010 * wobble(y * 6, 70)
    )
    drawn = _hanging(Layers(x), x, y, (sides - across).maximum(across - 0.53), gray)
    crown = (0.5, -0.55)
    angle = torch.atan2(x - crown[0], y - crown[1])
    angle = angle + 0.012 * noise(angle * 12, y * 4, 76)
    reach = torch.hypot(x - crown[0], y - crown[1])
    tips = 0.865 + 0.13 * ramp(across, 0.14, 0.40) - 0.07 * ramp(across, 0.02, 0.0)
    tips = tips + 0.022 * wobble(angle * 16, 77) + 0.022 * wobble(angle * 48, 78)
    fringe = (reach - tips).maximum(across - 0.46)
    gloss = line(reach - 0.72 - 0.025 * wobble(angle * 22, 79), 0.055)
    shade = _combed(angle * 0.8, reach, gray, gloss, 80) * (1 - 0.35 * ramp(fringe, -0.10, 0.0))
    drawn.cast(fringe, 0.5, 0.05)
    return drawn.add(inside(fringe + 0.012 * noise(angle * 90, reach * 3, 84), 0.02), shade)


def _swept(mirrored: bool, gray: float) -> Layers:
    """Parted on one side, swept over the other eye and down that cheek.

    Strands are quarters of ellipses about one middle: level at the parting, then falling.
    """
    x, y = plane(mirrored)
    near = 0.93 + 0.03 * wobble(y * 4, 90) - x - 0.05 * ramp(y, 0.45, 0.15)
    drawn = _hanging(Layers(x), x, y, near.maximum(x - 1.02), gray)
    middle, radii = (0.655, 0.84), (0.245, 0.76)
    right, down = (x - middle[0]) / radii[0], (y - middle[1]) / radii[1]
    turn = torch.atan2(-right, -down)  # 0 at the parting, a quarter turn where it hangs
    length = turn.clamp(0, math.pi / 2) + (y - middle[1]).clamp(min=0)
    ring = torch.hypot(right, down.clamp(max=0))  # 1 at the inner edge, more to the outside
    ring = ring + 0.07 * noise(length * 2.6, ring * 1.2, 96) * ramp(length, 0.2, 1.2)
    inner, outer = (1 - ring) * radii[0], (ring - 2.56 - 0.06 * wobble(length * 3, 95)) * radii[0]
    tips = 0.60 + 0.16 * (ring - 1) + 0.06 * wobble(ring * 5, 97) + 0.05 * wobble(ring * 11, 98)
    parting = x - middle[0] - 0.03 + 0.5 * (y - 0.1)
    lock = inner.maximum(outer).maximum(y - tips).maximum(parting)
    gloss = line(length - 0.75 - 0.05 * wobble(ring * 9, 99), 0.16)
    shade = _combed(ring * 0.26, length * 0.6, gray, gloss, 100)
    shade = shade * (1 - 0.35 * ramp(inner, -0.05, 0.0))
    drawn.cast(lock, 0.35, 0.05)
    return drawn.add(inside(lock + 0.006 * noise(ring * 30, length * 2, 104), 0.016), shade)


def _hanging(drawn: Layers, x: Tensor, y: Tensor, distance: Tensor, gray: float) -> Layers:
    """Adds hair that hangs straight down inside this outline."""
    drawn.cast(distance, 0.5, 0.05)
    shade = _combed((x - 0.5) / (1 + 0.15 * y), y, gray, 0.6 * line(y - 0.60, 0.09), 72)
    return drawn.add(inside(distance + 0.004 * noise(x * 90, y * 4, 71), 0.014), shade)


def _curls(gray: float) -> Layers:
    """Tight curls over forehead and temples: each a small spiral of strands."""
    x, y = plane()
    generator = torch.Generator().manual_seed(110)
    drawn = Layers(x)
    places = _curl_places(generator)
    radius = 0.048 + 0.024 * torch.rand(len(places), generator=generator)
    phase = torch.rand(len(places), generator=generator)
    p, q = x + 0.020 * noise(x * 14, y * 14, 112), y + 0.020 * noise(x * 14, y * 14, 113)
    near, spiral = torch.full_like(x, 3.0), torch.zeros_like(x)
    for (cx, cy), r, start in zip(places.tolist(), radius.tolist(), phase.tolist(), strict=True):
        here = window(cx, cy, 3 * r)
        right, down = p[here] - cx, q[here] - cy
        away = torch.hypot(right, down)
        nearer = away / r < near[here]
        near[here] = torch.where(nearer, away / r, near[here])
        turn = torch.atan2(down, right) / (2 * math.pi)
        spiral[here] = torch.where(nearer, away / 0.031 + turn + start, spiral[here])
    edge = (near - 1) * 0.050
    strands = torch.cos(2 * math.pi * spiral) + 0.45 * noise(p * 90, q * 90, 114)
    height = 0.045 * (1 - near**2).clamp(min=0).sqrt() + 0.003 * strands
    shade = lit(height, gray * (1 + 0.38 * strands), gloss=0.22, shine=8)
    shade = shade * (1.15 - 0.55 * ramp(near, 0.35, 1.0))
    drawn.cast(edge, 0.5, 0.05)
    drawn.add(inside(edge - 0.012, 0.014), 0.45 * gray)  # the hair behind, between the curls
    return drawn.add(inside(edge + 0.004 * noise(x * 60, y * 60, 111), 0.014), shade)


def _curl_places(generator: torch.Generator) -> Tensor:
    """(K, 2) middles of curls: a jittered grid over the head, less an oval of bare face."""
    step = 0.066
    xs, ys = torch.arange(-0.15, 1.16, step), torch.arange(-0.35, 0.95, step)
    places = torch.stack(torch.meshgrid(xs, ys, indexing="ij"), -1).reshape(-1, 2)
    places = places + 0.45 * step * torch.randn(places.shape, generator=generator).clamp(-1.5, 1.5)
    x, y = places.unbind(1)
    bare = ((x - 0.48) / 0.41) ** 2 + ((y - 0.75) / 0.54) ** 2 < 1
    head = ((x - 0.5) / 0.62) ** 2 + ((y - 0.35) / 0.72) ** 2 < 1
    return places[head & ~bare]
