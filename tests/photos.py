"""Photographs for the tests: rendered heads at known places in larger pictures."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iram.data import open_dataset
from iram.data.images import read_image
from iram.photographs import Box, DetectorMissing, detector_name

try:
    MISSING = not detector_name()
except DetectorMissing:
    MISSING = True
needs_detector = pytest.mark.skipif(MISSING, reason="the extra `faces` (OpenCV) is not installed")
SIDE = 120


@lru_cache
def heads(count: int = 4) -> np.ndarray:
    """(count, SIDE, SIDE) uint8 rendered heads."""
    return open_dataset(f"heads:n={count},size={SIDE}").images_uint8(slice(None))


@lru_cache
def scenery(name: str = "china") -> np.ndarray:
    """(427, 640) uint8: a photograph without a face, from scikit-learn ("china" or "flower")."""
    from sklearn import datasets

    return read_image(Path(datasets.__file__).parent / "images" / f"{name}.jpg")


def photograph(places, background: np.ndarray | None = None) -> tuple[np.ndarray, list[Box]]:
    """A picture with a head at each (left, top), and the boxes of their crops."""
    picture = (scenery() if background is None else background).copy()
    for head, (left, top) in zip(heads(), places, strict=False):
        picture[top : top + SIDE, left : left + SIDE] = head
    return picture, [Box(x, y, x + SIDE, y + SIDE) for x, y in places]


def saved(path: Path, picture: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **options)
    return path
