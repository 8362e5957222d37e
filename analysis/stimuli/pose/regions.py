"""Which region of the head each point of the mean face belongs to."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from analysis.stimuli.layout import part_distances

REGIONS = (
    "background", "head", "forehead", "cheeks", "chin", "brows", "eyes", "nose", "mouth",
)
"""Region names in label order; "head" is what the face oval leaves: hair, ears and neck."""

SIDE = 128  # of the label map, which covers the mean face's picture and no more
PARTS = {  # part of the mean layout -> (region, how far it reaches around the part)
    "nose": ("nose", 0.02),
    "left_brow": ("brows", 0.015), "right_brow": ("brows", 0.015),
    "left_eye": ("eyes", 0.03), "right_eye": ("eyes", 0.03),
    "mouth": ("mouth", 0.02),
}


@lru_cache
def label_map() -> Tensor:
    """(SIDE, SIDE) int8 labels of the mean face; "head" outside the face oval."""
    distance = _symmetric(part_distances(SIDE))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    labels = torch.full((SIDE, SIDE), REGIONS.index("cheeks"), dtype=torch.int8)
    labels[torch.from_numpy(y < 0.33)] = REGIONS.index("forehead")
    labels[torch.from_numpy((y > 0.83) & (np.abs(x - 0.5) < 0.25))] = REGIONS.index("chin")
    for part, (region, reach) in PARTS.items():
        labels[distance[part] <= reach * SIDE] = REGIONS.index(region)
    labels[distance["face"] > 0] = REGIONS.index("head")
    return labels


@lru_cache
def protection() -> Tensor:
    """(SIDE, SIDE) in [0, 1]: 1 on eyes, brows and mouth, falling to 0 at 0.06 of the side.

    There no mirrored texture may be shown: it would copy one half of an asymmetric expression.
    """
    distance = _symmetric(part_distances(SIDE))
    nearest = torch.stack([distance[p] for p in PARTS if p != "nose"]).amin(0) / SIDE
    return (2 - nearest / 0.03).clamp(0, 1)


def _symmetric(distance: dict[str, Tensor]) -> dict[str, Tensor]:
    """The distances with left and right made each other's mirror image."""

    def twin(part: str) -> str:
        swap = {"left": "right", "right": "left"}
        side, _, rest = part.partition("_")
        return f"{swap[side]}_{rest}" if side in swap else part

    return {part: torch.minimum(d, distance[twin(part)].flip(1)) for part, d in distance.items()}
