"""Where the faces of a photograph are, by OpenCV's Haar cascade.

Viola & Jones, IJCV 2004; this cascade is Lienhart's, with trees for weak classifiers. It comes in
the wheel opencv-python-headless, so that nothing is fetched when it runs (OpenCV: Apache 2.0; the
cascade: Intel's licence, of BSD's kind; the wheel's FFmpeg: LGPL). OpenCV 5 has no cascades.

It finds upright faces that look towards the camera, and misses what is turned or covered. As
measured by tests/benchmarks/bench_faces.py, on faces of 64 to 240 pixels that were laid into
photographs, a hit being a crop that overlaps the true one by over 0.4:

| faces | found | other boxes a picture | overlap, median (lowest tenth) |
| --- | --- | --- | --- |
| 400 of FER2013's PublicTest | 72% | 0.018 | 0.84 (0.59) |
| 100 rendered heads, own pose | 100% | 0 | 0.82 (0.74) |
| 50 each at a yaw of 0, 15, 30, 45 degrees | 100, 100, 98, 68% | 0 | 0.85, 0.83, 0.77, 0.69 |

FER2013's faces have lost their surroundings, and some are turned or half covered, which photographs
hold too. Found faces are recognised as well as in the data set's own crops (a shipped model: 64%
against 62% of 141). How many windows must agree was chosen on 120 faces of PublicTest, drawn apart,
and 17 pictures without faces: with 6 there were 0.02 other boxes a picture, with 4 there were 0.13
and 4 points more faces; at as many the cascade "default" found half of the faces, this one 77%.

Others whose weights lie in a wheel were little or no better. Of 120 more faces and 60 heads, a hit
being a box about where the face is and about as large, this one found 67% and 100%; dlib 20's HOG
72% and 100% at twice the size; MediaPipe 0.10.21's BlazeFace, which can't be installed beside
numpy 2, 67% and 88%. The package for YuNet that was looked at fetches its weights when it runs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from iram.errors import InputError
from iram.extras import install_hint
from iram.photographs.framing import Box, contained, overlap

INSTALL = f"finding faces takes OpenCV: {install_hint('faces')}"
CASCADE = "haarcascade_frontalface_alt2.xml"
LONGEST = 1024  # pixels of the longer side that the picture is looked at in
SMALLEST = 32  # side of the smallest face looked for, in these pixels
STEP = 1.1  # from one size of window to the next
WINDOWS = 6  # that must agree on a face
SAME = 0.3  # overlap (IoU) from which two boxes are one face
INSIDE = 0.7  # share of a smaller box inside a larger from which they are one face


class DetectorMissing(InputError):
    """OpenCV is not installed, or is a release without cascades."""


class FoundFace(NamedTuple):
    """A face that was found.

    Attributes:
        box: in pixels of the picture.
        score: how many windows agreed on it, from 6; no probability.
    """

    box: Box
    score: int


def find_faces(gray: np.ndarray) -> list[FoundFace]:
    """The upright, near-frontal faces of a picture (H, W) uint8, from left to right.

    Raises:
        DetectorMissing: OpenCV is not installed.
    """
    cascade = _cascade(_opencv())
    shrunk = max(1.0, max(gray.shape) / LONGEST)
    size = [max(1, round(side / shrunk)) for side in gray.shape]
    if min(size) < SMALLEST:
        return []
    if shrunk > 1:
        picture = Image.fromarray(gray).resize(size[::-1], Image.Resampling.BILINEAR)
        looked_at = np.asarray(picture)
    else:
        looked_at = np.ascontiguousarray(gray)
    boxes, counts = cascade.detectMultiScale2(
        looked_at, STEP, WINDOWS, minSize=(SMALLEST, SMALLEST)
    )
    found = [
        FoundFace(_enlarged(box, gray.shape, size), int(count))
        for box, count in zip(boxes, counts, strict=True)
    ]
    return sorted(_distinct(found), key=lambda face: face.box)


def detector_name() -> str:
    """What a result depends on: cascade, settings and release of OpenCV.

    Raises:
        DetectorMissing: OpenCV is not installed.
    """
    settings = (LONGEST, SMALLEST, STEP, WINDOWS, SAME, INSIDE)
    return f"{CASCADE} {settings} OpenCV {_opencv().__version__}"


def _opencv():
    try:
        import cv2

        cv2.CascadeClassifier, cv2.data.haarcascades  # noqa: B018  OpenCV 5 has no cascades
    except (ImportError, AttributeError) as error:
        raise DetectorMissing(f"{INSTALL} ({error})") from None
    return cv2


@lru_cache
def _cascade(cv2):
    return cv2.CascadeClassifier(cv2.data.haarcascades + CASCADE)


def _enlarged(box, shape, size) -> Box:
    """A box of the shrunk picture in the picture's own pixels."""
    left, top, width, height = (int(number) for number in box)
    across, down = shape[1] / size[1], shape[0] / size[0]
    return Box(round(left * across), round(top * down),
               round((left + width) * across), round((top + height) * down))


def _distinct(found: list[FoundFace]) -> list[FoundFace]:
    """Of boxes that share a face the one with the highest score."""
    kept: list[FoundFace] = []
    for face in sorted(found, key=lambda face: (-face.score, face.box)):
        same = (
            overlap(face.box, k.box) > SAME or contained(face.box, k.box) > INSIDE for k in kept
        )
        if not any(same):
            kept.append(face)
    return kept
