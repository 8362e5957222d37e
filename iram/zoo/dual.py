"""After Saurav, Saini & Singh: integrated attention-guided dual CNN, Multimedia Tools and
Applications 84, 2025.

Known: two light nets guided by attention, trained apart, then integrated and fine-tuned; channel
attention; 2.93 M parameters; FER2013, RAF-DB, SFEW. Guessed: the kernels (3x3; 5x5, depthwise),
where attention stands, how the two are joined, the width, of which ours is what half an hour of
one core allows. Its attention is SE, its training the term "streams". Source: the abstract.
"""

from torch import nn

from iram.backbones import BACKBONES, Backbone, basic_stages, conv_bn, scaled
from iram.zoo.common import Streams, chained, light


@BACKBONES.register("dual", title="dual CNN", work="after Saurav, Saini & Singh, MTAP 2025",
                    published="2.93 M parameters (abstract)")
def dual(attention, width: float = 1.0, place: str = "branch") -> Streams:
    """Two streams to 6x6, 24 to 96 channels: three residual blocks of 3x3, three of depthwise 5x5;
    their feature maps are joined. 0.21 M parameters."""
    widths = [scaled(c, width) for c in (24, 48, 96)]
    stem = conv_bn(1, widths[0], 3, stride=2, act=True)
    near = Backbone(stem, basic_stages(widths, [1, 1, 1], attention, place), widths[-1])
    parts, before = [], widths[0]
    for channels, stride in zip((*widths[1:], widths[-1]), (2, 2, 1), strict=True):
        branch = light(before, channels, stride, kernel=5)
        shortcut = nn.Identity() if stride == 1 else conv_bn(before, channels, 1, stride)
        parts.append((branch, channels, shortcut, nn.ReLU()))
        before = channels
    stem = conv_bn(1, widths[0], 5, stride=2, act=True)
    far = Backbone(stem, chained(parts, attention, place), widths[-1])
    return Streams([near, far])
