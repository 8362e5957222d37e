"""From a condition and faces to what the model sees, and what of the face is covered."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.fills import Scene, paint
from analysis.layout import mean_layout
from analysis.occluders import occlusion_fraction, occlusion_mask
from analysis.pose import rotate_in_plane, turn
from analysis.study import Condition
from iram.data.dataset import FaceDataset
from iram.seeds import generators


class Posed(NamedTuple):
    """Faces at the pose of a condition.

    Attributes:
        images: (N, 1, S, S) in [0, 1].
        self_occlusion_fraction: (N,) the share of the face area that the head itself hides once it
            is turned, 0 to 1.
    """

    images: Tensor
    self_occlusion_fraction: Tensor


class Occluded(NamedTuple):
    """Faces with an occluder.

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


def pose(dataset: FaceDataset, part: slice, condition: Condition) -> Posed:
    """The faces of `part` at the condition's pose.

    A data set that renders its faces renders them again, at the asked yaw and pitch and otherwise
    frontal; photographs are turned by the asked angles from the pose that they have, by their
    landmarks where the data set has them and as the mean face elsewhere.
    """
    yaw, pitch = condition.yaw_deg or 0.0, condition.pitch_deg or 0.0
    if not condition.in_depth:
        images = dataset.images(part)
        posed = Posed(images, torch.zeros(len(images)))
    elif dataset.renders:
        posed = Posed(*dataset.turned(part, yaw, pitch))
    else:
        points = None if dataset.landmarks is None else dataset.landmarks[part]
        turned = turn(dataset.images(part), yaw, pitch, landmarks=points)
        face = int(mean_layout(dataset.size).face.sum())
        posed = Posed(turned.images, (turned.hidden.sum((1, 2)) / face).clamp(max=1))
    if condition.roll_deg:
        return posed._replace(images=rotate_in_plane(posed.images, condition.roll_deg))
    return posed


def occlude(images: Tensor, condition: Condition, image_ids: Sequence[str], seed: int) -> Occluded:
    """Covers the pictures (N, 1, S, S) as the condition says.

    Deterministic per (seed, condition, image), whatever else is in the batch. Where an occluder
    stands depends on the seed, its name and the image; the noise that it is painted with, on the
    seed, the fill and the image. So the same place is measured with every fill and at nested
    fractions, and differences between those conditions are paired.
    """
    count, size = len(images), images.shape[-1]
    if condition.occluder == "none":
        nothing = torch.zeros(count)
        mask = torch.zeros(1, size, size, dtype=torch.bool).expand(count, -1, -1)
        return Occluded(images, mask, nothing, nothing)
    layout = mean_layout(size)
    places = generators(seed, condition.occluder, image_ids)
    mask = occlusion_mask(condition.occluder, condition.fraction, layout, places)
    scene = Scene(images, mask, generators(seed, condition.fill, image_ids))
    painted = paint(scene, condition.fill)
    fraction = occlusion_fraction(mask, layout)
    return Occluded(
        painted,
        mask.expand(count, -1, -1),
        fraction.expand(count),
        mask.float().mean((1, 2)).expand(count),
    )
