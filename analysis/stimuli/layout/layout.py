"""Where the points of pictures lie on the canvas."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.layout import canvas
from analysis.stimuli.layout.camera import FRONTAL
from iram.once import found_once

STEPS = 8  # of the search for the point of the face that a pixel shows; 4 are enough to 20 degrees


@dataclass(frozen=True)
class FaceLayout:
    """The mean face in pictures: the same for all (N = 1), or placed on each.

    Attributes:
        places: (N, S, S, 2) the point (x, y) of the canvas that each pixel's centre shows.
    """

    places: Tensor

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return self.places.shape[1]

    @found_once
    def face(self) -> Tensor:
        """(N, S, S) bool, True inside the face oval: the area that fractions are of."""
        return self.show((canvas.distance("face") == 0).float()) > 0.5

    def show(self, drawn: Tensor, scale: Tensor | None = None, anchor=(0.0, 0.0)) -> Tensor:
        """What is drawn on the canvas, as the pictures show it (bilinear).

        Args:
            drawn: (SIDE, SIDE) for all pictures, or (N, SIDE, SIDE).
            scale: (N,) how much larger it is shown, about `anchor` (a point of the canvas).

        Returns:
            (N, S, S).
        """
        places = self.places
        if scale is not None:
            middle = torch.tensor(anchor)
            places = ((places - middle) / scale[:, None, None, None]).add_(middle)
        grid = (places - canvas.LOW).mul_(2 / canvas.EXTENT).sub_(1)
        if drawn.ndim == 2:
            drawn = drawn.expand(len(grid), -1, -1)
        elif len(grid) == 1:
            grid = grid.expand(len(drawn), -1, -1, -1)
        return F.grid_sample(drawn[:, None], grid, padding_mode="border", align_corners=False)[:, 0]


def face_layout(cameras: Tensor, size: int) -> FaceLayout:
    """The mean face in pictures of size x size pixels, as cameras (N, 2, 4) see it.

    The point of the canvas whose height brings it under a pixel is found by fixed-point steps.
    """
    flat, slope, offset = cameras[:, :, :2], cameras[:, :, 2], cameras[:, :, 3]
    seen = _pixel_shares(size)[None] - offset[:, None, None]
    back = torch.linalg.inv(flat).transpose(1, 2)[:, None]
    height = canvas.height()
    layout = FaceLayout(seen @ back)
    for _ in range(STEPS if slope.any() else 0):
        lifted = layout.show(height)[..., None] * slope[:, None, None]
        layout = FaceLayout((layout.places + (seen - lifted) @ back) / 2)
    return layout


@lru_cache
def mean_layout(size: int) -> FaceLayout:
    """The mean face in pictures of size x size pixels, when nothing is known of the single one."""
    return face_layout(FRONTAL[None], size)


def _pixel_shares(size: int) -> Tensor:
    centres = (torch.arange(size) + 0.5) / size
    return torch.stack([centres.expand(size, size), centres[:, None].expand(size, size)], -1)
