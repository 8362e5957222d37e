"""DeepLIFT's rules for non-linear functions: contributions that sum to the change of a result.

Every rule gets the function and its arguments, pictures in the first half of the batch and their
baselines in the second, and returns the function's value with another derivative.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.attributions.overriding import (
    depends,
    derivative,
    linearised,
)

SMALL = 1e-7  # of a number's size: a change below it is none, and the derivative is the slope


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Picture's and baseline's numbers, in double precision: their differences are exact."""
    return x.detach().double().chunk(2)


def mean_of_halves(x: Tensor) -> Tensor:
    first, second = x.detach().chunk(2)
    return torch.cat([(first + second) / 2] * 2)


def secant(function: Callable, x: Tensor) -> Tensor:
    """Slope of an elementwise function from baseline to picture, for both halves.

    In double precision, so that the difference of two near numbers is no rounding error; where
    they hardly differ, the derivative half-way.
    """
    first, second = halves(x)
    dx, dy = first - second, function(first) - function(second)
    flat = dx.abs() <= SMALL * (1 + torch.maximum(first.abs(), second.abs()))
    slope = dy / dx.where(~flat, 1)
    if flat.any():
        slope = slope.where(~flat, derivative(function, (first + second) / 2))
    return torch.cat([slope] * 2).to(x.dtype)


def elementwise(function, x: Tensor, *arguments, **options) -> Tensor:
    """The secant from baseline to picture (the rescale rule)."""
    exact = [a.double() if isinstance(a, Tensor) and a.is_floating_point() else a
             for a in arguments]
    value = function(x.detach(), *arguments, **options)
    return linearised(value, (x, secant(lambda x: function(x, *exact, **options), x)))


def product(function, a, b) -> Tensor:
    """Any function that is linear in each of two arguments (`mul`, `matmul`): each one's change
    times the other's mean of picture and baseline, the Shapley value of the two."""
    if not (depends(a) and depends(b)):
        return function(a, b)
    value = function(a.detach(), b.detach())
    moved_a = function(a - a.detach(), mean_of_halves(b))
    return value + moved_a + function(mean_of_halves(a), b - b.detach())


def einsum(function, equation: str, *operands) -> Tensor:
    if sum(map(depends, operands)) != 2 or len(operands) != 2:
        return function(equation, *operands)
    return product(lambda a, b: function(equation, a, b), *operands)


def addcmul(function, x, a, b, value=1) -> Tensor:
    return x + value * product(torch.mul, a, b)


def quotient(function, a, b) -> Tensor:
    return product(torch.mul, a, elementwise(torch.reciprocal, b)) if depends(b) else function(a, b)


def power(function, x, exponent) -> Tensor:
    if depends(exponent):
        return function(x, exponent)  # left to the check of completeness
    return elementwise(function, x, exponent)


def shares(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """(means, weights) of both halves' softmax: its logarithmic mean per place, and that in shares.

    With u = log softmax, the mean is (s - s0) / (u - u0), which no common rise of x changes; and
    as the softmax's changes sum to 0, log sum exp x changes by the sum of weight * change of x.
    """
    first, second = (half.log_softmax(dim) for half in halves(x))
    apart = (first - second).abs()
    share = torch.where(apart > SMALL, -torch.expm1(-apart) / apart.clamp(min=SMALL),
                        1 - apart / 2)
    mean = torch.maximum(first, second).exp() * share
    return tuple(torch.cat([one] * 2).to(x.dtype) for one in (mean, mean / mean.sum(dim, True)))


def log_softmax(function, x: Tensor, dim: int | None = None, *ignored, **options) -> Tensor:
    if dim is None:
        return function(x, dim, *ignored, **options)
    change, weights = x - x.detach(), shares(x, dim)[1]
    value = function(x.detach(), dim, *ignored, **options).detach()
    return value + change - (weights * change).sum(dim, keepdim=True)


def softmax(function, x: Tensor, dim: int | None = None, *ignored, **options) -> Tensor:
    if dim is None:
        return function(x, dim, *ignored, **options)
    change, (mean, weights) = x - x.detach(), shares(x, dim)
    value = function(x.detach(), dim, *ignored, **options).detach()
    return value + mean * (change - (weights * change).sum(dim, keepdim=True))


def logsumexp(function, x: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    value = function(x.detach(), dim, keepdim)
    return value + (shares(x, dim)[1] * (x - x.detach())).sum(dim, keepdim=keepdim)


def attention(
    function, query: Tensor, key: Tensor, value: Tensor, attn_mask=None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:
    """`scaled_dot_product_attention` by the rules of its parts, without dropout."""
    if is_causal or enable_gqa:
        return function(query, key, value, attn_mask, dropout_p, is_causal, scale=scale,
                        enable_gqa=enable_gqa)
    scores = product(torch.matmul, query, key.mT) * (scale or query.shape[-1] ** -0.5)
    if attn_mask is not None:
        hidden = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -1e30) if hidden else scores + attn_mask
    return product(torch.matmul, softmax(torch.softmax, scores, -1), value)


def multihead(
    function, query: Tensor, key: Tensor, value: Tensor, size: int, heads: int, weight, bias,
    bias_k, bias_v, add_zero_attn: bool, dropout_p: float, out_weight, out_bias, training=True,
    key_padding_mask=None, need_weights=True, attn_mask=None, use_separate_proj_weight=False,
    average_attn_weights=True, is_causal=False, **separate,
):
    """`multi_head_attention_forward`, of (T, 2N, size) each, by the rules of its parts."""
    if (weight is None or bias_k is not None or add_zero_attn or key_padding_mask is not None
            or query.ndim != 3):  # left to the check of completeness
        return function(
            query, key, value, size, heads, weight, bias, bias_k, bias_v, add_zero_attn, dropout_p,
            out_weight, out_bias, training, key_padding_mask, need_weights, attn_mask,
            use_separate_proj_weight, average_attn_weights=average_attn_weights,
            is_causal=is_causal, **separate)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    query, key, value = (  # (2N, heads, T, size / heads)
        F.linear(one, w, b).unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)
        for one, w, b in zip((query, key, value), weight.chunk(3), biases, strict=True))
    scores = product(torch.matmul, query, key.mT) * query.shape[-1] ** -0.5
    if attn_mask is not None:
        shown = attn_mask if attn_mask.ndim == 2 else attn_mask.unflatten(0, (-1, heads))
        scores = (scores.masked_fill(shown, -1e30) if shown.dtype == torch.bool
                  else scores + shown)
    shared = softmax(torch.softmax, scores, -1)
    found = product(torch.matmul, shared, value).permute(2, 0, 1, 3).flatten(2)
    found = F.linear(found, out_weight, out_bias)
    if not need_weights:
        return found, None
    return found, shared.mean(1) if average_attn_weights else shared


def normalised(x: Tensor, dims: tuple[int, ...], eps: float, centred: bool = True) -> Tensor:
    """x less its mean, over the root of its variance."""
    if centred:
        x = x - x.mean(dims, keepdim=True)
    square = elementwise(torch.square, x).mean(dims, keepdim=True)
    return product(torch.mul, x, elementwise(torch.rsqrt, square + eps))


def layer_norm(function, x: Tensor, shape, weight=None, bias=None, eps=1e-5, *ignored) -> Tensor:
    found = normalised(x, tuple(range(-len(shape), 0)), eps)
    found = found if weight is None else found * weight
    return found if bias is None else found + bias


def rms_norm(function, x: Tensor, shape, weight=None, eps=None) -> Tensor:
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    found = normalised(x, tuple(range(-len(shape), 0)), eps, centred=False)
    return found if weight is None else found * weight


def group_norm(function, x: Tensor, groups: int, weight=None, bias=None, eps=1e-5, *more):
    found = normalised(x.reshape(len(x), groups, -1), (2,), eps).view(x.shape)
    shape = (1, -1, *[1] * (x.ndim - 2))
    found = found if weight is None else found * weight.view(shape)
    return found if bias is None else found + bias.view(shape)


def instance_norm(
    function, x, running_mean=None, running_var=None, weight=None, bias=None,
    use_input_stats=True, momentum=0.1, eps=1e-5,
) -> Tensor:
    if not use_input_stats:
        return function(x, running_mean, running_var, weight, bias, False, momentum, eps)
    return group_norm(function, x, x.shape[1], weight, bias, eps)


def maximum(function, a: Tensor, b: Tensor) -> Tensor:
    return b + elementwise(torch.relu, a - b)


def minimum(function, a: Tensor, b: Tensor) -> Tensor:
    return a - elementwise(torch.relu, a - b)


def largest(function, x: Tensor, *arguments, **options):
    """`max`: of all, over an axis (with places), or of two."""
    other = options.get("other", arguments[0] if arguments else None)
    if isinstance(other, Tensor):
        return maximum(function, x, other)
    if not arguments and "dim" not in options:
        return amax(function, x)
    found = function(x.detach(), *arguments, **options)
    return type(found)((amax(function, x, *arguments, **options), found.indices))


def amax(function, x: Tensor, dim=(), keepdim: bool = False) -> Tensor:
    """The maximum over `dim`, through the place of the greater of both halves' maxima."""
    dims = [d % x.ndim for d in ((dim,) if isinstance(dim, int) else dim)] or range(x.ndim)
    rest = [d for d in range(x.ndim) if d not in dims]
    flat = x.permute(*rest, *dims).flatten(len(rest))  # the maximum is over the last axis
    value, place = flat.detach().max(-1)
    value = through_greater(flat, value, place)
    shape = [1 if d in dims else x.shape[d] for d in range(x.ndim)]
    return value.reshape(shape) if keepdim else value


def pooling(pool: Callable) -> Callable:
    """The rule of a maximum pooling, which puts out each maximum's place as well."""

    def rule(function, x: Tensor, *arguments, **options):
        both = options.pop("return_indices", False) or "with_indices" in function.__name__
        value, place = pool(x.detach(), *arguments, **options, return_indices=True)
        result = through_greater(x.flatten(2), value.flatten(2), place.flatten(2)).view_as(value)
        return (result, place) if both else result

    return rule


def through_greater(x: Tensor, value: Tensor, place: Tensor) -> Tensor:
    """`value`, with its change credited to x at the place of the greater maximum.

    x: (2N, ..., L); value, place: maxima of x along its last axis and where they are, (2N, ...) for
    one per row or (2N, ..., M) for several.
    """
    several = value.ndim == x.ndim
    first, second = value.chunk(2)
    place = torch.where(first >= second, *place.chunk(2)).repeat(2, *[1] * (place.ndim - 1))
    there = x.gather(-1, place if several else place[..., None])
    there = there if several else there[..., 0]
    rise, run = (torch.sub(*halves(t)) for t in (value, there))
    slope = torch.where(run == 0, 1.0, rise / run.where(run != 0, 1))
    return linearised(value, (there, torch.cat([slope] * 2).to(x.dtype)))


def gated(function, x: Tensor, dim: int = -1) -> Tensor:
    """`glu`."""
    value, gate = x.chunk(2, dim)
    return product(torch.mul, value, elementwise(torch.sigmoid, gate))


def unit(function, x: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out=None) -> Tensor:
    """`normalize`."""
    if p != 2.0:
        return function(x, p, dim, eps)
    square = elementwise(torch.square, x).sum(dim, keepdim=True)
    return product(torch.mul, x, elementwise(lambda s: s.clamp(min=eps**2).rsqrt(), square))


ELEMENTWISE = (
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "softplus", "softsign", "logsigmoid", "tanhshrink", "softshrink", "hardshrink", "threshold",
    "_threshold", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "tanh", "exp", "exp2", "expm1",
    "log", "log2", "log1p", "sqrt", "rsqrt", "square", "sin", "cos", "erf", "atan", "abs", "clamp",
    "clip", "clamp_min", "clamp_max", "reciprocal", "logit", "__rdiv__", "__rtruediv__", "__rpow__",
)
RULES = {name: elementwise for name in ELEMENTWISE} | {
    "mul": product, "multiply": product, "matmul": product, "bmm": product, "mm": product,
    "einsum": einsum, "addcmul": addcmul, "div": quotient, "divide": quotient,
    "true_divide": quotient, "pow": power, "softmax": softmax, "log_softmax": log_softmax,
    "logsumexp": logsumexp, "scaled_dot_product_attention": attention, "layer_norm": layer_norm,
    "rms_norm": rms_norm, "group_norm": group_norm, "instance_norm": instance_norm,
    "normalize": unit, "glu": gated, "maximum": maximum, "minimum": minimum, "max": largest,
    "amax": amax, "max_pool1d": pooling(F.max_pool1d), "max_pool2d": pooling(F.max_pool2d),
    "max_pool2d_with_indices": pooling(F.max_pool2d),
    "adaptive_max_pool2d": pooling(F.adaptive_max_pool2d),
    "adaptive_max_pool2d_with_indices": pooling(F.adaptive_max_pool2d),
    "multi_head_attention_forward": multihead,
}
