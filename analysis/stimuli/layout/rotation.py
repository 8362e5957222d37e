"""Rotations of a head, and the pose that a set of landmarks has.

Coordinates are (x, y, height) in shares of the picture's side: x to the right, y down, height
towards the viewer; the projection is weak perspective, so it drops the height.
"""

from typing import NamedTuple

import numpy as np

from iram.errors import InputError

RANGES = {"yaw_deg": 75.0, "pitch_deg": 40.0, "roll_deg": 180.0}


class Similarity(NamedTuple):
    """p = scale * rotation @ c + offset, from the mean face's coordinates to a picture's."""

    scale: float
    rotation: np.ndarray  # (3, 3)
    offset: np.ndarray  # (3,)

    def forward(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) -> (..., 3)."""
        return self.scale * points @ self.rotation.T + self.offset

    def backward(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) -> (..., 3)."""
        return (points - self.offset) @ self.rotation / self.scale


def check_angles(yaw_deg: float, pitch_deg: float, roll_deg: float) -> None:
    """Raises InputError for an angle beyond what a photograph can be turned by."""
    for (name, limit), angle in zip(RANGES.items(), (yaw_deg, pitch_deg, roll_deg), strict=True):
        if not abs(angle) <= limit:  # also True for NaN
            raise InputError(f"{name}={angle:g}: outside -{limit:g} to {limit:g} degrees")


def rotation_matrix(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """(3, 3): R = Rz(roll) Ry(yaw) Rx(pitch).

    Positive yaw turns the face to the picture's right, positive pitch up, positive roll clockwise.
    """
    (cy, cp, cr), (sy, sp, sr) = (
        f(np.radians([yaw_deg, pitch_deg, roll_deg])) for f in (np.cos, np.sin)
    )
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def angles(rotation: np.ndarray) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of a matrix R = Rz Ry Rx with |yaw| under 90 degrees."""
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return tuple(float(angle) for angle in np.degrees([yaw, pitch, roll]))


def fit_similarity(reference: np.ndarray, points: np.ndarray) -> Similarity:
    """The least-squares similarity from `reference` to `points`, both (n, 3).

    Kabsch's rotation (never a reflection) with Umeyama's scale (PAMI 1991).
    """
    centre, target = reference.mean(0), points.mean(0)
    from_, to = reference - centre, points - target
    left, singular, right = np.linalg.svd(to.T @ from_)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * signs) @ right
    scale = float((singular * signs).sum() / (from_**2).sum())
    return Similarity(scale, rotation, target - scale * rotation @ centre)
