"""Where a face is in a picture: `canvas` has the mean face, `camera` how it stands in a picture,
`layout` which point of it each pixel shows; `remade` makes the mean face from landmarks again."""

from analysis.stimuli.layout.camera import FRONTAL, fit_cameras, rolled, turned_camera
from analysis.stimuli.layout.canvas import part_distances
from analysis.stimuli.layout.layout import FaceLayout, face_layout, mean_layout

__all__ = [
    "FRONTAL",
    "FaceLayout",
    "face_layout",
    "fit_cameras",
    "mean_layout",
    "part_distances",
    "rolled",
    "turned_camera",
]
