"""Exact Shapley values of a picture's regions.

The game: a coalition of regions is shown, the others are replaced by a fill, and is worth the
target's logit. A region's Shapley value is its mean gain over all orders in which the regions
can be shown. All 2^k coalitions are scored, so that nothing is left to chance.
"""

from math import factorial

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.contrast import pairwise
from analysis.attributions.masking import Passes, masked_logits
from analysis.attributions.question import Question, asked, classes, rivals
from analysis.attributions.regions import checked_regions, spread

MOST = 10  # regions: 1,024 forward passes a picture
GRID = (3, 3)  # where no regions are given: 512 passes


def shapley_values(
    model, x: Tensor, target: Tensor | int, regions: Tensor | str | None = None, *,
    against: Tensor | int | str | None = None, baseline: str = "mean", batch_size: int = 32,
    bf16: bool = False, passes: Passes | None = None,
) -> Tensor:
    """(N, k) float32: exact Shapley value of each region, in logits.

    A picture's values sum to logit(x) - logit(all replaced). A region without a pixel has 0.

    Args:
        model, x, target, against: as for `attribute`.
        regions: integer labels 0 to k - 1 at the size of x, (H, W) or (N, H, W), k at most 10;
            "face" for the parts of the mean face (see `face_regions`); none for a 3 x 3 grid.
        baseline: what a region that is not shown is replaced with: "black", "mean" or "blur".
        batch_size, bf16, passes: see `masking.masked_logits`.

    Raises:
        InputError: as `attribute`; or labels that are no integers from 0 to 9 at the size of x.
    """
    with asked(model, x, target, regions) as question:
        x = question.x
        labels = checked_regions(question.regions, x, GRID, MOST)
        target, passes = asked_of(model, question, against, passes)
        how = baseline, batch_size, bf16, passes
        return values(model, x, target, labels, *how).to(x.device)


def asked_of(
    model, question: Question, against: Tensor | int | str | None, passes: Passes | None
) -> tuple[Tensor, Passes | None]:
    """(columns, what gives them): of the target's logit, or of its difference to that of the class
    that it is asked against."""
    x, target = question.x, question.target
    if against is None:
        return target, passes
    rival = rivals(model, x, target, against)
    answered = passes or model
    return target * classes(model, x) + rival, lambda pictures: pairwise(answered(pictures))


@attribution("region_shapley", title="exact Shapley", cost="dear")
def region_shapley(
    model, x, target, regions: Tensor | str | None = None, baseline: str = "mean",
    batch_size: int = 32, bf16: bool = False, passes: Passes | None = None,
) -> Tensor:
    """`shapley_values` as a map: each region's value spread evenly over its pixels.

    A density, so that a map sums to the change of the logit, as those of integrated gradients and
    DeepLIFT do, and its sum over a region is the region's value. For regions and the other
    arguments see `shapley_values`.
    """
    labels = checked_regions(regions, x, GRID, MOST)
    return spread(values(model, x, target, labels, baseline, batch_size, bf16, passes), labels)


def values(model, x, target, labels: Tensor, baseline, *how) -> Tensor:
    """(N, k): the Shapley values for labels (N, H, W) that were checked."""
    worth = worths(model, x, target, labels, baseline, *how)
    return (worth.double().cpu() @ gains(int(labels.max()) + 1)).float().to(x.device)


def worths(model, x, target, labels: Tensor, baseline, *how) -> Tensor:
    """(N, 2^k) float32: the target's logit of each coalition, in the order of `coalitions`."""
    shown = coalitions(int(labels.max()) + 1).to(x.device)
    flat = labels.flatten(1)

    def keep(pictures: Tensor, numbers: Tensor) -> Tensor:
        return shown[numbers].gather(1, flat[pictures]).view(-1, *x.shape[2:])

    return masked_logits(model, x, target, len(shown), keep, baseline, *how)


def coalitions(count: int) -> Tensor:
    """(2^k, k) bool: which regions each coalition shows; row number = its bits."""
    return (torch.arange(2**count)[:, None] >> torch.arange(count) & 1).bool()


def gains(count: int) -> Tensor:
    """(2^k, k) float64: worth (2^k,) @ this = Shapley values.

    phi_i = sum over S without i of |S|! (k - |S| - 1)! / k! (worth(S + i) - worth(S)).
    """
    shown = coalitions(count)
    size = shown.sum(1).tolist()
    joins = [factorial(s) * factorial(count - s - 1) / factorial(count) for s in range(count)]
    joined = torch.tensor([joins[s - 1] if s else 0.0 for s in size], dtype=torch.float64)
    absent = torch.tensor([joins[s] if s < count else 0.0 for s in size], dtype=torch.float64)
    return torch.where(shown, joined[:, None], -absent[:, None])
