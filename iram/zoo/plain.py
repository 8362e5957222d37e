"""In the spirit of Ramdhani, Djamal & Ilyas: CNN models for facial expressions, SAIN 2018.

Known: the citation alone. Guessed: everything else; a plain convolutional net of its time, without
shortcuts, as the floor of the zoo. Source: the citation.
"""

from torch import nn

from iram.backbones import BACKBONES, Backbone, conv_bn, scaled
from iram.zoo.common import chained, dense


@BACKBONES.register("plain", title="plain CNN",
                    work="in the spirit of Ramdhani, Djamal & Ilyas, SAIN 2018")
def plain(attention, width: float = 1.0, place: str = "branch") -> Backbone:
    """Four times convolution 3x3, batch norm, ReLU and pooling (32 to 256 channels), then a dense
    layer of 256. 0.98 M parameters."""
    widths, parts, before = [scaled(c, width) for c in (32, 64, 128, 256)], [], 1
    for channels in widths:
        branch = nn.Sequential(conv_bn(before, channels, 3, act=True), nn.MaxPool2d(2))
        parts.append((branch, channels, None, nn.Identity()))
        before = channels
    last = scaled(256, width)
    blocks = chained(parts, attention, place)
    return Backbone(nn.Identity(), blocks, last, head=dense(before, last))
