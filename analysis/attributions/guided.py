"""Guided backpropagation."""

import warnings

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.overriding import Overriding
from analysis.attributions.question import gradient


@attribution("guided_backprop", "gradients", "functions")
def guided_backprop(model, x, target) -> Tensor:
    """The gradient at x, with only its positive part let back through every ReLU and ReLU6.

    Springenberg et al., ICLR Workshops 2015. Equal to Captum's where all ReLUs are modules of
    their own; here functional, in-place and reused ones count too, ReLU6, and clamps and thresholds
    from 0. Known to change little when the upper layers' weights are randomised.

    Warns:
        UserWarning: the model has none, so that this is the plain gradient.
    """
    met = []

    def guided(function, x: Tensor, *arguments, **options) -> Tensor:
        result = function(x, *arguments, **options)
        name = function.__name__.partition(".")[0]
        if name in FROM and FROM[name](*arguments, **options) != 0:
            return result
        met.append(name)
        result.register_hook(torch.relu)
        return result

    with Overriding(dict.fromkeys(("relu", "relu6", *FROM), guided)):
        start = x.clone().requires_grad_()
        logits = model(start.clone())
    if not met:
        warnings.warn("guided_backprop: the model has no ReLU; this is the plain gradient",
                      stacklevel=3)
    return gradient(logits, target, start).sum(1)


def _clamped(min=None, max=None):
    return min


def _threshold(threshold, value, inplace=False):
    return threshold if threshold == value else None


FROM = {
    "hardtanh": lambda min_val=-1.0, max_val=1.0, inplace=False: min_val,
    "clamp": _clamped, "clip": _clamped, "clamp_min": lambda min: min,
    "threshold": _threshold, "_threshold": _threshold,
}
"""Functions that are a ReLU where they cut from 0: what their arguments cut from."""
