"""A face and the same face covered, in one pass of the net.

Both are one batch, so that they have one batch norm: what covering does to the net is then not
mixed up with what other statistics do, and these are those of a net that sees covered faces too.
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from iram.backbones import Layer, Pass
from iram.cells import Cells, cells
from iram.model import FERClassifier
from iram.training.erasing import Cover


@dataclass
class Covered:
    """The faces of a batch once more, covered.

    Attributes:
        seen: the backbone's pass.
        logits: (N, K) float32.
        mask: (N, H, W) bool, what is covered.
        face: (N, H, W) bool, the face's area: the mean face's, moved along.
    """

    seen: Pass
    logits: Tensor
    mask: Tensor
    face: Tensor
    known: dict[tuple[int, int], Cells] = field(default_factory=dict)

    def cells(self, height: int, width: int) -> Cells:
        """What is covered and what is visible on a layer's grid, as the study of shifts has it:
        about a cell between the two is left out."""
        size = height, width
        if size not in self.known:
            self.known[size] = cells(self.mask, self.face, *size)
        return self.known[size]


def run(
    model: FERClassifier, images: Tensor, cover: Cover | None, traced: bool = True
) -> tuple[Pass, Covered | None]:
    """The pass of the pictures, and that of the same faces covered, if there are any.

    Args:
        traced: whether the layers of both are kept, and measured.
    """
    if cover is None:
        return model.run(images.contiguous(memory_format=torch.channels_last)), None
    both = torch.cat([images, cover.images]).contiguous(memory_format=torch.channels_last)
    clean, covered = halves(model.run(both, traced))
    logits = model.classify(covered).float()
    return clean, Covered(covered, logits, cover.mask, cover.face)


def halves(seen: Pass) -> tuple[Pass, Pass]:
    """The first and the second half of a pass's pictures; without the layers' memories."""
    parts = list(zip(*map(halves, seen.parts), strict=True)) or ([], [])
    layers = list(zip(*map(_halves_of, seen.layers), strict=True)) or ([], [])
    whole = zip(seen.embedding.chunk(2), _chunks(seen.map), layers, parts, strict=True)
    first, second = (Pass(embedding, one, list(chain), list(others))
                     for embedding, one, chain, others in whole)
    return first, second


def _halves_of(layer: Layer) -> tuple[Layer, Layer]:
    tensors = zip(*map(_chunks, (layer.features, layer.attention, layer.effective)), strict=True)
    first, second = (replace(layer, features=f, attention=a, effective=e, memory=None)
                     for f, a, e in tensors)
    return first, second


def _chunks(whole: Tensor | None) -> tuple:
    return (None, None) if whole is None else whole.chunk(2)
