"""Hands laid on the face, seen from their backs.

One right hand is drawn in a frame of its own: u along the fingers and v across them, towards the
little finger, from the middle of the knuckles; then turned, sized and put in place.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from analysis.stimuli.occluders.objects.light import Layers, blurred, lit
from analysis.stimuli.occluders.objects.shapes import (
    along,
    capsule,
    dome,
    ellipse,
    inside,
    line,
    noise,
    ramp,
    union,
)
from analysis.stimuli.occluders.objects.sketch import OBJECTS, Point, Sketch, plane, stacked

TONE = 0.88  # of the face's own gray, where the hand is level; better lit, it stays below 1
# Knuckle, length, turn in degrees and radius of each finger, from the index finger.
FINGERS = (
    ((0.020, -0.140), 0.400, -5.0, 0.053),
    ((0.040, -0.047), 0.450, -1.0, 0.055),
    ((0.022, 0.047), 0.415, 3.0, 0.052),
    ((-0.025, 0.133), 0.325, 9.0, 0.046),
)
WRIST = (-0.46, 0.02)


@OBJECTS.register("hand")
def hand() -> Sketch:
    """A hand over the mouth and over an eye, from the left and the right; one from below."""
    mouth = _laid((0.375, 0.800), turn=-5, size=0.82, arm=28)
    eye = _laid((0.225, 0.500), turn=-56, size=0.80, arm=20)
    below = _laid((0.430, 0.985), turn=-66, size=0.84, arm=-8)
    drawn = [_seen(mouth, False), _seen(mouth, True), _seen(eye, False), _seen(eye, True),
             _seen(below, True)]
    return stacked(drawn, anchor=(0.5, 0.58), smallest=0.75, largest=1.25, skin=True)


def _laid(knuckles: Point, turn: float, size: float, arm: float) -> Sequence[Tensor]:
    """The hand with its knuckles there, turned clockwise by `turn` degrees from pointing right:
    distance, height and tone.

    `arm` is the bend of the wrist in degrees.
    """
    x, y = plane()
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    p, q = (x - knuckles[0]) / size, (y - knuckles[1]) / size
    shape, height, tone = _right_hand(p * cos + q * sin, q * cos - p * sin, math.radians(arm))
    pores = 0.03 * noise(x * 50, y * 50, 120) + 0.02 * noise(x * 14, y * 14, 121)
    return shape * size, blurred(height * size, 0.008), tone + pores


def _seen(parts: Sequence[Tensor], mirrored: bool) -> Layers:
    """Lit, and its shadow on the face."""
    shape, height, tone = (part.flip(1) for part in parts) if mirrored else parts
    drawn = Layers(shape).cast(shape, 0.50, 0.07)
    return drawn.add(inside(shape), lit(height, TONE * tone, gloss=0.10, shine=10))


def _right_hand(u: Tensor, v: Tensor, arm: float) -> tuple[Tensor, Tensor, Tensor]:
    """Distance to its outline, height, and share of the skin's gray (creases, nails, gaps)."""
    fingers = [_finger(u, v, *finger) for finger in FINGERS]
    thumb = _digit(u, v, ((-0.36, -0.09), (-0.17, -0.215), (0.03, -0.300)), (0.075, 0.058, 0.050))
    back, ridges = _back(u, v)
    elbow = (WRIST[0] - 1.6 * math.cos(arm), WRIST[1] + 1.6 * math.sin(arm))
    forearm, thick = capsule(u, v, WRIST, elbow, (0.120, 0.200))
    shape = union(union(back, forearm, thumb[0], blend=0.05), *(f[0] for f in fingers), blend=0.012)
    tall = -union(*(-f[1] for f in fingers), blend=0.006)
    tall = -union(-tall, -ridges, -0.42 * dome(forearm, thick), blend=0.022)
    tall = -union(-tall, -thumb[1], blend=0.012)
    tone = torch.stack([f[2] for f in (*fingers, thumb)]).prod(0)
    return shape, tall, tone * (1 - _gaps(u, fingers))


def _back(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """The back of the hand: distance, and height with knuckles and sinews."""
    bones = [
        capsule(u, v, (WRIST[0], WRIST[1] + 0.35 * base[1]), base, (0.080, 0.062))[0]
        for base, _, _, _ in FINGERS
    ]
    shape = union(*bones, blend=0.05)
    level = 0.030 + 0.016 * ramp(u, 0.0, -0.25)
    height = level * ramp(blurred(inside(shape), 0.036), 0.2, 0.95)
    for base, _, _, _ in FINGERS:
        share, across = along(u, v, WRIST, base)
        knob = torch.exp(-(((u - base[0]) / 0.050) ** 2) - ((v - base[1]) / 0.036) ** 2)
        height = height + 0.008 * knob
        height = height + 0.002 * line(across, 0.016) * ramp(share, 0.2, 0.6) * ramp(share, 1, 0.9)
    return shape, height * inside(shape, 0.02)


def _finger(u: Tensor, v: Tensor, base: Point, length: float, turn: float, thick: float):
    """A finger with its middle joint a little to the side, as `_digit` gives it."""
    steps = [
        (base[0] + share * length * math.cos(angle), base[1] + share * length * math.sin(angle))
        for share, angle in ((0.50, math.radians(turn)), (0.95, math.radians(turn + 1.5)))
    ]
    return _digit(u, v, (base, *steps), (thick * 1.04, thick, thick * 0.86))


def _digit(u: Tensor, v: Tensor, joints, thick) -> tuple[Tensor, Tensor, Tensor]:
    """Distance, height, and share of the skin's gray for a finger through three joints."""
    first = capsule(u, v, joints[0], joints[1], thick[:2])
    second = capsule(u, v, joints[1], joints[2], thick[1:])
    shape = union(first[0], second[0], blend=0.01)
    height = 0.65 * torch.maximum(dome(*first), dome(*second))
    share, across = along(u, v, joints[1], joints[2])
    length = math.dist(joints[1], joints[2])
    bow = 0.25 * (across / thick[1]) ** 2  # creases are bowed
    creases = sum(
        weight * line(length * (share - place) + 0.02 * bow, 0.0045)
        for place, weight in ((-0.07, 0.6), (0.0, 1.0), (0.07, 0.6), (0.50, 0.8), (0.56, 0.5))
    )
    creases = creases * inside(across.abs() - 0.75 * thick[1], 0.03)
    nail = ellipse(length * (share - 0.985), across, (0, 0), (0.046, 0.60 * thick[2]), 2.6)
    tone = 1 - 0.17 * creases * inside(shape + 0.004, 0.01)
    tone = tone + 0.10 * inside(nail + 0.004, 0.008) - 0.16 * line(nail, 0.005)
    return shape, height, tone


def _gaps(u: Tensor, fingers) -> Tensor:
    """The shadow between neighbouring fingers, none on the back of the hand."""
    depth = torch.zeros_like(u)
    for one, other in pairwise(fingers):
        depth = torch.maximum(depth, line(one[0] - other[0], 0.012))
    return 0.40 * depth * ramp(u, 0.04, 0.14)
