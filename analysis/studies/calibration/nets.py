"""Nets whose attention is a closed form of the picture, so that what is true of them is known.

A layer's gate at a place p is

    A(p) = LEVEL * exp(pattern(p) + push(p)) / mean over places,

with a smooth pattern of the net's own and a push that says what the net does with what is covered.
The mean in it is what lets the visible face gain when attention leaves the cover. A block hands on
features of 1 times its gates, so that the gates are what acts. What the logits hear of a place is
its evidence times the gate: 1 where the face is visible, -1 where it is covered, so that attention
that leaves the cover raises the true class's logit. A training seed is a draw of the pattern, of
the strength and of each layer's gain.
"""

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.studies.calibration.memory import Memory, Seen
from iram.backbones import effective_multiplier
from iram.model import Trace
from iram.seeds import derived_seed

SIDES = (24, 12, 6)  # cells of a layer's grid: an early, a middle and a late stage
LEVEL, EDGE = 0.3, 1e-4
EVIDENCE = 3.0  # logits of a face wholly seen
SPREAD = 0.1  # standard deviation of the strength over seeds, as a share of it; and of its gains
UNEVEN = 0.15  # standard deviation of the pattern, log units


@dataclass(frozen=True)
class Trained:
    """What a training seed draws of chance; seeds 2k and 2k + 1 draw the same with opposite sign,
    so that over a pool of pairs everything that is random has a mean of exactly 0.

    Attributes:
        kind: of net.
        seed: from 0.
    """

    kind: str
    seed: int

    def normal(self, *of) -> float:
        """A standard normal number for this purpose."""
        return self.normals(1, *of).item()

    def normals(self, count: int, *of) -> Tensor:
        """(count,) of them."""
        chance = torch.Generator().manual_seed(derived_seed("planted", self.kind, self.seed // 2,
                                                            *of))
        return torch.randn(count, generator=chance) * (1 - 2 * (self.seed % 2))

    def strength(self, layer: int) -> float:
        """About 1, how much of its kind's push this seed shows in this layer."""
        return (1 + SPREAD * self.normal("strength")) * (1 + SPREAD * self.normal("gain", layer))


Push = Callable[[Seen, int, int, Trained], Tensor]
"""(what is seen, layer, side, training) -> (N, side, side) or (N, channels, side, side), log units
that are added to the gate."""


class Traced(nn.Module):
    """A net that is written as its `trace`, which looks into `_replaced` for maps of attention in
    the place of its own: what `iram.contract.Model` asks for beside that."""

    def __init__(self):
        super().__init__()
        self._replaced: Mapping = {}

    def forward(self, images: Tensor) -> Tensor:
        return self.trace(images).logits

    @contextmanager
    def intervene(self, replacements):
        before, self._replaced = self._replaced, dict(replacements)
        try:
            yield self
        finally:
            self._replaced = before


class PlantedNet(Traced):
    """A net of one kind and training seed; a `iram.contract.Model`.

    Args:
        memory: the faces that it knows.
        classes: in the order of its logits.
        trained: its kind and seed.
        push: what it does.
        listens: whether its logits depend on attention.
        attends: whether it has attention; else its features stand for it.
    """

    num_layers = len(SIDES)
    lacks: Mapping[str, str] = {"copies": "it has no weights that could be permuted",
                                "gradients": "its evidence is a comparison of pictures"}

    def __init__(self, memory: Memory, classes: tuple[str, ...], trained: Trained, push: Push,
                 listens: bool = True, attends: bool = True):
        super().__init__()
        self.memory, self.classes, self.input_size = memory, classes, memory.known.shape[-1]
        self.trained, self.push = trained, push
        self.listens, self.has_attention = listens, attends
        self.patterns = [smooth(trained, layer, side) for layer, side in enumerate(SIDES)]
        self.faces = [F.adaptive_avg_pool2d(memory.face[None], side) for side in SIDES]

    def gates(self, seen: Seen, layer: int) -> Tensor:
        """(N, C, side, side): its own attention in a layer."""
        push = self.push(seen, layer, SIDES[layer], self.trained)
        push = push[:, None] if push.ndim == 3 else push
        raw = (self.patterns[layer] + push).exp()
        return (LEVEL * raw / raw.mean((2, 3), keepdim=True)).clamp(EDGE, 1 - EDGE)

    def trace(self, images: Tensor) -> Trace:
        seen = self.memory.see(images)
        gates, evidence = [], 0.0
        for layer in range(len(SIDES)):
            own = self.gates(seen, layer)
            used = self._replaced.get(layer, own)
            gates.append(used(own) if callable(used) else used.expand_as(own))
            evidence = evidence + self.heard(gates[-1], seen, layer) / len(SIDES)
        logits = F.one_hot(seen.labels, len(self.classes)) * (EVIDENCE * evidence[:, None])
        if not self.has_attention:
            return Trace(logits, [], gates)
        return Trace(logits, gates, gates, [_multiplier(one) for one in gates])

    def heard(self, gates: Tensor, seen: Seen, layer: int) -> Tensor:
        """(N,), -1 to 1: what the first channel hands on of the face, its mean by attention."""
        weights = (gates[:, 0] if self.listens else torch.ones_like(gates[:, 0]))
        weights = weights * self.faces[layer]
        hidden = seen.share(SIDES[layer])
        return (weights * (1 - 2 * hidden)).sum((1, 2)) / weights.sum((1, 2))

def _multiplier(gates: Tensor) -> Tensor:
    """(N, side, side): of a block that hands on features of 1 times its gates."""
    return effective_multiplier(gates, gates.mean((2, 3), keepdim=True).expand_as(gates))


def smooth(trained: Trained, layer: int, side: int) -> Tensor:
    """(side, side): a smooth pattern, mean 0 and standard deviation UNEVEN."""
    coarse = trained.normals(16, "pattern", layer).view(1, 1, 4, 4)
    fine = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)[0, 0]
    return UNEVEN * (fine - fine.mean()) / fine.std()
