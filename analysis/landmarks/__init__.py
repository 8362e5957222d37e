"""Where the parts of a face are: FaceMesh landmarks."""

from analysis.landmarks.reader import Landmarks, mean_landmarks, read_landmarks

__all__ = ["Landmarks", "mean_landmarks", "read_landmarks"]
