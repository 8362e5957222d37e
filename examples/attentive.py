"""A net with spatial attention of its own, and its twin without: gray, 64 px.

    iram models --check examples/attentive.py:build
    iram shift --data heads:n=700 --models examples/attentive.py:build,examples/attentive.py:plain
        --out runs/attentive

attentive.toml names the modules whose outputs are its attention, so that the study can read them
and put other maps in their place.
"""

import torch
from torch import Tensor, nn


def stage(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
        nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
    )


class Gate(nn.Module):
    """Features (N, C, h, w) -> one map for all channels, (N, 1, h, w) in (0, 1)."""

    def __init__(self, channels: int):
        super().__init__()
        self.inner = nn.Conv2d(channels, channels // 2, 1)
        self.outer = nn.Conv2d(channels // 2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.outer(torch.relu(self.inner(x))))


class AttentiveNet(nn.Module):
    """Pictures (N, 1, 64, 64) -> logits (N, 7); a stage's features are multiplied by its gate."""

    def __init__(self, gated: bool):
        super().__init__()
        widths = (1, 16, 32, 64)
        self.stages = nn.ModuleList(map(stage, widths, widths[1:]))
        self.gates = nn.ModuleList(map(Gate, widths[1:] if gated else ()))
        self.head = nn.Linear(widths[-1], 7)

    def forward(self, x: Tensor) -> Tensor:
        for number, each in enumerate(self.stages):
            x = each(x)
            if self.gates:
                x = x * self.gates[number](x)
        return self.head(x.mean((2, 3)))


def build() -> nn.Module:
    return AttentiveNet(gated=True)


def plain() -> nn.Module:
    return AttentiveNet(gated=False)
