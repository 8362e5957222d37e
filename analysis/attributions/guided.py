"""Guided backpropagation."""

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.overriding import Overriding
from analysis.attributions.question import gradient


@attribution("guided_backprop", "gradients", "functions")
def guided_backprop(model, x, target) -> Tensor:
    """The gradient at x, with only its positive part let back through every ReLU and ReLU6.

    Springenberg et al., ICLR Workshops 2015. Equal to Captum's where all ReLUs are modules of
    their own; here functional, in-place and reused ones count too, and ReLU6. In a net without any
    it is the plain gradient. Known to change little when the upper layers' weights are randomised.
    """
    with Overriding({"relu": guided, "relu6": guided, "hardtanh": guided_from_zero}):
        start = x.clone().requires_grad_()
        logits = model(start.clone())
    return gradient(logits, target, start).sum(1)


def guided(function, x: Tensor, *arguments, **options) -> Tensor:
    """A ReLU whose incoming gradient is cut at 0."""
    result = function(x, *arguments, **options)
    result.register_hook(torch.relu)
    return result


def guided_from_zero(function, x: Tensor, min_val=-1.0, max_val=1.0, inplace=False) -> Tensor:
    """`nn.ReLU6` calls hardtanh from 0 to 6; from below 0 it is no ReLU."""
    rule = guided if min_val == 0 else lambda f, *a: f(*a)
    return rule(function, x, min_val, max_val)
