"""After Zhou, Wang, Lei & Yang: regional self-attention CNN, IJPRAI 36, 2022
(DOI 10.1142/S0218001422560134).

Known: local multiple patterns, found by k-means, beside the face; weights of regions by
self-attention. Guessed: what a pattern is (3x3 pixels less their mean, eight of them), nine regions
of equal size, one head, the trunk. Source: the abstract.
"""

from torch import nn
from torch.nn import functional as F

from iram.attention.base import ATTENTION, Attention, broadcast, check_whole
from iram.backbones import BACKBONES, Backbone, conv_bn, scaled
from iram.zoo.common import chained
from iram.zoo.views import LearnedPatterns


@ATTENTION.register("regional", title="regional self-attention")
class Regional(Attention):
    """Weights of regions that sum to 1: self-attention (one head of 32) among the regions' mean
    features, then a score of each. y = x times the weight, 1 if all are alike.

    Args:
        regions: a side; 3 are nine regions.
    """

    def __init__(self, channels, memory_channels=None, regions: int = 3):
        super().__init__(channels, memory_channels)
        check_whole("regions", regions)
        self.regions = regions
        self.asked, self.key, self.value = (nn.Linear(channels, 32) for _ in range(3))
        self.score = nn.Linear(32, 1)

    def gate(self, x, memory):
        tokens = F.adaptive_avg_pool2d(x, self.regions).flatten(2).transpose(1, 2)
        alike = self.asked(tokens) @ self.key(tokens).transpose(1, 2) / 32**0.5
        scores = self.score(alike.softmax(2) @ self.value(tokens))
        weights = scores.softmax(1).view(len(x), 1, self.regions, self.regions)
        return broadcast(F.interpolate(weights, x.shape[2:]), x), None

    def fuse(self, x, attention):
        return x * (self.regions**2 * attention)


@BACKBONES.register("regional", title="regional CNN",
                    work="after Zhou, Wang, Lei & Yang, IJPRAI 2022")
def regional(attention, width: float = 1.0, place: str = "branch") -> Backbone:
    """Gray and pattern maps, five convolutions 3x3 to 160 x 6 x 6, and two more whose result
    attention weighs, region by region. 0.70 M parameters."""
    low, middle, high = (scaled(c, width) for c in (40, 80, 160))
    steps = ((9, low, 2), (low, low, 1), (low, middle, 2), (middle, middle, 1), (middle, high, 2))
    stem = nn.Sequential(LearnedPatterns(), *(
        conv_bn(before, after, 3, stride, act=True) for before, after, stride in steps))
    branch = nn.Sequential(*(conv_bn(high, high, 3, act=True) for _ in range(2)))
    return Backbone(stem, chained([(branch, high, None, nn.Identity())], attention, place), high)
