"""Convolutional Block Attention Module. Woo et al., ECCV 2018, equations 1-3."""

import torch
from torch import nn

from iram.attention.base import ATTENTION, Attention, check_whole, largest, product, squeezed


@ATTENTION.register("cbam", title="CBAM")
class CBAM(Attention):
    """A channel gate, then a spatial gate on what it leaves; the map is their product.

    Deviation: the bottleneck has at least 8 channels (see `squeezed`). As in the paper's
    equation 3, and unlike the authors' code, the spatial convolution has no batch norm.
    """

    def __init__(self, channels, memory_channels=None, reduction: int = 16, kernel_size: int = 7):
        super().__init__(channels, memory_channels)
        check_whole("kernel_size", kernel_size, odd=True)  # an even one changes the map's size
        hidden = squeezed(channels, reduction)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2)

    def gate(self, x, memory):
        channel = (self.mlp(x.mean((2, 3))) + self.mlp(largest(x, (2, 3)))).sigmoid()
        channel = channel[:, :, None, None]
        refined = x * channel
        pooled = torch.cat([refined.mean(1, keepdim=True), largest(refined, 1, keepdim=True)], 1)
        spatial = self.conv(pooled).sigmoid()  # (N, 1, H, W)
        return product(channel, spatial, x), None
