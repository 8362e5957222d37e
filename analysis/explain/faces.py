"""The faces of a photograph: found by the detector, told by a CSV of boxes, or all of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.explain.boxes import Line, read_boxes
from iram.data.images import read_image
from iram.errors import InputError, listing
from iram.photographs import (
    CROP_SIDE,
    Box,
    DetectorMissing,
    FoundFace,
    crop_of,
    cropped,
    find_faces,
    outside,
)

SMALLEST = 12  # pixels: a quarter of what the models see
LEAST_INSIDE = 0.5  # share of a box that must lie in the picture


@dataclass(frozen=True)
class Face:
    """A face of a photograph.

    Attributes:
        crop: the square that the models see, in pixels of the upright picture; past its edge
            where the face is cut off.
        score: of the detector, None where it wasn't asked.
        picture: (side, side) uint8, the crop.
        outside: share of the crop past the picture's edge, 0 to 1.
    """

    crop: Box
    score: float | None
    picture: np.ndarray
    outside: float


class Finder:
    """Reads photographs and says where their faces are.

    Args:
        faces: "auto" (whole where the longer side has up to 100 pixels, else the detector's),
            "whole" (the picture's middle square), or the name of a CSV of boxes.
        widen: with a CSV: side of the crop in sides of the box.

    Raises:
        InputError: no such CSV, or a malformed one.
    """

    def __init__(self, faces: str = "auto", widen: float = 1.0):
        self.faces, self.widen = faces, widen
        self.lines: dict[str, list[Line]] = {}
        self.by_lines = faces not in ("auto", "whole")
        for line in read_boxes(Path(faces)) if self.by_lines else ():
            self.lines.setdefault(os.path.realpath(line.path), []).append(line)

    def __call__(self, path: Path) -> tuple[np.ndarray, list[Face]]:
        """The picture (H, W) uint8, and its faces, from left to right; in a CSV's order.

        Raises:
            DetectorMissing: the detector is needed and not installed.
            InputError: a picture that can't be read, or without a face.
        """
        gray = read_image(path)
        if self.by_lines:
            found = self._told(path, gray)
        elif self.faces == "whole" or max(gray.shape) <= CROP_SIDE:
            found = [(_middle(gray), None)]
        else:
            found = [(crop_of(face.box), face.score) for face in self._detected(path, gray)]
        if not found:
            raise InputError(f"{path}: no face was found; if it is one face use --faces whole, if "
                             "you know where it is --faces FILE.csv")
        return gray, [_face(path, gray, *one) for one in found]

    def unused(self, paths: Sequence[Path]) -> list[str]:
        """What is wrong with lines of the CSV that are of none of these pictures."""
        others = set(self.lines) - {os.path.realpath(path) for path in paths}
        absent = [line for other in sorted(others) for line in self.lines[other]
                  if not os.path.exists(other)]
        told = [f"{self.faces} line {line.line}: there is no file {line.path}" for line in absent]
        beside = sum(len(self.lines[other]) for other in others) - len(absent)
        if beside:
            told.append(f"{self.faces}: {beside} boxes are of pictures that were not named here")
        return told

    def _detected(self, path: Path, gray: np.ndarray) -> list[FoundFace]:
        try:
            return find_faces(gray)
        except DetectorMissing as error:
            raise DetectorMissing(f"{path}: {error}; or write --faces whole if each picture is one "
                                  "face, --faces FILE.csv if you have boxes") from None

    def _told(self, path: Path, gray: np.ndarray) -> list[tuple[Box, None]]:
        lines = self.lines.get(os.path.realpath(path))
        if not lines:
            raise InputError(f"{path}: {self.faces} has no box for it")
        height, width = gray.shape
        wrong = [line for line in lines if 1 - outside(gray, line.box) < LEAST_INSIDE]
        if wrong:
            places = listing(f"{line.box} (line {line.line})" for line in wrong)
            raise InputError(f"{path}: has {width} x {height} pixels, so these boxes of "
                             f"{self.faces} are not inside it: {places}")
        return [(crop_of(line.box, self.widen), None) for line in lines]


def _middle(gray: np.ndarray) -> Box:
    """The central square, as `iram.data.images.resized` takes it."""
    height, width = gray.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return Box(left, top, left + side, top + side)


def _face(path: Path, gray: np.ndarray, crop: Box, score: float | None) -> Face:
    if crop.width < SMALLEST:
        raise InputError(
            f"{path}: the face at {crop} has {crop.width} x {crop.height} pixels, too few to tell "
            f"anything: at least {SMALLEST} x {SMALLEST} are needed"
        )
    return Face(crop, score, cropped(gray, crop), outside(gray, crop))
