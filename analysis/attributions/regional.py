"""Methods over regions, by Captum: one region removed, and sampled coalitions of them.

Like `region_shapley` their maps are densities: a region's value is spread evenly over its pixels
(Captum writes the whole value on each), so that sums over a region mean the same for every method.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.chance import picture_by_picture, picture_seeds
from analysis.attributions.completeness import warn_incomplete
from analysis.attributions.gradients import LEAST, SHARE, check_count
from analysis.attributions.masking import baseline as removed
from analysis.attributions.masking import check_batch_size
from analysis.attributions.question import of_target
from analysis.attributions.regions import checked_regions, spread
from iram.errors import InputError


@attribution("feature_ablation", title="region ablation", cost="several passes")
def feature_ablation(
    model, x, target, regions: Tensor | str | None = None, baseline: str = "mean",
    batch_size: int = 32,
) -> Tensor:
    """What the logit loses as each region alone is removed, spread over the region's pixels.

    Args:
        regions: integer labels at the size of x, (H, W) or (N, H, W); "face" for the parts of the
            mean face; none for a 4 x 4 grid.
        baseline: what a removed region shows: "black", "mean" or "blur".
        batch_size: of the forward passes; at least one per picture.
    """
    from captum.attr import FeatureAblation

    check_batch_size(batch_size)
    labels = checked_regions(regions, x)
    with torch.no_grad():
        losses = FeatureAblation(lambda x: model(x.clone())).attribute(
            x, removed(x, baseline), target, feature_mask=labels[:, None],
            perturbations_per_eval=max(1, batch_size // len(x)),
        )
    return spread(per_region(losses[:, 0], labels), labels)


@attribution("kernel_shap", title="KernelSHAP", cost="dear")
def kernel_shap(
    model, x, target, regions: Tensor | str | None = None, baseline: str = "mean",
    samples: int = 256, batch_size: int = 32, seed: int = 0, ids: Sequence | None = None,
) -> Tensor:
    """Shapley values estimated from sampled coalitions, spread over the regions' pixels.

    Lundberg & Lee, NeurIPS 2017. Captum draws the coalitions; the weighted least squares is solved
    here (Captum's needs scikit-learn).

    Args:
        regions, baseline, batch_size: as for `feature_ablation`; at least 2 regions.
        samples: coalitions per picture.
        seed, ids: of the draws; see `chance.picture_seeds`.

    Warns:
        Incomplete: values that do not sum to the logit's change (with one sample, say).
    """
    from captum.attr import KernelShap

    check_count("samples", samples)
    check_batch_size(batch_size)
    labels = checked_regions(regions, x)
    starts = removed(x, baseline)
    method = KernelShap(lambda x: model(x.clone()))
    method.interpretable_model = LeastSquares()

    def one(part: slice) -> Tensor:
        numbers, places = labels[part].unique(return_inverse=True)  # Captum wants no gaps
        if len(numbers) < 2:
            raise InputError(f"kernel_shap needs 2 regions or more, got {len(numbers)}")
        return method.attribute(
            x[part], starts[part], target[part], feature_mask=places[:, None],
            n_samples=samples, perturbations_per_eval=batch_size,
        )

    with torch.no_grad():
        effects = picture_by_picture(x, picture_seeds(x, seed, "kernel_shap", ids), one)
        change = of_target(model(x.clone()), target) - of_target(model(starts.clone()), target)
    values = per_region(effects[:, 0], labels)
    warn_incomplete("kernel_shap", values.sum(1), change, SHARE, LEAST,
                    f"more than {samples} samples are needed")
    return spread(values, labels)


def per_region(maps: Tensor, labels: Tensor) -> Tensor:
    """(N, k): the value that a map holds on every pixel of a region; 0 without a pixel."""
    empty = maps.new_zeros(len(maps), int(labels.max()) + 1)
    return empty.scatter_reduce(1, labels.flatten(1), maps.flatten(1), "mean", include_self=False)


class LeastSquares:
    """Weighted linear regression with an intercept, with the methods of a Captum `Model`."""

    def fit(self, train_data, **kwargs):
        shown, worth, weight = (
            torch.cat(parts).double() for parts in zip(*train_data, strict=True)
        )
        root = weight.sqrt()[:, None]
        table = torch.cat([shown, torch.ones_like(shown[:, :1])], 1)
        self.coefficients = torch.linalg.pinv(root * table) @ (root[:, 0] * worth)
        if bool((worth == worth[0]).all()):  # else the rounding of the solution is left
            self.coefficients.zero_()

    def representation(self) -> Tensor:
        return self.coefficients[None, :-1].float()
