"""Writing landmark files, whole or compact, known by their pictures."""

from pathlib import Path

import numpy as np

from analysis.stimuli.landmarks.points import COUNT, USUAL_68
from analysis.stimuli.landmarks.reader import NOT_FOUND, Landmarks
from iram.files import atomic_path

STEPS = {"full": 1536, "compact": 384}  # a picture's side in units: 1/32 and 1/8 px of 48
LARGEST = 2**14 - 1  # in units, so that a difference of two fits in 16 bits


def write_landmarks(path: str | Path, landmarks: Landmarks, compact: bool = False) -> np.ndarray:
    """Writes landmarks that are known by their pictures, for `read_landmarks`.

    Points are rounded to 1/1536 of the picture's side (1/32 px of 48); compact, the usual 68
    without depth to 1/384 (1/8 px of 48, so that no coordinate is off by more than 1/16 px), and
    packed.

    Returns:
        By how many pixels each coordinate of the faces that were found was rounded, flat.

    Raises:
        InputError: the folder can't be written.
    """
    steps = STEPS["compact" if compact else "full"]
    points = usual_68(landmarks.points) if compact else landmarks.points
    values = np.round(points / landmarks.size * steps)
    lost = ~np.isfinite(values).all((1, 2))
    values = np.nan_to_num(values).clip(-LARGEST, LARGEST).astype(np.int16)
    form = _packed if compact else _plain
    arrays = {
        "picture": landmarks.picture, "unit": np.float64(landmarks.size / steps),
        "size": np.int32(landmarks.size), **form(values, lost),
    }
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    return np.abs(values[~lost] / steps * landmarks.size - points[~lost]).ravel()


def usual_68(points: np.ndarray) -> np.ndarray:
    """(N, 68, 2): x and y of the usual 68 among points (N, 468 or 68, 2 or 3)."""
    chosen = points[:, list(USUAL_68)] if points.shape[1] == COUNT else points
    return chosen[..., :2]


def _plain(values: np.ndarray, lost: np.ndarray) -> dict[str, np.ndarray]:
    return {"points": np.where(lost[:, None, None], np.int16(NOT_FOUND), values)}


def _packed(values: np.ndarray, lost: np.ndarray) -> dict[str, np.ndarray]:
    """Differences from point to point, the faces side by side: they pack to two thirds."""
    steps = np.diff(values, axis=1, prepend=np.int16(0))
    steps[lost], steps[lost, 0] = 0, NOT_FOUND
    return {"steps": np.ascontiguousarray(steps.transpose(1, 2, 0))}
