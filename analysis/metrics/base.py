"""What the metrics share: maps as rows of float64, ranks, and who is among the top pixels."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

from iram.errors import InputError

BLOCK = 256  # maps that a metric holds in float64 at a time, so that memory stays flat


def rows(maps: Tensor) -> Tensor:
    """(N, H * W) float64 of maps (N, H, W).

    Raises:
        InputError: maps of another number of dimensions.
    """
    if maps.dim() != 3:
        raise InputError(f"maps have shape {tuple(maps.shape)}; (N, H, W) is needed")
    return maps.detach().double().flatten(1)


def varied(values: Tensor) -> Tensor:
    """(N,) bool: the row is all finite and not constant, so that it ranks its pixels."""
    return values.isfinite().all(1) & (values.amax(1) > values.amin(1))


def where_defined(value: Tensor, *conditions: Tensor) -> Tensor:
    """The value where every condition holds, NaN elsewhere."""
    defined = torch.stack(conditions).all(0)
    return torch.where(defined, value, torch.nan)


def ranks(values: Tensor) -> Tensor:
    """(N, P) float64: ranks 1 to P within each row, lowest first, the mean rank for ties."""
    ordered, order = values.sort(1)
    place = torch.arange(1, values.shape[1] + 1, device=values.device).expand_as(order)
    edge = ordered[:, 1:] != ordered[:, :-1]  # between a value and a higher one
    edge = torch.nn.functional.pad(edge, (1, 1), value=True)
    first = torch.where(edge[:, :-1], place, 0).cummax(1).values
    last = torch.where(edge[:, 1:], place, len(place[0])).flip(1).cummin(1).values.flip(1)
    return torch.empty_like(values).scatter_(1, order, (first + last).to(values) / 2)


def top(values: Tensor, count: Tensor | int) -> Tensor:
    """(N, P) in [0, 1]: the probability of each pixel to be among the `count` highest of its row.

    1 above the threshold, 0 below it; the places that are left are shared by the pixels tied at
    the threshold, as if ties were broken at random. Each row sums to `count`.

    Args:
        count: of all rows, or (N,) one per row; 1 to P.
    """
    count = torch.as_tensor(count, device=values.device).expand(len(values))[:, None]
    ordered = values.sort(1, descending=True).values
    threshold = ordered.gather(1, (count - 1).clamp(0, values.shape[1] - 1))
    above, tied = values > threshold, values == threshold
    left = count - above.sum(1, keepdim=True)
    return above.double() + tied.double() * left / tied.sum(1, keepdim=True).clamp_min(1)


def share_to_count(share: float, pixels: int) -> int:
    """The number of pixels that is this share of them: rounded, at least 1.

    Raises:
        InputError: a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise InputError(f"a share of {share} of the pixels; above 0 and at most 1 is possible")
    return max(1, round(share * pixels))


def in_blocks(metric: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The metric of two stacks, computed BLOCK pairs at a time; both must be equally many.

    The second stack may hold one entry for all.

    Raises:
        InputError: stacks of different lengths or resolutions.
    """

    @wraps(metric)
    def blockwise(first: Tensor, second: Tensor, **options) -> Tensor:
        if first.shape[1:] != second.shape[1:] or len(second) not in (1, len(first)):
            raise InputError(
                f"shapes {tuple(first.shape)} and {tuple(second.shape)} do not go together; "
                "equally many maps of one resolution are needed"
            )
        second = second.expand(len(first), -1, -1)
        blocks = zip(first.split(BLOCK), second.split(BLOCK), strict=True)
        return torch.cat([metric(one, other, **options) for one, other in blocks])

    return blockwise
