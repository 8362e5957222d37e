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


def make(folder, name, **options):
    """One of the files that people really have."""
    path, face = folder / name, Image.fromarray(heads()[0][:90, :90])
    if name == "text.jpg":
        path.write_text("no picture")
    elif name == "empty.png":
        path.write_bytes(b"")
    elif name == "phone.heic":
        path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    elif name == "link.png":
        path.symlink_to(folder / "nowhere.png")
    elif name == "cut.jpg":
        face.save(path)
        path.write_bytes(path.read_bytes()[:500])
    elif name == "dot.png":
        Image.new("L", (1, 1)).save(path)
    elif name == "huge.png":
        Image.new("1", (9000, 9000)).save(path)
    elif name == "cmyk.jpg":
        face.convert("CMYK").save(path)
    elif name == "palette.gif":
        face.convert("P").save(path)
    elif name == "deep.png":
        Image.fromarray(np.asarray(face).astype(np.uint16) * 257).save(path)
    elif name == "clear.png":
        face.convert("LA").save(path)
    elif name == "moving.gif":
        face.save(path, save_all=True, append_images=[Image.new("L", (90, 90))])
    return path


WRONG = {
    "text.jpg": "is not a picture that can be read",
    "empty.png": "it is empty",
    "phone.heic": "it is HEIC; convert it to JPEG or PNG",
    "link.png": "is a link to",
    "cut.jpg": "is damaged or cannot be read",
    "dot.png": "1 x 1 pixels, too few",
    "huge.png": "9000 x 9000 pixels, too many",
    "gone.png": "there is no file",
}
RIGHT = ("cmyk.jpg", "palette.gif", "deep.png", "clear.png", "moving.gif")
