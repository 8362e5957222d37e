"""Regions of a picture: label maps of a face's parts, or of a grid."""


import torch
from torch import Tensor

from analysis.stimuli.regions import face_regions
from analysis.stimuli.resizing import resize_labels
from iram.errors import InputError, listing
from iram.registry import unknown


def grid(height: int, width: int, rows: int, columns: int) -> Tensor:
    """(height, width) int64: cells of an even grid, numbered row by row."""
    down, along = torch.arange(height) * rows // height, torch.arange(width) * columns // width
    return down[:, None] * columns + along[None]


def checked_regions(
    regions: Tensor | str | None, x: Tensor, cells: tuple[int, int] = (4, 4), most: int = 256
) -> Tensor:
    """(N, H, W) int64 labels for the pictures x.

    Args:
        regions: integer labels (H, W) or (N, H, W); "face"; or None for a grid of `cells`.
        most: number of regions that the labels may count.

    Raises:
        InputError: labels of another type or size, below 0 or too high; or an unknown name.
    """
    height, width = x.shape[2:]
    if regions is None:
        regions = grid(height, width, *(min(c, s) for c, s in zip(cells, x.shape[2:], strict=True)))
    elif isinstance(regions, str):
        if regions != "face":
            raise InputError(unknown("kind of regions", regions, ["face"]))
        regions = resize_labels(face_regions(max(height, width)), height, width)
    labels = torch.as_tensor(regions, device=x.device)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise InputError(f"regions must be integer labels, got {labels.dtype}")
    if labels.shape not in ((height, width), (len(x), height, width)):
        raise InputError(
            f"regions have shape {tuple(labels.shape)}; the pictures need {(height, width)} or "
            f"{(len(x), height, width)}"
        )
    labels = labels.long()
    wrong = labels[(labels < 0) | (labels >= most)].unique().tolist()
    if wrong:
        raise InputError(f"region labels go from 0 to {most - 1}; found {listing(wrong)}")
    return labels.expand(len(x), -1, -1)


def spread(values: Tensor, labels: Tensor) -> Tensor:
    """(N, H, W): each region's value (N, k), spread evenly over its pixels.

    labels: (N, H, W).
    """
    flat = labels.flatten(1)
    areas = torch.zeros_like(values).scatter_add_(
        1, flat, torch.ones_like(flat, dtype=values.dtype)
    )
    return (values / areas.clamp_min(1)).gather(1, flat).view_as(labels)
