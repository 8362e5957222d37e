"""IRAM read as a factored module: CBAM's wiring with the abstract's sentences 1 and 2 put in.

Sentence 1, *reusing the information of the previous layer*, is taken as DenseNet takes it (Huang et
al., CVPR 2017): every layer gets what all before it found, inside the branch and from module to
module. Sentence 2, *not reducing the dimensionality*: the channel gate has no bottleneck.

    v = mean_hw x, w = max_hw x                              (N, C)
    c = sigmoid(W_2 [relu(W_1 v) + relu(W_1 w); v + w; C_1; ...; C_k] + b)    W_1: C -> C
    s = sigmoid(conv_7x7 [mean_c (c x); max_c (c x); S_1; ...; S_k] + d)
    A = c s
    y = x A                                                  sentence 3, as CBAM's paper means it

C_j and S_j are the means over places and over channels of the map of the j-th of the k modules
before, S_j averaged down to this layer's size: together they are the `memory`. b and d start where
both sigmoids are the root of 1/2, so that A starts near 1/2, free to move either way.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from iram.attention.base import ATTENTION, Attention, check_whole, check_word, largest, product
from iram.attention.iram import REUSE


@ATTENTION.register("iram-factored", title="IRAM, factored")
class FactoredIRAM(Attention):
    """A channel gate times a spatial gate, each reusing what came before (module docstring).

    Args:
        memory_channels: C of each of the modules before, first to last.
        reuse: "branch" ([v + w] and c's part in s), "layer" (C_j and S_j), "both" or "none".
        kernel_size: of the spatial gate, odd.

    Raises:
        InputError: a switch has a value that is not listed above.
    """

    def __init__(self, channels, memory_channels=None, reuse: str = "both", kernel_size: int = 7):
        super().__init__(channels, memory_channels)
        check_word("reuse", reuse, REUSE)
        check_whole("kernel_size", kernel_size, odd=True)
        self.reuse_branch = reuse in ("branch", "both")
        self.reuse_layer = reuse in ("layer", "both") and memory_channels is not None
        before = memory_channels if self.reuse_layer else ()
        self.hidden = nn.Linear(channels, channels)
        self.expand = nn.Linear(channels * (1 + self.reuse_branch) + sum(before), channels)
        self.conv = nn.Conv2d(2 + len(before), 1, kernel_size, padding=kernel_size // 2)
        for layer in (self.expand, self.conv):
            nn.init.constant_(layer.bias, math.log(1 + math.sqrt(2)))

    @property
    def hands_on(self):
        return (*(self.memory_channels or ()), self.channels)

    def gate(self, x, memory):
        mean, peak = x.mean((2, 3)), largest(x, (2, 3))
        channels, places = memory if self.reuse_layer else ([], [])
        seen = [self.hidden(mean).relu() + self.hidden(peak).relu()]
        if self.reuse_branch:
            seen.append(mean + peak)
        channel = self.expand(torch.cat([*seen, *channels], 1)).sigmoid()[:, :, None, None]
        refined = x * channel if self.reuse_branch else x
        seen = [refined.mean(1, keepdim=True), largest(refined, 1, keepdim=True)]
        places = [F.adaptive_avg_pool2d(place, x.shape[2:]) for place in places]
        spatial = self.conv(torch.cat([*seen, *places], 1)).sigmoid()
        attention = product(channel, spatial, x)
        return attention, self.remember(attention, memory)

    def remember(self, attention, memory):
        channels, places = memory or ([], [])
        return [*channels, attention.mean((2, 3))], [*places, attention.mean(1, keepdim=True)]
