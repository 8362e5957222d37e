"""From a condition and faces to what the model sees, and what of the face is covered: `Perturbed`.

In the order in which it would happen before a camera: the head is turned (`pose`), then something
covers it (`cover_faces`), then the picture is taken badly (`finish`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from analysis.stimuli.conditions import Condition
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import Scene, paint
from analysis.stimuli.layout import FaceLayout, face_layout, mean_layout, rolled, turned_camera
from analysis.stimuli.occluders import Cover, cover, occlusion_fraction
from analysis.stimuli.pose import rotate_in_plane, turn
from iram.data.dataset import FaceDataset
from iram.once import found_once
from iram.seeds import generators


class Perturbed:
    """Some faces under a condition. Each part is found when it is first asked for, and depends on
    (seed, condition, face) alone, not on the other faces.

    Attributes:
        faces: which of the data set's.
        ids: names of these pictures.
        posed: the faces turned, uncovered.
        layout: where the faces are in the pictures.
        cover: where the occluder is; its mask is (1, S, S) where it is the same for all.
    """

    def __init__(
        self, dataset: FaceDataset, faces: slice | np.ndarray, condition: Condition, *,
        cameras: Tensor | None = None, seed: int = 0, **known,
    ):
        """Args:
        cameras: (N, 2, 4) how each of these faces stands in its picture; None: as the mean face.
        known: attributes that are known already.
        """
        self.dataset, self.faces, self.condition = dataset, faces, condition
        self.cameras, self.seed = cameras, seed
        self.__dict__ |= known

    @found_once
    def ids(self) -> list[str]:
        return self.dataset.metadata["image_id"].iloc[self.faces].tolist()

    @found_once
    def posed(self) -> "Posed":
        return pose(self.dataset, self.faces, self.condition)

    @found_once
    def layout(self) -> FaceLayout:
        return layout_at(self.condition, self.cameras, self.dataset.size)

    @found_once
    def cover(self) -> Cover:
        return cover_faces(self.layout, self.condition, self.ids, self.seed)

    @property
    def mask(self) -> Tensor:
        """(N, S, S) bool, True = occluded."""
        return self.cover.mask.expand(len(self.ids), -1, -1)

    @property
    def pictures(self) -> Tensor:
        """(N, C, S, S) in [0, 1]: what the model sees; made anew each time."""
        return finish(self.posed.images, self.cover, self.condition, self.ids, self.seed,
                      self.dataset, self.faces)

    @property
    def shares(self) -> Tensor:
        """(3, N), 0 to 1: what is occluded of the face area, what is painted of the picture, and
        what of the face area the head itself hides."""
        covered = self.cover.mask
        shares = occlusion_fraction(covered, self.layout), covered.float().mean((1, 2))
        hidden = self.posed.self_occlusion_fraction
        return torch.stack([*(s.expand(len(self.ids)) for s in shares), hidden])

    def seen_by(self, channels: int) -> "Perturbed":
        """The same as a net of this many channels sees it: see `FaceDataset.seen_by`. What covers
        the faces is in the same place."""
        dataset = self.dataset.seen_by(channels)
        if dataset is self.dataset:
            return self
        layout = {"layout": self.layout} if "layout" in self.__dict__ else {}
        return Perturbed(dataset, self.faces, self.condition, cameras=self.cameras, seed=self.seed,
                         ids=self.ids, cover=self.cover, **layout)

    def under(self, condition: Condition) -> "Perturbed":
        """The same faces under another condition; what both have in common is found once."""
        kept = ["ids"]
        if condition.angles == self.condition.angles:
            kept += ["posed", "layout"]
        if condition.place == self.condition.place:
            kept += ["cover"]
        known = {name: getattr(self, name) for name in kept}
        return Perturbed(self.dataset, self.faces, condition, cameras=self.cameras, seed=self.seed,
                         **known)


class Posed(NamedTuple):
    """Faces at the pose of a condition.

    Attributes:
        images: (N, C, S, S) in [0, 1].
        self_occlusion_fraction: (N,) the share of the face area that the head itself hides once it
            is turned, 0 to 1.
    """

    images: Tensor
    self_occlusion_fraction: Tensor


def pose(dataset: FaceDataset, part: slice | np.ndarray, condition: Condition) -> Posed:
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
        images = dataset.images(part)
        channels = [turn(one, yaw, pitch, landmarks=points) for one in images.split(1, 1)]
        turned = channels[0]._replace(images=torch.cat([one.images for one in channels], 1))
        face = int(mean_layout(dataset.size).face.sum())
        posed = Posed(turned.images, (turned.hidden.sum((1, 2)) / face).clamp(max=1))
    if condition.roll_deg:
        return posed._replace(images=rotate_in_plane(posed.images, condition.roll_deg))
    return posed


def layout_at(condition: Condition, cameras: Tensor | None, size: int) -> FaceLayout:
    """Where the faces are in the pictures that `pose` gives.

    Args:
        cameras: (N, 2, 4) how each face stands in its own picture (`stimuli.layout`), or None to
            take the mean face for all. Once turned in depth, faces are framed alike, and the mean
            face at the asked pose stands for all.
    """
    if condition.in_depth:
        yaw, pitch = condition.yaw_deg or 0.0, condition.pitch_deg or 0.0
        return face_layout(turned_camera(yaw, pitch, condition.roll_deg)[None], size)
    if cameras is None and not condition.roll_deg:
        return mean_layout(size)
    cameras = turned_camera(0, 0, 0)[None] if cameras is None else cameras
    return face_layout(rolled(cameras, condition.roll_deg), size)


def cover_faces(
    layout: FaceLayout, condition: Condition, image_ids: Sequence[str], seed: int
) -> Cover:
    """Where the condition's occluder is, whatever it will be painted with.

    Deterministic per (seed, occluder, image): the same place is measured with every fill and at
    nested fractions, and differences between those conditions are paired.
    """
    if condition.occluder == "none":
        return Cover(torch.zeros(1, layout.size, layout.size, dtype=torch.bool))
    places = generators(seed, condition.occluder, image_ids)
    return cover(condition.occluder, condition.fraction, layout, places)


def finish(
    images: Tensor,
    covered: Cover,
    condition: Condition,
    image_ids: Sequence[str],
    seed: int,
    dataset: FaceDataset | None = None,
    part: slice | np.ndarray | None = None,
) -> Tensor:
    """(N, C, S, S): posed pictures (N, C, S, S), painted over and corrupted as the condition says.

    Whatever is left to chance depends on (seed, fill or corruption, image) alone, not on the rest
    of the batch.

    Args:
        dataset, part: where the pictures are from, for fills that borrow another face.
    """
    if condition.occluder != "none":
        chance = generators(seed, condition.fill, image_ids)
        scene = Scene(images, covered.mask, chance, dataset, part, covered)
        images = paint(scene, condition.fill)
    if condition.corruption != "none":
        chance = generators(seed, condition.corruption, image_ids)
        images = CORRUPTIONS[condition.corruption](images, condition.severity, chance)
    return images
