"""A photograph's one face, for data sets with one label a picture."""

import numpy as np

from iram.errors import InputError
from iram.photographs.detector import find_faces
from iram.photographs.framing import crop_of, cropped

CROP_SIDE = 100  # pixels: a picture no longer is taken for a crop (FER2013 has 48, RAF-DB 100)


def largest_face(gray: np.ndarray) -> np.ndarray:
    """The crop (side, side) of the largest face in a picture (H, W) uint8; the picture itself if
    its longer side has no more than 100 pixels.

    Raises:
        DetectorMissing: OpenCV is not installed.
        InputError: no face was found.
    """
    if max(gray.shape) <= CROP_SIDE:
        return gray
    found = find_faces(gray)
    if not found:
        raise InputError("no face was found; if the pictures are crops of faces, leave faces=auto "
                         "out")
    return cropped(gray, crop_of(max(found, key=lambda face: face.box.area).box))
