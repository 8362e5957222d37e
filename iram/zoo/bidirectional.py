"""In the spirit of Liu: bidirectional CNN in the wild, ICAIIC 2021
(DOI 10.1109/ICAIIC51459.2021.9415198).

Known: two ways to make a CNN bidirectional, trained forward and backward; decisions fused by
voting; SFEW. Guessed: the way back runs through transposed convolutions with the encoder's own
kernels, from class and code to the face (the term "reconstruction"); three nets vote, which differ
in their first weights alone. Source: the abstract.
"""

import torch
from torch import nn
from torch.nn import functional as F

from iram.backbones import BACKBONES, Backbone, conv_bn, scaled
from iram.zoo.common import Members, chained

PLACES = 6  # a side of a class's code; convolutions make no face of one that is alike everywhere


class Bidirectional(Backbone):
    """A chain of convolutions that can be run backwards."""

    def __init__(self, blocks, channels: int, classes: int):
        super().__init__(nn.Identity(), blocks, channels)
        self.code = nn.Linear(classes, channels * PLACES**2, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b.branch[0].in_channels) for b in blocks)

    def draw(self, code, classes, side: int):
        """Faces (N, 1, side, side), normalised, of a code (N, C, h, w) and class weights (N, K). In
        training half of the codes are left out, so that the class alone draws its prototype."""
        if self.training:
            code = code * (torch.rand(len(code), 1, 1, 1, device=code.device) < 0.5)
        own = self.code(classes).unflatten(1, (-1, PLACES, PLACES))
        x, sides = code + F.interpolate(own, code.shape[2:], mode="bilinear"), [side]
        for block in self.blocks:
            sides.append(-(-sides[-1] // block.branch[0].stride[0]))
        for index in reversed(range(len(self.blocks))):
            conv, larger = self.blocks[index].branch[0], sides[index]
            rest = larger - (conv.stride[0] * (sides[index + 1] - 1) + 1)
            x = F.conv_transpose2d(x, conv.weight, None, conv.stride, 1, rest)
            x = self.norms[index](x)
            x = x.relu() if index else x
        return x


@BACKBONES.register("bidirectional", title="bidirectional CNN",
                    work="in the spirit of Liu, ICAIIC 2021")
def bidirectional(attention, width: float = 1.0, place: str = "branch", classes: int = 7,
                  dropout: float = 0.2) -> Members:
    """Three nets of five convolutions to 6x6, 24 to 96 channels. 0.31 M parameters."""
    low, middle, high = (scaled(c, width) for c in (24, 48, 96))
    steps = ((1, low, 2), (low, low, 1), (low, middle, 2), (middle, middle, 1), (middle, high, 2))

    def member() -> Bidirectional:
        parts = [(conv_bn(before, after, 3, stride, act=True), after, None, nn.Identity())
                 for before, after, stride in steps]
        return Bidirectional(chained(parts, attention, place), high, classes)

    return Members([member() for _ in range(3)], classes=classes, dropout=dropout)


@torch.no_grad()
def prototypes(model):
    """(members, K, 1, S, S): the face that each member draws of each class alone, in [0, 1]."""
    told = model.architecture
    classes = torch.eye(len(model.classes)).to(model.classifier.weights)
    blank = classes.new_zeros(len(classes), 1, told.input_size, told.input_size)
    drawn = [chain.draw(0 * part.map, classes, told.input_size)
             for chain, part in zip(model.backbone.chains, model.run(blank).parts, strict=True)]
    return (torch.stack(drawn) * told.std + told.mean).clamp(0, 1)
