"""Nine objects that cover faces, drawn by code. A new one is a function registered in OBJECTS.

Each is drawn once, in the coordinates of FER2013's mean face (see `Sketch`); an affine map puts it
on a face. Read on in `sketch`, `shapes` and `light`, then any object.
"""

from analysis.stimuli.occluders.objects import (  # noqa: F401, I001 (they register, in this order)
    eyewear,
    mask,
    hand,
    scarf,
    hair,
    held,
    headset,
)
from analysis.stimuli.occluders.objects.sketch import (
    HIGH,
    LOW,
    OBJECTS,
    SIDE,
    Sketch,
    covered,
    covered_fraction,
    sketch,
)

__all__ = ["HIGH", "LOW", "OBJECTS", "SIDE", "Sketch", "covered", "covered_fraction", "sketch"]
