"""Expressions as FACS action units: seven prototypes, intensities, and where each unit acts.

Source: Ekman & Friesen 1978, table 11-1; Ekman, Friesen & Hager 2002, table 10-1 (EMFACS).
"""

from types import SimpleNamespace

import torch
from torch import Tensor

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # FER2013's order

ACTION_UNITS = (
    "AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU15", "AU17", "AU20",
    "AU23", "AU25", "AU26",
)

# The region whose evidence a unit counts for: where its muscle moves the face most.
REGION_OF_UNIT = {
    "AU1": "brows", "AU2": "brows", "AU4": "brows", "AU5": "eyes", "AU6": "cheeks", "AU7": "eyes",
    "AU9": "nose", "AU10": "mouth", "AU12": "mouth", "AU15": "mouth", "AU17": "chin",
    "AU20": "mouth", "AU23": "mouth", "AU25": "mouth", "AU26": "mouth",
}

# expression: unit: (probability, weakest, strongest)
PROTOTYPES = {
    "angry": {
        "AU4": (1.0, 0.7, 1.0), "AU5": (0.5, 0.1, 0.4), "AU7": (0.9, 0.4, 0.9),
        "AU23": (0.9, 0.6, 1.0), "AU17": (0.3, 0.2, 0.5),
    },
    "disgust": {
        "AU9": (1.0, 0.6, 1.0), "AU10": (1.0, 0.5, 1.0), "AU4": (0.3, 0.1, 0.3),
        "AU7": (0.4, 0.2, 0.6), "AU15": (0.5, 0.2, 0.6), "AU17": (0.4, 0.2, 0.7),
        "AU25": (0.5, 0.3, 0.9),
    },
    "fear": {
        "AU1": (1.0, 0.6, 1.0), "AU2": (0.8, 0.2, 0.6), "AU4": (1.0, 0.4, 0.8),
        "AU5": (1.0, 0.6, 1.0), "AU7": (0.3, 0.1, 0.4), "AU20": (1.0, 0.6, 1.0),
        "AU25": (1.0, 0.5, 1.0), "AU26": (0.5, 0.1, 0.35),
    },
    "happy": {
        "AU6": (0.9, 0.5, 1.0), "AU12": (1.0, 0.6, 1.0), "AU25": (0.7, 0.4, 1.0),
        "AU26": (0.15, 0.1, 0.3),
    },
    "sad": {
        "AU1": (1.0, 0.7, 1.0), "AU4": (0.9, 0.4, 0.8), "AU15": (1.0, 0.6, 1.0),
        "AU17": (0.6, 0.3, 0.8),
    },
    "surprise": {
        "AU1": (1.0, 0.6, 1.0), "AU2": (1.0, 0.6, 1.0), "AU5": (0.9, 0.4, 0.9),
        "AU25": (1.0, 0.5, 1.0), "AU26": (1.0, 0.55, 1.0),
    },
    "neutral": {},
}
JITTER = 0.07  # the largest intensity of a unit that the expression does not use


def prototype_table() -> Tensor:
    """(7, 15, 3): probability, weakest and strongest intensity, zeros where a unit is unused."""
    table = torch.zeros(len(CLASSES), len(ACTION_UNITS), 3)
    for row, name in enumerate(CLASSES):
        for unit, numbers in PROTOTYPES[name].items():
            table[row, ACTION_UNITS.index(unit)] = torch.tensor(numbers)
    return table


def intensities(labels: Tensor, uniform: Tensor, zeroed_region: str | None = None) -> Tensor:
    """(N, 15) intensities in [0, 1].

    Args:
        labels: (N,) places in `CLASSES`.
        uniform: (N, 3, 15) numbers in [0, 1): they stay the same when the label is changed.
        zeroed_region: the region whose units are at rest.
    """
    probability, weakest, strongest = prototype_table()[labels].unbind(-1)
    present, strength, jitter = uniform.unbind(1)
    active = weakest + (strongest - weakest) * strength
    values = torch.where(present < probability, active, JITTER * jitter)
    if zeroed_region is not None:
        rest = [REGION_OF_UNIT[unit] == zeroed_region for unit in ACTION_UNITS]
        values = values.masked_fill(torch.tensor(rest), 0.0)
    return values


def by_name(values: Tensor) -> SimpleNamespace:
    """The (N, 15) intensities as `au.AU1`, ... of shape (N, 1, 1)."""
    columns = zip(ACTION_UNITS, values.unbind(1), strict=True)
    return SimpleNamespace(**{unit: value.view(-1, 1, 1) for unit, value in columns})
