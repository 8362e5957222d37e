"""Does a map tell what the model looks at? Scores of perturbation curves, of single perturbations,
of a map's stability, and against exact Shapley values of regions.

All per image, (N,) float64, computed for several methods at once where forward passes can be
shared. Fills leave traces of their own, so results of several fills belong apart.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from analysis.metrics.agreement import rank_correlation
from analysis.metrics.base import rows
from analysis.metrics.curves import Curves, Logits
from iram.errors import InputError

Attribute = Callable[[Tensor, Tensor], Tensor]
Draw = Callable[[Tensor, int, torch.Generator], Tensor]


def area(curve: Tensor, shares: Tensor) -> Tensor:
    """(N,): the mean height of each curve (N, T) over its shares (T,), by the trapezoidal rule.

    A curve that spans half of [0, 1] is not lower for that.
    """
    widths = shares.diff().to(curve.device)
    heights = (curve[:, 1:] + curve[:, :-1]).double() / 2
    return heights @ widths / widths.sum()


def curve_scores(morf: Curves, lerf: Curves) -> dict[str, Tensor]:
    """Areas of the curves of one method in both orders, each (N,), for logit and probability.

    deletion_auc: most relevant first; lower = more faithful.
    insertion_auc: least relevant first; higher = more faithful. Showing the most relevant pixels
        first on the removed picture passes through the same pictures, in the other direction.
    order_gap: insertion minus deletion, higher = more faithful; a random map: 0 in expectation,
        since its two orders are alike. With imputation as the fill this is ROAD (LeRF - MoRF).

    The chance value of the first two depends on model, picture and fill: it is that of a random
    map in the same run. Logits have no scale in common between models; compare within one.

    Args:
        morf, lerf: the most, and the least, relevant pixels removed first.

    Reference: Samek et al., IEEE TNNLS 2017 (MoRF, LeRF); Petsiuk et al., BMVC 2018 (insertion,
    deletion; they stop at neither end, nor do we unless the shares do); Rong et al., ICML 2022
    (ROAD).
    """
    scores = {}
    for name in ("logit", "probability"):
        deletion = area(getattr(morf, name), morf.shares)
        insertion = area(getattr(lerf, name), lerf.shares)
        scores |= {f"deletion_auc_{name}": deletion, f"insertion_auc_{name}": insertion,
                   f"order_gap_{name}": insertion - deletion}  # fmt: skip
    return scores


def noise(sd: float = 0.1) -> Draw:
    """Perturbations for `infidelity`: Gaussian noise of this standard deviation in every pixel."""

    def draw(image: Tensor, samples: int, generator: torch.Generator) -> Tensor:
        return torch.randn(samples, *image.shape, generator=generator).to(image) * sd

    return draw


def squares(side: float = 0.25, baseline: float | None = None) -> Draw:
    """Perturbations for `infidelity`: what a randomly placed square takes away.

    Args:
        side: of the square, in shares of the picture's.
        baseline: the gray that the square has after; None is each picture's own mean.
    """

    def draw(image: Tensor, samples: int, generator: torch.Generator) -> Tensor:
        inside = torch.ones(samples, 1, 1, dtype=torch.bool)
        for axis, length in enumerate(image.shape[1:]):
            extent = max(1, round(side * length))
            first = torch.randint(length - extent + 1, (samples, 1), generator=generator)
            places = torch.arange(length)
            covered = (places >= first) & (places < first + extent)
            inside = inside & (covered[:, :, None] if axis == 0 else covered[:, None, :])
        gray = image.mean() if baseline is None else baseline
        return (image - gray) * inside[:, None].to(image)

    return draw


@torch.inference_mode()
def infidelity(
    model_logits: Logits, images: Tensor, maps: Mapping[str, Tensor], target: Tensor, draw: Draw,
    generators: Sequence[torch.Generator], *, samples: int = 50, scaled: bool = True,
    batch_size: int = 64,
) -> dict[str, Tensor]:  # fmt: skip
    """For each method, the mean squared error of a map as a linear account of the logit.

    mean over perturbations I of (sum of I x map - (f(x) - f(x - I)))^2, 0 and up in squared
    logits, *lower* = more faithful. An all-zero map gets the mean of (f(x) - f(x - I))^2: a map
    worse than this is worse than saying nothing. With `scaled` the map is first multiplied by the
    one number per image that makes the error least (maps of most methods have no unit, so that
    their error says nothing else); then no map is above that value. NaN where a map is not finite.
    The perturbed pictures are shown to the model once for all methods.

    Args:
        images: (N, C, H, W). For C > 1 a map weighs the perturbation's mean over channels.
        maps: (N, H, W) each, at the images' resolution.
        draw: (image (C, H, W), samples, generator) -> I (samples, C, H, W); see `noise`,
            `squares`.
        generators: one per image.
        samples: perturbations per image.

    Reference: Yeh et al., NeurIPS 2019, definition 2.1.
    """
    flat = {name: rows(values) for name, values in maps.items()}
    clean = torch.cat([model_logits(part) for part in images.split(batch_size)])
    errors = {name: [] for name in maps}
    for i, generator in zip(range(len(images)), generators, strict=True):
        perturbation = draw(images[i], samples, generator)
        perturbed = (images[i] - perturbation).split(batch_size)
        after = torch.cat([model_logits(part)[:, target[i]] for part in perturbed])
        change = (clean[i, target[i]] - after).double()
        weights = perturbation.mean(1).flatten(1).double()
        for name, values in flat.items():
            errors[name].append(_squared_error(weights @ values[i], change, scaled))
    return {name: torch.stack(values) for name, values in errors.items()}


def _squared_error(told: Tensor, change: Tensor, scaled: bool) -> Tensor:
    if scaled:
        size = told.square().mean()
        told = told * torch.where(size == 0, 0, (told * change).mean() / size)
    return (told - change).square().mean()


def max_sensitivity(
    attribute: Attribute, images: Tensor, maps: Tensor, target: Tensor,
    generators: Sequence[torch.Generator], *, radius: float = 0.02, samples: int = 10,
    batch_size: int = 64,
) -> Tensor:  # fmt: skip
    """(N,): how far a map moves at most when its picture is hardly changed.

    max over x' of |map(x') - map(x)| / |map(x)|, Euclidean norms, 0 and up, *lower* = more stable;
    a map that ignores the picture has 0, one unrelated to the clean map about 1.4. x' is x plus
    uniform noise in [-radius, radius] in every pixel, not clipped. NaN where the clean map is all
    zero or a map is not finite. As the maximum over draws it grows with `samples`.

    Args:
        attribute: (images (B, C, H, W), target (B,)) -> maps (B, H, W).
        maps: (N, H, W) of the clean pictures, as `attribute` gives them.
        generators: one per image.

    Reference: Yeh et al., NeurIPS 2019, definition 2.2 (their radius and number of draws).
    """
    clean, worst = rows(maps), []
    size = max(1, batch_size // samples)
    generators = iter(generators)
    for face in torch.arange(len(images)).split(size):
        noise_ = torch.stack([torch.rand(samples, *images.shape[1:], generator=next(generators))
                              for _ in face])  # fmt: skip
        near = images[face, None] + (noise_.to(images) * 2 - 1) * radius
        moved = attribute(near.flatten(0, 1), target[face].repeat_interleave(samples))
        distance = rows(moved).view(len(face), samples, -1) - clean[face, None]
        worst.append(distance.norm(dim=2).amax(1))
    length = clean.norm(dim=1)
    return torch.where(length > 0, torch.cat(worst) / length, torch.nan)


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
                         f"-1 to {number - 1} are known")  # fmt: skip
    if regions.shape[1:] != maps.shape[1:]:
        raise InputError(f"regions are of {tuple(regions.shape[1:])} pixels, maps of "
                         f"{tuple(maps.shape[1:])}")  # fmt: skip
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

    -1 to 1, higher = more faithful; chance 0. NaN where either ranks no region above another. With
    few regions it is coarse (SD under chance 1 / sqrt(number - 1)): average over images.

    A region's Shapley value is what the whole region contributes, so by default the map is summed
    over the region; "mean" asks instead whether the map's density is right, and treats small
    regions alike.

    Args:
        maps: (N, H, W) signed.
        regions: as in `region_relevance`.
        shapley: (N, number of regions).
    """
    relevance = region_relevance(maps, regions, shapley.shape[1], reduce)
    return rank_correlation(relevance, shapley.to(relevance))
