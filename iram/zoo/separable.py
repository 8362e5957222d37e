"""In the spirit of Wang, Wu & Hoashi: lightweight deep CNNs for facial expressions, MMSP 2019.

Known: the citation alone. Guessed: depthwise-separable convolutions and residual blocks make it
light; what a larger net knows is distilled into it (the term "distillation", beside the same net
trained plainly). Source: the citation.
"""

from torch import nn

from iram.backbones import BACKBONES, Backbone, conv_bn, scaled
from iram.zoo.common import chained, light


@BACKBONES.register("separable", title="separable CNN",
                    work="in the spirit of Wang, Wu & Hoashi, MMSP 2019")
def separable(attention, width: float = 1.0, place: str = "branch") -> Backbone:
    """Six residual blocks of two depthwise-separable convolutions each, 32 to 128 channels. 0.10 M
    parameters."""
    widths = [scaled(c, width) for c in (32, 64, 128)]
    parts, before = [], widths[0]
    for stage, channels in enumerate(widths):
        for index in range(2):
            stride = 2 if stage and not index else 1
            branch = nn.Sequential(*light(before, channels, stride, act=True),
                                   *light(channels, channels))
            same = stride == 1 and before == channels
            shortcut = nn.Identity() if same else conv_bn(before, channels, 1, stride)
            parts.append((branch, channels, shortcut, nn.ReLU()))
            before = channels
    stem = conv_bn(1, widths[0], 3, stride=2, act=True)
    return Backbone(stem, chained(parts, attention, place), widths[-1])
