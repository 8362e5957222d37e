"""Where a batch of faces is covered, in pixels and on the grids of the layers."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.conditions import CLEAN, Condition
from analysis.stimuli.perturb import Perturbed
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.shift.controls import permuted_mask
from analysis.studies.shift.expression import expressive_of
from iram.cells import Cells, cells, joined

FACELESS = ("none", "sham")  # they cover nothing of the face, and are measured at all its places
PERMUTED_FRACTION = 0.3


def place_name(condition: Condition) -> str:
    """The condition's place: eyes-0.3, sunglasses-natural, or none."""
    if condition.occluder == "none":
        return "none"
    size = "natural" if condition.fraction is None else f"{condition.fraction:g}"
    return f"{condition.occluder}-{size}"


def covering(conditions: Sequence[Condition]) -> dict[str, Condition]:
    """The places of the face that are covered, each with one condition that covers it."""
    return {place_name(c): c for c in conditions if c.occluder not in FACELESS}


def regions_of(condition: Condition, conditions: Sequence[Condition]) -> dict[str, Condition]:
    """The regions that are measured under a condition: what it covers; of the clean pass, and of
    a patch beside the face, every place that another condition covers."""
    if condition.occluder not in FACELESS:
        return {place_name(condition): condition}
    own = {place_name(condition): condition} if condition.occluder == "sham" else {}
    return own | covering(conditions)


def pictures(
    faces: Perturbed, conditions: Sequence[Condition], channels: int = 1
) -> list[Tensor]:
    """Faces under conditions of one place, (N, C, S, S) each, as a net of so many channels sees
    them."""
    first = faces.under(conditions[0])
    return [first.under(condition).seen_by(channels).pictures for condition in conditions]


class Places:
    """A batch of faces, and the regions on them.

    Attributes:
        faces: clean.
        layout: where they are.
        ids: the images' names.
        expressive: what carries each face's expression, and what carries the others'.
    """

    def __init__(self, plan: Benchmark, part: slice, expressive=None):
        self.seed, self.part = plan.seed, part
        self.faces = plan.perturbed(CLEAN, part)
        self.layout = self.faces.layout
        self.ids = self.faces.ids
        self.expressive = expressive or expressive_of(plan.dataset, part, self.layout)
        self._cells: dict[tuple, tuple[Cells, Cells]] = {}
        self._expressive: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._masks: dict[str, Tensor] = {}

    def images(self, channels: int = 1) -> Tensor:
        """(N, C, S, S): the clean faces as a net of this many channels sees them."""
        return self.faces.seen_by(channels).posed.images

    def pictures(self, conditions: Sequence[Condition], channels: int = 1) -> list[Tensor]:
        """The faces under conditions of one place, as a net of this many channels sees them."""
        return pictures(self.faces, conditions, channels)

    def mask(self, region: Condition) -> Tensor:
        """(N, S, S) bool: what this condition covers."""
        name = place_name(region)
        if name not in self._masks:
            self._masks[name] = self.faces.under(region).mask
        return self._masks[name]

    def cells(
        self, regions: Sequence[Condition], height: int, width: int
    ) -> tuple[Cells, Cells]:
        """Regions and their rest on a grid, one region of all faces after another; and other
        faces' masks in their place, as far as they are visible here."""
        key = (*map(place_name, regions), height, width)
        if key not in self._cells:
            pairs = [self._pair(region, height, width) for region in regions]
            self._cells[key] = tuple(map(joined, zip(*pairs, strict=True)))
        return self._cells[key]

    def _pair(self, region: Condition, height: int, width: int) -> tuple[Cells, Cells]:
        covered = self.mask(region)
        own = cells(covered, self.layout.face, height, width)
        other = permuted_mask(covered, PERMUTED_FRACTION, self.layout, self.ids, self.seed)
        other = cells(other, self.layout.face, height, width)
        return own, Cells(other.inside * (own.rest > 0), other.rest)  # the band is neither

    def expressive_at(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """`expressive` on a grid."""
        key = height, width
        if key not in self._expressive:
            self._expressive[key] = tuple(F.adaptive_avg_pool2d(one[:, None], key)[:, 0]
                                          for one in self.expressive)
        return self._expressive[key]

    def orders(self, maps: Sequence[Tensor], generators) -> list[Tensor]:
        """(N, h * w) per layer: the cells of each image in random order."""
        chance = list(generators)
        return [torch.stack([torch.randperm(one.shape[2] * one.shape[3], generator=generator)
                             for generator in chance]) for one in maps]
