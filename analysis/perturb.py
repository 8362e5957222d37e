"""From a condition and clean pictures to what the model sees, and what of the face is covered."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.fills import paint
from analysis.layout import mean_layout
from analysis.occluders import occlusion_fraction, occlusion_mask
from analysis.pose import rotate_in_plane
from analysis.study import Condition
from iram.seeds import generators


class Perturbed(NamedTuple):
    """Perturbed pictures.

    Attributes:
        images: (N, 1, S, S) in [0, 1].
        occlusion_mask: (N, S, S) bool, True = occluded.
        occlusion_fraction: (N,) the occluded share of the face area.
        painted_fraction: (N,) the painted share of the whole picture.
    """

    images: Tensor
    occlusion_mask: Tensor
    occlusion_fraction: Tensor
    painted_fraction: Tensor


def perturb(images: Tensor, condition: Condition, image_ids: Sequence[str], seed: int) -> Perturbed:
    """Applies the condition to the pictures (N, 1, S, S).

    Deterministic per (seed, condition, image), whatever else is in the batch. Where an occluder
    stands depends on the seed, its name and the image; the noise that it is painted with, on the
    seed, the fill and the image. So the same place is measured with every fill and at nested
    fractions, and differences between those conditions are paired.
    """
    count, size = len(images), images.shape[-1]
    if condition.roll_deg:
        images = rotate_in_plane(images, condition.roll_deg)
    if condition.occluder == "none":
        nothing = torch.zeros(count)
        mask = torch.zeros(1, size, size, dtype=torch.bool).expand(count, -1, -1)
        return Perturbed(images, mask, nothing, nothing)
    layout = mean_layout(size)
    places = generators(seed, condition.occluder, image_ids)
    mask = occlusion_mask(condition.occluder, condition.fraction, layout, places)
    painted = paint(images, mask, condition.fill, generators(seed, condition.fill, image_ids))
    fraction = occlusion_fraction(mask, layout)
    return Perturbed(
        painted,
        mask.expand(count, -1, -1),
        fraction.expand(count),
        mask.float().mean((1, 2)).expand(count),
    )
