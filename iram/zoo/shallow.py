"""In the spirit of Porusniuc, Leon, Timofte & Miron: CNN architectures for facial expressions, EHB
2019.

Known: the citation alone. Guessed: architectures of the day are compared, by one recipe; here a
small VGG and a ResNet whose stem keeps the picture's size. Source: the citation.
"""

from torch import nn

from iram.backbones import BACKBONES, Backbone, basic_stages, conv_bn, scaled
from iram.zoo.common import chained, dense

WORK = "in the spirit of Porusniuc, Leon, Timofte & Miron, EHB 2019"


@BACKBONES.register("vgg", title="small VGG", work=WORK)
def vgg(attention, width: float = 1.0, place: str = "branch") -> Backbone:
    """Four times two convolutions 3x3 and pooling (16 to 128 channels), then a dense layer of 256.
    0.59 M parameters."""
    parts, before = [], 1
    for channels in (scaled(c, width) for c in (16, 32, 64, 128)):
        branch = nn.Sequential(conv_bn(before, channels, 3, act=True),
                               conv_bn(channels, channels, 3, act=True), nn.MaxPool2d(2))
        parts.append((branch, channels, None, nn.Identity()))
        before = channels
    last = scaled(256, width)
    blocks = chained(parts, attention, place)
    return Backbone(nn.Identity(), blocks, last, head=dense(before, last))


@BACKBONES.register("resnet12", title="ResNet-12", work=WORK)
def resnet12(attention, width: float = 1.0, place: str = "branch") -> Backbone:
    """Five basic blocks at 48, 24 and 12 px (16 to 64 channels), the stem of stride 1. 0.17 M
    parameters."""
    widths = [scaled(c, width) for c in (16, 32, 64)]
    stem = conv_bn(1, widths[0], 3, act=True)
    return Backbone(stem, basic_stages(widths, [1, 2, 2], attention, place), widths[-1])
