"""The contract that every attention module keeps, and their registry.

A module splits into `gate` (features -> attention map) and `fuse` (features, map -> refined
features), so that the map can be read, and replaced, between the two.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from iram.errors import InputError
from iram.registry import Registry

ATTENTION = Registry("attention module", places=True)  # `places`: its map can differ among them


class AttentionOutput(NamedTuple):
    """What a module returns.

    Attributes:
        features: refined features, (N, C, H, W), as the input.
        attention: the gate in (0, 1), (N, C, H, W); None for a module that has none.
        memory: what the next module in the network may reuse; None where nothing is reused.
    """

    features: Tensor
    attention: Tensor | None
    memory: Any


class Attention(nn.Module):
    """An attention module on `channels` feature maps. It keeps no state between calls.

    Subclasses write `gate`; those that don't simply multiply also write `fuse`, and those that
    hand on a memory also write `remember`.

    Args:
        channels: C of the features that come in and go out.
        memory_channels: `hands_on` of the previous module; None for the first.
    """

    def __init__(self, channels: int, memory_channels: int | None = None):
        super().__init__()
        self.channels = channels
        self.memory_channels = memory_channels

    @property
    def hands_on(self) -> Any:
        """What the next module is told of the memory that it will get: its number of channels."""
        return self.channels

    def gate(self, x: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """The attention map (N, C, H, W) in (0, 1) for the features x, and the new memory."""
        raise TypeError(f"{type(self).__name__} must define gate()")

    def fuse(self, x: Tensor, attention: Tensor) -> Tensor:
        """The features refined by the map."""
        return x * attention

    def remember(self, attention: Tensor, memory: Any) -> Any:
        """The memory handed on with a map that an intervention has put in place of the own, after
        the memory that came in."""
        return None

    def forward(
        self, x: Tensor, memory: Any = None, replace: Callable[[Tensor], Tensor] | None = None
    ) -> AttentionOutput:
        """Gates the features. `replace` maps the own attention to the one to use instead.

        A replaced map replaces the memory too: what follows sees the intervention only.
        """
        attention, handed_on = self.gate(x, memory)
        if replace is not None:
            attention = replace(attention)
            handed_on = self.remember(attention, memory)
        return AttentionOutput(self.fuse(x, attention), attention, handed_on)


def broadcast(gate: Tensor, x: Tensor) -> Tensor:
    """A gate over channels or positions alone, as a map of x's full shape (no copy)."""
    return gate.expand(torch.broadcast_shapes(gate.shape, x.shape))


def product(first: Tensor, second: Tensor, x: Tensor) -> Tensor:
    """The product of two gates that each lack an axis, a map laid out in memory as x is. torch lays
    it out channels first, and a pass through maps of two layouts takes a CPU six times as long."""
    if not x.is_contiguous(memory_format=torch.channels_last):
        return first * second
    return (first.permute(0, 2, 3, 1) * second.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def largest(x: Tensor, axes: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
    """x.amax(axes), by single precision: of bfloat16, torch's own takes a CPU up to ten times as
    long. No value is rounded."""
    return x.float().amax(axes, keepdim=keepdim).to(x.dtype)


def squeezed(channels: int, reduction: int, floor: int = 8) -> int:
    """Width of a bottleneck: channels / reduction, at least `floor` but never over `channels`.

    The floor is not in the papers, whose layers are wider: without it a layer of 32 channels
    would pass through 2.

    Raises:
        InputError: the reduction is no whole number from 1.
    """
    check_whole("reduction", reduction)
    return min(channels, max(floor, channels // reduction))


def check_whole(switch: str, value, odd: bool = False) -> None:
    """Raises InputError unless the value of a switch is a whole number from 1, odd if asked."""
    if type(value) is not int or value < 1 or (odd and value % 2 == 0):  # a truth is an int too
        raise InputError(f"{switch} is {value!r}; it must be {'an odd' if odd else 'a whole'} "
                         "number from 1")


def check_positive(switch: str, value) -> None:
    """Raises InputError unless the value of a switch is a finite number above 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise InputError(f"{switch} is {value!r}; it must be a number above 0")


def check_word(switch: str, value, known: tuple[str, ...]) -> None:
    """Raises InputError unless the value of a switch is one of the known words."""
    if value not in known:
        raise InputError(f"{switch} is {value!r}; it must be one of {', '.join(known)}")
