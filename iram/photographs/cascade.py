"""Where the faces of a photograph are, by OpenCV's Haar cascade.

Viola & Jones, IJCV 2004; this cascade is Lienhart's, with trees for weak classifiers. It comes in
the wheel opencv-python-headless, so that nothing is fetched when it runs (OpenCV: Apache 2.0; the
cascade: Intel's licence, of BSD's kind; the wheel's FFmpeg: LGPL). OpenCV 5 has no cascades.

It finds upright faces that look towards the camera, and misses what is turned or covered. How many
windows must agree was chosen on 120 faces of FER2013's PublicTest, drawn apart, and 17 pictures
without faces: with 6 there were 0.02 other boxes a picture, with 4 there were 0.13 and 4 points
more faces; at as many the cascade "default" found half of the faces, this one 77%.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from iram.data.images import in_gray
from iram.errors import InputError
from iram.extras import install_hint
from iram.photographs.found import (
    INSIDE,
    SAME,
    DetectorMissing,
    FoundFace,
    enlarged,
    shrunk_to,
)

TITLE = "OpenCV's Haar cascade"
INSTALL = f"finding faces takes the extra faces: {install_hint('faces')}"
CASCADE = "haarcascade_frontalface_alt2.xml"
LONGEST = 1024  # pixels of the longer side that the picture is looked at in
SMALLEST = 32  # side of the smallest face looked for, in these pixels
STEP = 1.1  # from one size of window to the next
MIN_SCORE = 6  # windows that must agree on a face


def find(picture: np.ndarray, min_score: float) -> list[FoundFace]:
    """The upright, near-frontal faces of a picture (H, W) or (H, W, 3) uint8, in no order."""
    gray = in_gray(picture)
    seen = shrunk_to(gray, LONGEST)
    if min(seen.shape) < SMALLEST:
        return []
    boxes, counts = _cascade(opencv()).detectMultiScale2(
        seen, STEP, int(min_score), minSize=(SMALLEST, SMALLEST)
    )
    return [FoundFace(enlarged(box, gray.shape, seen.shape), int(count))
            for box, count in zip(boxes, counts, strict=True)]


def checked(min_score: float) -> float:
    """The score, if the cascade can give it."""
    if min_score < 1 or min_score != int(min_score):
        raise InputError(f"a lowest score of {min_score:g}: faces are found by {TITLE} here, whose "
                         "scores are whole numbers, of windows that agree; it was measured with "
                         f"{MIN_SCORE}")
    return min_score


def name() -> str:
    """What a result depends on: cascade, settings and release of OpenCV.

    Raises:
        DetectorMissing: OpenCV is not installed.
    """
    settings = (LONGEST, SMALLEST, STEP, MIN_SCORE, SAME, INSIDE)
    return f"{CASCADE} {settings} OpenCV {opencv().__version__}"


def opencv():
    """The package.

    Raises:
        DetectorMissing: it is not installed, or is a release without cascades.
    """
    try:
        import cv2

        cv2.CascadeClassifier, cv2.data.haarcascades  # noqa: B018  OpenCV 5 has no cascades
    except (ImportError, AttributeError) as error:
        raise DetectorMissing(f"{INSTALL} ({error})") from None
    return cv2


@lru_cache
def _cascade(cv2):
    return cv2.CascadeClassifier(cv2.data.haarcascades + CASCADE)
