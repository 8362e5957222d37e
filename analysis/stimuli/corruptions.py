"""Corruptions of the whole picture, in five severities.

The kinds are those of ImageNet-C and CIFAR-10-C: Hendrycks & Dietterich, "Benchmarking neural
network robustness to common corruptions and perturbations", ICLR 2019. ImageNet-C's values are too
strong for pictures of 48 px; each of these is the mean of CIFAR-10-C's (32 px) and of
Tiny-ImageNet-C's (64 px) at the same severity:

| kind           | value                          |    1 |     2 |     3 |     4 |     5 |
| -------------- | ------------------------------ | ---- | ----- | ----- | ----- | ----- |
| gaussian_noise | standard deviation             | 0.04 |  0.07 |  0.10 |  0.12 |  0.14 |
| gaussian_blur  | sigma in px of a side of 48    | 0.45 | 0.675 |  0.85 | 1.025 |  1.25 |
| pixelate       | share of the side that is kept | 0.925 | 0.85 | 0.775 | 0.675 | 0.575 |
| jpeg           | quality                        |   73 |    62 |    54 |    45 |    33 |
| contrast       | share of the contrast kept     | 0.575 |  0.4 |   0.3 |   0.2 |   0.1 |

The originals rounded to 8 bits after each corruption; here only JPEG does. Blur and pixelate scale
with the side, so that 96 px lose as much of a face as 48 do.

A new one is a function registered in CORRUPTIONS: (images (N, C, S, S) in [0, 1], severity 1 to 5,
generators, one per picture) -> images of the same shape in [0, 1], the same for a picture whatever
else is in the batch. Each asks `value` what its severity means, which refuses one that is none.
"""

from collections.abc import Callable, Iterable
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from analysis.stimuli.fills.plain import gaussian_matrix
from iram.errors import InputError
from iram.registry import Registry

Corruption = Callable[[Tensor, int, Iterable[Generator]], Tensor]
CORRUPTIONS = Registry("corruption", values=())  # of its five severities
SEVERITIES = range(1, 6)
BLUR_SIDE = 48


@CORRUPTIONS.register("gaussian_noise", "Gaussian noise", values=(0.04, 0.07, 0.10, 0.12, 0.14))
def gaussian_noise(images: Tensor, severity: int, generators: Iterable[Generator]) -> Tensor:
    """Normal noise, independent in each pixel, clipped."""
    sigma, noise = value("gaussian_noise", severity), torch.empty_like(images)
    for picture, generator in zip(noise, generators, strict=True):
        picture.normal_(0, sigma, generator=generator)
    return noise.add_(images).clamp_(0, 1)


@CORRUPTIONS.register("gaussian_blur", "Gaussian blur", values=(0.45, 0.675, 0.85, 1.025, 1.25))
def gaussian_blur(images: Tensor, severity: int, generators: Iterable[Generator] = ()) -> Tensor:
    """A Gaussian whose sigma is a share of the side (edges repeated)."""
    share = value("gaussian_blur", severity) / BLUR_SIDE
    rows, columns = (gaussian_matrix(side, share).to(images) for side in images.shape[2:])
    return (rows @ images @ columns.T).clamp_(0, 1)


@CORRUPTIONS.register("pixelate", "pixelation", values=(0.925, 0.85, 0.775, 0.675, 0.575))
def pixelate(images: Tensor, severity: int, generators: Iterable[Generator] = ()) -> Tensor:
    """Shown in fewer, larger squares: the mean of each square's area, then of each pixel's.

    The original takes Pillow's box filter, which counts a pixel wholly or not at all, by where its
    centre lies. From 48 to 32 px that moves the picture and changes it more than twice as much as
    31 px do, so that severity 4 would be worse than 5.
    """
    kept = value("pixelate", severity)
    rows, columns = (squares_matrix(side, kept).to(images) for side in images.shape[2:])
    return (rows @ images @ columns.T).clamp_(0, 1)


def squares_matrix(side: int, kept: float) -> Tensor:
    """(side, side): one axis brought to `kept` of its pixels and back, its rows summing to 1."""
    squares = max(int(side * kept), 1)
    square, pixel = torch.arange(squares)[:, None], torch.arange(side)
    # in units of 1 / (side x squares), in which all edges are whole numbers
    end = torch.minimum((square + 1) * side, (pixel + 1) * squares)
    overlap = (end - torch.maximum(square * side, pixel * squares)).clamp(min=0).float()
    return (overlap / squares).T @ (overlap / side)


@CORRUPTIONS.register("jpeg", "JPEG", values=(73, 62, 54, 45, 33))
def jpeg(images: Tensor, severity: int, generators: Iterable[Generator] = ()) -> Tensor:
    """Rounded to 8 bits, through JPEG at a quality, and back. Its blocks are 8 px at any size."""
    quality, pixels = value("jpeg", severity), images.mul(255).round_().to(torch.uint8)
    gray = pixels.shape[1] == 1
    pixels = pixels[:, 0] if gray else pixels.permute(0, 2, 3, 1).contiguous()
    coded = np.zeros(pixels.shape, np.float32)
    for picture, into in zip(pixels.numpy(), coded, strict=True):
        file = BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        into[:] = Image.open(file)
    found = torch.from_numpy(coded).div_(255)
    return found[:, None] if gray else found.permute(0, 3, 1, 2).contiguous()


@CORRUPTIONS.register("contrast", values=(0.575, 0.4, 0.3, 0.2, 0.1))
def contrast(images: Tensor, severity: int, generators: Iterable[Generator] = ()) -> Tensor:
    """Drawn towards the picture's own mean."""
    kept = value("contrast", severity)
    # in two steps, as threads would share out a long sum, and round it otherwise, for one picture
    mean = images.mean(3, keepdim=True).mean(2, keepdim=True)
    return ((images - mean) * kept + mean).clamp_(0, 1)


def value(kind: str, severity: int) -> float:
    """What a severity means for a kind, of the `values` that it was registered with.

    Raises:
        InputError: a severity that is not a whole number from 1 to 5.
    """
    if severity not in SEVERITIES:
        raise InputError(f"a severity is a whole number from 1 to 5, not {severity!r} ({kind})")
    return CORRUPTIONS.about(kind).values[int(severity) - 1]
