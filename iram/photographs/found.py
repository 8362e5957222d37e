"""A face that a detector found, and what all detectors share."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from iram.errors import InputError
from iram.photographs.framing import Box, contained, overlap

SAME = 0.3  # overlap (IoU) from which two boxes are one face
INSIDE = 0.7  # share of a smaller box inside a larger from which they are one face


class DetectorMissing(InputError):
    """No detector is installed."""


class FoundFace(NamedTuple):
    """A face that was found.

    Attributes:
        box: in pixels of the picture; `crop_of(box)` is the crop as the data sets crop.
        score: of the detector: YuNet's confidence, 0 to 1, or how many windows of the cascade
            agreed, from 6; neither is a probability.
    """

    box: Box
    score: float


def shrunk_to(picture: np.ndarray, longest: int) -> np.ndarray:
    """The picture itself, or smaller so that its longer side has this many pixels."""
    shrunk = max(1.0, max(picture.shape[:2]) / longest)
    height, width = (max(1, round(side / shrunk)) for side in picture.shape[:2])
    if shrunk == 1:
        return np.ascontiguousarray(picture)
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def enlarged(box, shape, size) -> Box:
    """A box (left, top, width, height) of a picture of this size in one of this shape."""
    left, top, width, height = (float(number) for number in box)
    across, down = shape[1] / size[1], shape[0] / size[0]
    return Box(round(left * across), round(top * down),
               round((left + width) * across), round((top + height) * down))


def distinct(found: list[FoundFace]) -> list[FoundFace]:
    """Of boxes that share a face the one with the highest score."""
    kept: list[FoundFace] = []
    for face in sorted(found, key=lambda face: (-face.score, face.box)):
        same = (
            overlap(face.box, k.box) > SAME or contained(face.box, k.box) > INSIDE for k in kept
        )
        if not any(same):
            kept.append(face)
    return kept
