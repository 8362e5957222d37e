"""What every data set is, once opened: faces, labels and one row of metadata a face."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from iram.data.splits import ROLES, role_of
from iram.errors import InputError, listing
from iram.registry import Registry

if TYPE_CHECKING:  # opening a data set and counting its rows needs no torch
    import torch

DATASETS = Registry("data set")


@dataclass(frozen=True)
class Problem:
    """Something wrong in a source file.

    Attributes:
        file: the file it stands in.
        row: its line as an editor numbers it (the header is line 1), None for a whole file.
        message: what was found, with the value, and what would be right.
        unusable: True if a face is lost to it, False if it is only worth knowing.
        assumed: True if it is a guess that the faces or their labels rest on; `open_dataset` says
            it each time.
    """

    file: str
    row: int | None
    message: str
    unusable: bool = True
    assumed: bool = False

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file} line {self.row}"
        return f"{place}: {self.message}"


class FaceDataset:
    """Faces with labels; images are read when asked for, so memory stays flat.

    Attributes:
        name: short name, the `dataset` column of result tables.
        spec: the specification that opened it.
        classes: class names, in label order.
        metadata: one row a face: `image_id`, `usage` (the data set's own split name), `split`
            (train, validation or test), `row` (0-based place in the source), and where known
            `real_occlusion` (none, upper, lower, side, glasses), `pose_30`, `pose_45` (bool:
            turned over 30 or 45 degrees) and `ferplus_name`.
        distribution: (N, classes) shares of the annotators' votes, rows summing to 1, or None.
        landmarks: (N, 468, 3) FaceMesh landmarks in pixels, NaN where unknown; None unless set.
        size: height and width of the images in pixels.
        licence: source and licence in a line.
        sha256: SHA-256 of what the images came from.
        problems: what was found wrong in the source.
        undivided: how many faces the source has, where it has no splits of its own and a fixed
            tenth each was made test and validation; else 0. Of a subset it stays the same.
        whole: the data set that these faces are a part of; itself if they are all of them.
        channels: of `images`: 1, or 3 where `seen_by` gave them in colour.

    A subclass that renders its images overrides `read_pixels`; one that can also render them at
    another pose sets `renders` and has `turned(indices, yaw_deg, pitch_deg) -> (images (n, 1, size,
    size), self_occlusion_fraction (n,))` and `landmarks_68(indices) -> (n, 68, 2)` in pixels.
    """

    renders = False
    undivided = 0
    channels = 1  # 3 of those that `seen_by` gives in colour

    def __init__(
        self,
        *,
        name: str,
        classes: Sequence[str],
        labels: Sequence[int] | np.ndarray,
        metadata: pd.DataFrame,
        size: int,
        pixels: np.ndarray | None = None,
        spec: str = "",
        licence: str = "",
        sha256: str = "",
        problems: Sequence[Problem] = (),
        distribution: np.ndarray | None = None,
        colours: Callable[[], np.ndarray | None] | None = None,
    ):
        self.name, self.spec, self.licence, self.sha256 = name, spec, licence, sha256
        self.classes, self.size, self.problems = tuple(classes), size, list(problems)
        self.metadata, self.distribution = metadata.reset_index(drop=True), distribution
        self.landmarks: np.ndarray | None = None
        self._labels = np.asarray(labels, dtype=np.int64)
        self._rows = np.arange(len(self._labels))
        self._pixels, self._colours = pixels, colours
        self.whole, self.found_copies = self, None  # copies: see iram.data.copies

    @classmethod
    def of(
        cls, images, labels, classes: Sequence[str], *, name: str = "faces",
        ids: Sequence[str] | None = None,
    ) -> FaceDataset:
        """A data set of pictures that are in memory: arrays or tensors.

        Args:
            images: (N, H, W) or (N, 1, H, W) gray, (N, 3, H, W) or (N, H, W, 3) RGB; uint8, or
                floats in [0, 1]. Square, 8 to 1024 pixels a side. Kept as uint8; nets that take
                gray see the luma of colour (ITU-R 601).
            labels: (N,) ints, places in `classes`, or names of classes; case and usual synonyms
                (anger, angry) don't matter.
            classes: 2 names or more, in the order of the labels.
            name: the `dataset` column of result tables.
            ids: what each face is called in tables, all different; default: NAME-000000 and on.

        Returns:
            All faces, in their order, as one split called test.

        Raises:
            InputError: pictures of another shape, type or range, not as many labels as pictures, or
                a label that is no class.

        Examples:
            >>> import numpy as np
            >>> from iram import FaceDataset
            >>> faces = FaceDataset.of(
            ...     np.zeros((4, 48, 48), np.uint8), ["happy", "sad", "sad", "happy"],
            ...     classes=["happy", "sad"])
            >>> faces
            FaceDataset(faces: 4 faces of 48 px; test 4)
            >>> faces.labels.tolist()
            [0, 1, 1, 0]
        """
        from iram.data.arrays import from_arrays

        return from_arrays(images, labels, classes, name=name, ids=ids)

    def __len__(self) -> int:
        return len(self._labels)

    def __repr__(self) -> str:
        counts = self.metadata["usage"].value_counts(sort=False)
        splits = ", ".join(f"{usage} {count}" for usage, count in counts.items())
        return f"FaceDataset({self.name}: {len(self)} faces of {self.size} px; {splits})"

    @property
    def labels(self) -> torch.Tensor:
        """(N,) LongTensor of indices into `classes`."""
        import torch

        return torch.from_numpy(self._labels.copy())

    @property
    def places(self) -> np.ndarray:
        """(N,) places of these faces in the whole data set."""
        return self._rows.copy()

    def counts(self) -> pd.DataFrame:
        """Faces per class (rows, in label order) and split (columns, by the set's own names)."""
        classes = pd.Categorical.from_codes(self._labels, categories=range(len(self.classes)))
        table = pd.crosstab(classes, self.metadata["usage"].to_numpy(), dropna=False)
        order = list(dict.fromkeys(self.metadata["usage"]))
        return pd.DataFrame(table.to_numpy(), self.classes, table.columns)[order]

    def seen_by(self, channels: int) -> FaceDataset:
        """These faces as a net of this many channels sees them: in colour if it takes 3 and they
        have any, else these, whose gray a net that takes RGB repeats.

        Colours are read when they are first asked for.
        """
        if channels != 3 or self.channels == 3 or self.colours is None:
            return self
        part = copy.copy(self)
        part.channels, part._pixels = 3, self.colours
        return part

    @property
    def colours(self) -> np.ndarray | None:
        """(N, size, size, 3) uint8 of the whole data set; None where it has none."""
        if callable(self.whole._colours):
            self.whole._colours = self.whole._colours()
        return self.whole._colours

    def read_pixels(self, rows: np.ndarray) -> np.ndarray:
        """(n, size, size) uint8 images, or (n, size, size, 3) in colour, of these rows
        of the whole data set (not of a subset).

        The one place where images are read: a subclass that renders overrides it.
        """
        return np.asarray(self._pixels[rows])

    def images_uint8(self, indices) -> np.ndarray:
        """(n, size, size) uint8 array, or (n, size, size, 3) in colour; `indices` as for
        `images`."""
        return self.read_pixels(self._rows[self._checked(indices)])

    def images(self, indices) -> torch.Tensor:
        """(n, 1, size, size) float32 tensor in [0, 1], gray; (n, 3, size, size) RGB where
        `channels` is 3.

        Args:
            indices: an int, a sequence, array or tensor of ints (negative ones count from the
                end), a boolean mask of length N, or a slice. Only these images are read.

        Raises:
            IndexError: an index outside the data set.
        """
        import torch

        pixels = torch.from_numpy(np.array(self.images_uint8(indices)))
        pixels = pixels.unsqueeze(1) if self.channels == 1 else pixels.permute(0, 3, 1, 2)
        return pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(255)

    def copies_of(self, *roles: str) -> np.ndarray:
        """(N,) what each face is of another one in these splits (train, validation, test).

        "exact" (the same pixels), "near", "mirrored", or "" of none. The copies of the whole data
        set are searched once: see `iram.data.copies`.
        """
        from iram.data.copies import find_copies

        return find_copies(self).of(roles)[self._rows]

    def photographs(self) -> np.ndarray:
        """(N,) a number for each face, the same for all that are copies of each other."""
        from iram.data.copies import find_copies

        return find_copies(self).photographs()[self._rows]

    def subset(self, indices) -> FaceDataset:
        """The faces at `indices` (as for `images`), in that order."""
        chosen = self._checked(indices)
        part = copy.copy(self)
        part._labels, part._rows = self._labels[chosen], self._rows[chosen]
        part.metadata = self.metadata.iloc[chosen].reset_index(drop=True)
        for name in ("distribution", "landmarks"):
            values = getattr(self, name)
            if values is not None:
                setattr(part, name, values[chosen])
        return part

    def of_classes(self, names: Sequence[str]) -> FaceDataset:
        """The faces of these of its classes, which are then all there are, in this order.

        Shares of the annotators' votes are of the votes for these classes.
        """
        places = [self.classes.index(name) for name in names]
        part = self.subset(np.flatnonzero(np.isin(self._labels, places)))
        number = np.full(len(self.classes), -1)
        number[places] = np.arange(len(places))
        part.classes, part._labels = tuple(names), number[part._labels]
        if part.distribution is not None:
            votes = part.distribution[:, places]
            part.distribution = votes / np.maximum(votes.sum(1, keepdims=True), 1e-12)
        return part

    def split(self, name: str) -> FaceDataset:
        """The faces of one split, by role (train, validation, test) or by the set's own name;
        "all" is every face.

        Upper and lower case are the same. The set's own name wins where both would match.

        Raises:
            InputError: no such split; the message lists those that exist.
        """
        wanted = str(name).strip().lower()
        for column, value in (("usage", wanted), ("split", role_of(wanted) or wanted)):
            found = (self.metadata[column].str.lower() == value).to_numpy(dtype=bool)
            if found.any():
                return self.subset(np.flatnonzero(found))
        if wanted == "all":
            return self
        known = dict.fromkeys([*self.metadata["split"], *self.metadata["usage"], "all"])
        told = f"{self.name} has no split '{name}'; it has: {listing(known)}"
        if self.undivided and value in ROLES:
            told += (f". None of its {self.undivided:,} faces is in the tenth that training leaves "
                     f"for the {value}; --split all takes all of them")
        raise InputError(told)

    def _checked(self, indices) -> np.ndarray:
        """The indices as an array of positions 0 to N - 1."""
        count = len(self)
        if isinstance(indices, slice):
            return np.arange(count)[indices]
        chosen = np.atleast_1d(np.asarray(indices))
        if chosen.dtype == bool and chosen.shape == (count,):
            return np.flatnonzero(chosen)
        if chosen.size == 0:
            return np.zeros(0, dtype=np.int64)
        if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
            raise TypeError(f"indices are one row of ints, not {chosen.dtype} {chosen.shape}")
        outside = chosen[(chosen < -count) | (chosen >= count)]
        if outside.size:
            reach = f"0 to {count - 1}" if count else "empty"
            raise IndexError(f"index {outside[0]} is outside {self.name}: {reach} ({count} faces)")
        return np.where(chosen < 0, chosen + count, chosen)
