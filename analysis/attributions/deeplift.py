"""DeepLIFT's rescale rule, complete through attention gates.

Shrikumar, Greenside & Kundaje, ICML 2017, section 3.5.1. Captum's DeepLift is equal on a plain net
without maximum pooling whose ReLUs are modules of their own. On our attention modules it isn't
complete (contributions do not sum to the change of the logit): it does not see functional
activations, refuses modules that are used twice, and has no rule for the product of two things that
both depend on the picture. Here every non-linear function has a rule
under which the contributions of its arguments sum to the change of its result:

- of one argument: the secant from baseline to picture (the rescale rule);
- products (gates): each factor's change times the other factor's mean of picture and baseline,
  the Shapley value of the two factors;
- maxima: the change goes to the place of the greater of the two maxima;
- softmax, division: made of the above.

Pictures are the first half of the batch, their baselines the second.
"""

import warnings

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.attributions.base import attribution
from analysis.attributions.masking import baseline as removed
from analysis.attributions.overriding import Overriding, depends, derivative, linearised
from analysis.attributions.question import gradient, of_target

SMALL = 1e-6  # a change below it is none: the derivative takes the secant's place
INCOMPLETE = 0.01  # share of the logit's change that may be missing before there is a warning


@attribution("deeplift", "gradients", "functions", title="DeepLIFT")
def deeplift(model, x, target, baseline: str = "mean") -> Tensor:
    """Contributions that sum to logit(x) - logit(baseline), by the rescale rule.

    Args:
        baseline: "black", "mean" or "blur"; see `masking.baseline`.

    Warns:
        UserWarning: the sum is off by more than 1% of the change: the model holds a non-linear
            function without a rule here, such as a layer norm.
    """
    start = removed(x, baseline)
    both = torch.cat([x, start]).requires_grad_()
    with Overriding(RULES):
        logits = model(both.clone())
    multipliers = gradient(logits[: len(x)], target, both)[: len(x)]
    maps = (multipliers * (x - start)).sum(1)
    ends = [of_target(half.detach(), target) for half in logits.chunk(2)]
    _check_complete(maps.sum((1, 2)), ends[0] - ends[1])
    return maps


def _check_complete(total: Tensor, change: Tensor) -> None:
    gap = (total - change).abs()
    if (gap > INCOMPLETE * change.abs() + 1e-3).any():
        warnings.warn(
            f"deeplift: contributions miss up to {gap.max():.3g} of a logit's change; the model "
            "holds a non-linear function that it has no rule for",
            stacklevel=3,
        )


def secant(value: Tensor, x: Tensor, otherwise) -> Tensor:
    """Slope from baseline to picture, for both halves; `otherwise()` where x hardly changes."""
    dx, dy = (first - second for first, second in (t.detach().chunk(2) for t in (x, value)))
    flat = torch.cat([dx.abs() < SMALL] * 2)
    slope = torch.cat([dy / dx.where(dx.abs() >= SMALL, 1)] * 2)
    return slope.where(~flat, otherwise()) if flat.any() else slope


def elementwise(function, x: Tensor, *arguments, **options) -> Tensor:
    def f(x):
        return function(x, *arguments, **options)

    value = f(x.detach())
    return linearised(value, (x, secant(value, x, lambda: derivative(f, x))))


def mean_of_halves(x: Tensor) -> Tensor:
    first, second = x.detach().chunk(2)
    return torch.cat([(first + second) / 2] * 2)


def product(function, a, b) -> Tensor:
    """Any function that is linear in each of two arguments: `mul`, `matmul`, ..."""
    if not (depends(a) and depends(b)):
        return function(a, b)
    value = function(a.detach(), b.detach())
    moved_a = function(a - a.detach(), mean_of_halves(b))
    return value + moved_a + function(mean_of_halves(a), b - b.detach())


def addcmul(function, x, a, b, value=1) -> Tensor:
    return x + value * product(torch.mul, a, b)


def quotient(function, a, b) -> Tensor:
    return product(torch.mul, a, elementwise(torch.reciprocal, b)) if depends(b) else function(a, b)


def power(function, x, exponent) -> Tensor:
    if depends(exponent):
        return function(x, exponent)  # left to the check of completeness
    return elementwise(function, x, exponent)


def softmax(function, x: Tensor, dim: int, *ignored, **options) -> Tensor:
    top = torch.maximum(*x.detach().amax(dim, keepdim=True).chunk(2))
    raised = elementwise(torch.exp, x - torch.cat([top] * 2))
    return quotient(torch.div, raised, raised.sum(dim, keepdim=True))


def amax(function, x: Tensor, dim=(), keepdim: bool = False) -> Tensor:
    """The maximum over `dim`, through the place of the greater of both halves' maxima."""
    dims = [d % x.ndim for d in ((dim,) if isinstance(dim, int) else dim)] or range(x.ndim)
    rest = [d for d in range(x.ndim) if d not in dims]
    flat = x.permute(*rest, *dims).flatten(len(rest))  # the maximum is over the last axis
    value, place = flat.detach().max(-1)
    value = through_greater(flat, value, place)
    shape = [1 if d in dims else x.shape[d] for d in range(x.ndim)]
    return value.reshape(shape) if keepdim else value


def max_pool2d(function, x: Tensor, *arguments, **options) -> Tensor:
    options["return_indices"] = True
    value, place = F.max_pool2d(x.detach(), *arguments, **options)
    result = through_greater(x.flatten(2), value.flatten(2), place.flatten(2))
    return result.view_as(value)


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
    return linearised(value, (there, secant(value, there, lambda: torch.ones_like(value))))


ELEMENTWISE = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
    "threshold", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "tanh", "exp", "log", "log1p",
    "sqrt", "rsqrt", "square", "abs", "clamp", "clamp_min", "clamp_max", "reciprocal", "logit",
    "__rdiv__", "__rtruediv__",
)
RULES = {name: elementwise for name in ELEMENTWISE} | {
    "mul": product, "multiply": product, "matmul": product, "bmm": product, "mm": product,
    "addcmul": addcmul, "div": quotient, "true_divide": quotient, "pow": power,
    "softmax": softmax, "amax": amax, "max_pool2d": max_pool2d,
}
