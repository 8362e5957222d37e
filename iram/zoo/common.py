"""What the nets of the zoo share: chains of blocks, streams beside each other, ensembles."""

from collections.abc import Sequence
from itertools import zip_longest

import torch
from torch import Tensor, nn

from iram.backbones import (
    AttentionFactory,
    Backbone,
    Block,
    Pass,
    Replacer,
    conv_bn,
    untouched,
)

Part = tuple[nn.Module, int, nn.Module | None, nn.Module]  # branch, channels, shortcut, activation


def chained(parts: Sequence[Part], attention: AttentionFactory, place: str) -> list[Block]:
    """A block of each part, with an attention module that is told of the one before."""
    blocks, memory = [], None
    for branch, channels, shortcut, act in parts:
        module = attention(channels, memory)
        blocks.append(Block(branch, module, shortcut, act, place))
        memory = module.hands_on
    return blocks


def dense(before: int, channels: int, side: int = 3) -> nn.Sequential:
    """A dense layer on `side` x `side` places, for pictures of any size."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Conv2d(before, channels, side), nn.ReLU())


def light(before: int, channels: int, stride: int = 1, kernel: int = 3, act=None) -> nn.Sequential:
    """A depthwise convolution, then one of 1x1, each with batch norm."""
    return nn.Sequential(conv_bn(before, before, kernel, stride, groups=before),
                         conv_bn(before, channels, 1, act=act))


class Beside(nn.Module):
    """Chains that each see the picture in their own way. Layers are counted chain by chain.

    Args:
        views: normalised pictures -> what a chain sees, by turns; none: the picture.
    """

    def __init__(self, chains: Sequence[Backbone], views: Sequence[nn.Module] = ()):
        super().__init__()
        self.chains = nn.ModuleList(chains)
        self.views = nn.ModuleList(views or [nn.Identity()])

    @property
    def num_layers(self) -> int:
        return sum(chain.num_layers for chain in self.chains)

    def seen(self, x: Tensor, replacer: Replacer, traced: bool, first: int) -> list[Pass]:
        """The pass of each chain."""
        pictures, passes = [view(x) for view in self.views], []
        for number, chain in enumerate(self.chains):
            passes.append(chain.run(pictures[number % len(pictures)], replacer, traced, first))
            first += chain.num_layers
        return passes


class Streams(Beside):
    """Chains whose features are joined, and classified together.

    Attributes:
        lacks: layers, if the chains see different parts of the picture: their features can't be
            laid upon each other then, and no layer has all.
    """

    def __init__(self, chains: Sequence[Backbone], views: Sequence[nn.Module] = ()):
        super().__init__(chains, views)
        self.channels = sum(chain.channels for chain in chains)
        self.join = nn.Identity()  # a layer that can be read: all that the logits depend on
        self.lacks = {} if not views else {"layers": "its streams see different parts of the face"}

    def run(self, x, replacer=untouched, traced=False, first=0) -> Pass:
        passes = self.seen(x, replacer, traced, first)
        layers = [layer for one in passes for layer in one.layers]
        if self.lacks:
            return Pass(torch.cat([one.embedding for one in passes], 1), None, layers, passes)
        joined = self.join(torch.cat([one.map for one in passes], 1))
        return Pass(joined.mean((2, 3)), joined, layers, passes)

    def from_top(self) -> list[str]:
        """The streams side by side, step by step."""
        own = [[f"chains.{number}.{name}" for name in chain.from_top()]
               for number, chain in enumerate(self.chains)]
        return [name for step in zip_longest(*own) for name in step if name]

    def classifier(self, classes: int) -> nn.Module:
        return nn.Linear(self.channels, classes)


class Members(Beside):
    """Nets that decide each for itself; `Mixture` makes one decision of theirs.

    Attributes:
        samples: number of the bootstrap sample that each member is trained on; empty: on all faces.
    """

    lacks = {"layers": "its members have no layer in common"}  # noqa: RUF012

    def __init__(self, chains, views=(), *, classes: int, dropout: float, samples=()):
        super().__init__(chains, views)
        self.samples = tuple(samples)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Dropout(dropout), nn.Linear(chain.channels, classes))
            for chain in chains
        )

    def run(self, x, replacer=untouched, traced=False, first=0) -> Pass:
        """The embedding is what the members decide: logits (N, members, classes)."""
        passes = self.seen(x, replacer, traced, first)
        heads = zip(self.heads, passes, strict=True)
        decisions = torch.stack([head(one.embedding) for head, one in heads], 1)
        return Pass(decisions, None, [layer for one in passes for layer in one.layers], passes)

    def from_top(self) -> list[str]:
        """The heads together, then each member as a whole."""
        return ["heads", *(f"chains.{number}" for number in range(len(self.chains)))]

    def classifier(self, classes: int) -> nn.Module:
        return Mixture(len(self.chains))


class Mixture(nn.Module):
    """Logits (N, members, K) -> the log of the members' mean probabilities (N, K), each member by
    its weight."""

    def __init__(self, members: int):
        super().__init__()
        self.register_buffer("weights", torch.full((members,), 1 / members))

    def forward(self, decisions: Tensor) -> Tensor:
        single = decisions.float().log_softmax(2)
        return (single + self.weights.float().log()[:, None]).logsumexp(1)
