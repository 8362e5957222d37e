"""Photographs of any size: where their faces are (`detector`), and the crop of each as the data
sets crop (`framing`). Both work on what `iram.data.images.read_picture` reads: gray or in colour,
and upright."""

from iram.photographs.detector import (
    DetectorMissing,
    FoundFace,
    detector_name,
    detector_told,
    find_faces,
)
from iram.photographs.framing import Box, crop_of, cropped, outside, overlap
from iram.photographs.largest import CROP_SIDE, largest_face

__all__ = [
    "CROP_SIDE",
    "Box",
    "DetectorMissing",
    "FoundFace",
    "crop_of",
    "cropped",
    "detector_name",
    "detector_told",
    "find_faces",
    "largest_face",
    "outside",
    "overlap",
]
