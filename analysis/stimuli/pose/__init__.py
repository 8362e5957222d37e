"""Head pose: photographs of faces turned in depth, or in the picture's plane alone.

`own` has the pose that a face already has, `surface` the head's shape, `rays` what a turned viewer
sees of it, `warp` the picture of that.
"""

from analysis.stimuli.layout.rotation import RANGES, rotation_matrix
from analysis.stimuli.pose.own import own_pose
from analysis.stimuli.pose.photograph import Turned, turn
from analysis.stimuli.pose.plane import rotate_in_plane
from analysis.stimuli.pose.regions import REGIONS

__all__ = [
    "RANGES",
    "REGIONS",
    "Turned",
    "own_pose",
    "rotate_in_plane",
    "rotation_matrix",
    "turn",
]
