"""The pose that a face already has."""

import numpy as np

from analysis.stimuli.landmarks import mean_landmarks
from analysis.stimuli.layout.rotation import angles, fit_similarity


def own_pose(landmarks: np.ndarray) -> np.ndarray:
    """(N, 3): yaw, pitch and roll in degrees of faces with `landmarks` (N, 468, 3) in pixels.

    That of the similarity that brings the mean face nearest to the landmarks, so relative to the
    mean face; NaN where there are no landmarks. A benchmark that turns pictures keeps those with
    |yaw| under 15 degrees.
    """
    poses = np.full((len(landmarks), 3), np.nan)
    for i in np.flatnonzero(np.isfinite(landmarks).all((1, 2))):
        points = np.asarray(landmarks[i], np.float64) * [1, 1, -1]
        poses[i] = angles(fit_similarity(mean_landmarks(), points).rotation)
    return poses
