"""How alike two maps of one image are; every metric (maps_a, maps_b) -> (N,) float64.

Both maps must be brought to one resolution first. All take signed maps as they are, unless they
say otherwise; to compare absolute values, pass absolute values. All are symmetric, do not change
when a map is multiplied by a positive number, and are NaN where either map is constant or not
finite.

A raw value says little, since faces are aligned and many maps favour the centre: set it beside
`chance`, the value that maps of other images of the same class reach.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from analysis.metrics.base import (
    in_blocks,
    ranks,
    rows,
    share_to_count,
    top,
    varied,
    where_defined,
)
from iram.registry import Registry

AGREEMENT = Registry("agreement metric", better="higher", chance=None,
                     resolutions=("image", "common"))  # at which the study takes it
Agreement = Callable[..., Tensor]

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2


@AGREEMENT.register("pearson", title="Pearson's correlation", chance=0.0)
@in_blocks
def pearson(maps_a: Tensor, maps_b: Tensor) -> Tensor:
    """Pearson's correlation over pixels, -1 to 1, higher = more alike; unrelated maps: 0."""
    return _correlation(rows(maps_a), rows(maps_b))


@AGREEMENT.register("spearman", title="Spearman's correlation", chance=0.0)
@in_blocks
def spearman(maps_a: Tensor, maps_b: Tensor) -> Tensor:
    """Spearman's rank correlation over pixels, -1 to 1, higher = more alike; unrelated maps: 0.

    Ties get their mean rank.
    """
    return rank_correlation(rows(maps_a), rows(maps_b))


def rank_correlation(a: Tensor, b: Tensor) -> Tensor:
    """(N,): Spearman's correlation of each row of (N, P) with its counterpart."""
    return where_defined(_correlation(ranks(a), ranks(b)), varied(a), varied(b))


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    def unit(values: Tensor) -> Tensor:
        centred = values - values.mean(1, keepdim=True)
        centred = centred / centred.abs().amax(
            1, keepdim=True
        )  # squares neither over- nor underflow
        return centred / centred.norm(dim=1, keepdim=True)

    value = (unit(a) * unit(b)).sum(1).clamp(-1, 1)
    return where_defined(value, varied(a), varied(b))


@AGREEMENT.register("top_k_iou", title="overlap of the top tenth (IoU)", chance=1 / 19)
@in_blocks
def top_k_iou(maps_a: Tensor, maps_b: Tensor, share: float = 0.1) -> Tensor:
    """Intersection over union of the `share` highest pixels of both, 0 to 1, higher = more alike.

    Unrelated maps: about share / (2 - share), 0.053 for a tenth. Pixels tied at the threshold are
    drawn at random, for each map alone: this is the expected intersection over the union that
    belongs to it. So two maps that are mostly zero do not agree for their zeros' order, and a map
    whose threshold falls among ties scores below 1 with itself.
    """
    a, b = rows(maps_a), rows(maps_b)
    count = share_to_count(share, a.shape[1])
    common = (top(a, count) * top(b, count)).sum(1)
    return where_defined(common / (2 * count - common), varied(a), varied(b))


@AGREEMENT.register("ssim", title="structural similarity")
@in_blocks
def ssim(maps_a: Tensor, maps_b: Tensor) -> Tensor:
    """Mean structural similarity, -1 to 1, higher = more alike; unrelated maps: about 0.

    Each map is divided by its own mean absolute value, as methods have no common unit; then both
    are brought to [0, 1] by one shift and one factor, the pair's, so that a difference in level or
    in contrast still counts (a flat map is not like a peaked one). Gaussian window of 11 pixels,
    standard deviation 1.5, placed wherever it fits; smaller maps take the largest odd window.

    Reference: Wang, Bovik, Sheikh & Simoncelli, IEEE TIP 2004, with their constants.
    """
    a, b = rows(maps_a), rows(maps_b)
    value = _mean_ssim(*(v.view(maps_a.shape) for v in _jointly_scaled(a, b)))
    return where_defined(value, varied(a), varied(b))


def _jointly_scaled(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    both = torch.stack([v / v.abs().mean(1, keepdim=True) for v in (a, b)])
    low, high = both.amin((0, 2))[:, None], both.amax((0, 2))[:, None]
    first, second = (both - low) / (high - low)
    return first, second


def _mean_ssim(a: Tensor, b: Tensor) -> Tensor:
    """(N,) of maps (N, H, W) in [0, 1]."""
    down, across = (_window_matrix(side).to(a.device) for side in a.shape[1:])

    def local_mean(values: Tensor) -> Tensor:
        return down @ values @ across.T

    mean_a, mean_b = local_mean(a), local_mean(b)
    variances = local_mean(a * a) - mean_a**2 + local_mean(b * b) - mean_b**2
    covariance = local_mean(a * b) - mean_a * mean_b
    level = (2 * mean_a * mean_b + SSIM_C1) / (mean_a**2 + mean_b**2 + SSIM_C1)
    return (level * (2 * covariance + SSIM_C2) / (variances + SSIM_C2)).mean((1, 2))


def _window_matrix(side: int) -> Tensor:
    """(places, side): one row per place of the window along one axis, each summing to 1."""
    width = min(SSIM_WINDOW, side - 1 + side % 2)
    offsets = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    weights = torch.exp(-0.5 * (offsets / SSIM_SIGMA) ** 2)
    places = side - width + 1
    matrix = torch.zeros(places, side, dtype=torch.float64)
    for place in range(places):
        matrix[place, place : place + width] = weights / weights.sum()
    return matrix


def chance(
    metric: str | Agreement, maps_a: Tensor, maps_b: Tensor, labels: Tensor,
    generator: torch.Generator, draws: int = 1,
) -> Tensor:
    """(N,): the metric of each map in `maps_a` with the map in `maps_b` of *another* image.

    The other image is of the same class, so that what two methods share beyond this is more than
    a common layout of the face or of the class. NaN where a class has one image only.

    Args:
        metric: a name in AGREEMENT, or a callable of two stacks of maps.
        labels: (N,) the class of each image.
        generator: draws the partners (see `partners`).
        draws: the mean is taken over so many partners of each image.
    """
    metric = AGREEMENT[metric] if isinstance(metric, str) else metric
    drawn = partners(labels, generator, draws).to(maps_b.device)
    values = torch.stack([metric(maps_a, maps_b[other.clamp_min(0)]) for other in drawn])
    return torch.where(drawn >= 0, values, torch.nan).nanmean(0)


def partners(labels: Tensor, generator: torch.Generator, draws: int = 1) -> Tensor:
    """(draws, N) int64: for each image another one of its class, -1 where there is none.

    Each class is put in a random circle; draw d takes the image d + 1 places on. So no image is
    its own partner, every image is a partner once per draw, and the partners of an image differ
    until all are used.
    """
    chosen = torch.full((draws, len(labels)), -1)
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0].cpu()
        if len(members) < 2:
            continue
        circle = members[torch.randperm(len(members), generator=generator)]
        for draw in range(draws):
            chosen[draw, circle] = circle.roll(-1 - draw % (len(members) - 1))
    return chosen
