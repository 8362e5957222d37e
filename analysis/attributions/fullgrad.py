"""FullGrad: the picture's and all biases' parts of the logit, shown where they are.

Srinivas & Fleuret, NeurIPS 2019. By first order every function y = F(a) is J a and an implicit bias
y - J a; picture times gradient, and each bias times the gradient there, sum to the logit exactly
(their equation 4). Biases of convolutions, of dense layers and batch norms are known; of other
functions that are not homogeneous (gates, softmax, norms) the implicit one is computed, so that the
sum holds through attention as well.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from analysis.attributions.base import attribution
from analysis.attributions.completeness import warn_incomplete
from analysis.attributions.holding import JOINING, Held, Holding, by_picture
from analysis.attributions.overriding import depends, derivative
from analysis.attributions.question import gradients_told, of_target, with_gradient
from analysis.attributions.rules import ELEMENTWISE
from analysis.attributions.sharing import CONVOLUTIONS, batch_norm_of
from analysis.stimuli.resizing import resize

SHARE, LEAST = 0.01, 1e-3  # of a logit, and in logits, that the parts may miss
TOGETHER = 16  # pictures
HOMOGENEOUS = ("relu", "leaky_relu", "prelu", "abs")  # y = J a: no bias
BY_TANGENT = (
    "softmax", "log_softmax", "logsumexp", "scaled_dot_product_attention", "layer_norm", "rms_norm",
    "group_norm", "instance_norm", "normalize", "div", "divide", "true_divide", "pow", "glu",
    "multi_head_attention_forward",
)


class Parts(NamedTuple):
    """Of the logits of N pictures.

    Attributes:
        maps: (N, H, W) sizes of all parts that have a place.
        total: (N,) the sum of all parts, with their signs: the logit.
        logit: (N,).
    """

    maps: Tensor
    total: Tensor
    logit: Tensor


@attribution("fullgrad", "gradients", "functions", title="FullGrad", signed=False)
def fullgrad(model, x, target) -> Tensor:
    """|x grad| + sum over layers and channels of |bias grad|, at the picture's size.

    How much depends on a place, not for or against. Parts without a place (of dense layers, of
    tokens) are left out, as in the paper. Deviation: the paper scales each layer's parts to [0, 1]
    by themselves; here all are in logits, and a layer's sum is kept as it is brought to size.

    Warns:
        Incomplete: all parts do not sum to the logit: the net holds a function without a rule.
    """
    parts = zip(x.split(TOGETHER), target.split(TOGETHER), strict=True)
    found = [logit_parts(model, *part) for part in parts]
    maps, total, logit = map(torch.cat, zip(*found, strict=True))
    warn_incomplete("fullgrad", total, logit, SHARE, LEAST,
                    "the model holds a function whose implicit bias is not known")
    return maps


def logit_parts(model, x: Tensor, target: Tensor) -> Parts:
    """`Parts` of pictures (N, C, H, W) that a model takes, undisturbed (see `asked`)."""
    picture, biases = x.detach().clone().requires_grad_(), Biases(len(x), x.shape[2:])
    with biases:
        logits = model(picture.clone())
    scores = of_target(with_gradient(logits), target)
    with gradients_told():
        (slope,) = torch.autograd.grad(scores.sum(), picture, allow_unused=True)
    own = torch.zeros_like(x) if slope is None else (x * slope).detach()
    biases.total += own.flatten(1).sum(1).double().cpu()
    return Parts(biases.maps.to(x.device) + own.abs().sum(1).float(),
                 biases.total.float().to(x.device), scores.detach().float())


class Biases(Holding):
    """A pass that notes what each function adds of its own, times the gradient there.

    Attributes:
        maps: (N, H, W) sizes of the parts that have a place.
        total: (N,) the sum of all.
    """

    def __init__(self, count: int, size: tuple[int, int]):
        super().__init__(
            {name: self.elementwise for name in ELEMENTWISE if name not in HOMOGENEOUS}
            | dict.fromkeys((*CONVOLUTIONS, "linear"), self.affine)
            | dict.fromkeys(("mul", "multiply", "matmul", "bmm", "mm"), self.product)
            | dict.fromkeys(("add", "sub", "subtract", "__rsub__", "rsub"), self.sum)
            | dict.fromkeys(BY_TANGENT, self.tangent) | dict.fromkeys(JOINING, self.joined)
            | {"batch_norm": self.batch_norm, "addcmul": self.addcmul, "einsum": self.einsum})
        self.count, self.size = count, size
        self.maps = torch.zeros(count, *size)
        self.total = torch.zeros(count, dtype=torch.float64)

    def note(self, y: Tensor, bias: Callable[[], Tensor]) -> Tensor:
        """y, of which this is the implicit bias. It must not hold y, which holds it in its hook,
        out of the garbage collector's sight: the whole pass would stay in memory."""
        if depends(y):
            y.register_hook(lambda slope: self.take(slope * bias()))
        return y

    def absorbs(self, y: Tensor, part: Tensor) -> None:
        self.note(y, lambda: part)

    def take(self, part: Tensor) -> None:
        part = part.detach()
        self.total += by_picture(part, self.count)
        if len(part) == self.count and part.ndim == 4 and part.shape[2] * part.shape[3] > 1:
            found = part.abs().sum(1).float().cpu()
            share = found.shape[1] * found.shape[2] / (self.size[0] * self.size[1])
            self.maps += found if found.shape[1:] == self.size else (
                share * resize(found, *self.size))

    def affine(self, function, x, weight, bias=None, *rest, **options) -> Tensor:
        y = function(x, weight, bias, *rest, **options)
        if depends(weight) or bias is None:
            return y
        named = function.__name__.partition(".")[0] == "linear"
        shaped = bias if named else bias.view(-1, *[1] * (y.ndim - 2))
        return self.note(y, lambda: shaped)

    def batch_norm(self, function, x, *arguments, **options) -> Tensor:
        y, found = function(x, *arguments, **options), batch_norm_of(function, arguments, options)
        if found is None:
            return y
        shift = found[1].view(-1, *[1] * (y.ndim - 2))
        return self.note(y, lambda: shift)

    def elementwise(self, function, x: Tensor, *arguments, **options) -> Tensor:
        held = Held(x)

        def bias() -> Tensor:
            x = held.value
            slope = derivative(lambda x: function(x, *arguments, **options), x)
            return function(x, *arguments, **options) - slope * x

        return self.note(function(x, *arguments, **options), bias)

    def product(self, function, a, b) -> Tensor:
        y = function(a, b)
        if not (depends(a) and depends(b)):
            return y
        kept = Held(y)
        return self.note(y, lambda: -kept.value)

    def sum(self, function, a, b, **options) -> Tensor:
        y = function(a, b, **options)
        if depends(a) == depends(b):
            return y
        zero = torch.zeros((), dtype=y.dtype, device=y.device)
        part = function(*(zero if depends(one) else one for one in (a, b)), **options)
        return self.note(y, lambda: part)

    def tangent(self, function, *arguments, **options) -> Tensor:
        """y - J a; of several results y is the first."""
        result = function(*arguments, **options)
        places = [k for k, one in enumerate(arguments) if depends(one)]
        held = [Held(arguments[k]) for k in places]

        def bias() -> Tensor:
            with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
                own = list(arguments)
                for k, one in zip(places, held, strict=True):
                    own[k] = one.value.clone().requires_grad_()
                y = _first(function(*own, **options))
                given = [own[k] for k in places]
                back = torch.zeros_like(y).requires_grad_()  # J a by two passes back
                slopes = torch.autograd.grad(y, given, back, create_graph=True)
                return y.detach() - torch.autograd.grad(slopes, back, given)[0]

        self.note(_first(result), bias)
        return result


def _first(result) -> Tensor:
    return result if isinstance(result, Tensor) else result[0]
