"""Where the parts of a face are: FaceMesh landmarks.

`points` says which there are, `reader` and `writer` have the file format, `known` gives the usual
68 of a data set's faces, `finder` and `facemesh` find them.
"""

from analysis.stimuli.landmarks.known import count_known, known_landmarks
from analysis.stimuli.landmarks.points import USUAL_68, mean_landmarks
from analysis.stimuli.landmarks.reader import Landmarks, read_landmarks, read_mesh

__all__ = [
    "USUAL_68",
    "Landmarks",
    "count_known",
    "known_landmarks",
    "mean_landmarks",
    "read_landmarks",
    "read_mesh",
]
