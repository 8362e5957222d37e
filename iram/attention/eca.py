"""Efficient Channel Attention. Wang et al., CVPR 2020, equations 9 and 12."""

import math

from torch import nn

from iram.attention.base import ATTENTION, Attention, broadcast


@ATTENTION.register("eca", title="ECA", places=False)
class EfficientChannelAttention(Attention):
    """One gate per channel, from its k neighbours: sigmoid(conv1d_k(mean_hw(x)))."""

    def __init__(self, channels, memory_channels=None):
        super().__init__(channels, memory_channels)
        k = kernel_size(channels)
        self.conv = nn.Conv1d(1, 1, k, padding=k // 2, bias=False)

    def gate(self, x, memory):
        pooled = x.mean((2, 3))[:, None]  # (N, 1, C)
        gate = self.conv(pooled)[:, 0].sigmoid()
        return broadcast(gate[:, :, None, None], x), None


def kernel_size(channels: int, gamma: int = 2, b: int = 1) -> int:
    """k = |log2(C) / gamma + b / gamma|, made odd (equation 12, and the authors' rounding)."""
    k = int(abs(math.log2(channels) / gamma + b / gamma))
    return k if k % 2 else k + 1
