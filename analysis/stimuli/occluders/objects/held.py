"""What is held in front of the mouth: microphones and cups."""

import torch
from torch import Tensor

from analysis.stimuli.occluders.objects.light import Layers, lit
from analysis.stimuli.occluders.objects.shapes import (
    along,
    box,
    capsule,
    disc,
    dome,
    ellipse,
    inside,
    line,
    noise,
    ramp,
)
from analysis.stimuli.occluders.objects.sketch import OBJECTS, Sketch, plane, stacked


@OBJECTS.register("microphone")
def microphone() -> Sketch:
    """A ball of wire mesh on a dark or silver grip, from the left, the right or below; foam."""
    drawn = [
        _microphone(False, (0.430, 0.835), (-0.02, 1.24), grip=0.14),
        _microphone(True, (0.435, 0.830), (0.08, 1.30), grip=0.55),
        _microphone(False, (0.500, 0.845), (0.47, 1.45), grip=0.20),
        _microphone(True, (0.430, 0.835), (0.00, 1.28), grip=0.12, foam=True),
    ]
    return stacked(drawn, anchor=(0.48, 0.79), smallest=0.7, largest=1.5)


def _microphone(mirrored: bool, ball, end, grip: float, foam: bool = False) -> Layers:
    """The middle of the ball and the end of the grip say how it is held."""
    x, y = plane(mirrored)
    radius = 0.115
    head = disc(x, y, ball, radius)
    share, right = along(x, y, ball, end)
    away = share * torch.tensor(end).sub(torch.tensor(ball)).norm()  # from the ball's middle
    handle, thick = capsule(x, y, ball, end, (0.070, 0.050))
    collar = box(away, right, (0.100, 0.0), (0.024, 0.080), 0.012)
    drawn = Layers(x).cast(torch.minimum(head, handle), 0.45, 0.06)
    drawn.add(inside(handle), lit(dome(handle, thick), grip, gloss=0.45, shine=14))
    switch = box(away, right, (0.24, 0.0), (0.035, 0.014), 0.010)
    drawn.add(inside(switch), 0.75 if grip < 0.4 else 0.15)
    if foam:
        bumps = noise(x * 60, y * 60, seed=61) + noise(x * 110, y * 110, seed=62)
        round_ = 0.9 * dome(head, radius)
        return drawn.add(inside(head + 0.003 * bumps, 0.015), lit(round_ + 0.004 * bumps, 0.22))
    ball_shade = _mesh(away / radius, right / radius, dome(head, radius))
    drawn.add(inside(head), ball_shade)
    belt = box(away, right, (0.012, 0.0), (0.016, 0.130), 0.006).maximum(head - 0.004)
    drawn.add(inside(belt), lit(dome(head, radius), 0.62, gloss=0.3))
    return drawn.add(inside(collar), lit(0.9 * dome(collar, 0.06), 0.50, gloss=0.5, shine=12))


def _mesh(u: Tensor, v: Tensor, height: Tensor) -> Tensor:
    """Crossed wires over the dark inside of a ball, closer together towards its rim."""
    squeeze = torch.asin(torch.hypot(u, v).clamp(max=0.999)) / torch.hypot(u, v).clamp(min=1e-3)
    a, b = 7 * squeeze * (u + v), 7 * squeeze * (u - v)
    wires = torch.maximum(torch.cos(a).abs(), torch.cos(b).abs())
    return lit(height, 0.16 + 0.62 * ramp(wires, 0.72, 0.95), gloss=0.30, shine=16)


@OBJECTS.register("cup")
def cup() -> Sketch:
    """Drinking: a mug with its handle left or right, a paper cup with lid and sleeve, a glass."""
    drawn = [_mug(False, 0.88), _mug(True, 0.30), _paper_cup()]
    return stacked(drawn, anchor=(0.5, 0.80), smallest=0.7, largest=1.3)


def _mug(mirrored: bool, gray: float) -> Layers:
    x, y = plane(mirrored)
    middle, top, bottom, half = 0.5, 0.745, 1.13, 0.185
    body = _barrel(x, y, middle, top, bottom, half, half - 0.02)
    ear = ellipse(x, y, (middle + half + 0.03, 0.925), (0.105, 0.125), 2.4)
    handle = (ear + 0.022).abs() - 0.022
    drawn = Layers(x).cast(torch.minimum(body, handle), 0.45, 0.06)
    drawn.add(inside(handle), lit(dome(handle, 0.022), gray, gloss=0.25))
    drawn.add(inside(body), lit(_round_side(x, middle, half), gray, gloss=0.25, shine=30))
    stripe = (y - 0.055 * _sagging(x, middle, half) - 0.93).abs() - 0.016
    drawn.add(inside(stripe.maximum(body + 0.002)) * 0.7, 0.45)
    return _mouth_of_cup(drawn, x, y, (middle, top), (half, 0.050), gray)


def _paper_cup() -> Layers:
    """A white cup that narrows downwards, a dark lid and a rough sleeve."""
    x, y = plane()
    middle, top, half = 0.5, 0.755, 0.150
    body = _barrel(x, y, middle, top, 1.22, half, 0.105)
    drawn = Layers(x)
    lid = torch.minimum(
        box(x, y, (middle, 0.745), (0.166, 0.022), 0.016),
        box(x, y, (middle, 0.710), (0.142, 0.034), 0.026),
    )
    drawn.cast(torch.minimum(body, lid), 0.45, 0.06)
    drawn.add(inside(body), lit(_round_side(x, middle, half), 0.92))
    sag = 0.05 * _sagging(x, middle, half)
    sleeve = ((y - sag - 0.900).abs() - 0.095).maximum(body - 0.006)
    grooves = torch.cos(2 * torch.pi * 26 * torch.asin(((x - middle) / half).clamp(-1, 1)) / 3)
    drawn.add(inside(sleeve), lit(_round_side(x, middle, half), 0.42 + 0.03 * grooves))
    badge = ellipse(x, y, (middle, 0.945), (0.052, 0.052))
    drawn.add(inside(badge) * 0.9, 0.85)
    drawn.add(inside((badge + 0.02).abs() - 0.005), 0.30)
    return drawn.add(inside(lid), lit(_round_side(x, middle, 0.18) + dome(lid, 0.02), 0.16, 0.3))


def _barrel(x, y, middle: float, top: float, bottom: float, wide: float, narrow: float) -> Tensor:
    """A cup from the side: straight walls, a round bottom edge."""
    share = ((y - top) / (bottom - top)).clamp(0, 1)
    half = wide + (narrow - wide) * share
    walls = (x - middle).abs() - half
    floor = y - bottom - 0.055 * _sagging(x, middle, narrow)
    return walls.maximum(floor).maximum(top - y)


def _sagging(x: Tensor, middle: float, half: float) -> Tensor:
    """The front of a circle seen from above: 1 in the middle, 0 at the sides."""
    return (1 - ((x - middle) / half) ** 2).clamp(min=0).sqrt()


def _round_side(x: Tensor, middle: float, half: float) -> Tensor:
    """Height of an upright cylinder's front, a little flattened."""
    return 0.7 * half * _sagging(x, middle, 1.03 * half)


def _mouth_of_cup(drawn: Layers, x, y, centre, radii, gray: float) -> Layers:
    """The rim, the inner wall and what is in the cup."""
    rim = ellipse(x, y, centre, radii)
    hollow = ellipse(x, y, centre, (radii[0] - 0.014, radii[1] - 0.010))
    drawn.add(inside(rim), min(1.0, gray + 0.15))
    drawn.add(inside(hollow), gray * (0.45 + 0.4 * ramp(x, centre[0] - 0.1, centre[0] + 0.2)))
    drink = ellipse(x, y, (centre[0], centre[1] + 0.018), (radii[0] - 0.03, radii[1] - 0.018))
    return drawn.add(inside(drink.maximum(hollow)), 0.08 + 0.15 * line(x - centre[0] + 0.07, 0.03))
