"""Which points there are, and where they lie on the mean face."""

from functools import lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd

COUNT = 468  # of FaceMesh
# The usual 68 (iBUG 300-W, Sagonas et al. 2013) among FaceMesh's: 0-16 jaw, 17-26 brows, 27-35
# nose, 36-47 eyes, 48-59 outer and 60-67 inner lips, each from the picture's left to right.
USUAL_68 = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)


@lru_cache
def mean_landmarks() -> np.ndarray:
    """(468, 3): x, y and height of the mean face, in shares of the picture's side.

    The median of FaceMesh's landmarks over the faces of FER2013's PublicTest split that are turned
    by less than 15 degrees, made symmetric about x = 0.5 (layout/remade.py remakes it).
    """
    return pd.read_csv(files("analysis.stimuli.landmarks") / "mean_landmarks.csv").to_numpy()
