"""How a layer z = W a + b shares out its relevance among what went in.

With c the multiplier of what came out (R = c z) each rule gives that of what went in, and the parts
of R that the layer has kept: those of its bias, and of epsilon.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.attributions.holding import Held

TINY = 1e-30  # below any result that a net puts out
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
OPTIONS, DEFAULTS = ("stride", "padding", "dilation", "groups"), (1, 0, 1, 1)
TRANSPOSED = {f"conv{n}d": getattr(F, f"conv_transpose{n}d") for n in (1, 2, 3)}


class Rule(NamedTuple):
    """Attributes:
        epsilon: what is added to |z|, in shares of its root mean square over the layer (of a dense
            one, over each token).
        gamma: how much more counts what has the sign of z; 0 is the epsilon rule.
        flat: relevance is shared out evenly over the places that are read.
    """

    epsilon: float = 1e-6
    gamma: float = 0.0
    flat: bool = False


@dataclass
class Layer:
    """A layer that was passed.

    Attributes:
        name: of its function; `rest` are its arguments beside x, weight and bias.
        x, y: what went in and came out.
        bias: what of y no input has made, as it broadcasts with y; None for nothing.
        normed: what came out of the batch norm that follows, y * scale + shift; None without one.
        alone: whether nothing else reads y, so that the batch norm is a part of the layer.
        arrived: the multiplier at the layer's end.
    """

    name: str
    rule: Rule
    call: Callable
    rest: tuple
    x: Held
    weight: Tensor
    y: Held
    bias: Tensor | None
    scale: Tensor | None = None
    shift: Tensor | None = None
    normed: Held | None = None
    alone: bool = True
    arrived: Tensor | None = field(default=None, repr=False)

    @property
    def folded(self) -> bool:
        return self.normed is not None and self.alone

    def end(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """(z, W, b), the batch norm folded in."""
        weight = self.weight.detach()
        if not self.folded:
            return self.y.value, weight, self.bias
        rows = self.scale.reshape(-1, *[1] * (weight.ndim - 1))
        bias = self.shift if self.bias is None else self.shift + self.scale * self.bias
        return self.normed.value, weight * rows, bias

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        return self.call(x, weight, None, *self.rest)

    def transposed(self, weight: Tensor, c: Tensor) -> Tensor:
        """W^T c, like x."""
        x = self.x.value
        if self.name == "linear":
            return c @ weight
        stride, padding, dilation, groups = self.rest
        if isinstance(padding, str):
            with torch.enable_grad():
                x = torch.zeros_like(x).requires_grad_()
                return torch.autograd.grad(self.forward(x, weight), x, c)[0]
        stride, padding, dilation = (
            [one] * len(x.shape[2:]) if isinstance(one, int) else list(one)
            for one in (stride, padding, dilation))
        rest = [have - ((came - 1) * s - 2 * p + d * (side - 1) + 1) for have, came, s, p, d, side
                in zip(x.shape[2:], c.shape[2:], stride, padding, dilation, weight.shape[2:],
                       strict=True)]  # rows and columns that the stride has left out
        return TRANSPOSED[self.name](c, weight, None, stride, padding, rest, groups, dilation)


def by_epsilon(layer: Layer, c: Tensor) -> tuple[Tensor, list[Tensor]]:
    """(multiplier of x, kept): z counts z + epsilon sign z."""
    z, weight, bias = layer.end()
    below = z.abs()
    share = below / (below + layer.rule.epsilon * size(z)).clamp_(min=TINY)
    passed = share.mul_(c)
    return layer.transposed(weight, passed), [(c - passed) * z, *of_bias(passed, bias)]


def by_gamma(layer: Layer, c: Tensor) -> tuple[Tensor, list[Tensor]]:
    """(multiplier of x, kept): z > 0 counts w + gamma w+, z < 0 counts w + gamma w-, where w+
    and w- are the contributions w a for and against (Andéol et al. 2021)."""
    z, weight, bias = layer.end()
    x, gamma = layer.x.value, layer.rule.gamma
    more = weight + gamma * weight.clamp(min=0)
    positive = float(x.amin()) >= 0
    if positive:
        value = layer.forward(x, more)
    else:
        value = layer.forward(x.clamp(min=0), more)
        value += layer.forward(x.clamp(max=0), weight + gamma * weight.clamp(max=0))
    whole = c * z
    against = c.masked_fill(z >= 0, 0)
    held_up, held_down = (None, None) if bias is None else (
        bias + gamma * bias.clamp(min=0), bias + gamma * bias.clamp(max=0))
    below = value if bias is None else value + held_up
    if positive and not against.any():  # what follows is a ReLU
        share = whole.div_(below.clamp_(min=TINY))
        return layer.transposed(more, share), of_bias(share, held_up)
    plain = z if bias is None else z - bias
    other = (2 + gamma) * plain - value
    other = other if bias is None else other + held_down
    share = whole / torch.where(z < 0, other.clamp_(max=-TINY), below.clamp_(min=TINY))
    down = share.masked_fill(z >= 0, 0)
    up = share - down
    kept = of_bias(up, held_up) + of_bias(down, held_down)
    extra = gamma * layer.transposed(weight.clamp(min=0), up - down)
    if positive:
        return layer.transposed(weight, up + (1 + gamma) * down) + extra, kept
    first, second = (layer.transposed(weight, one) for one in (up, down))
    return torch.where(x >= 0, first + (1 + gamma) * second + extra,
                       (1 + gamma) * first + second - extra), kept


def evenly(layer: Layer, c: Tensor) -> Tensor:
    """(N, h, w): relevance of a convolution's input, each output's shared out evenly over the
    places that it reads, channels summed."""
    z, weight, _ = layer.end()
    ones = torch.ones_like(weight)
    count = layer.forward(torch.ones_like(layer.x.value), ones)
    return layer.transposed(ones, c * z / count.clamp(min=1)).sum(1)


def size(z: Tensor) -> Tensor:
    """The root mean square of each picture's (of dense layers, each row's) results."""
    dims = tuple(range(1, z.ndim)) if z.ndim > 3 else (-1,)
    count = z[0].numel() if z.ndim > 3 else z.shape[-1]
    return torch.linalg.vector_norm(z, dim=dims, keepdim=True) * count**-0.5


def of_bias(passed: Tensor, bias: Tensor | None) -> list[Tensor]:
    """The bias's part, as one or none."""
    if bias is None:
        return []
    if bias.ndim == passed.ndim - 1:  # of a convolution: places first, they are many
        passed = passed.sum_to_size(len(passed), *bias.shape)
    return [passed * bias]


def batch_norm_of(function, arguments: tuple, options: dict) -> tuple[Tensor, Tensor] | None:
    """(scale, shift) of a batch norm in eval mode, (C,) each; None of one without statistics."""
    of_module = function is F.batch_norm  # else ATen's, whose arguments stand in another order
    names = ("running_mean", "running_var", "weight", "bias") if of_module else (
        "weight", "bias", "running_mean", "running_var")
    given = dict(zip((*names, "training", "momentum", "eps"), arguments, strict=False)) | options
    if given.get("running_mean") is None or given.get("training"):
        return None
    scale = (given["running_var"].detach() + given.get("eps", 1e-5)).rsqrt()
    if given.get("weight") is not None:
        scale = scale * given["weight"].detach()
    shift = -scale * given["running_mean"].detach()
    return scale, shift if given.get("bias") is None else shift + given["bias"].detach()
