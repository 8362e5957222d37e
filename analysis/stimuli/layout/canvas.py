"""The canvas: the mean face and its surroundings, on which every occluder is drawn once.

Its coordinates are shares of the side of the mean face's picture, x to the right and y down from
the picture's top left corner. It covers -0.5 to 1.5 both ways, since a scarf or a forearm goes past
the picture.
"""

from functools import lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.stimuli.landmarks import mean_landmarks
from analysis.stimuli.layout.polygons import polygon_distance

SIDE = 256
LOW, EXTENT = -0.5, 2.0
# Parts that FaceMesh has no outline of, as polygons on the mean face.
CHEEKS_AND_CHIN = {
    "left_cheek": [(0.17, 0.56), (0.30, 0.54), (0.36, 0.64), (0.31, 0.74), (0.21, 0.72)],
    "right_cheek": [(0.83, 0.56), (0.70, 0.54), (0.64, 0.64), (0.69, 0.74), (0.79, 0.72)],
    "chin": [(0.40, 0.91), (0.50, 0.89), (0.60, 0.91), (0.59, 0.98), (0.50, 1.00), (0.41, 0.98)],
}


@lru_cache
def parts() -> dict[str, np.ndarray]:
    """Part -> (n, 2) corners of its outline on the canvas.

    `mean_face.csv` holds the median FaceMesh landmarks of FER2013's PublicTest split (3,498 of its
    3,589 faces were found): the face oval, brows, eyes, nose and mouth. FER2013's crops are loose:
    the landmarks scatter about it with a standard deviation of 0.08 to 0.09.
    """
    table = pd.read_csv(files("analysis.stimuli.layout") / "mean_face.csv")
    outlines = {n: part[["x", "y"]].to_numpy() for n, part in table.groupby("part", sort=False)}
    return outlines | {name: np.array(corners) for name, corners in CHEEKS_AND_CHIN.items()}


def part_distances(size: int) -> dict[str, Tensor]:
    """Part -> (size, size) distance in pixels from the part in the mean face's picture alone."""
    return {name: polygon_distance(corners * size, size) for name, corners in parts().items()}


@lru_cache
def distance(part: str) -> Tensor:
    """(SIDE, SIDE): how far each point of the canvas is from the part, 0 inside it."""
    scale = SIDE / EXTENT
    return polygon_distance((parts()[part] - LOW) * scale, SIDE) / scale


@lru_cache
def points() -> tuple[Tensor, Tensor]:
    """x and y of the canvas's points, (SIDE, SIDE) each."""
    centres = LOW + (torch.arange(SIDE) + 0.5) * EXTENT / SIDE
    return centres.expand(SIDE, SIDE), centres[:, None].expand(SIDE, SIDE)


@lru_cache
def height() -> Tensor:
    """(SIDE, SIDE): the mean face's height towards the viewer, smooth; level past its edge."""
    from scipy.interpolate import griddata
    from scipy.ndimage import gaussian_filter

    face = mean_landmarks()
    x, y = (part.numpy() for part in points())
    inside = griddata(face[:, :2], face[:, 2], (x, y), method="linear")
    beyond = griddata(face[:, :2], face[:, 2], (x, y), method="nearest")
    smooth = gaussian_filter(np.where(np.isnan(inside), beyond, inside), 0.03 * SIDE / EXTENT)
    return torch.from_numpy(smooth).float()
