"""A photograph's one face, for data sets with one label a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iram.errors import InputError
from iram.photographs.detector import find_faces
from iram.photographs.framing import Box, crop_of

if TYPE_CHECKING:
    from iram.data.images import Picture

CROP_SIDE = 100  # pixels: a picture no longer is taken for a crop (FER2013 has 48, RAF-DB 100)


def largest_face(picture: Picture) -> Box | None:
    """The crop of the largest face of a picture; None, the whole of it, if its longer side has no
    more than 100 pixels.

    Raises:
        DetectorMissing: no detector is installed.
        InputError: no face was found.
    """
    if max(picture.gray.shape) <= CROP_SIDE:
        return None
    found = find_faces(picture.pixels)
    if not found:
        raise InputError("no face was found; if the pictures are crops of faces, leave faces=auto "
                         "out")
    return crop_of(max(found, key=lambda face: face.box.area).box)
