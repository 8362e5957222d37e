"""VR headsets."""

import torch
from torch import Tensor

from analysis.stimuli.occluders.objects.light import Layers, lit
from analysis.stimuli.occluders.objects.shapes import box, disc, dome, ellipse, inside, ramp, union
from analysis.stimuli.occluders.objects.sketch import OBJECTS, Sketch, plane, stacked


@OBJECTS.register("vr_headset", title="VR headset")
def vr_headset() -> Sketch:
    """A box over the eyes on straps: white with four cameras, glossy black, three windows."""
    drawn = [_headset(0.86, _cameras), _headset(0.12, _glossy), _headset(0.74, _windows)]
    return stacked(drawn, anchor=(0.5, 0.40), smallest=0.75, largest=1.2)


def _headset(gray: float, front) -> Layers:
    x, y = plane()
    nose = ellipse(x, y, (0.5, 0.600), (0.095, 0.105))
    shell = -union(-box(x, y, (0.5, 0.375), (0.366, 0.144), 0.098), nose, blend=0.03)
    cushion = (shell - 0.020).maximum(-nose - 0.01)
    drawn = Layers(x).cast(cushion, 0.5, 0.06)
    _straps(drawn, x, y)
    drawn.add(inside(cushion), lit(dome(cushion, 0.03), 0.10))
    height = 0.5 * dome(shell, 0.07) - 0.30 * (x - 0.5) ** 2 - 0.20 * (y - 0.37) ** 2
    drawn.add(inside(shell), lit(height, gray, gloss=0.25, shine=30))
    return front(drawn, x, y, shell)


def _straps(drawn: Layers, x: Tensor, y: Tensor) -> None:
    """A band around the head and one over it, woven and dark."""
    sides = box(x, y, (0.5, 0.350), (0.455, 0.042), 0.02)
    over = box(x, y, (0.5, -0.10), (0.050, 0.36))
    for band in (over, sides):
        weave = 0.02 * torch.sin(220 * (x + y)) * torch.sin(220 * (x - y))
        drawn.add(inside(band), lit(0.4 * dome(band, 0.03), 0.24 + weave))


def _cameras(drawn: Layers, x: Tensor, y: Tensor, shell: Tensor) -> Layers:
    for centre in ((0.200, 0.280), (0.800, 0.280), (0.215, 0.465), (0.785, 0.465)):
        drawn.add(inside(disc(x, y, centre, 0.033)), 0.06)
        drawn.add(inside(disc(x, y, (centre[0] - 0.010, centre[1] - 0.010), 0.009), 0.01), 0.75)
    return drawn


def _glossy(drawn: Layers, x: Tensor, y: Tensor, shell: Tensor) -> Layers:
    plate = shell + 0.045
    sky = 0.10 + 0.40 * ramp(y - 0.10 * x, 0.34, 0.22) * inside(plate + 0.02, 0.03)
    drawn.add(inside(plate), sky)
    drawn.add(inside((plate + 0.004).abs() - 0.004), 0.40)
    return drawn.add(inside(box(x, y, (0.5, 0.43), (0.055, 0.010), 0.008)), 0.85)


def _windows(drawn: Layers, x: Tensor, y: Tensor, shell: Tensor) -> Layers:
    for middle in (0.290, 0.500, 0.710):
        pill = box(x, y, (middle, 0.365), (0.040, 0.085), 0.040)
        drawn.add(inside(pill), 0.07)
        drawn.add(inside(disc(x, y, (middle, 0.325), 0.022)), 0.25)
        drawn.add(inside(disc(x, y, (middle - 0.008, 0.317), 0.008), 0.01), 0.85)
    return drawn
