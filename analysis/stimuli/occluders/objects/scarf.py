"""Scarves, wound about neck, chin and mouth."""

import torch
from torch import Tensor

from analysis.stimuli.occluders.objects.light import Layers, lit
from analysis.stimuli.occluders.objects.shapes import box, inside, line, noise
from analysis.stimuli.occluders.objects.sketch import OBJECTS, Sketch, plane, stacked

# The windings from the innermost: height of the middle, slope, sag, half width.
WINDINGS = (
    (1.19, -0.10, 0.10, 0.15),
    (1.01, 0.16, 0.16, 0.105),
    (0.880, -0.22, 0.30, 0.095),
    (0.750, 0.11, 0.42, 0.100),
)


@OBJECTS.register("scarf")
def scarf() -> Sketch:
    """Three windings of striped wool, coarse knit, or checked cloth."""
    drawn = [_wound(_striped, False), _wound(_knit, True), _wound(_checked, False)]
    return stacked(drawn, anchor=(0.5, 1.15), smallest=0.7, largest=1.25)


def _wound(cloth, mirrored: bool) -> Layers:
    """The windings over each other; `cloth(u, v, height)` is its gray at u along and v across."""
    x, y = plane(mirrored)
    drawn = Layers(x)
    for number, (middle, slope, sag, half) in enumerate(WINDINGS):
        u = x - 0.5
        v = y - middle - slope * u - sag * u**2
        v = v + 0.012 * noise(u * 4 + 20, v * 4, 45 + number)
        edge = box(u, v, (0, 0), (0.475, half), 0.9 * half) + 0.006 * noise(
            u * 9, v * 9, 40 + number
        )
        crest = (1 - (v / half) ** 2).clamp(min=0)
        folds = noise(u * 2.2 + 6 * v, v * 20, 50 + number) * crest
        height = 0.085 * crest.sqrt() + 0.022 * folds + 0.5 * (0.27 - u**2).clamp(min=0).sqrt()
        drawn.cast(edge, 0.55, 0.07)
        drawn.add(*cloth(u, v, height, edge))
    return drawn


def _striped(u: Tensor, v: Tensor, height: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Light and dark bands across, with a nap that softens its edge."""
    nap = noise(u * 60, v * 60, seed=14) + noise(u * 110, v * 110, seed=15)
    place = u * 3.6 + 0.5 * v + 0.2
    gray = 0.22 + 0.50 * inside((place - place.floor() - 0.5).abs() - 0.23, 0.04)
    return inside(edge + 0.004 * nap, 0.014), lit(height + 0.0012 * nap, gray)


def _knit(u: Tensor, v: Tensor, height: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Columns of stitches, each stitch a small V."""
    column = u * 15
    row = v * 15 + (column - column.floor() - 0.5).abs() * 1.1
    stitch = torch.sin(2 * torch.pi * row) + 1.4 * torch.cos(2 * torch.pi * column)
    shade = lit(height + 0.004 * stitch, 0.70) * (0.95 + 0.07 * stitch)
    return inside(edge - 0.003 * stitch, 0.012), shade


def _checked(u: Tensor, v: Tensor, height: Tensor, edge: Tensor) -> tuple[Tensor, Tensor]:
    """Broad dark bands both ways, and a thin light line beside each."""
    places = [(c - c.floor()) for c in (u * 4.2 + 0.35, v * 5.5 + 0.25)]
    broad = sum(inside((place - 0.35).abs() - 0.22, 0.05) for place in places)
    thin = sum(line(place - 0.80, 0.05) for place in places)
    gray = (0.70 - 0.26 * broad + 0.22 * thin).clamp(0.1, 0.95)
    return inside(edge), lit(height + 0.0008 * noise(u * 120, v * 120, seed=33), gray)
