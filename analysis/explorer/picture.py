"""The picture that the model is shown: made as the benchmark makes it, of one face."""

from typing import NamedTuple

import torch
from torch import Tensor

from analysis.explorer.state import DRAWN, State
from analysis.stimuli.conditions import Condition
from analysis.stimuli.layout import FRONTAL, rolled, turned_camera
from analysis.stimuli.occluders import Cover
from analysis.stimuli.perturb import Perturbed, Posed
from analysis.stimuli.regions import placed_regions
from iram.data.dataset import FaceDataset


class Face(NamedTuple):
    """One face of a data set.

    Attributes:
        dataset: the whole set, for fills that borrow another face.
        index: its place there.
        camera: (1, 2, 4) how it stands in its picture; None to take it for the mean face.
    """

    dataset: FaceDataset
    index: int
    camera: Tensor | None = None

    @property
    def part(self) -> slice:
        return slice(self.index, self.index + 1)

    @property
    def image_id(self) -> str:
        return self.dataset.metadata["image_id"].iloc[self.index]

    @property
    def label(self) -> str:
        return self.dataset.classes[int(self.dataset.labels[self.index])]


class Picture(NamedTuple):
    """A face before and after what is done to it; pictures are (1, 1, S, S) in [0, 1].

    Attributes:
        clean: the face untouched.
        reference: what `shown` is compared with: the face at the same pose and not covered, or
            where it is only turned, untouched.
        shown: turned, covered and spoiled.
        mask: (1, S, S) bool, True = occluded.
        face_area: (1, S, S) bool, the area that fractions are of.
        regions: (S, S) int8, places in FACE_REGIONS, of the shown picture.
        occlusion_fraction: the occluded share of the face area, 0 to 1.
        self_occlusion_fraction: the share of the face that the head itself hides, 0 to 1.
    """

    clean: Tensor
    reference: Tensor
    shown: Tensor
    mask: Tensor
    face_area: Tensor
    regions: Tensor
    occlusion_fraction: float
    self_occlusion_fraction: float


def make_picture(face: Face, state: State, posed: Posed | None = None) -> Picture:
    """The face under the state's condition: bit for bit the benchmark's where nothing was drawn or
    moved and the seed is the same.

    Args:
        posed: the face at the condition's pose, where it is known already.

    Raises:
        InputError: a condition that can't be had of this face, such as the pixels of another face
            of the same class where there is none.
    """
    dataset, condition = face.dataset, state.condition
    known = {} if posed is None else {"posed": posed}
    faces = Perturbed(dataset, face.part, condition, cameras=face.camera, seed=state.seed, **known)
    faces.cover = cover(state, faces)
    clean, shown, (hidden, _, by_itself) = dataset.images(face.part), faces.pictures, faces.shares
    touched = condition.occluder != "none" or condition.corruption != "none"
    return Picture(
        clean=clean,
        reference=faces.posed.images if touched else clean,
        shown=shown,
        mask=faces.mask,
        face_area=faces.layout.face,
        regions=placed_regions(camera(condition, face.camera), 1, dataset.size)[0],
        occlusion_fraction=float(hidden),
        self_occlusion_fraction=float(by_itself),
    )


def cover(state: State, faces: Perturbed) -> Cover:
    """Where the state's occluder is: named, and moved from its place; or drawn."""
    if state.condition.occluder == DRAWN:
        return moved(Cover(state.drawing(faces.dataset.size)), *state.moved)
    return moved(faces.cover, *state.moved)


def moved(cover: Cover, right: int, down: int) -> Cover:
    """The occluder that many pixels further right and down; what leaves the picture is lost."""
    if not right and not down:
        return cover

    def shifted(values: Tensor | None) -> Tensor | None:
        if values is None:
            return None
        result, size = torch.zeros_like(values), values.shape[-1]
        (to_y, from_y), (to_x, from_x) = _spans(down, size), _spans(right, size)
        result[..., to_y, to_x] = values[..., from_y, from_x]
        return result

    return Cover(shifted(cover.mask), shifted(cover.alpha), shifted(cover.shade), cover.skin)


def camera(condition: Condition, own: Tensor | None) -> Tensor:
    """(1, 2, 4): how the face stands in the picture under this condition, as `layout_at` has it."""
    if condition.in_depth:
        turn = condition.yaw_deg or 0.0, condition.pitch_deg or 0.0, condition.roll_deg
        return turned_camera(*turn)[None]
    return rolled(FRONTAL[None] if own is None else own, condition.roll_deg)


def _spans(shift: int, size: int) -> tuple[slice, slice]:
    """Where values go to, and where they come from, along one axis."""
    shift = max(-size, min(size, shift))
    return slice(max(shift, 0), size + min(shift, 0)), slice(max(-shift, 0), size - max(shift, 0))
