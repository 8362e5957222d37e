"""Layer-wise relevance propagation: the logit shared out layer by layer, back to the pixels.

Bach et al., PLOS ONE 2015; rules and composites as in Montavon et al. 2019 ("Layer-Wise Relevance
Propagation: An Overview", in Explainable AI, LNCS 11700). What each layer gets it hands on, but for
the part of biases and of epsilon: relevance and what was absorbed sum to the logit.

- convolutions and dense layers: the rule of the method; a batch norm is folded into the layer that
  it follows;
- activations pass relevance on as it is;
- a gate (sigmoid or softmax, and what is made of gates alone) times a signal: the signal takes all
  (Arras et al. 2017, Ali et al. 2022), so nothing goes back through attention's own branch; two
  signals take half each;
- sums by their parts, maxima to the place of the maximum, norms with a constant deviation.

Relevance is read where the first convolution gets the picture, so that a net's own normalisation
absorbs none; of a net that does not begin with one, at the picture.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.completeness import warn_incomplete
from analysis.attributions.question import gradients_told, of_target, with_gradient
from analysis.attributions.relevance import Propagating, Rule
from analysis.stimuli.resizing import resize
from iram.errors import InputError

SHARE, LEAST = 0.01, 1e-3  # of a logit, and in logits, that conservation may miss
TOGETHER = 16  # pictures


class Relevance(NamedTuple):
    """What became of the logits of N pictures.

    Attributes:
        maps: (N, H, W) relevance of each pixel, channels summed, in logits.
        absorbed: (N,) what biases and epsilon kept. Maps and this sum to the logit.
        logit: (N,) of the target.
    """

    maps: Tensor
    absorbed: Tensor
    logit: Tensor


@attribution("lrp_epsilon", "gradients", "functions", title="LRP-ε")
def lrp_epsilon(model, x, target, epsilon: float = 0.25) -> Tensor:
    """The epsilon rule in every layer: R_j = sum_k a_j w_jk / (z_k + epsilon sign z_k) R_k.

    With an epsilon near 0 this is the picture times the gradient, of a net of ReLUs without gates.

    Args:
        epsilon: in shares of the layer's root mean square; above 0. What it damps is absorbed.

    Warns:
        Incomplete: relevance is not conserved: the net holds a function without a rule.
    """
    rule = Rule(_above_0("epsilon", epsilon))
    return conserved("lrp_epsilon", model, x, target, rule, rule)


@attribution("lrp_gamma", "gradients", "functions", title="LRP-γ")
def lrp_gamma(model, x, target, gamma: float = 0.25) -> Tensor:
    """The gamma rule in every layer: what has the sign of z counts 1 + gamma times.

    In the form for inputs of either sign (Andéol et al. 2021), of which that of Montavon et al. is
    the case of positive ones.

    Args:
        gamma: above 0; the larger, the less speaks against.

    Warns:
        Incomplete: as of `lrp_epsilon`.
    """
    rule = Rule(gamma=_above_0("gamma", gamma))
    return conserved("lrp_gamma", model, x, target, rule, rule)


@attribution("lrp_composite", "gradients", "functions", title="LRP, composite")
def lrp_composite(model, x, target, gamma: float = 0.25, epsilon: float = 1e-6) -> Tensor:
    """Epsilon in dense layers, gamma in convolutions, flat in the first one.

    Flat (Lapuschkin et al. 2019): relevance is shared out evenly over the places that a unit reads,
    so that no map follows the gray values. It absorbs none.

    Args:
        gamma, epsilon: as of `lrp_gamma` and `lrp_epsilon`.

    Warns:
        Incomplete: as of `lrp_epsilon`.
    """
    rules = Rule(gamma=_above_0("gamma", gamma)), Rule(_above_0("epsilon", epsilon))
    return conserved("lrp_composite", model, x, target, *rules, flat=True)


def conserved(
    method: str, model, x: Tensor, target: Tensor, convolutions: Rule, dense: Rule,
    flat: bool = False,
) -> Tensor:
    """The maps of `relevance`; warns where the sum is missed."""
    parts = zip(x.split(TOGETHER), target.split(TOGETHER), strict=True)
    found = [relevance(model, *part, convolutions, dense, flat) for part in parts]
    maps, absorbed, logit = map(torch.cat, zip(*found, strict=True))
    warn_incomplete(method, maps.sum((1, 2)) + absorbed, logit, SHARE, LEAST,
                    "the model holds a function that there is no rule for")
    return maps


def relevance(
    model, x: Tensor, target: Tensor, convolutions: Rule, dense: Rule, flat: bool = False
) -> Relevance:
    """`Relevance` of pictures (N, C, H, W) that a model takes, undisturbed (see `asked`)."""
    picture = x.detach().clone().requires_grad_()
    propagating = Propagating(len(x), convolutions, dense, flat)
    with propagating:
        logits = model(picture.clone())
    scores = of_target(with_gradient(logits), target)
    starts = propagating.starts
    with gradients_told():
        found = torch.autograd.grad(scores.sum(), [picture, *starts], allow_unused=True)
    maps = torch.zeros(len(x), *x.shape[2:], device=x.device)
    read = [picture] if flat else [picture, *starts]  # flat first layers told theirs
    for start, c in zip(read, found, strict=False):
        if c is not None:
            maps += at_size((start * c).detach().sum(1).float(), x)
    for own in propagating.maps:
        maps += at_size(own.float(), x)
    absorbed = propagating.absorbed.to(maps)
    return Relevance(maps, absorbed, scores.detach().float())


def at_size(maps: Tensor, x: Tensor) -> Tensor:
    """Relevance of places of another number than x's, as a density with the same sum."""
    if maps.shape[1:] == x.shape[2:]:
        return maps
    sums = maps.sum((1, 2), keepdim=True)
    sized = resize(maps, *x.shape[2:])
    total = sized.sum((1, 2), keepdim=True)
    return sized * torch.where(total == 0, 0, sums / total.where(total != 0, 1))


def _above_0(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InputError(f"{name} is {value!r}; it must be a number above 0")
    return float(value)
