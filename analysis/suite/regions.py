"""The face's regions, placed on each face."""

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.attributions.face import FACE_REGIONS, face_regions
from analysis.layout import canvas, face_layout, mean_layout

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
