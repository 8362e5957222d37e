"""The mean face, remade from FaceMesh's landmarks: medians over the faces of a data set.

`iram landmarks --mean-face` on FER2013's PublicTest gives `mean_face.csv` again, to its last digit,
and `landmarks/mean_landmarks.csv` to 0.003 of the picture's side.
"""

import numpy as np
import pandas as pd

from analysis.stimuli.landmarks.points import USUAL_68, mean_landmarks
from analysis.stimuli.layout.rotation import angles, fit_similarity
from iram.errors import InputError

NEAR_FRONTAL_DEG = 15
DIGITS = 4
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
PARTS = {  # outlines, as FaceMesh's numbers; left is the picture's
    "face": OVAL,
    "left_brow": USUAL_68[17:22], "right_brow": USUAL_68[22:27],
    "left_eye": USUAL_68[36:42], "right_eye": USUAL_68[42:48],
    "nose": (168, 305, 2, 75), "mouth": USUAL_68[48:60],
}


def mean_face_table(points: np.ndarray, size: int) -> pd.DataFrame:
    """The outlines of the parts, columns part, x and y: medians, in shares of the picture's side.

    Args:
        points: (N, 468, 3) landmarks in pixels, NaN for faces not found.
        size: side of the pictures in pixels.

    Raises:
        InputError: no face was found.
    """
    median = np.median(_found(points)[..., :2] / size, 0)
    rows = [(part, *median[index]) for part, outline in PARTS.items() for index in outline]
    return pd.DataFrame(rows, columns=["part", "x", "y"]).round(DIGITS)


def mean_landmarks_table(points: np.ndarray, size: int) -> pd.DataFrame:
    """All 468 points, columns x, y and height: medians over near-frontal faces, left = right.

    The pose of each face is told by the median of all; both halves are averaged.

    Args:
        points: (N, 468, 3) landmarks in pixels, NaN for faces not found.
        size: side of the pictures in pixels.

    Raises:
        InputError: no face was found within 15 degrees of frontal.
    """
    faces = _found(points).astype(np.float64) / size * [1, 1, -1]
    reference = _symmetric(np.median(faces, 0))
    yaw = np.array([angles(fit_similarity(reference, face).rotation)[0] for face in faces])
    frontal = faces[np.abs(yaw) < NEAR_FRONTAL_DEG]
    if not len(frontal):
        raise InputError(f"no face is within {NEAR_FRONTAL_DEG} degrees of frontal")
    columns = ["x", "y", "height"]
    return pd.DataFrame(_symmetric(np.median(frontal, 0)), columns=columns).round(DIGITS)


def _found(points: np.ndarray) -> np.ndarray:
    found = points[np.isfinite(points).all((1, 2))]
    if not len(found):
        raise InputError("no face was found, so there is no mean face")
    return found


def _symmetric(face: np.ndarray) -> np.ndarray:
    """(468, 3) averaged with its mirror image about x = 0.5."""
    known = mean_landmarks()
    away = np.abs(_mirrored(known)[:, None] - known[None]).sum(-1)  # which point is whose twin
    return (face + _mirrored(face)[away.argmin(1)]) / 2


def _mirrored(face: np.ndarray) -> np.ndarray:
    return face * [-1, 1, 1] + [1, 0, 0]
