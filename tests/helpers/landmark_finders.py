"""What stands in for FaceMesh in tests of landmarks."""

import numpy as np

from analysis.stimuli.landmarks import mean_landmarks
from analysis.stimuli.landmarks.points import COUNT
from analysis.stimuli.pose import rotation_matrix

NAN = np.float32(np.nan)


def face_at(yaw=0.0, size=48, shift=0.0) -> np.ndarray:
    """(468, 3) the mean face in pixels, turned and moved."""
    middle = np.array([0.5, 0.5, 0])
    turned = (mean_landmarks() - middle) @ rotation_matrix(yaw, 0, 0).T + middle
    return (turned * [size, size, -size] + shift).astype(np.float32)


def stand_in(picture: np.ndarray) -> np.ndarray:
    """A finder: the mean face, moved by what the first pixel says; none if that is odd."""
    first = int(picture[0, 0])
    return np.full((COUNT, 3), NAN) if first % 2 else face_at(size=len(picture), shift=first / 64)
