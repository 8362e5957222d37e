"""A pass whose derivatives are the rules of layer-wise relevance propagation.

Relevance is carried as a multiplier c, with R = c a for an activation a, so that it goes back as a
gradient does and what is linear needs no rule. The values of the pass stay the net's own. A rule is
computed as relevance arrives: what gets none costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_leaves

from analysis.attributions.overriding import Overriding, depends, derivative, rule_name
from analysis.attributions.rules import ELEMENTWISE

SMALL = 1e-7  # below it an argument is 0, and the share that is passed on is the derivative
HOMOGENEOUS = ("relu", "leaky_relu", "prelu", "abs")  # whose derivative is the rule itself
GATES = ("sigmoid", "hardsigmoid", "softmax")
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
ASKED = ("__get__", "size", "dim")  # what tells of a tensor and computes nothing


class Rule(NamedTuple):
    """How a layer z = W a + b shares out its relevance.

    Attributes:
        epsilon: what is added to |z|, in shares of its root mean square over the layer (of a dense
            one, over each token).
        gamma: how much more what has the sign of z counts.
    """

    epsilon: float = 1e-6
    gamma: float = 0.0


@dataclass
class Layer:
    """A layer that was passed: y = scale * (W x + own bias - mean) + shift.

    Attributes:
        rule: None: evenly over the receptive field (flat).
        linear: (x, weight) -> W x.
        x: what went in; of a layer with a gamma a leaf of its own.
        raw: what came out, before a batch norm, of `x` by autograd; only with a gamma.
        y, bias: what came out, and what of it no input has made.
        scale: of the batch norm that follows; None without.
        normed: what that put out.
        alone: whether nothing else reads what came out.
    """

    rule: Rule | None
    linear: Callable[[Tensor, Tensor], Tensor]
    x: Tensor
    weight: Tensor
    raw: Tensor | None
    y: Tensor
    bias: Tensor
    scale: Tensor | None = None
    normed: Tensor | None = None
    alone: bool = True
    arrived: Tensor | None = field(default=None, repr=False)

    @property
    def folded(self) -> bool:
        return self.scale is not None and self.alone


class Propagating(Overriding):
    """While it is active, functions are computed with the derivatives of the rules.

    Attributes:
        starts: where relevance is read: (leaf, what it is of) of the first convolutions.
        maps: (N, h, w) relevance of the places of first layers that share it evenly.
        absorbed: (N,) what biases and epsilons have kept, once relevance went back.
    """

    def __init__(self, count: int, convolutions: Rule, dense: Rule, flat: bool = False):
        names = {name: self.elementwise for name in ELEMENTWISE if name not in HOMOGENEOUS}
        super().__init__(names | {name: getattr(self, rule) for name, rule in RULES.items()})
        self.count, self.flat = count, flat
        self.rule_of = dict.fromkeys(CONVOLUTIONS, convolutions) | {"linear": dense}
        self.starts: list[Tensor] = []
        self.maps: list[Tensor] = []
        self.absorbed = torch.zeros(count, dtype=torch.float64)

    def _called(self, func, args, kwargs):
        name, _ = rule_name(func, self.rules)
        if name in ASKED:
            return func(*args, **(kwargs or {}))
        told = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        for one in told:
            if name != "batch_norm" and hasattr(one, "layer"):
                one.layer.alone = False
        asked = [one for one in told if depends(one)]
        gate = name in GATES or all(getattr(one, "gate", False) for one in asked)
        deep = name in self.rule_of or any(getattr(one, "deep", False) for one in asked)
        result = super()._called(func, args, kwargs)
        for one in tree_leaves(result) if asked else ():
            if isinstance(one, Tensor) and depends(one):
                one.gate, one.deep = gate and name not in self.rule_of, deep
        return result

    def affine(self, function, x: Tensor, weight: Tensor, bias=None, *rest, **options) -> Tensor:
        """A convolution or a dense layer."""
        name = function.__name__.partition(".")[0]
        if not depends(x) or depends(weight) or not torch.is_grad_enabled():
            return function(x, weight, bias, *rest, **options)
        rule, image = self.rule_of[name], name == "conv2d" and x.ndim == 4
        first = image and not getattr(x, "deep", False)
        own = torch.zeros((), device=x.device, dtype=x.dtype) if bias is None else bias.detach()
        if bias is not None and name != "linear":
            own = own.view(-1, *[1] * (x.ndim - 2))

        def linear(x: Tensor, weight: Tensor) -> Tensor:
            return function(x, weight, None, *rest, **options)

        if first and self.flat:
            start = function(x.detach(), weight, bias, *rest, **options).requires_grad_()
            self.starts.append(start)
            layer = Layer(None, linear, x.detach(), weight, None, start.detach(), own)
            result = start.clone()
        else:
            if first:
                x = x.detach().clone().requires_grad_()
                self.starts.append(x)
            if rule.gamma:
                leaf = x.detach().clone().requires_grad_()
                raw = function(leaf, weight, bias, *rest, **options)
                layer = Layer(rule, linear, leaf, weight, raw, raw.detach().clone(), own)
                result = Sharing.apply(x, raw.detach(), self, layer)
            else:
                result = function(x, weight, bias, *rest, **options)
                layer = Layer(rule, linear, x, weight, None, result.detach().clone(), own)
        result.register_hook(lambda c: c if layer.folded else self.shared(layer, layer.y, c))
        result.layer = layer
        return result

    def batch_norm(self, function, x, *arguments, **options) -> Tensor:
        """Folded into the layer before it, where nothing else reads that; else y = k x + t."""
        y = function(x, *arguments, **options)
        told = F.batch_norm is function
        names = ("mean", "var", "weight", "bias") if told else ("weight", "bias", "mean", "var")
        given = dict(zip(names, arguments, strict=False)) | {
            name.removeprefix("running_"): value for name, value in options.items()}
        if given.get("mean") is None:
            return y
        eps = options.get("eps", arguments[6] if len(arguments) > 6 else 1e-5)
        scale = (given["var"].detach() + eps).rsqrt()
        scale = scale if given.get("weight") is None else scale * given["weight"].detach()
        scale = scale.view(-1, *[1] * (x.ndim - 2))
        shift = -scale * given["mean"].detach().view_as(scale)
        if given.get("bias") is not None:
            shift = shift + given["bias"].detach().view_as(scale)
        layer, kept = getattr(x, "layer", None), y.detach().clone()
        if layer is None or layer.scale is not None or not layer.alone:
            self.absorbs(y, lambda: shift.expand_as(kept))
            return y
        layer.scale, bias = scale, scale * layer.bias + shift
        layer.normed = kept

        def back(c: Tensor) -> Tensor:
            if not layer.folded:
                self.keep(c * shift)
                return c
            layer.bias = bias
            return self.shared(layer, kept, c)

        y.register_hook(back)
        return y

    def shared(self, layer: Layer, y: Tensor, c: Tensor) -> Tensor:
        """The multiplier before a layer's rule, of that behind it."""
        if layer.rule is None:
            self.maps.append(evenly(layer, c * y))
            return c
        if layer.rule.gamma:
            layer.arrived = c
            return c
        share = ratio(y, stabilised(y, y, layer.rule.epsilon))
        self.keep(c * (y - share * (y - layer.bias)))
        return c * share

    def back(self, layer: Layer) -> Tensor:
        """The multiplier of what went into a layer with a gamma: Andéol et al. 2021's signed rule.

        With w+ and w- the parts of the contributions w a that are for and against, z > 0 counts w +
        gamma w+, z < 0 counts w + gamma w-.
        """
        gamma, c = layer.rule.gamma, layer.arrived
        folded = layer.folded
        y, bias = (layer.normed if folded else layer.y), layer.bias
        weight = layer.weight.detach()
        if folded:
            weight = weight * layer.scale.reshape(-1, *[1] * (weight.ndim - 1))
        with torch.enable_grad():
            more = weight + gamma * weight.clamp(min=0)
            if bool((layer.x >= 0).all()):
                found = layer.linear(layer.x, more)
            else:
                less = weight + gamma * weight.clamp(max=0)
                found = layer.linear(layer.x.clamp(min=0), more) + layer.linear(
                    layer.x.clamp(max=0), less)
        up, value, plain = y >= 0, found.detach(), y - bias
        value = torch.where(up, value, (2 + gamma) * plain - value)
        kept = torch.where(up, bias + gamma * bias.clamp(min=0), bias + gamma * bias.clamp(max=0))
        share = c * ratio(y, stabilised(y, value + kept, layer.rule.epsilon))
        self.keep(c * y - share * value)
        below = share.masked_fill(up, 0)
        if not below.any():
            return torch.autograd.grad(found, layer.x, share)[0]
        scaled = (2 + gamma) * below * (layer.scale if folded else 1)
        return torch.autograd.grad([found, layer.raw], layer.x,
                                   [share.masked_fill(~up, 0) - below, scaled])[0]

    def elementwise(self, function, x: Tensor, *arguments, **options) -> Tensor:
        """Passes all relevance on: c x = c' y."""
        kept = x.detach().clone()
        value = function(kept, *arguments, **options)
        result = value + (x - kept)

        def back(c: Tensor) -> Tensor:
            flat = kept.abs() <= SMALL
            share = value / kept.where(~flat, 1)
            if flat.any():
                slope = derivative(lambda x: function(x, *arguments, **options), kept)
                share = torch.where(flat, slope, share)
            return c * share

        result.register_hook(back)
        return result

    def product(self, function, a, b) -> Tensor:
        """Of a gate and a signal the signal takes all; of two signals each takes half."""
        if not (depends(a) and depends(b)):
            return function(a, b)
        gates = [getattr(one, "gate", False) for one in (a, b)]
        if gates[0] != gates[1]:
            return function(*(one.detach() if gate else one
                              for one, gate in zip((a, b), gates, strict=True)))
        both = function(a, b)
        return (both + both.detach()) / 2

    def einsum(self, function, equation: str, *operands) -> Tensor:
        if len(operands) != 2:
            return function(equation, *operands)
        return self.product(lambda a, b: function(equation, a, b), *operands)

    def addcmul(self, function, x, a, b, value=1) -> Tensor:
        found = value * self.product(torch.mul, a, b)
        return self.sum(torch.add, x, found)

    def quotient(self, function, a, b, **options) -> Tensor:
        return function(a, b.detach() if depends(b) else b, **options)

    def power(self, function, x, exponent) -> Tensor:
        if depends(exponent) or not depends(x):
            return function(x, exponent)
        return self.elementwise(function, x, exponent)

    def sum(self, function, a, b, **options) -> Tensor:
        """Of two signals each has its own part; a constant keeps its own."""
        y = function(a, b, **options)
        if depends(a) != depends(b):
            signal = a.detach() if depends(a) else b.detach()
            step = derivative_of_sum(function, depends(a), options)
            kept = y.detach() - step * signal
            self.absorbs(y, lambda: kept)
        return y

    def attention(self, function, query, key, value, *arguments, **options) -> Tensor:
        """Attention is a gate: what it looks at takes all."""
        return function(query.detach(), key.detach(), value, *arguments, **options)

    def layer_norm(self, function, x: Tensor, shape, weight=None, bias=None, eps=1e-5, *ignored):
        """With the standard deviation as a constant (Ali et al., ICML 2022)."""
        dims = tuple(range(-len(shape), 0))
        return self.normalised(x, dims, eps, weight, bias)

    def group_norm(self, function, x: Tensor, groups: int, weight=None, bias=None, eps=1e-5, *more):
        shape = (-1, *[1] * (x.ndim - 2))
        found = self.normalised(x.reshape(len(x), groups, -1), (2,), eps, None, None).view(x.shape)
        found = found if weight is None else found * weight.view(shape)
        return found if bias is None else self.sum(torch.add, found, bias.view(shape))

    def rms_norm(self, function, x: Tensor, shape, weight=None, eps=None) -> Tensor:
        eps = torch.finfo(x.dtype).eps if eps is None else eps
        dims = tuple(range(-len(shape), 0))
        return self.normalised(x, dims, eps, weight, None, centred=False)

    def unit(self, function, x: Tensor, *arguments, **options) -> Tensor:
        """`normalize`: by a length that is taken as a constant."""
        y = function(x.detach(), *arguments, **options)
        size = y.detach() / x.detach().where(x.detach() != 0, 1)
        return x * size

    def normalised(self, x, dims, eps, weight, bias, centred: bool = True) -> Tensor:
        x = x - x.mean(dims, keepdim=True) if centred else x
        found = x * (x.detach().square().mean(dims, keepdim=True) + eps).rsqrt()
        found = found if weight is None else found * weight
        return found if bias is None else self.sum(torch.add, found, bias)

    def logarithm(self, function, x: Tensor, *arguments, **options) -> Tensor:
        """`log_softmax`: the score less a constant."""
        y = function(x.detach(), *arguments, **options)
        kept = (y - x).detach()
        result = x + kept
        self.absorbs(result, lambda: kept)
        return result

    def absorbs(self, y: Tensor, part: Callable[[], Tensor]) -> None:
        """Part of y was made by no input: its relevance is kept."""
        if depends(y):
            y.register_hook(lambda c: self.keep(c * part()))

    def keep(self, relevance: Tensor) -> None:
        """Adds to what was absorbed, picture by picture where the first axis has them."""
        if len(relevance) % self.count:
            self.absorbed += relevance.sum().double().cpu() / self.count
        else:
            self.absorbed += relevance.reshape(self.count, -1).sum(1).double().cpu()


class Sharing(torch.autograd.Function):
    """A layer's result, with the multiplier of its rule."""

    @staticmethod
    def forward(ctx, x, y, propagating, layer):
        ctx.told = propagating, layer
        return y.clone()  # no view: what follows may work in place

    @staticmethod
    def backward(ctx, c):
        propagating, layer = ctx.told
        return propagating.back(layer), None, None, None


def evenly(layer: Layer, relevance: Tensor) -> Tensor:
    """(N, h, w): relevance (N, K, ...) of a layer's outputs, each shared out evenly over the places
    that it reads."""
    with torch.enable_grad():
        read = torch.ones_like(layer.x).requires_grad_()
        count = layer.linear(read, torch.ones_like(layer.weight))
        share = torch.autograd.grad(count, read, relevance / count.detach())[0]
    return share.sum(1)


def stabilised(y: Tensor, below: Tensor, epsilon: float) -> Tensor:
    """`below`, which has the sign of y, taken away from 0."""
    dims = tuple(range(1, y.ndim)) if y.ndim > 3 else (-1,)
    size = y.square().mean(dims, keepdim=True).sqrt()
    return below + torch.where(y >= 0, epsilon, -epsilon) * size


def ratio(above: Tensor, below: Tensor) -> Tensor:
    return torch.where(below == 0, 0, above / below.where(below != 0, 1))


def derivative_of_sum(function, first: bool, options: dict) -> float:
    """Of a sum, or a difference, by its first or second argument."""
    name = function.__name__.partition(".")[0]
    factor = options.get("alpha", 1)
    if name in ("__rsub__", "rsub"):
        return -factor if first else 1.0
    if first:
        return 1.0
    return -factor if name.startswith("sub") else factor


RULES = {
    **dict.fromkeys((*CONVOLUTIONS, "linear"), "affine"), "batch_norm": "batch_norm",
    **dict.fromkeys(("mul", "multiply", "matmul", "bmm", "mm", "__rmul__"), "product"),
    **dict.fromkeys(("add", "sub", "subtract", "__radd__", "__rsub__", "rsub"), "sum"),
    **dict.fromkeys(("div", "divide", "true_divide"), "quotient"), "pow": "power",
    "einsum": "einsum", "addcmul": "addcmul", "scaled_dot_product_attention": "attention",
    "multi_head_attention_forward": "attention", "layer_norm": "layer_norm",
    "group_norm": "group_norm", "rms_norm": "rms_norm", "normalize": "unit",
    "log_softmax": "logarithm",
}
