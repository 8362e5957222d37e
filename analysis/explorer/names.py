"""What things are called on the page, and the colours of maps: those of the figures."""

import numpy as np
from matplotlib import colormaps

from analysis.figures.names import METHODS, OCCLUDERS, title
from analysis.figures.style import RISING, SIGNED

REGIONS = {"rest": "surroundings of the face"}


def occluder_title(name: str) -> str:
    return "what was drawn" if name == "drawn" else title(name, OCCLUDERS)


def method_title(name: str) -> str:
    """A method's title, as it begins a line."""
    told = title(name, METHODS)
    return told[:1].upper() + told[1:]


def colours() -> dict[str, np.ndarray]:
    """(256, 3) uint8 each: `rising` for gates and sizes, `signed` for values about 0."""
    steps = np.linspace(0, 1, 256)
    return {name: (colormaps[which](steps)[:, :3] * 255).round().astype(np.uint8)
            for name, which in (("rising", RISING), ("signed", SIGNED))}
