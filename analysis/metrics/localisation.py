"""How much of a map lies in a region that is known; (maps, mask) -> (N,) float64, 0 to 1.

Higher = more of it inside, and the chance value of every one is `area_share(mask)`, its expected
value for a map that knows nothing of the region. NaN where the mask is empty or a map is not
finite. The three that rank pixels take signed values, break ties by expectation, and are NaN for a
constant map, which ranks nothing.
"""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

from analysis.metrics.base import in_blocks, rows, share_to_count, top, varied, where_defined
from iram.errors import InputError
from iram.registry import Registry

LOCALISATION = Registry("localisation metric", better="higher", chance=None)


def of_mask(metric: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The metric of maps and a mask that was checked, by blocks; see `base.in_blocks`."""
    blockwise = in_blocks(metric)

    @wraps(metric)
    def checked(maps: Tensor, mask: Tensor, **options) -> Tensor:
        return blockwise(maps, as_mask(mask), **options)

    return checked


def as_mask(mask: Tensor) -> Tensor:
    """A mask as bool.

    Raises:
        InputError: one with other numbers than 0 and 1.
    """
    if mask.dtype == torch.bool:
        return mask
    if not ((mask == 0) | (mask == 1)).all():
        raise InputError(f"the mask holds numbers from {mask.min():g} to {mask.max():g}; it must "
                         "be bool, or of 0 and 1 (mask > 0, say)")
    return mask.bool()


def area_share(mask: Tensor) -> Tensor:
    """(N,) float64: share of the pixels in the mask (N, H, W) bool; NaN where it is empty."""
    share = as_mask(mask).flatten(1).double().mean(1)
    return where_defined(share, share > 0)


@LOCALISATION.register("relevance_mass", title="mass inside")
@of_mask
def relevance_mass(maps: Tensor, mask: Tensor) -> Tensor:
    """Share of the map's positive part that lies in the mask; NaN where nothing is positive.

    A uniform positive map has the mask's area share.

    Reference: Arras, Osman & Samek, Information Fusion 2022 (relevance mass accuracy).
    """
    values, inside = rows(maps), mask.flatten(1)
    positive = values.clamp_min(0)
    highest = positive.amax(1, keepdim=True)
    positive = positive / highest  # sums neither over- nor underflow
    share = (positive * inside).sum(1) / positive.sum(1)
    return where_defined(share, highest[:, 0] > 0, inside.any(1), values.isfinite().all(1))


@LOCALISATION.register("relevance_rank", title="top pixels inside, as many as the region's")
@of_mask
def relevance_rank(maps: Tensor, mask: Tensor) -> Tensor:
    """Share of the K highest pixels that lie in the mask, K being the mask's number of pixels.

    Reference: Arras, Osman & Samek, Information Fusion 2022 (relevance rank accuracy).
    """
    return _share_inside(maps, mask, mask.flatten(1).sum(1))


@LOCALISATION.register("pointing_game")
@of_mask
def pointing_game(maps: Tensor, mask: Tensor) -> Tensor:
    """Whether the highest pixel lies in the mask: 0 or 1, between them if it is tied.

    No margin around the mask is granted.

    Reference: Zhang et al., IJCV 2018 (who grant 15 pixels).
    """
    return _share_inside(maps, mask, 1)


@LOCALISATION.register("top_k_intersection", title="top tenth inside")
@of_mask
def top_k_intersection(maps: Tensor, mask: Tensor, share: float = 0.1) -> Tensor:
    """Share of the `share` highest pixels that lie in the mask.

    At most the mask's area over `share`, where the mask is smaller.

    Reference: Theiner, Müller-Budack & Ewerth, WACV 2022.
    """
    return _share_inside(maps, mask, share_to_count(share, mask[0].numel()))


def _share_inside(maps: Tensor, mask: Tensor, count: Tensor | int) -> Tensor:
    values, inside = rows(maps), mask.flatten(1)
    share = (top(values, count) * inside).sum(1) / torch.as_tensor(count)
    return where_defined(share, varied(values), inside.any(1))
