"""Masks over nose, mouth and chin."""

import torch
from torch import Tensor

from analysis.stimuli.occluders.objects.light import Layers, lit
from analysis.stimuli.occluders.objects.shapes import (
    capsule,
    inside,
    line,
    noise,
    outline,
    ramp,
    union,
)
from analysis.stimuli.occluders.objects.sketch import OBJECTS, Sketch, plane, stacked

# The picture's left half of each outline, from the top over the nose to the bottom.
PLEATED = [(.500, .478), (.430, .492), (.330, .535), (.220, .565), (.145, .572), (.138, .640),
           (.152, .740), (.172, .825), (.230, .890), (.320, .965), (.410, 1.02),
           (.500, 1.04)]
SHAPED = [(.500, .470), (.440, .482), (.340, .545), (.230, .590), (.130, .595), (.122, .640),
          (.140, .715), (.180, .780), (.250, .870), (.330, .965), (.410, 1.02),
          (.500, 1.04)]


@OBJECTS.register("surgical_mask")
def surgical_mask() -> Sketch:
    """A mask from the nose to under the chin: pleated white and gray, shaped black and white."""
    drawn = [_pleated(0.84), _shaped(0.16, seal=False), _shaped(0.90, seal=True), _pleated(0.60)]
    return stacked(drawn, anchor=(0.5, 0.72), smallest=0.75, largest=1.1)


def _symmetric(half) -> Tensor:
    return outline(half + [(1 - x, y) for x, y in half[-2:0:-1]])


def _bulge(x: Tensor, y: Tensor) -> Tensor:
    """Height of cloth stretched over nose, cheeks and chin."""
    across = (x - 0.5).abs()
    nose = 0.10 * torch.exp(-((across / 0.11) ** 2) - ((y - 0.60) / 0.16) ** 2)
    chin = 0.05 * torch.exp(-((across / 0.14) ** 2) - ((y - 0.93) / 0.09) ** 2)
    return nose + chin - 0.9 * across**2 - 0.35 * (y - 0.76) ** 2


def _pleated(gray: float) -> Layers:
    """Three folds across, a hem all around and a wire over the nose."""
    x, y = plane()
    cloth = _symmetric(PLEATED)
    across = (x - 0.5) / 0.36
    fold = (y - 0.655 - 0.03 * (1 - across**2)) / 0.082  # one unit a fold
    share = fold - fold.floor()
    pleats = (fold > 0) & (fold < 3)
    height = _bulge(x, y) + 0.016 * pleats * (share * (1 - ramp(share, 0.86, 1.0)))
    hem = inside((cloth + 0.028).abs() - 0.004, 0.008)
    wire = line(y - 0.515 - 0.55 * (x - 0.5) ** 2, 0.010) * inside((x - 0.5).abs() - 0.13, 0.03)
    height = height + 0.006 * wire - 0.004 * hem + 0.0006 * noise(x * 90, y * 90, seed=1)
    shade = lit(height, gray) * (1 - 0.22 * pleats * ramp(share, 0.80, 1.0))
    return _looped(cloth, 0.95).add(inside(cloth), shade * (1 - 0.10 * hem))


def _shaped(gray: float, seal: bool) -> Layers:
    """Two halves joined along the middle; `seal`: with the welded lines of a respirator."""
    x, y = plane()
    cloth = _symmetric(SHAPED)
    ridge = -0.30 * ((x - 0.5) ** 2 + 0.004).sqrt()
    height = _bulge(x, y) + ridge + 0.0006 * noise(x * 80, y * 80, seed=2)
    seam = line(x - 0.5, 0.006)
    if seal:
        weld = line(cloth + 0.035, 0.004) + line((x - 0.5).abs() - 0.20 - 0.3 * (y - 0.8), 0.004)
    else:
        weld = line(cloth + 0.022, 0.004)
    drag = noise((x - 0.5).abs() * 5 + y * 12, y * 3, seed=3) * ramp((x - 0.5).abs(), 0.12, 0.32)
    height = height - 0.003 * (seam + weld) + 0.006 * drag
    shade = lit(height, gray) * (1 - 0.30 * seam - 0.15 * weld)
    return _looped(cloth, min(1.0, gray + 0.08)).add(inside(cloth), shade)


def _looped(cloth: Tensor, gray: float) -> Layers:
    """The loops around the ears, and the shadow of the cloth on the cheeks."""
    x, y = plane()
    upper, _ = capsule(x, y, (0.155, 0.585), (0.035, 0.455), (0.007, 0.007))
    lower, _ = capsule(x, y, (0.180, 0.800), (0.030, 0.560), (0.007, 0.007))
    loops = union(upper, lower, upper.flip(1), lower.flip(1))
    drawn = Layers(x).cast(union(loops, cloth), 0.35, 0.04)
    return drawn.add(inside(loops), gray)
