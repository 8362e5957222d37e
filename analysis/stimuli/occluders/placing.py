"""Any occluder on faces: the one function that the study calls."""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.layout import FaceLayout, canvas, mean_layout
from analysis.stimuli.occluders.growth import (
    GROWING,
    Cover,
    Generators,
    occlusion_fraction,
    stopped,
)
from analysis.stimuli.occluders.objects import OBJECTS, Sketch, sketch
from iram.errors import InputError
from iram.registry import unknown

OPAQUE = 0.5  # an object occludes where it hides more than this
NEAR = 0.01  # share of the face that an object may miss a fraction by
CORRECTIONS = 3
SCALES = 25  # sizes at which an object's share of the face is measured


def names() -> list[str]:
    """Every occluder: those that grow, and the objects."""
    return [*GROWING, *OBJECTS]


def cover(
    occluder: str, fraction: float | None, layout: FaceLayout, generators: Generators
) -> Cover:
    """Where the occluder is on each face.

    Args:
        fraction: share of the face area to cover, 0 to 1. An object is made larger or smaller to
            cover it, within what is natural for it (`reach`), and else as near as it gets; None is
            its natural size. Measure what is covered with `occlusion_fraction`.
        generators: one per face; an occluder that leaves nothing to chance ignores them.

    Raises:
        InputError: no such occluder, or no fraction for one that has no size of its own.
    """
    if occluder in GROWING:
        if fraction is None:
            raise InputError(f"occluder '{occluder}' has no natural size; give a fraction, 0 to 1")
        return Cover(stopped(GROWING[occluder](layout, generators), fraction, layout))
    if occluder not in OBJECTS:
        raise InputError(unknown("occluder", occluder, names()))
    return _object(occluder, fraction, layout, generators)


def reach(occluder: str) -> tuple[float, float]:
    """The smallest and the largest share of the mean face's area that an occluder covers, with the
    variant of an object that covers least and most; 0 and 1 for one that grows."""
    if occluder in GROWING:
        return 0.0, 1.0
    shares = shares_by_scale(occluder)
    return float(shares[:, 0].min()), float(shares[:, -1].max())


def _object(occluder: str, fraction: float | None, layout: FaceLayout, generators) -> Cover:
    drawn = sketch(occluder)
    draws = torch.stack([torch.rand(1, generator=generator) for generator in generators])[:, 0]
    able = _able(occluder, fraction)
    variant = able[(draws * len(able)).long()]
    scale = torch.ones(len(variant))
    if fraction is not None:
        scale = _scale(occluder, fraction, layout, variant)
    alpha, shade = (
        layout.show(canvas[variant], scale, drawn.anchor)
        for canvas in _at_size(occluder, layout.size)
    )
    return Cover(alpha > OPAQUE, alpha, shade, drawn.skin)


def _scale(occluder: str, fraction: float, layout: FaceLayout, variant: Tensor) -> Tensor:
    """(N,) the size at which each face's object covers this share of it, or as near as it gets.

    What it takes on the mean face, then corrected on the face itself: areas go with the square.
    """
    drawn, shares = sketch(occluder), shares_by_scale(occluder)
    scales = _scales(drawn)
    first = [np.interp(fraction, shares[v], scales) for v in variant.tolist()]
    scale = torch.tensor(first, dtype=torch.float32)
    alpha = _at_size(occluder, layout.size)[0][variant]
    for _ in range(CORRECTIONS):
        covered = occlusion_fraction(layout.show(alpha, scale, drawn.anchor) > OPAQUE, layout)
        scale = scale * (fraction / covered.clamp(min=1e-3)).sqrt().clamp(0.8, 1.25)
        scale = scale.clamp(drawn.smallest, drawn.largest)
    return scale


def _able(occluder: str, fraction: float | None) -> Tensor:
    """The variants of an object that can cover this share; all, if none can."""
    shares = shares_by_scale(occluder)
    if fraction is None:
        return torch.arange(len(shares))
    reached = (shares[:, 0] - NEAR <= fraction) & (fraction <= shares[:, -1] + NEAR)
    return torch.from_numpy(np.flatnonzero(reached if reached.any() else ~reached))


@cache
def shares_by_scale(occluder: str) -> np.ndarray:
    """(V, SCALES): the share of the mean face that each variant covers as it grows, rising."""
    drawn, layout = sketch(occluder), mean_layout(96)
    scales = torch.from_numpy(_scales(drawn)).float()
    rows = []
    for alpha in drawn.alpha:
        shown = layout.show(alpha.expand(SCALES, -1, -1), scales, drawn.anchor)
        rows.append(occlusion_fraction(shown > OPAQUE, layout).numpy())
    return np.maximum.accumulate(np.stack(rows), 1)


def _scales(drawn: Sketch) -> np.ndarray:
    return np.geomspace(drawn.smallest, drawn.largest, SCALES)


@cache
def _at_size(occluder: str, size: int) -> tuple[Tensor, Tensor]:
    """Alpha and shade as fine as pictures of this size can show them, so that edges are smooth."""
    drawn = sketch(occluder)
    factor = max(1, round(canvas.SIDE / canvas.EXTENT / size))
    alpha = F.avg_pool2d(drawn.alpha, factor)
    # A pixel half beside the object has the object's own shade, not that of what is beside it.
    shade = F.avg_pool2d(drawn.alpha * drawn.shade, factor) / alpha.clamp(min=1e-3)
    return alpha, shade
