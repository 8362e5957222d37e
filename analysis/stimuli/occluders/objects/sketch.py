"""What a drawn object is, and the plane it is drawn on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from analysis.stimuli.layout import mean_layout
from analysis.stimuli.layout.canvas import EXTENT, LOW, SIDE
from iram.registry import Registry

HIGH = LOW + EXTENT
PIXEL = (HIGH - LOW) / SIDE
Point = tuple[float, float]
FACE_SIZE = 96  # pixels a side at which shares of the mean face are counted


@dataclass(frozen=True)
class Sketch:
    """An object in front of the mean face of FER2013, V variants of it.

    Coordinates are shares of the side of a face's picture, x right and y down from its top left
    corner; the canvas spans -0.5 to 1.5 in both.

    Attributes:
        alpha: (V, SIDE, SIDE) in [0, 1]. Over 0.5 the face is covered; below are antialiased
            edges, clear lenses and the shadow that the object casts.
        shade: (V, SIDE, SIDE) in [0, 1], the object's gray, lit from above left.
        anchor: x and y of the point that stays where it is when the object is scaled.
        smallest, largest: the scales between which it still looks like what it is; 1 is natural.
        skin: its gray is a share of the face's own skin's (1 = the same), not absolute.
    """

    alpha: Tensor
    shade: Tensor
    anchor: tuple[float, float]
    smallest: float
    largest: float
    skin: bool = False


OBJECTS = Registry("object", kind="object")  # name -> function that draws it


@cache
def sketch(name: str) -> Sketch:
    """The object of this name, drawn once a process.

    Raises:
        InputError: no object has this name.
    """
    return OBJECTS[name]()


def covered(drawn: Sketch, size: int, scale: float = 1.0) -> Tensor:
    """(V, size, size) bool: where each variant covers the picture of the mean face."""
    scales = torch.full((len(drawn.alpha),), float(scale))
    return mean_layout(size).show(drawn.alpha, scales, drawn.anchor) > 0.5


def covered_fraction(drawn: Sketch, scale: float = 1.0) -> Tensor:
    """(V,) share of the mean face's area that each variant covers at this scale, 0 to 1."""
    face = mean_layout(FACE_SIZE).face[0]
    return covered(drawn, FACE_SIZE, scale)[:, face].float().mean(1)


def plane(mirrored: bool = False) -> tuple[Tensor, Tensor]:
    """x and y of the canvas's pixel centres, (SIDE, SIDE) each; `mirrored` about the face's axis.

    A shape drawn on a mirrored plane is mirrored, while light still falls from above left.
    """
    centres = LOW + PIXEL * (torch.arange(SIDE) + 0.5)
    x = centres.expand(SIDE, SIDE)
    return (1 - x if mirrored else x), centres[:, None].expand(SIDE, SIDE)


def window(x: float, y: float, reach: float) -> tuple[slice, slice]:
    """Rows and columns of the canvas within this reach of a point."""
    return tuple(
        slice(max(0, int((c - reach - LOW) / PIXEL)), max(0, int((c + reach - LOW) / PIXEL)))
        for c in (y, x)
    )


def stacked(drawings: Sequence, anchor: Point, smallest: float, largest: float, **rest) -> Sketch:
    """The sketch whose variants are these drawings, which have `alpha` and `shade`."""
    alpha = torch.stack([drawing.alpha for drawing in drawings])
    shade = torch.stack([drawing.shade for drawing in drawings])
    return Sketch(alpha, shade, anchor, smallest, largest, **rest)
