"""Distances to polygons."""

import numpy as np
import torch
from torch import Tensor


def polygon_distance(corners: np.ndarray, size: int) -> Tensor:
    """(size, size) float: how far each pixel's centre is from the polygon, 0 inside.

    Args:
        corners: (n, 2) x and y in pixels; the last corner is joined to the first.
    """
    centres = np.arange(size) + 0.5
    points = np.stack(np.meshgrid(centres, centres), -1)[:, :, None]  # (size, size, 1, 2) x, y
    start, end = corners, np.roll(corners, -1, 0)
    edge = end - start
    along = ((points - start) * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12)
    nearest = start + along.clip(0, 1)[..., None] * edge
    distance = np.sqrt(((points - nearest) ** 2).sum(-1)).min(-1)
    return torch.from_numpy(np.where(_inside(points, start, end), 0.0, distance)).float()


def _inside(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """True where a ray to the right crosses the polygon's edges an odd number of times."""
    x, y = points[..., 0], points[..., 1]
    between = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
    crossing = start[:, 0] + (y - start[:, 1]) / rise * (end[:, 0] - start[:, 0])
    return (between & (x < crossing)).sum(-1) % 2 == 1
