"""Rendered heads as a data set: nothing to download, nothing on disk, and the truth is known.

Input: 48 x 48 gray faces, drawn from (seed, index) by a cylindrical mesh and a z-buffer.
Label: 0-6 = angry, disgust, fear, happy, sad, surprise, neutral, each as frequent.
Splits: train, validation and test, 7 : 1 : 2, by index; every index is another identity.
Not for claims about photographs: a model trained on these scores near chance on real faces.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from iram.data.dataset import FaceDataset
from iram.data.heads.expression import CLASSES
from iram.data.heads.occluders import SCENE_OCCLUDERS
from iram.data.heads.parameters import draw_numbers
from iram.data.heads.renderer import is_face, project_landmarks, render_images
from iram.data.heads.request import checked_request, checked_seed, checked_size, label_of
from iram.data.heads.truth import Frontal, frontal_views, self_occlusion
from iram.errors import InputError

VERSION = 1  # raise it when the same (seed, index) gives other pixels
LARGEST = 1_000_000
KEPT_POSES = 64  # angles that rendered heads are kept at; a slider asks for any number of them
AT_ONCE = 128  # heads that are turned at a time
KEPT_VIEWS = 1 << 26  # bytes of heads that look ahead, beside which turned ones are judged
# The split of head k: a full turn of ten blocks gives each class 7 : 1 : 2 exactly.
TURN = ("train", "test", "train", "train", "validation", "train", "train", "test", "train", "train")
LICENCE = "rendered by this program; free of rights"


@dataclass
class _Kept:
    """What was rendered at one pose, for all heads of the set."""

    pixels: np.ndarray  # (N, size, size) uint8
    hidden: np.ndarray  # (N,) float32
    known: np.ndarray  # (N,) bool

    @classmethod
    def nothing(cls, count: int, size: int) -> "_Kept":
        pixels = np.zeros((count, size, size), np.uint8)  # takes memory only where it is written
        return cls(pixels, np.zeros(count, np.float32), np.zeros(count, bool))


@dataclass
class _KeptLandmarks:
    """The landmarks at one pose, for all heads of the set."""

    points: np.ndarray  # (N, 68, 2) float32
    known: np.ndarray  # (N,) bool

    @classmethod
    def nothing(cls, count: int) -> "_KeptLandmarks":
        return cls(np.zeros((count, 68, 2), np.float32), np.zeros(count, bool))


class HeadsDataset(FaceDataset):
    """Heads that are rendered when asked for.

    What was rendered is kept in memory: size * size bytes a face, 4.6 MB for 2,000 of 48 px, and
    as much again for each of the last 64 angles that they were turned to; landmarks, 544 bytes a
    face and angle; and what a turn is judged by, 64 MB at most.
    """

    renders = True

    def __init__(self, *, seed: int, occluders: list[str | None], **options):
        super().__init__(**options)
        self.seed, self._occluders = seed, occluders
        self._kept: dict[tuple[float, float] | None, _Kept] = {}
        self._kept_landmarks: dict[tuple[float, float] | None, _KeptLandmarks] = {}
        self._views: dict[int, Frontal] = {}

    def read_pixels(self, rows: np.ndarray) -> np.ndarray:
        """(n, size, size) uint8 images of these rows, rendered if they were not before."""
        rows = np.asarray(rows)
        return self._at(None, rows).pixels[rows]

    def turned(self, indices, yaw_deg: float, pitch_deg: float) -> tuple[Tensor, Tensor]:
        """The same heads at this yaw and pitch, without roll, rendered anew.

        Returns:
            images: (n, 1, size, size) in [0, 1], in steps of 1 / 255 as all images of the set.
            self_occlusion_fraction: (n,) the share of the frontal face that is out of sight.
        """
        rows = self._rows[self._checked(indices)]
        kept = self._at((float(yaw_deg), float(pitch_deg)), rows)
        images = torch.from_numpy(kept.pixels[rows])[:, None].float() / 255
        return images, torch.from_numpy(kept.hidden[rows])

    def landmarks_68(
        self, indices, yaw_deg: float | None = None, pitch_deg: float | None = None
    ) -> Tensor:
        """The usual 68 landmarks, exact, those that the head or an object hides among them.

        Args:
            indices: as for `images`.
            yaw_deg, pitch_deg: None for both leaves each head its own pose, as in `images`; else
                the pose is that of `turned` (what is not given is 0).

        Returns:
            (n, 68, 2) float32: x and y in pixels, the first pixel spanning 0 to 1.
        """
        rows = self._rows[self._checked(indices)]
        own = yaw_deg is None and pitch_deg is None
        pose = None if own else (float(yaw_deg or 0), float(pitch_deg or 0))
        kept = self._kept_landmarks.setdefault(pose, _KeptLandmarks.nothing(len(self._occluders)))
        missing = np.unique(rows[~kept.known[rows]])
        if missing.size:
            angles = (None, None, None) if own else (*pose, 0.0)
            request = checked_request(missing, seed=self.seed, size=self.size, angles=angles)
            kept.points[missing], kept.known[missing] = project_landmarks(request).numpy(), True
        return torch.from_numpy(kept.points[rows])

    def _at(self, pose: tuple[float, float] | None, rows: np.ndarray) -> _Kept:
        """What is kept of a pose (None: each head's own), once these rows have been rendered."""
        kept = self._kept.pop(pose, None) or _Kept.nothing(len(self._occluders), self.size)
        self._kept[pose] = kept  # the last one asked for stands last
        if len(self._kept) > KEPT_POSES:
            del self._kept[next(pose for pose in self._kept if pose is not None)]
        missing = np.unique(rows[~kept.known[rows]])
        if missing.size:
            kinds = np.array([str(self._occluders[row]) for row in missing])
            missing = missing[np.argsort(kinds, kind="stable")]  # like objects are drawn together
            gray, hidden = self._rendered(pose, missing)
            kept.pixels[missing] = gray.mul(255).round().to(torch.uint8).numpy()
            kept.hidden[missing], kept.known[missing] = hidden.numpy(), True
        return kept

    def _rendered(self, pose: tuple[float, float] | None, rows) -> tuple[Tensor, Tensor]:
        """(n, size, size) gray values, and the hidden share of each face."""
        if pose is None:
            return render_images(checked_request(rows, **self._options(rows))), torch.zeros(
                len(rows)
            )
        parts = [self._turned(pose, rows[start : start + AT_ONCE])
                 for start in range(0, len(rows), AT_ONCE)]
        return tuple(map(torch.cat, zip(*parts, strict=True)))

    def _turned(self, pose: tuple[float, float], rows) -> tuple[Tensor, Tensor]:
        yaw, pitch = pose
        found = self_occlusion(rows, yaw_deg=yaw, pitch_deg=pitch, frontal=self._ahead(rows),
                               **self._options(rows))
        face = is_face(found.frontal_region).sum((1, 2))
        return found.image[:, 0], found.hidden.sum((1, 2)) / face.clamp(min=1)

    def _ahead(self, rows) -> Frontal:
        """These heads looking ahead. The first that were asked for are kept, as many as fit: every
        angle of a study shows the same heads in the same order."""
        views, missing = self._views, [row for row in rows if row not in self._views]
        new = {}
        if missing:
            drawn = frontal_views(missing, **self._options(missing)).each()
            new = dict(zip(missing, drawn, strict=True))
            size = sum(value.nbytes for value in vars(drawn[0]).values())
            for row in missing[: max(0, KEPT_VIEWS // size - len(views))]:
                views[row] = new[row]
        return Frontal.joined([new[row] if row in new else views[row] for row in rows])

    def _options(self, rows) -> dict:
        occluders = [self._occluders[row] for row in rows]
        return {"seed": self.seed, "size": self.size, "occluder": occluders}


def open_heads(
    *, n: int = 2000, seed: int = 0, size: int = 48, occluded: float = 0.0
) -> HeadsDataset:
    """Opens rendered heads; an index and a seed give the same face whatever `n` is.

    Args:
        n: how many, 1 to 1,000,000.
        seed: whole number from 0; another seed, other people.
        size: pixels a side, 24 to 512.
        occluded: share of the heads with an object in the scene, 0 to 1. By default none, so
            that a model trained on them has seen no occlusion.

    Raises:
        InputError: an option out of its range.
    """
    if not 1 <= n <= LARGEST:
        raise InputError(f"n={n}: write how many heads to render, 1 to {LARGEST}")
    if not 0 <= occluded <= 1:
        raise InputError(f"occluded={occluded}: write a share from 0 to 1")
    seed, size = checked_seed(seed), checked_size(size)
    numbers = draw_numbers(list(range(n)), seed)
    occluders = _occluders(numbers, occluded)
    identity = f"heads/{VERSION}/{n}/{seed}/{size}/{occluded:g}"
    return HeadsDataset(
        seed=seed,
        occluders=occluders,
        name="heads",
        classes=CLASSES,
        labels=[label_of(index) for index in range(n)],
        metadata=_metadata(n, seed, numbers, occluders),
        size=size,
        licence=LICENCE,
        sha256=hashlib.sha256(identity.encode()).hexdigest(),
    )


def split_of(index: int) -> str:
    """train, validation or test: 7 : 1 : 2 in each class, and all of them among any 14 heads."""
    block, place = divmod(index, len(CLASSES))
    return TURN[(block + 3 * place) % len(TURN)]


def _metadata(n, seed, numbers, occluders) -> pd.DataFrame:
    splits = [split_of(index) for index in range(n)]
    angles = {
        f"{name}_deg": getattr(numbers, name).flatten().numpy() for name in ("yaw", "pitch", "roll")
    }
    return pd.DataFrame(
        {
            "image_id": [f"head{seed}-{index:06d}" for index in range(n)],
            "usage": splits,
            "split": splits,
            "row": np.arange(n),
            **angles,
            "occluder": ["none" if name is None else name for name in occluders],
        }
    )


def _occluders(numbers, occluded: float) -> list[str | None]:
    """The object on each head, drawn without looking at its expression."""
    names = list(SCENE_OCCLUDERS)
    kinds = (numbers.occluder_kind.flatten() * len(names)).long().clamp(max=len(names) - 1)
    with_object = numbers.occluder_draw.flatten() < occluded
    pairs = zip(kinds.tolist(), with_object.tolist(), strict=True)
    return [names[kind] if wanted else None for kind, wanted in pairs]
