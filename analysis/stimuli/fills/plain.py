"""Fills without a texture of any face: flat gray, noise, and the picture's own blur."""

import torch
from torch import Tensor

from analysis.stimuli.fills.scene import FILLS, Scene

NOISE_MEAN, NOISE_SD = 0.5, 0.25
BLUR_SIGMA = 1 / 8  # of the side: 6 px of 48, at which no feature of the face is left


@FILLS.register("black")
def black(scene: Scene) -> Tensor:
    """0 everywhere."""
    return torch.zeros(1, 1, 1, 1, dtype=scene.images.dtype)


@FILLS.register("mean", title="mean gray")
def mean(scene: Scene) -> Tensor:
    """Each picture's own mean, channel by channel: no contrast, no change of brightness."""
    return scene.images.mean((2, 3), keepdim=True)


@FILLS.register("noise")
def noise(scene: Scene) -> Tensor:
    """Gaussian noise, mean 0.5 and standard deviation 0.25, clipped to [0, 1]; each pixel, and each
    of its channels, alone."""
    draws = torch.empty_like(scene.images)
    for picture, generator in zip(draws, scene.generators, strict=True):
        picture.normal_(NOISE_MEAN, NOISE_SD, generator=generator)
    return draws.clamp_(0, 1)


@FILLS.register("blur")
def blur(scene: Scene) -> Tensor:
    """The picture itself through a Gaussian of an eighth of its side (edges repeated)."""
    rows, columns = (gaussian_matrix(side).to(scene.images) for side in scene.images.shape[2:])
    return rows @ scene.images @ columns.T


def gaussian_matrix(side: int, sigma: float = BLUR_SIGMA) -> Tensor:
    """(side, side): the Gaussian blur of one axis as a matrix, its rows summing to 1.

    `sigma` is a share of the side. What falls past an edge is counted for the edge's own pixel. At
    these sizes a product is far cheaper than a convolution with a kernel as wide as the picture.
    """
    reach = 3 * side
    places = torch.arange(-reach, side + reach, dtype=torch.float64)
    distance = places[None] - torch.arange(side, dtype=torch.float64)[:, None]
    weights = torch.exp(-0.5 * (distance / (sigma * side)) ** 2)
    weights /= weights.sum(1, keepdim=True)
    matrix = torch.zeros(side, side, dtype=torch.float64)
    matrix.index_add_(1, places.long().clamp(0, side - 1), weights)
    return matrix.float()
