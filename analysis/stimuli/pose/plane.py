"""Rotation in the picture's plane."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def rotate_in_plane(images: Tensor, roll_deg: float) -> Tensor:
    """The pictures (N, 1, S, S) turned about their centre by `roll_deg`, clockwise if positive.

    Bilinear; what comes in at the corners repeats the edge, since a black wedge would be an
    occluder. 0 degrees gives the pictures themselves.
    """
    angle = math.radians(roll_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = torch.tensor([[cos, sin, 0.0], [-sin, cos, 0.0]]).expand(len(images), 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
