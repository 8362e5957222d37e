"""Attribution methods under one signature, (model, x, target, **options) -> (N, h, w).

A new one is a function with the decorator `@attribution(name, *needs, title=...)`. All maps are raw
and signed, explain logits, and are the larger where a place speaks more for the target.
"""

from analysis.attributions import (  # noqa: F401 (each registers its methods)
    attention,
    cams,
    deeplift,
    gradients,
    guided,
    lrp,
    occlusion,
    regional,
    score_cam,
    trivial,
)
from analysis.attributions.base import (
    ATTRIBUTIONS,
    attribute,
    attribution,
    missing,
    options_of,
)
from analysis.attributions.interactions import Interactions, shapley_interactions
from analysis.attributions.shapley import shapley_values
from analysis.stimuli.regions import FACE_REGIONS, face_regions

__all__ = [
    "ATTRIBUTIONS", "FACE_REGIONS", "Interactions", "attribute", "attribution", "face_regions",
    "missing", "options_of", "shapley_interactions", "shapley_values",
]
