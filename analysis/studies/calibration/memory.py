"""What of a picture is covered: told by comparing it with the clean face that is known by heart."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.layout import mean_layout
from iram.data.dataset import FaceDataset
from iram.once import found_once

SAME = 1e-4  # gray values nearer than this are equal
SPARSE = 5  # every fifth pixel of a row and column tells which face it is
ROUGH = 0.2  # mean difference of neighbouring pixels from which on a cover is noise
KEPT = 16  # batches that were looked at lately


@dataclass
class Seen:
    """A batch of pictures, and what is known of them.

    Attributes:
        images: (N, S, S).
        labels: (N,) of the known faces.
        covered: (N, S, S), 1 where the face is covered, else 0.
    """

    images: Tensor
    labels: Tensor
    covered: Tensor
    _shares: dict = field(default_factory=dict, repr=False)

    def share(self, side: int) -> Tensor:
        """(N, side, side): the covered share of each cell."""
        if side not in self._shares:
            self._shares[side] = F.adaptive_avg_pool2d(self.covered[:, None], side)[:, 0]
        return self._shares[side]

    @found_once
    def contrast(self) -> Tensor:
        """(N, S, S): how far a pixel lies from its right and lower neighbours, 0 to 1."""
        across, down = (F.pad(self.images.diff(dim=dim).abs(), pad)
                        for dim, pad in ((2, (0, 1)), (1, (0, 0, 0, 1))))
        return (across + down) / 2

    @found_once
    def noisy(self) -> Tensor:
        """(N,) 1 where the cover is noise, else 0: by the contrast of what is covered."""
        area = self.covered.flatten(1).sum(1).clamp(min=1)
        return ((self.contrast * self.covered).flatten(1).sum(1) / area > ROUGH).float()


class Memory:
    """Clean faces known by heart; what was seen lately is kept, since all nets see the same.

    It is a function of the picture alone: the face is the known one that shares most pixels with
    it, and what differs from that one on the face is covered.
    """

    def __init__(self, faces: FaceDataset):
        self.known, self.labels = faces.images(slice(None))[:, 0], faces.labels
        self.face = mean_layout(faces.size).face[0].float()
        self._seen: list[tuple[Tensor, Seen]] = []

    def see(self, images: Tensor) -> Seen:
        """What is covered in pictures (N, 1, S, S)."""
        for kept, seen in list(self._seen):
            if kept is images:
                return seen
        seen = self._compare(images[:, 0])
        self._seen = [*self._seen[1 - KEPT :], (images, seen)]
        return seen

    def _compare(self, images: Tensor) -> Seen:
        few = (slice(None), slice(0, None, SPARSE), slice(0, None, SPARSE))
        shown, known = images[few].flatten(1), self.known[few].flatten(1)
        which = torch.stack([((one - known).abs() < SAME).sum(1).argmax() for one in shown])
        changed = (images - self.known[which]).abs() >= SAME
        return Seen(images, self.labels[which], changed * self.face)
