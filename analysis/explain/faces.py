"""The faces of a photograph: found by the detector, told by a CSV of boxes, or all of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.explain.boxes import Line, read_boxes
from iram.data.images import FLAT_SPAN, is_flat, read_picture
from iram.errors import InputError, listing
from iram.photographs import (
    CROP_SIDE,
    Box,
    DetectorMissing,
    FoundFace,
    crop_of,
    cropped,
    detector_told,
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
        picture: (side, side) uint8, the crop, or (side, side, 3) in colour.
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
        min_score: the lowest score of a face that is found; None: see `find_faces`.

    Attributes:
        notes: what was assumed of pictures so far, a line each.
        lost: faces of pictures with others that gave nothing, a line each.
        detector: which one was asked, in words; "" while none was.

    Raises:
        InputError: no such CSV, or a malformed one.
    """

    def __init__(
        self, faces: str = "auto", widen: float = 1.0, min_score: float | None = None
    ):
        self.faces, self.widen, self.min_score, self.detector = faces, widen, min_score, ""
        self.notes: list[str] = []
        self.lost: list[str] = []
        self.lines: dict[str, list[Line]] = {}
        self.by_lines = faces not in ("auto", "whole")
        for line in read_boxes(Path(faces)) if self.by_lines else ():
            self.lines.setdefault(os.path.realpath(line.path), []).append(line)

    def __call__(self, path: Path) -> tuple[np.ndarray, list[Face]]:
        """The picture (H, W) uint8, or (H, W, 3) in colour, and its faces, from
        left to right; in a CSV's order.

        Raises:
            DetectorMissing: the detector is needed and not installed.
            InputError: a picture that can't be read, is all of one gray, or without a face.
        """
        picture = read_picture(path, colour=True)
        gray, pixels = picture.gray, picture.pixels
        self.notes += [f"{path}: {note}" for note in picture.notes]
        if self.by_lines:
            found = self._told(path, gray)
        elif self.faces == "whole" or max(gray.shape) <= CROP_SIDE:
            found = [(_middle(gray), None)]
        else:
            found = [(crop_of(face.box), face.score) for face in self._detected(path, pixels)]
        if not found:
            raise InputError(f"{path}: no face was found; if it is one face use --faces whole, if "
                             "you know where it is --faces FILE.csv")
        faces, lost = [], []
        for one in found:
            try:
                faces.append(_face(path, pixels, *one))
            except InputError as error:
                lost.append(str(error))
        if not faces:
            raise InputError(lost[0])
        self.lost += lost
        return pixels, faces

    def unused(self, paths: Sequence[Path]) -> list[str]:
        """What is wrong with lines of the CSV that are of none of these pictures."""
        named = {os.path.realpath(path) for path in paths}
        others = set(self.lines) - named
        absent = [line for other in sorted(others) for line in self.lines[other]
                  if not os.path.exists(other)]
        told = [f"{self.faces} line {line.line}: there is no file {line.path}" for line in absent]
        beside = sum(len(self.lines[other]) for other in others) - len(absent)
        if beside:
            told.append(f"{self.faces}: {beside} boxes are of pictures that were not named here")
        partly = [line for path in sorted(named) for line in self.lines.get(path, ())
                  if not line.box and any(other.box for other in self.lines[path])]
        return told + [line.problem for line in partly]

    def _detected(self, path: Path, pixels: np.ndarray) -> list[FoundFace]:
        try:
            self.detector = self.detector or detector_told()
            return find_faces(pixels, self.min_score)
        except DetectorMissing as error:
            raise DetectorMissing(f"{path}: {error}; or write --faces whole if each picture is one "
                                  "face, --faces FILE.csv if you have boxes") from None

    def _told(self, path: Path, gray: np.ndarray) -> list[tuple[Box, None]]:
        lines = self.lines.get(os.path.realpath(path))
        if not lines:
            raise InputError(f"{path}: {self.faces} has no box for it")
        boxless = [line.problem for line in lines if not line.box]
        lines = [line for line in lines if line.box]
        if not lines:
            raise InputError(f"{path}: no face here by {boxless[0]}")
        first = {line.box: line for line in reversed(lines)}
        self.notes += [f"{path}: the box {line.box} stands in {self.faces} again (line {line.line})"
                       ": explained once" for line in lines if line is not first[line.box]]
        lines = [line for line in lines if line is first[line.box]]
        height, width = gray.shape
        wrong = [line for line in lines if 1 - outside(gray, line.box) < LEAST_INSIDE]
        if wrong:
            places = listing(f"{line.box} (line {line.line})" for line in wrong)
            told = (f"{path}: has {width} x {height} pixels, so these boxes of {self.faces} are "
                    f"not inside it: {places}")
            if len(wrong) == len(lines):
                raise InputError(told)
            self.lost.append(told)
        return [(crop_of(line.box, self.widen), None) for line in lines if line not in wrong]


def nothing_in(path: Path | str, crop: Box | None, gray: np.ndarray) -> str:
    """What is said of a crop (None: the picture) that shows nothing."""
    where = f"the face at {crop}" if crop else "the picture"
    return (f"{path}: {where} is constant or nearly so (98% of its pixels within {FLAT_SPAN} gray "
            f"values, about {int(np.median(gray))} of 255): there is nothing to explain")


def _middle(gray: np.ndarray) -> Box:
    """The central square, as `iram.data.images.resized` takes it."""
    height, width = gray.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return Box(left, top, left + side, top + side)


def _face(path: Path, pixels: np.ndarray, crop: Box, score: float | None) -> Face:
    if crop.width < SMALLEST:
        raise InputError(
            f"{path}: the face at {crop} has {crop.width} x {crop.height} pixels, too few to tell "
            f"anything: at least {SMALLEST} x {SMALLEST} are needed"
        )
    picture = cropped(pixels, crop)
    if is_flat(picture):
        raise InputError(nothing_in(path, crop, picture))
    return Face(crop, score, picture, outside(pixels, crop))
