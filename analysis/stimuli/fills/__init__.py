"""Fills: what an occluder is painted with. A new one is a function registered in FILLS.

A fill gets a `Scene` and returns pictures of the shape of its images, or of one that broadcasts to
it; `paint` shows them where the mask is True. It may look at the whole picture, and at the mask.
"""

from analysis.stimuli.fills import (  # noqa: F401 (each registers its fills)
    borrowed,
    imputation,
    own_look,
    plain,
    texture,
)
from analysis.stimuli.fills.scene import FILLS, Fill, Scene, paint

__all__ = ["FILLS", "Fill", "Scene", "paint"]
