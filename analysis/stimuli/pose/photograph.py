"""Turning photographs of faces."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from analysis.stimuli.landmarks.points import COUNT
from analysis.stimuli.layout.rotation import check_angles, rotation_matrix
from analysis.stimuli.pose.surface import generic_surface, surfaces
from analysis.stimuli.pose.warp import Field, field, warp
from iram.errors import InputError

AT_ONCE = 16  # heads whose rays are followed together: more only costs memory
SMALLEST = 24


class Turned(NamedTuple):
    """Turned pictures.

    Attributes:
        images: (N, 1, S, S) in [0, 1].
        hidden: (N, S, S) bool, True where the *original* picture shows a part of the face (within
            its oval) that the head itself hides once it is turned.
        region: (N, S, S) int8, places in REGIONS, of the turned picture.
        source: (N, S, S, 2) x and y in pixels of the original picture (the first pixel's centre is
            0.5) that each pixel of the turned head lies at; NaN on the background.
        generic: (N,) bool, True for a face without landmarks, turned as the mean face.
    """

    images: Tensor
    hidden: Tensor
    region: Tensor
    source: Tensor
    generic: Tensor

    @property
    def without_landmarks(self) -> int:
        """How many faces were turned with the generic surface."""
        return int(self.generic.sum())


def turn(
    images: Tensor,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
    landmarks: np.ndarray | Tensor | None = None,
) -> Turned:
    """The faces turned in depth, relative to the pose that they have.

    Weak perspective, R = Rz(roll) Ry(yaw) Rx(pitch), about the middle of eyes and mouth, which
    keeps its place: a new crop of the same size. Each subpixel's ray is followed to the surface of
    the head; what was never seen is filled with mirrored or stretched texture, and beyond 45
    degrees that is much of the picture. Rays that miss the head show a blurred background. A turn
    by 0 degrees resamples the picture once and is the baseline of the others. Same result, bit for
    bit, whatever else is in the batch.

    Args:
        images: (N, 1, S, S) in [0, 1], on the CPU, S at least 24.
        yaw_deg: positive turns the face to the picture's right; -75 to 75.
        pitch_deg: positive turns it up; -40 to 40.
        roll_deg: positive is clockwise in the picture; -180 to 180.
        landmarks: (N, 468, 3) FaceMesh landmarks: x, y and depth (away from the viewer) in pixels,
            NaN for faces without. They are turned with the surface of the mean face, as all are if
            None.

    Raises:
        InputError: an angle beyond its range, or pictures or landmarks of another shape.
    """
    check_angles(yaw_deg, pitch_deg, roll_deg)
    if images.ndim != 4 or images.shape[1] != 1 or images.shape[2] != images.shape[3]:
        raise InputError(f"pictures of shape {tuple(images.shape)}; expected (N, 1, S, S)")
    if images.shape[-1] < SMALLEST:
        raise InputError(f"pictures of {images.shape[-1]} px; a face needs at least {SMALLEST} px")
    pose, size = (float(yaw_deg), float(pitch_deg), float(roll_deg)), images.shape[-1]
    heads, known = _heads(landmarks, len(images), size)
    parts = [_turned(images[~known], _generic_field(pose, size))]
    rotation = torch.from_numpy(rotation_matrix(*pose)).float()
    own = images[known]
    for start in range(0, len(own), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        parts.append(_turned(own[part], field(surfaces(heads[part]), rotation, size)))
    order = torch.cat([(~known).nonzero()[:, 0], known.nonzero()[:, 0]]).argsort()
    return Turned(*(torch.cat(values)[order] for values in zip(*parts, strict=True)), ~known)


@lru_cache(64)
def _generic_field(pose: tuple[float, float, float], size: int) -> Field:
    """The mean face's field, one for all pictures of a size."""
    return field(generic_surface(), torch.from_numpy(rotation_matrix(*pose)).float(), size)


def _turned(images: Tensor, how: Field) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    count = len(images)
    return (
        warp(images, how) if count else images,
        how.hidden.expand(count, -1, -1),
        how.region.expand(count, -1, -1),
        how.source.expand(count, -1, -1, -1),
    )


def _heads(landmarks, count: int, size: int) -> tuple[np.ndarray, Tensor]:
    """Points (x, y, height) in shares of the side of the faces that have them; which these are."""
    if landmarks is None:
        return np.empty((0, COUNT, 3)), torch.zeros(count, dtype=torch.bool)
    landmarks = np.asarray(landmarks, np.float64)
    if landmarks.shape != (count, COUNT, 3):
        raise InputError(f"landmarks of shape {landmarks.shape} for {count} pictures; expected "
                         f"({count}, {COUNT}, 3)")
    known = np.isfinite(landmarks).all((1, 2))
    return landmarks[known] * np.array([1, 1, -1]) / size, torch.from_numpy(known)
