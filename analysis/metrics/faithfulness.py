"""Does a map tell what the model looks at? Scores of perturbation curves, and against exact
Shapley values of regions; all per image, (N,) float64.

Fills leave traces of their own, so results of several fills belong apart:

    curves = perturbation_curves(model_logits, images, both_orders(maps), target, fill)
    scores = {m: curve_scores(curves[m, "morf"], curves[m, "lerf"]) for m in maps}
"""

import torch
from torch import Tensor

from analysis.metrics.agreement import rank_correlation
from analysis.metrics.base import rows, varied, where_defined
from analysis.metrics.curves import Curves
from iram.errors import InputError
from iram.registry import Registry

CURVE_SCORES = Registry("score of curves", better="higher", chance=None)
SCALES = ("logit", "probability")
REGION_SCORES = Registry("score of regions", better="higher", chance=None, ranking="")
"""A score of curves is a function of two areas (N,), of the curves of the most and of the least
relevant pixels removed first, and is taken on both scales: `deletion_auc_logit`. One of regions is
a function (maps, regions, shapley), see `region_rank_correlation`; methods are ranked by those that
have a `ranking`: what of a map is held against the Shapley values."""


@CURVE_SCORES.register("deletion_auc", title="deletion", better="lower")
def deletion_auc(most: Tensor, least: Tensor) -> Tensor:
    """Most relevant first; lower = more faithful."""
    return most


@CURVE_SCORES.register("insertion_auc", title="insertion")
def insertion_auc(most: Tensor, least: Tensor) -> Tensor:
    """Least relevant first; higher = more faithful. Showing the most relevant pixels first on the
    removed picture passes through the same pictures, in the other direction."""
    return least


@CURVE_SCORES.register("order_gap", title="least minus most relevant first", chance=0.0)
def order_gap(most: Tensor, least: Tensor) -> Tensor:
    """Insertion minus deletion, higher = more faithful; a random map: 0 in expectation, since its
    two orders are alike. With imputation as the fill this is ROAD (LeRF - MoRF)."""
    return least - most


def area(curve: Tensor, shares: Tensor) -> Tensor:
    """(N,): the mean height of each curve (N, T) over its shares (T,), by the trapezoidal rule.

    A curve that spans half of [0, 1] is not lower for that.
    """
    widths = shares.diff().to(curve.device)
    heights = (curve[:, 1:] + curve[:, :-1]).double() / 2
    return heights @ widths / widths.sum()


def curve_scores(morf: Curves, lerf: Curves) -> dict[str, Tensor]:
    """The CURVE_SCORES of one method's curves, each (N,), on both scales.

    The chance value of an area depends on model, picture and fill: it is that of a random map in
    the same run. Logits have no scale in common between models; compare within one.

    Args:
        morf, lerf: the most, and the least, relevant pixels removed first.

    Reference: Samek et al., IEEE TNNLS 2017 (MoRF, LeRF); Petsiuk et al., BMVC 2018 (insertion,
    deletion; they stop at neither end, nor do we unless the shares do); Rong et al., ICML 2022
    (ROAD).
    """
    scores = {}
    for scale in SCALES:
        areas = [area(getattr(curves, scale), curves.shares) for curves in (morf, lerf)]
        scores |= {f"{name}_{scale}": score(*areas) for name, score in CURVE_SCORES.items()}
    return scores


def region_relevance(maps: Tensor, regions: Tensor, number: int, reduce: str = "sum") -> Tensor:
    """(N, number) float64: a map's sum, or mean, over each region.

    Args:
        regions: (N, H, W) or (1, H, W) int64: the region 0 to number - 1 of each pixel, -1 = none.
        reduce: "sum" or "mean"; the mean of a region without pixels is NaN.

    Raises:
        InputError: another `reduce`, a region that does not exist, or another resolution.
    """
    if reduce not in ("sum", "mean"):
        raise InputError(f"reduce '{reduce}'; 'sum' or 'mean' is needed")
    if regions.amin() < -1 or regions.amax() >= number:
        raise InputError(f"regions run from {regions.min()} to {regions.max()}; "
                         f"-1 to {number - 1} are known")
    if regions.shape[1:] != maps.shape[1:]:
        raise InputError(f"regions are of {tuple(regions.shape[1:])} pixels, maps of "
                         f"{tuple(maps.shape[1:])}")
    values = rows(maps)
    place = regions.flatten(1).expand(values.shape) + 1
    totals = values.new_zeros(len(maps), number + 1)
    sums = totals.scatter_add(1, place, values)[:, 1:]
    if reduce == "sum":
        return sums
    return sums / totals.scatter_add(1, place, torch.ones_like(values))[:, 1:]


def region_rank_correlation(
    maps: Tensor, regions: Tensor, shapley: Tensor, reduce: str = "sum"
) -> Tensor:
    """(N,): Spearman's correlation, over regions, of a map with exact Shapley values.

    -1 to 1, higher = more faithful; chance 0. NaN where the map is constant, or where either ranks
    no region above another. With few regions it is coarse (SD under chance 1 / sqrt(number - 1)):
    average over images.

    A region's Shapley value is what the whole region contributes, so by default the map is summed
    over the region; "mean" asks instead whether the map's density is right, and treats small
    regions alike.

    Args:
        maps: (N, H, W) signed.
        regions: as in `region_relevance`.
        shapley: (N, number of regions).
    """
    relevance = region_relevance(maps, regions, shapley.shape[1], reduce)
    value = rank_correlation(relevance, shapley.to(relevance))
    return where_defined(value, varied(rows(maps)))  # a constant one would rank regions by area


@REGION_SCORES.register("shapley_rank", chance=0.0, ranking="summed over a region",
                        title="rank correlation with exact Shapley values of the face's regions")
def shapley_rank(maps: Tensor, regions: Tensor, shapley: Tensor) -> Tensor:
    """Rank correlation with each region's sum of the map."""
    return region_rank_correlation(maps, regions, shapley)


@REGION_SCORES.register("shapley_rank_density", chance=0.0, ranking="averaged over it",
                        title="rank correlation of regions' means with exact Shapley values")
def shapley_rank_density(maps: Tensor, regions: Tensor, shapley: Tensor) -> Tensor:
    """Rank correlation with each region's mean of the map, as if regions were of one size."""
    return region_rank_correlation(maps, regions, shapley, "mean")


@REGION_SCORES.register("shapley_first", title="the first region is that of the Shapley values")
def shapley_first(maps: Tensor, regions: Tensor, shapley: Tensor) -> Tensor:
    """1 where the region of the highest sum is also the one of the highest Shapley value, else 0;
    NaN where a sum is not finite."""
    relevance = region_relevance(maps, regions, shapley.shape[1])
    hit = (relevance.argmax(1) == shapley.argmax(1)).double()
    return hit.where(relevance.isfinite().all(1), torch.nan)
