"""Where a face's parts are in a picture, when nothing is known of the single face.

`mean_face.csv` holds the median FaceMesh landmarks of FER2013's PublicTest split (3,498 of its
3,589 faces were found), as shares of the picture's side from the top left corner: the face oval,
brows, eyes, nose and mouth. FER2013's crops are loose: the landmarks scatter about it with a
standard deviation of 0.08 to 0.09.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd
import torch
from torch import Tensor


@dataclass(frozen=True)
class FaceLayout:
    """The mean face at one picture size.

    Attributes:
        size: side of the picture in pixels.
        face: (size, size) bool, True inside the face oval: the area that fractions are of.
        distance: part name -> (size, size) float, pixels from each pixel's centre to the part,
            0 inside it.
    """

    size: int
    face: Tensor
    distance: dict[str, Tensor]

    @property
    def background(self) -> Tensor:
        """(size, size) bool, all that is not the face."""
        return ~self.face


@lru_cache
def mean_layout(size: int) -> FaceLayout:
    """The mean face in pictures of `size` x `size` pixels."""
    distance = {name: polygon_distance(points * size, size) for name, points in _parts().items()}
    return FaceLayout(size, distance.pop("face") == 0, distance)


@lru_cache
def _parts() -> dict[str, np.ndarray]:
    table = pd.read_csv(files("analysis") / "mean_face.csv")
    return {name: part[["x", "y"]].to_numpy() for name, part in table.groupby("part", sort=False)}


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
