"""Backpropagation with another derivative of the ReLU: guided backpropagation, the deconvolution
net, and guided Grad-CAM."""

import warnings

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.cams import gradcam
from analysis.attributions.once import shared
from analysis.attributions.overriding import Overriding
from analysis.attributions.question import gradient
from analysis.stimuli.resizing import resize


@attribution("guided_backprop", "gradients", "functions")
def guided_backprop(model, x, target) -> Tensor:
    """The gradient at x, with only its positive part let back through every ReLU and ReLU6.

    Springenberg et al., ICLR Workshops 2015. Equal to Captum's where all ReLUs are modules of
    their own; here functional, in-place and reused ones count too, ReLU6, and clamps and thresholds
    from 0. Known to change little when the upper layers' weights are randomised.

    Warns:
        UserWarning: the model has none, so that this is the plain gradient.
    """
    return rectified(model, x, target, "guided_backprop")


@attribution("deconvolution", "gradients", "functions", title="deconvolution net")
def deconvolution(model, x, target) -> Tensor:
    """The gradient at x, of which every ReLU lets back the positive part, wherever it was closed.

    Zeiler & Fergus, ECCV 2014. As known for as little change as `guided_backprop`; which ReLUs were
    open, and so the picture, enters by maximum pooling and gates alone.

    Warns:
        UserWarning: as of `guided_backprop`.
    """
    return rectified(model, x, target, "deconvolution", closed=False)


@attribution("guided_gradcam", "gradients", "layers", "functions", title="guided Grad-CAM")
def guided_gradcam(model, x, target, layer: str | None = None) -> Tensor:
    """Guided backpropagation times Grad-CAM with its ReLU, at the picture's size. Selvaraju et al.,
    ICCV 2017, section 3.2."""
    where = gradcam(model, x, target, layer, relu=True)
    return rectified(model, x, target, "guided_gradcam") * resize(where, *x.shape[2:])


def rectified(model, x: Tensor, target: Tensor, method: str, closed: bool = True) -> Tensor:
    """The gradient at x, channels summed, cut at 0 as it goes back through every ReLU; told where
    there is none.

    Args:
        closed: whether a ReLU lets nothing back where it was closed.
    """
    found, met = _rectified(model, x, target, closed)
    if not met:
        warnings.warn(f"{method}: the model has no ReLU; this is the plain gradient", stacklevel=4)
    return found


@shared
def _rectified(model, x: Tensor, target: Tensor, closed: bool) -> tuple[Tensor, bool]:
    met = []

    def rule(function, x: Tensor, *arguments, **options) -> Tensor:
        name = function.__name__.partition(".")[0]
        if name in FROM and FROM[name](*arguments, **options) != 0:
            return function(x, *arguments, **options)
        met.append(name)
        if closed:
            result = function(x, *arguments, **options)
        else:
            result = function(x.detach(), *arguments, **options) + (x - x.detach())
        result.register_hook(torch.relu)
        return result

    with Overriding(dict.fromkeys(("relu", "relu6", *FROM), rule)):
        start = x.clone().requires_grad_()
        logits = model(start.clone())
    return gradient(logits, target, start).sum(1), bool(met)


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
