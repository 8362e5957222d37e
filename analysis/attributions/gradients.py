"""Methods that rest on the gradient at the picture, by Captum.

Colour channels are summed, so that contributions stay complete. Signed throughout.
"""

from collections.abc import Sequence

import torch
from captum.attr import GradientShap, InputXGradient, IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.chance import picture_by_picture, picture_seeds
from analysis.attributions.masking import BASELINES, check_batch_size
from analysis.attributions.masking import baseline as removed
from analysis.attributions.question import with_gradient
from iram.errors import InputError


@attribution("saliency", "gradients")
def saliency(model, x, target, absolute: bool = False) -> Tensor:
    """The gradient of the target's logit at x; its size without sign with `absolute`.

    Simonyan, Vedaldi & Zisserman, ICLR Workshops 2014, who take the size.
    """
    return Saliency(shielded(model)).attribute(leaf(x), target, abs=absolute).sum(1)


@attribution("input_x_gradient", "gradients", title="input × gradient")
def input_x_gradient(model, x, target) -> Tensor:
    """The picture times its gradient: its contribution in a linear model with a black baseline."""
    return InputXGradient(shielded(model)).attribute(leaf(x), target).sum(1)


@attribution("integrated_gradients", "gradients", cost="several passes")
def integrated_gradients(
    model, x, target, baseline: str = "mean", steps: int = 32, batch_size: int = 64
) -> Tensor:
    """Contributions that sum to logit(x) - logit(baseline), up to the number of steps.

    Sundararajan, Taly & Yan, ICML 2017; Gauss-Legendre quadrature.

    Args:
        baseline: "black", "mean" or "blur"; see `masking.baseline`.
        steps: gradients per picture.
        batch_size: of the passes; at least one per picture.
    """
    check_count("steps", steps)
    check_batch_size(batch_size)
    method = IntegratedGradients(shielded(model))
    return method.attribute(
        leaf(x), removed(x, baseline), target, n_steps=steps,
        internal_batch_size=max(batch_size, len(x)),
    ).sum(1)


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
    check_count("samples", samples)
    method = NoiseTunnel(Saliency(shielded(model)))

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
    check_count("samples", samples)
    if isinstance(baselines, str) or not baselines:
        raise InputError(f"baselines is {baselines!r}; give a list of names, at least one")
    method = GradientShap(shielded(model))
    starts = torch.stack([removed(x, name) for name in baselines], 1)  # (N, baselines, C, H, W)

    def one(part: slice) -> Tensor:
        return method.attribute(
            leaf(x[part]), starts[part][0], n_samples=samples, stdevs=float(noise),
            target=target[part],
        )

    return picture_by_picture(x, picture_seeds(x, seed, "gradient_shap", ids), one).sum(1)


def shielded(model):
    """The model for Captum: works on a copy (so in-place models spoil no leaf), has gradients."""

    def logits(x: Tensor) -> Tensor:
        return with_gradient(model(x.clone()))

    return logits


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def check_count(name: str, count: int) -> None:
    if not isinstance(count, int) or count < 1:
        raise InputError(f"{name} is {count!r}; it must be a whole number from 1")
