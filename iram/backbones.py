"""Backbones: a stem and a chain of residual blocks, each with a place for an attention module.

All modules stand in the same places of the same net. By default (`place="branch"`) that is the
residual branch, before the addition, as SE, ECA, CBAM and coordinate attention have it in their
papers: the shortcut carries the ungated features past every gate. With `place="block"` it is what
the block hands on, after addition and activation: nothing passes the gate by.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from iram.attention import Attention
from iram.registry import Registry

# `work`: whose net it is like, and how near, of those in `iram.zoo`; `published`: what that work's
# abstract tells of its own; `gated`: it takes attention.
BACKBONES = Registry("backbone", work="", published="", gated=True)
AttentionFactory = Callable[[int, Any], Attention]  # (channels, memory_channels)
Replacer = Callable[[int], Callable[[Tensor], Tensor] | None]
PLACES = ("branch", "block")
DARK = 1e-3  # of the picture's mean: a place whose features have a smaller norm counts as this


@dataclass
class Layer:
    """What one block returns: its output, the attention and memory of its module and, if asked
    for, the effective multiplier."""

    features: Tensor
    attention: Tensor | None
    memory: Any
    effective: Tensor | None = None


class Block(nn.Module):
    """act(shortcut(x) + attention(branch(x))), or attention(act(shortcut(x) + branch(x))) if the
    attention's `place` is "block"; no addition where `shortcut` is None."""

    def __init__(
        self, branch: nn.Module, attention: Attention, shortcut: nn.Module | None, act, place: str
    ):
        super().__init__()
        self.branch = branch
        self.attention = attention
        self.shortcut = shortcut
        self.act = act
        self.place = place

    def forward(
        self, x: Tensor, memory: Any = None, replace=None, measure: bool = False
    ) -> Layer:
        """Args:
            measure: whether the `effective_multiplier` is asked for too.
        """
        branch = self.branch(x)
        shortcut = None if self.shortcut is None else self.shortcut(x)
        within = self.place == "branch"
        given = branch if within else self._added(branch, shortcut)
        out = self.attention(given, memory, replace)
        features = self._added(out.features, shortcut) if within else out.features
        layer = Layer(features, out.attention, out.memory)
        if measure and out.attention is not None:
            even = out.attention.mean((2, 3), keepdim=True).expand_as(out.attention)
            flat = self.attention.fuse(given, even)
            flat = self._added(flat, shortcut) if within else flat
            layer.effective = effective_multiplier(features, flat)
        return layer

    def _added(self, features: Tensor, shortcut: Tensor | None) -> Tensor:
        return self.act(features if shortcut is None else features + shortcut)


def effective_multiplier(features: Tensor, flat: Tensor) -> Tensor:
    """(N, h, w): how far attention's pattern raises what reaches the next block, place by place:
    |y| / |y_flat|, norms over the channels, 1 where it changes nothing.

    Places where nearly nothing arrives (`DARK`) would make it endless: both norms count as at
    least that.

    Args:
        features: y (N, C, h, w), what the block hands on.
        flat: y_flat, the same with the attention's mean over places, channel by channel.
    """
    # Above 0, where the root has a gradient; far below `least`, and so without an effect.
    norms = [one.float().square().sum(1).clamp(min=1e-24).sqrt() for one in (features, flat)]
    least = (DARK * norms[1].mean((1, 2), keepdim=True)).clamp(min=1e-12)
    own, even = (torch.maximum(norm, least) for norm in norms)
    return own / even


@dataclass
class Pass:
    """A backbone's forward pass.

    Attributes:
        embedding: (N, channels), what is classified.
        map: (N, C, h, w), the last features, which the embedding is the mean of; None without one.
        layers: what each block returned, if the pass is traced.
        parts: the passes of the streams or members that it is made of (`iram.zoo.common`).
    """

    embedding: Tensor
    map: Tensor | None
    layers: list[Layer]
    parts: list["Pass"] = field(default_factory=list)


def untouched(index: int) -> None:
    """No layer's attention is replaced."""


class Backbone(nn.Module):
    """A stem, a list of blocks, and the number of channels that come out.

    Attributes:
        lacks: {what the net can't: why}, as `iram.contract.Model` has it.
    """

    lacks: Mapping[str, str] = MappingProxyType({})

    def __init__(self, stem: nn.Module, blocks: list[Block], channels: int, head=None):
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleList(blocks)
        self.head = head or nn.Identity()
        self.channels = channels

    @property
    def num_layers(self) -> int:
        return len(self.blocks)

    def run(
        self, x: Tensor, replacer: Replacer = untouched, traced: bool = False, first: int = 0
    ) -> Pass:
        """The pass of normalised pictures (N, C, H, W).

        Args:
            replacer: number of a layer -> what replaces its attention, or None.
            traced: whether the layers are kept, and measured.
            first: the number of the first layer here.
        """
        features, memory, layers = self.stem(x), None, []
        for index, block in enumerate(self.blocks, first):
            layer = block(features, memory, replacer(index), traced)
            features, memory = layer.features, layer.memory
            if traced:
                layers.append(layer)
        features = self.head(features)
        return Pass(features.mean((2, 3)), features, layers)

    def from_top(self) -> list[str]:
        """Names of its parts, the nearest to the output first."""
        return ["head", *(f"blocks.{i}" for i in reversed(range(self.num_layers))), "stem"]

    def classifier(self, classes: int) -> nn.Module:
        """What makes logits of the embedding."""
        return nn.Linear(self.channels, classes)


@BACKBONES.register("compact")
def compact(
    attention: AttentionFactory, width: float = 1.0, place: str = "branch"
) -> Backbone:
    """Residual net of 0.70 M parameters for 48-px faces: 24 x 24 x 32, 12 x 12 x 64, 6 x 6 x 128.

    Two basic blocks a stage. The stem halves the picture at once, which makes it trainable on
    two cores.
    """
    widths = [scaled(c, width) for c in (32, 64, 128)]
    stem = conv_bn(1, widths[0], 3, stride=2, act=True)
    return Backbone(stem, basic_stages(widths, [2, 2, 2], attention, place), widths[-1])


@BACKBONES.register("resnet18", title="ResNet-18")
def resnet18(
    attention: AttentionFactory, width: float = 1.0, place: str = "branch"
) -> Backbone:
    """ResNet-18 (He et al., CVPR 2016) with a 3x3 stem of stride 1 and no pooling, for 48 px."""
    widths = [scaled(c, width) for c in (64, 128, 256, 512)]
    stem = conv_bn(1, widths[0], 3, act=True)
    return Backbone(stem, basic_stages(widths, [2, 2, 2, 2], attention, place), widths[-1])


@BACKBONES.register("mobilenetv2", title="MobileNetV2")
def mobilenetv2(
    attention: AttentionFactory, width: float = 1.0, place: str = "branch"
) -> Backbone:
    """A light MobileNetV2 (Sandler et al., CVPR 2018) for 48 px: 9 inverted residuals.

    Deviations: fewer blocks than for 224 px, expansion 4, and a last layer of 320 channels.
    """
    stages = [(scaled(24, width), 2), (scaled(40, width), 3), (scaled(80, width), 4)]
    return mobile_net(stages, scaled(320, width), attention, place)


def mobile_net(stages, last: int, attention: AttentionFactory, place: str) -> Backbone:
    """Inverted residuals (expansion 4) for 48 px; every stage after the first halves the size.

    Args:
        stages: (channels, blocks) of each.
        last: channels of the last layer.
    """
    before, memory = stages[0][0], None
    stem, blocks = conv_bn(1, before, 3, stride=2, act=nn.ReLU6()), []
    for stage, (channels, count) in enumerate(stages):
        for index in range(count):
            step = 2 if stage > 0 and index == 0 else 1
            shortcut = nn.Identity() if step == 1 and before == channels else None
            branch = inverted_residual(before, channels, step, expansion=4)
            module = attention(channels, memory)
            blocks.append(Block(branch, module, shortcut, nn.Identity(), place))
            before, memory = channels, module.hands_on
    return Backbone(stem, blocks, last, head=conv_bn(before, last, 1, act=nn.ReLU6()))


def basic_stages(widths, counts, attention: AttentionFactory, place: str) -> list[Block]:
    """Basic residual blocks; every stage after the first halves the size."""
    blocks, before, memory = [], widths[0], None
    for stage, (channels, count) in enumerate(zip(widths, counts, strict=True)):
        for index in range(count):
            stride = 2 if stage > 0 and index == 0 else 1
            branch = nn.Sequential(
                conv_bn(before, channels, 3, stride, act=True), conv_bn(channels, channels, 3)
            )
            plain = stride == 1 and before == channels
            shortcut = nn.Identity() if plain else conv_bn(before, channels, 1, stride)
            module = attention(channels, memory)
            blocks.append(Block(branch, module, shortcut, nn.ReLU(), place))
            before, memory = channels, module.hands_on
    return blocks


def inverted_residual(before: int, channels: int, stride: int, expansion: int) -> nn.Sequential:
    """Expand 1x1, depthwise 3x3, project 1x1 (linear)."""
    hidden = before * expansion
    return nn.Sequential(
        conv_bn(before, hidden, 1, act=nn.ReLU6()),
        conv_bn(hidden, hidden, 3, stride, groups=hidden, act=nn.ReLU6()),
        conv_bn(hidden, channels, 1),
    )


def conv_bn(before, channels, kernel, stride=1, groups=1, act=None) -> nn.Sequential:
    """Convolution, batch norm and, if asked for, an activation (never in place: maps are read)."""
    layers = [
        nn.Conv2d(before, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
    ]
    if act:
        layers.append(nn.ReLU() if act is True else act)
    return nn.Sequential(*layers)


def scaled(channels: int, width: float) -> int:
    """A layer's channels in a net of this relative width, at least 8."""
    return max(8, round(channels * width))
