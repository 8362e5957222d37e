"""Methods that rest on the gradient at the picture; those of several passes by Captum.

Colour channels are summed, so that contributions stay complete. Signed throughout. Captum, which
imports matplotlib, is imported when a map is first asked for: most commands begin sooner.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.chance import picture_by_picture, picture_seeds
from analysis.attributions.completeness import gaps, warn_incomplete
from analysis.attributions.masking import BASELINES, check_batch_size
from analysis.attributions.masking import baseline as removed
from analysis.attributions.once import shared
from analysis.attributions.question import HALF, gradient, of_target, with_gradient
from iram.errors import InputError

FEW = 32  # steps that are tried before all
SHARE, LEAST = 0.05, 0.01  # of a logit's change, and of a logit, that contributions may miss


@attribution("saliency", "gradients", title="gradient, signed")
def saliency(model, x, target, absolute: bool = False) -> Tensor:
    """The gradient of the target's logit at x, with its sign.

    The field's saliency (Simonyan, Vedaldi & Zisserman, ICLR Workshops 2014) is its size: that is
    `gradient_size`, or this with `absolute`.
    """
    found = slope(model, x, target)
    return (found.abs() if absolute else found).sum(1)


@attribution("gradient_size", "gradients", title="saliency (size of the gradient)", signed=False,
             by_name=True)
def gradient_size(model, x, target) -> Tensor:
    """The size of the gradient of the target's logit at x, summed over channels.

    Simonyan, Vedaldi & Zisserman, ICLR Workshops 2014 (saliency; there the largest channel's).
    """
    return saliency(model, x, target, absolute=True)


@attribution("input_x_gradient", "gradients", title="input × gradient")
def input_x_gradient(model, x, target) -> Tensor:
    """The picture times its gradient: its contribution in a linear model with a black baseline."""
    return (x * slope(model, x, target)).sum(1)


@attribution("integrated_gradients", "gradients", cost="several passes",
             version=2)  # 1 had 32 steps
def integrated_gradients(
    model, x, target, baseline: str = "mean", steps: int = 128, batch_size: int = 64,
    first: int = FEW,
) -> Tensor:
    """Contributions that sum to logit(x) - logit(baseline), up to the number of steps.

    Sundararajan, Taly & Yan, ICML 2017; Gauss-Legendre quadrature.

    Args:
        baseline: "black", "mean" or "blur"; see `masking.baseline`.
        steps: gradients per picture, at most.
        batch_size: of the passes; at least one per picture.
        first: fewer gradients, which do if contributions then miss no more than 5% of the logit's
            change.

    Warns:
        Incomplete: they miss more with all steps.
    """
    from captum.attr import IntegratedGradients

    check_count("steps", steps)
    check_count("first", first)
    check_batch_size(batch_size)
    start = removed(x, baseline)
    with torch.no_grad():
        change = of_target(model(x.clone()), target) - of_target(model(start.clone()), target)
    maps = torch.zeros(len(x), *x.shape[2:], device=x.device)
    todo = torch.arange(len(x), device=x.device)
    method = IntegratedGradients(shielded(model, x))
    for count in sorted({min(count, steps) for count in (first, FEW, steps)}):
        maps[todo] = method.attribute(
            leaf(x[todo]), leaf(start[todo]).detach(), target[todo], n_steps=count,
            internal_batch_size=max(batch_size, len(todo)),
        ).detach().sum(1).to(maps)
        todo = gaps(maps.sum((1, 2)), change, SHARE, LEAST).nonzero()[:, 0]
        if not len(todo):
            break
    warn_incomplete("integrated_gradients", maps.sum((1, 2)), change, SHARE, LEAST,
                    f"more than {steps} steps are needed")
    return maps


@attribution("smoothgrad", "gradients", title="SmoothGrad", cost="several passes")
def smoothgrad(
    model, x, target, samples: int = 25, noise: float = 0.15, seed: int = 0,
    ids: Sequence | None = None,
) -> Tensor:
    """The mean gradient over noisy copies. Smilkov et al. 2017 (arXiv 1706.03825).

    Args:
        samples: copies per picture.
        noise: standard deviation of the Gaussian noise, in gray values of [0, 1].
        seed, ids: of the draws; see `chance.picture_seeds`.
    """
    from captum.attr import NoiseTunnel, Saliency

    check_count("samples", samples)
    method = NoiseTunnel(Saliency(shielded(model, x)))

    def one(part: slice) -> Tensor:
        return method.attribute(
            leaf(x[part]), nt_samples=samples, stdevs=float(noise), target=target[part], abs=False
        )

    return picture_by_picture(x, picture_seeds(x, seed, "smoothgrad", ids), one).sum(1)


@attribution("gradient_shap", "gradients", title="GradientSHAP", cost="several passes")
def gradient_shap(
    model, x, target, samples: int = 25, noise: float = 0.0,
    baselines: Sequence[str] = BASELINES, seed: int = 0, ids: Sequence | None = None,
) -> Tensor:
    """Expected gradients: at random points between the picture and a random baseline.

    Erion et al., Nature Machine Intelligence 2021, as in Lundberg & Lee's SHAP. Sums to the logit's
    change from the mean over baselines, up to chance.

    Args:
        samples: points per picture.
        noise: standard deviation of Gaussian noise on the picture, in gray values.
        baselines: the fills to draw from; see `masking.baseline`.
        seed, ids: of the draws; see `chance.picture_seeds`.
    """
    from captum.attr import GradientShap

    check_count("samples", samples)
    if isinstance(baselines, str) or not baselines:
        raise InputError(f"baselines is {baselines!r}; give a list of names, at least one")
    method = GradientShap(shielded(model, x))
    starts = torch.stack([removed(x, name) for name in baselines], 1)  # (N, baselines, C, H, W)

    def one(part: slice) -> Tensor:
        return method.attribute(
            leaf(x[part]), leaf(starts[part][0]).detach(), n_samples=samples, stdevs=float(noise),
            target=target[part],
        )

    return picture_by_picture(x, picture_seeds(x, seed, "gradient_shap", ids), one).sum(1)


@shared
def slope(model, x: Tensor, target: Tensor) -> Tensor:
    """(N, C, H, W): the gradient of each target's logit at x, in single precision or better."""
    start = leaf(x)
    return gradient(shielded(model, x)(start), target, start)


def shielded(model, x: Tensor):
    """The model for Captum: works on a copy (so in-place models spoil no leaf), of the type of x
    (so that noise may be drawn in single precision), and has gradients."""

    def logits(pictures: Tensor) -> Tensor:
        return with_gradient(model(pictures.to(x.dtype, copy=True)))

    return logits


def leaf(x: Tensor) -> Tensor:
    """A copy to ask gradients at, in single precision or better."""
    x = x.detach()
    return (x.float() if x.dtype in HALF else x.clone()).requires_grad_()


def check_count(name: str, count: int) -> None:
    if not isinstance(count, int) or count < 1:
        raise InputError(f"{name} is {count!r}; it must be a whole number from 1")
