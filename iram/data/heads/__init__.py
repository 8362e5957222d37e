"""Rendered heads: faces whose every pixel is known, from one table of parameters.

`open_dataset("heads:n=2000,seed=0,size=48")` opens them as a data set; `render` gives any head
at any pose with its labels, depth and landmarks; `evidence` and `self_occlusion` are the ground
truth that no photograph has.

Read on in this order: `parameters` (what is drawn), `expression` (action units), `features` (the
curves that they move), `geometry` (the mesh), `camera` (pose and z-buffer), `appearance` (paint
and labels), `occluders`, `raster` and `renderer` (putting it together), `truth`, `dataset`.
"""

from iram.data.heads.appearance import FACE_REGIONS, REGIONS
from iram.data.heads.dataset import HeadsDataset, open_heads, split_of
from iram.data.heads.expression import ACTION_UNITS, CLASSES, PROTOTYPES, REGION_OF_UNIT
from iram.data.heads.occluders import SCENE_OCCLUDERS
from iram.data.heads.renderer import Heads, render
from iram.data.heads.request import ANGLE_RANGES
from iram.data.heads.truth import SelfOcclusion, evidence, evidence_map, self_occlusion

__all__ = [
    "ACTION_UNITS",
    "ANGLE_RANGES",
    "CLASSES",
    "FACE_REGIONS",
    "PROTOTYPES",
    "REGIONS",
    "REGION_OF_UNIT",
    "SCENE_OCCLUDERS",
    "Heads",
    "HeadsDataset",
    "SelfOcclusion",
    "evidence",
    "evidence_map",
    "open_heads",
    "render",
    "self_occlusion",
    "split_of",
]
