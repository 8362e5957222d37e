"""Occluders: where a face is covered. What it is covered with is in `fills.py`.

An occluder says in which order the picture's pixels are covered as it grows (`Growth`);
`occlusion_mask` stops the growth when the asked share of the face area is covered. So every
occluder reaches every fraction, and the masks of one face at growing fractions are nested.
A new one is a function registered in OCCLUDERS.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.layout import FaceLayout
from iram.registry import Registry

OCCLUDERS = Registry("occluder")


class Growth(NamedTuple):
    """How an occluder grows.

    Attributes:
        order: (N, S, S), or (1, S, S) if it is the same for every face: pixels with a low value
            are covered first, those with infinity never.
        counted: (S, S) bool, the pixels whose number is to reach fraction x face area.
    """

    order: Tensor
    counted: Tensor


Occluder = Callable[[FaceLayout, Iterable[torch.Generator]], Growth]


def occlusion_mask(
    occluder: str, fraction: float, layout: FaceLayout, generators: Iterable[torch.Generator]
) -> Tensor:
    """(N, S, S) or (1, S, S) bool, True = occluded.

    Pixels of equal order are covered together, so the fraction is reached to the nearest such
    step (about one row of the picture at most); measure it with `occlusion_fraction`.

    Args:
        fraction: share of the face area to cover, 0 to 1.
        generators: one per face; an occluder without chance ignores them.
    """
    order, counted = OCCLUDERS[occluder](layout, generators)
    target = round(fraction * int(layout.face.sum()))
    values = order[:, counted]  # (N, counted pixels)
    if target == 0:
        return torch.zeros_like(order, dtype=torch.bool)
    limit = values.kthvalue(min(target, values.shape[1]), dim=1, keepdim=True).values
    over = (values <= limit).sum(1, keepdim=True) - target
    under = target - (values < limit).sum(1, keepdim=True)
    limit, inclusive = limit[:, :, None], (over <= under)[:, :, None]
    return ((order < limit) | (inclusive & (order == limit))) & order.isfinite()


def occlusion_fraction(mask: Tensor, layout: FaceLayout) -> Tensor:
    """(N,) float: the occluded share of the face area, 0 to 1."""
    return mask[:, layout.face].float().mean(1)


def _around(*parts: str) -> Occluder:
    """Grows out of these parts of the face alike in all directions."""

    def grow(layout: FaceLayout, generators) -> Growth:
        nearest = torch.stack([layout.distance[part] for part in parts]).amin(0)
        # Inside a part all distances are 0; its middle comes first, so that it grows there too.
        return Growth((nearest + _to_middle(layout, parts, nearest))[None], layout.face)

    return grow


def _to_middle(layout: FaceLayout, parts: tuple[str, ...], nearest: Tensor) -> Tensor:
    """A small term that orders the pixels inside the parts from their middles outwards."""
    x, y = pixel_centres(layout.size)
    terms = []
    for part in parts:
        inside = layout.distance[part] == 0
        terms.append(torch.hypot(x - x[inside].mean(), y - y[inside].mean()))
    return torch.stack(terms).amin(0) / (1e3 * layout.size)


def _from_side(across: int, sign: int) -> Occluder:
    """Moves over the face from one side: across 0 along x, 1 along y; sign +1 from the start."""

    def grow(layout: FaceLayout, generators) -> Growth:
        return Growth(sign * pixel_centres(layout.size)[across][None], layout.face)

    return grow


for _name, _occluder in {
    "eyes": _around("left_eye", "right_eye"),
    "brows": _around("left_brow", "right_brow"),
    "nose": _around("nose"),
    "mouth": _around("mouth"),
    "upper_half": _from_side(1, +1),
    "lower_half": _from_side(1, -1),
    "left_half": _from_side(0, +1),  # the picture's left
    "right_half": _from_side(0, -1),
}.items():
    OCCLUDERS.register(_name)(_occluder)


@OCCLUDERS.register("box")
def box(layout: FaceLayout, generators: Iterable[torch.Generator]) -> Growth:
    """A rectangle about a random place of the face, sides 2:3 to 3:2: the area-matched random
    twin of every region."""
    return Growth(_rectangles(layout, layout.face, generators), layout.face)


@OCCLUDERS.register("sham")
def sham(layout: FaceLayout, generators: Iterable[torch.Generator]) -> Growth:
    """As much as `box`, about a random place of the background, never on the face.

    What it changes is not occlusion but the mere presence of a patch.
    """
    order = _rectangles(layout, layout.background, generators)
    return Growth(order.masked_fill(layout.face, torch.inf), layout.background)


def _rectangles(layout: FaceLayout, home: Tensor, generators) -> Tensor:
    """(N, S, S): growing rectangles about a random pixel of `home`."""
    draws = torch.stack([torch.rand(2, generator=generator) for generator in generators])
    places = home.flatten().nonzero()[:, 0]
    chosen = places[(draws[:, 0] * len(places)).long().clamp(max=len(places) - 1)]
    x, y = pixel_centres(layout.size)
    x0, y0 = x.flatten()[chosen], y.flatten()[chosen]
    stretch = (1.5 ** (draws[:, 1] - 0.5))[:, None, None]  # square root of the aspect
    along_x = (x - x0[:, None, None]).abs() / stretch
    along_y = (y - y0[:, None, None]).abs() * stretch
    return torch.maximum(along_x, along_y)


def pixel_centres(size: int) -> tuple[Tensor, Tensor]:
    """x and y of the pixels' centres in pixels, (size, size) each."""
    centres = torch.arange(size) + 0.5
    return centres.expand(size, size), centres[:, None].expand(size, size)
