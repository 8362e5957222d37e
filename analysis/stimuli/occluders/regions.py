"""Regions of the face: an occluder that grows out of a part, or over the face from one side."""

from functools import cache

import torch
from torch import Tensor

from analysis.stimuli.layout import FaceLayout, canvas
from analysis.stimuli.occluders.growth import GROWING, Grower, Growth

REGIONS = {
    "brows": ("left_brow", "right_brow"),
    "eyes": ("left_eye", "right_eye"),
    "brows_eyes": ("left_brow", "right_brow", "left_eye", "right_eye"),
    "nose": ("nose",),
    "cheeks": ("left_cheek", "right_cheek"),
    "mouth": ("mouth",),
    "chin": ("chin",),
}
HALVES = {  # across x (0) or y (1), from the low end (+1) or the high end (-1)
    "upper_half": (1, +1),
    "lower_half": (1, -1),
    "left_half": (0, +1),  # the picture's left on a frontal face
    "right_half": (0, -1),
}


@cache
def around(parts: tuple[str, ...]) -> Tensor:
    """(SIDE, SIDE) on the canvas: the order in which these parts grow, alike in all directions."""
    nearest = torch.stack([canvas.distance(part) for part in parts]).amin(0)
    x, y = canvas.points()
    middles = []  # inside a part all distances are 0: a small term has it grow from its middle
    for part in parts:
        inside = canvas.distance(part) == 0
        middles.append(torch.hypot(x - x[inside].mean(), y - y[inside].mean()))
    return nearest + torch.stack(middles).amin(0) / 1e2


def _region(parts: tuple[str, ...]) -> Grower:
    def grow(layout: FaceLayout, generators) -> Growth:
        return Growth(layout.show(around(parts)), layout.face)

    return grow


def _half(across: int, sign: int) -> Grower:
    def grow(layout: FaceLayout, generators) -> Growth:
        return Growth(sign * layout.places[..., across], layout.face)

    return grow


for _name, _parts in REGIONS.items():
    _title = " and ".join(_name.split("_"))
    GROWING.register(_name, _title, kind="region")(_region(_parts))
for _name, _way in HALVES.items():
    GROWING.register(_name, kind="region")(_half(*_way))
