"""Squeeze-and-Excitation. Hu, Shen & Sun, CVPR 2018, equations 2-4."""

from torch import nn

from iram.attention.base import ATTENTION, Attention, broadcast, squeezed


@ATTENTION.register("se", title="SE", places=False)
class SqueezeExcitation(Attention):
    """One gate per channel: sigmoid(W2 relu(W1 mean_hw(x))).

    Deviation: the bottleneck has at least 8 channels (paper: C / 16 of 64 and more).
    """

    def __init__(self, channels, memory_channels=None, reduction: int = 16):
        super().__init__(channels, memory_channels)
        hidden = squeezed(channels, reduction)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def gate(self, x, memory):
        pooled = x.mean((2, 3))  # (N, C)
        gate = self.excite(self.squeeze(pooled).relu()).sigmoid()
        return broadcast(gate[:, :, None, None], x), None
