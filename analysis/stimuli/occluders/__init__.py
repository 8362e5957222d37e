"""Occluders: where a face is covered. What it is covered with is in `analysis.stimuli.fills`.

Regions of the face and unstructured occluders grow (`growth`) and reach any share of the face;
`objects` are drawn, and have a natural size. A new occluder is a function registered in GROWING or
in OBJECTS; `placing` puts either on faces.
"""

from analysis.stimuli.occluders import (  # noqa: F401, I001 (they register, in this order)
    unstructured,
    regions,
)
from analysis.stimuli.occluders.growth import GROWING, Cover, Growth, occlusion_fraction, stopped
from analysis.stimuli.occluders.objects import OBJECTS
from analysis.stimuli.occluders.placing import cover, names, reach

__all__ = [
    "GROWING",
    "OBJECTS",
    "Cover",
    "Growth",
    "cover",
    "names",
    "occlusion_fraction",
    "reach",
    "stopped",
]
