"""A pass whose derivatives are the rules of layer-wise relevance propagation.

Relevance is carried as a multiplier c, with R = c a for an activation a, so that it goes back as a
gradient does, and what is linear needs no rule. The values of the pass stay the net's own. Rules
are computed as relevance arrives: what gets none, as the branch of a gate, costs nothing.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.attributions.holding import JOINING, Held, Holding, by_picture
from analysis.attributions.overriding import depends, derivative, rule_name
from analysis.attributions.rules import ELEMENTWISE
from analysis.attributions.sharing import (
    CONVOLUTIONS,
    DEFAULTS,
    OPTIONS,
    Layer,
    Rule,
    batch_norm_of,
    by_epsilon,
    by_gamma,
    evenly,
)

SMALL = 1e-7  # below it an argument is 0, and the derivative tells what is passed on
HOMOGENEOUS = ("relu", "leaky_relu", "prelu", "abs")  # whose derivative is the rule
GATES = ("sigmoid", "hardsigmoid", "softmax")
ASKED = ("__get__", "size", "dim")  # tell of a tensor, and compute nothing


class Propagating(Holding):
    """While it is active, functions are computed with the derivatives of the rules.

    Attributes:
        starts: what the first convolutions got, as leaves: relevance is read there.
        maps: (N, h, w) relevance there, of first convolutions that share it evenly.
        absorbed: (N,) what was kept, once relevance has gone back.
    """

    def __init__(self, count: int, convolutions: Rule, dense: Rule, flat: bool = False):
        names = {name: self.elementwise for name in ELEMENTWISE if name not in HOMOGENEOUS}
        super().__init__(names | {name: getattr(self, rule) for name, rule in RULES.items()})
        self.count = count
        self.rule_of = dict.fromkeys(CONVOLUTIONS, convolutions) | {"linear": dense}
        self.first = Rule(flat=True) if flat else convolutions
        self.starts: list[Tensor] = []
        self.maps: list[Tensor] = []
        self.absorbed = torch.zeros(count, dtype=torch.float64)

    def _called(self, func, args, kwargs):
        name, _ = rule_name(func, self.rules)
        if name in ASKED or not torch.is_grad_enabled():  # a part that cuts the graph
            return func(*args, **(kwargs or {}))
        told = list(dependent((args, *(kwargs or {}).values())))
        for one in told if name != "batch_norm" else ():
            if hasattr(one, "layer"):
                one.layer.alone = False
        gate = all(getattr(one, "gate", False) for one in told)
        layer = name in self.rule_of
        result = super()._called(func, args, kwargs)
        deep = layer or any(getattr(one, "deep", False) for one in told)
        for one in dependent(result) if told else ():
            one.gate, one.deep = (gate or name in GATES) and not layer, deep
        return result

    def affine(self, function, x: Tensor, weight: Tensor, bias=None, *rest, **options) -> Tensor:
        """A convolution or a dense layer."""
        name = function.__name__.partition(".")[0]
        if depends(weight) or not depends(x):
            return function(x, weight, bias, *rest, **options)
        if name != "linear":
            more = zip(OPTIONS[len(rest):], DEFAULTS[len(rest):], strict=True)
            rest = (*rest, *(options.get(option, usual) for option, usual in more))
        first = name == "conv2d" and x.ndim == 4 and not getattr(x, "deep", False)
        rule = self.first if first else self.rule_of[name]
        if first:
            x = x.detach().clone().requires_grad_()
            self.starts.append(x)
        own = None if bias is None else bias.detach()
        if own is not None and name != "linear":
            own = own.view(-1, *[1] * (x.ndim - 2))
        layer = Layer(name, rule, function, rest, Held(x), weight, None, own)
        result = Shared.apply(x, lambda x: function(x, weight, bias, *rest),
                              lambda c: self.back(layer, c))
        layer.y, result.layer = Held(result), layer
        return result

    def batch_norm(self, function, x, *arguments, **options) -> Tensor:
        """Folded into the layer before it, where nothing else reads what that puts out."""
        y = function(x, *arguments, **options)
        found = batch_norm_of(function, arguments, options)
        if found is None:
            return y
        scale, shift = (one.view(-1, *[1] * (x.ndim - 2)) for one in found)
        layer = getattr(x, "layer", None)
        if layer is None or layer.name == "linear" or layer.normed is not None:
            self.absorbs(y, shift)
            return y
        layer.scale, layer.shift, layer.normed = scale, shift, Held(y)

        def back(c: Tensor) -> Tensor:
            layer.arrived = c
            if not layer.folded:
                self.keep(c * shift)
            return c

        y.register_hook(back)
        return y

    def back(self, layer: Layer, c: Tensor) -> Tensor:
        """The multiplier of what went into a layer, of that of its result; of one that shares
        evenly there is none."""
        c = layer.arrived if layer.folded else c
        if layer.rule.flat:
            self.maps.append(evenly(layer, c))
            return torch.zeros_like(layer.x.value)
        found, kept = (by_gamma if layer.rule.gamma else by_epsilon)(layer, c)
        self.keep(*kept)
        return found

    def elementwise(self, function, x: Tensor, *arguments, **options) -> Tensor:
        """Passes all relevance on: c x = c' y."""
        held, flat = Held(x), x.detach()
        y = function(flat, *arguments, **options)
        result = y + (x - flat)

        def back(c: Tensor) -> Tensor:
            x = held.value
            small = x.abs() <= SMALL
            share = function(x, *arguments, **options) / x.where(~small, 1)
            if small.any():
                slope = derivative(lambda x: function(x, *arguments, **options), x)
                share = torch.where(small, slope, share)
            return c * share

        result.register_hook(back)
        return result

    def product(self, function, a, b) -> Tensor:
        """Of a gate and a signal the signal takes all; of two signals each takes half."""
        if not (depends(a) and depends(b)):
            return function(a, b)
        gates = [getattr(one, "gate", False) for one in (a, b)]
        if any(gates):
            return function(*(one.detach() if gate else one
                              for one, gate in zip((a, b), gates, strict=True)))
        both = function(a, b)
        return (both + both.detach()) / 2

    def quotient(self, function, a, b, **options) -> Tensor:
        """What is divided takes all."""
        if not depends(a):
            return self.elementwise(lambda b: function(a, b, **options), b)
        return function(a, b.detach() if depends(b) else b, **options)

    def power(self, function, x, exponent) -> Tensor:
        if depends(exponent):
            return function(x, exponent)  # left to the check of conservation
        return self.elementwise(function, x, exponent)

    def sum(self, function, a, b, **options) -> Tensor:
        """Each has its own part; that of a constant is kept."""
        y = function(a, b, **options)
        if depends(a) == depends(b):
            return y
        zero = torch.zeros((), dtype=y.dtype, device=y.device)
        self.absorbs(y, function(*(zero if depends(one) else one for one in (a, b)), **options))
        return y

    def attention(self, function, query, key, value, *arguments, **options) -> Tensor:
        """The shares are a gate: what they weigh takes all."""
        return function(query.detach(), key.detach(), value, *arguments, **options)

    def multihead(self, function, query, key, value, size, heads, weight, bias, *more, **options):
        """`multi_head_attention_forward`, of (T, N, size) each: as `attention`, between two dense
        layers."""
        told = {"need_weights": True, "average_attn_weights": True} | options
        separate, others = weight is None or value.ndim != 3, (query.detach(), key.detach())
        if separate or any(one is not None for one in more[:2]) or more[2] or len(more) > 7:
            return function(*others, value, size, heads, weight, bias, *more, **options)
        asked = options | {"need_weights": True, "average_attn_weights": False}
        shares = function(*others, value.detach(), size, heads, weight, bias, *more, **asked)[1]
        _, _, of_values = weight.chunk(3)
        own = None if bias is None else bias.chunk(3)[2]
        values = self.affine(F.linear, value.transpose(0, 1), of_values, own)
        found = shares @ values.unflatten(-1, (heads, -1)).transpose(1, 2)  # (N, heads, T, ...)
        found = self.affine(F.linear, found.transpose(1, 2).flatten(2), more[4], more[5])
        if not told["need_weights"]:
            return found.transpose(0, 1), None
        return found.transpose(0, 1), shares.mean(1) if told["average_attn_weights"] else shares

    def layer_norm(self, function, x: Tensor, shape, weight=None, bias=None, eps=1e-5, *ignored):
        """With the deviation as a constant (Ali et al., ICML 2022)."""
        return self.normalised(x, tuple(range(-len(shape), 0)), eps, weight, bias)

    def rms_norm(self, function, x: Tensor, shape, weight=None, eps=None) -> Tensor:
        eps = torch.finfo(x.dtype).eps if eps is None else eps
        return self.normalised(x, tuple(range(-len(shape), 0)), eps, weight, None, centred=False)

    def group_norm(self, function, x: Tensor, groups: int, weight=None, bias=None, eps=1e-5, *more):
        found = self.normalised(x.reshape(len(x), groups, -1), (2,), eps, None, None).view(x.shape)
        shape = (1, -1, *[1] * (x.ndim - 2))
        found = found if weight is None else found * weight.view(shape)
        return found if bias is None else self.sum(torch.add, found, bias.view(shape))

    def unit(self, function, x: Tensor, *arguments, **options) -> Tensor:
        """`normalize`, with the length as a constant."""
        flat = x.detach()
        return x * (function(flat, *arguments, **options) / flat.where(flat != 0, 1))

    def normalised(self, x, dims, eps, weight, bias, centred: bool = True) -> Tensor:
        x = x - x.mean(dims, keepdim=True) if centred else x
        found = x * (x.detach().square().mean(dims, keepdim=True) + eps).rsqrt()
        found = found if weight is None else found * weight
        return found if bias is None else self.sum(torch.add, found, bias)

    def logarithm(self, function, x: Tensor, *arguments, **options) -> Tensor:
        """`log_softmax`: the score less a constant."""
        constant = function(x.detach(), *arguments, **options) - x.detach()
        return self.sum(torch.add, x, constant)

    def absorbs(self, y: Tensor, part: Tensor) -> None:
        """This part of y was made by no input."""
        if depends(y):
            y.register_hook(lambda c: self.keep(c * part))

    def keep(self, *parts: Tensor) -> None:
        for part in parts:
            self.absorbed += by_picture(part, self.count)


def dependent(given) -> Iterator[Tensor]:
    """The tensors among these that were computed from the picture."""
    if isinstance(given, tuple | list):
        for one in given:
            yield from dependent(one)
    elif depends(given):
        yield given


class Shared(torch.autograd.Function):
    """A layer's result, with the derivative that `back` gives."""

    @staticmethod
    def forward(ctx, x, call: Callable, back: Callable):
        ctx.back = back
        return call(x)

    @staticmethod
    def backward(ctx, c):
        return ctx.back(c), None, None


RULES = {
    **dict.fromkeys((*CONVOLUTIONS, "linear"), "affine"), "batch_norm": "batch_norm",
    **dict.fromkeys(("mul", "multiply", "matmul", "bmm", "mm"), "product"),
    **dict.fromkeys(("add", "sub", "subtract", "__radd__", "__rsub__", "rsub"), "sum"),
    **dict.fromkeys(("div", "divide", "true_divide"), "quotient"), "pow": "power",
    "einsum": "einsum", "addcmul": "addcmul", "scaled_dot_product_attention": "attention",
    "multi_head_attention_forward": "multihead", "layer_norm": "layer_norm",
    "group_norm": "group_norm", "rms_norm": "rms_norm", "normalize": "unit",
    "log_softmax": "logarithm", **dict.fromkeys(JOINING, "joined"),
}
"""Functions, and the rule of `Propagating` that they have."""
