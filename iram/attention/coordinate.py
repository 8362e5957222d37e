"""Coordinate Attention. Hou, Zhou & Feng, CVPR 2021, equations 4-9."""

import torch
from torch import nn

from iram.attention.base import ATTENTION, Attention, product, squeezed


@ATTENTION.register("coordinate")
class CoordinateAttention(Attention):
    """The product of a gate per (channel, row) and a gate per (channel, column)."""

    def __init__(self, channels, memory_channels=None, reduction: int = 32):
        super().__init__(channels, memory_channels)
        hidden = squeezed(channels, reduction)
        self.shared = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.Hardswish()
        )
        self.rows = nn.Conv2d(hidden, channels, 1)
        self.columns = nn.Conv2d(hidden, channels, 1)

    def gate(self, x, memory):
        height = x.shape[2]
        rows = x.mean(3, keepdim=True)  # (N, C, H, 1)
        columns = x.mean(2, keepdim=True).transpose(2, 3)  # (N, C, W, 1)
        shared = self.shared(torch.cat([rows, columns], 2))  # (N, hidden, H + W, 1)
        rows = self.rows(shared[:, :, :height]).sigmoid()
        columns = self.columns(shared[:, :, height:]).sigmoid().transpose(2, 3)
        return product(rows, columns, x), None
