"""The face's regions, placed on each face."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.layout import canvas, face_layout, mean_layout
from analysis.stimuli.pose.regions import REGIONS, label_map
from analysis.stimuli.resizing import resize_labels

FACE_REGIONS = ("brows", "eyes", "nose", "cheeks", "mouth", "chin", "forehead", "rest")
"""In label order; "rest" is what is not face: hair, ears, neck and background."""
BLOCK = 64  # faces that are placed at a time


def placed_regions(cameras: Tensor | None, count: int, size: int) -> Tensor:
    """(count, size, size) int8: which of FACE_REGIONS each pixel of each face is in.

    Args:
        cameras: (N, 2, 4) how each face stands in its picture; None: as the mean face.
    """
    if cameras is None:
        return _shown(mean_layout(size).places).expand(count, -1, -1).contiguous()
    return torch.cat([_shown(face_layout(some, size).places) for some in cameras.split(BLOCK)])


def _shown(places: Tensor) -> Tensor:
    """(N, S, S) int8: the nearest label of the canvas, as a region must not be a mixture."""
    grid = (places - canvas.LOW) * (2 / canvas.EXTENT) - 1
    labels = _on_canvas().float()[None, None].expand(len(grid), -1, -1, -1)
    shown = F.grid_sample(labels, grid, "nearest", "border", align_corners=False)
    return shown[:, 0].to(torch.int8)


def _on_canvas() -> Tensor:
    """(SIDE, SIDE) labels of the canvas: past the mean face's picture there is no face."""
    share = int(canvas.SIDE / canvas.EXTENT)  # of the canvas, what the picture takes
    before = round(-canvas.LOW * share)
    labels = torch.full((canvas.SIDE, canvas.SIDE), FACE_REGIONS.index("rest"))
    labels[before : before + share, before : before + share] = face_regions(share)
    return labels


@lru_cache
def face_regions(size: int) -> Tensor:
    """(size, size) int64: which of FACE_REGIONS each pixel of the mean face is in."""
    rest = FACE_REGIONS.index("rest")
    merged = [FACE_REGIONS.index(name) if name in FACE_REGIONS else rest for name in REGIONS]
    return torch.tensor(merged)[resize_labels(label_map(), size, size).long()]
