"""Any occluder on faces: the one function that the study calls."""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.layout import FaceLayout, canvas, mean_layout
from analysis.occluders.growth import GROWING, Cover, Generators, occlusion_fraction, stopped
from analysis.occluders.objects import OBJECTS, Sketch, sketch
from iram.errors import InputError
from iram.registry import unknown

OPAQUE = 0.5  # an object occludes where it hides more than this
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
    """The smallest and the largest share of the mean face's area that an occluder covers, over an
    object's variants; 0 and 1 for one that grows."""
    if occluder in GROWING:
        return 0.0, 1.0
    shares = shares_by_scale(occluder)
    return float(shares[:, 0].max()), float(shares[:, -1].min())


def _object(occluder: str, fraction: float | None, layout: FaceLayout, generators) -> Cover:
    drawn = sketch(occluder)
    draws = torch.stack([torch.rand(1, generator=generator) for generator in generators])[:, 0]
    variant = (draws * len(drawn.alpha)).long()
    scale = torch.ones(len(variant))
    if fraction is not None:
        scales, shares = _scales(drawn), shares_by_scale(occluder)
        wanted = [np.interp(fraction, shares[v], scales) for v in variant.tolist()]
        scale = torch.tensor(wanted, dtype=torch.float32)
    alpha, shade = (
        layout.show(canvas[variant], scale, drawn.anchor)
        for canvas in _at_size(occluder, layout.size)
    )
    return Cover(alpha > OPAQUE, alpha, shade, drawn.skin)


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
