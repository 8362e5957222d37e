"""Measures of one spatial attention map, or of its change, on the layer's own grid.

All are pure, take maps (N, h, w) and give (N,) float, NaN where they are not defined.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from analysis.subjects.hypotheses import FALL
from iram.cells import LEAST, Cells, area, mean_over

FLOOR = 1e-6  # a region's relative mass below this counts as this, so that its log is a number
LITTLE = 0.05  # the same of rectified maps, which are often 0 on a whole region: 95% less
FLAT = 1e-6  # a map that varies less over the face is constant
DIRECTIONS = 12


def log_mass(maps: Tensor, cells: Cells, floor: float = FLOOR) -> Tensor:
    """log[(the map's share in the region) / (the region's share of the face)].

    0 for a map that is even over the face, below 0 if the region has less than its share, in
    natural log units: -0.1 is about 10% less. The face is the region and its rest; the band
    between is left out of all shares. NaN where either has no cell, or the map is 0 all over.

    Args:
        floor: a share over the even one that is below this counts as this.
    """
    relative = mean_over(maps, cells.inside) / mean_over(maps, cells.face)
    return _where(relative.clamp(min=floor).log(), cells.defined)


def channels_leaving(clean: Tensor, occluded: Tensor, cells: Cells) -> Tensor:
    """The share of the channels (N, C, h, w) whose own `log_mass` falls by more than `FALL`, 0 to
    1, whatever the others do: channels that move against each other leave their mean where it is.

    (R * N,), of cells of R regions on all faces, one region after another. NaN as in `log_mass`; a
    channel that is 0 all over does not leave.
    """
    weights = [one / area(one)[:, None, None] for one in (cells.inside, cells.face)]
    weights = torch.stack(weights).reshape(-1, len(clean), *clean.shape[2:]).to(clean.device)
    before, after = (torch.einsum("nchw,knhw->nkc", one, weights) for one in (clean, occluded))
    before, after = ((inside / face).clamp(min=FLOOR).log()
                     for inside, face in (one.chunk(2, 1) for one in (before, after)))
    leaving = (after - before < -FALL).float().mean(2)
    return _where(leaving.T.flatten().cpu(), cells.defined)


def variation(maps: Tensor) -> Tensor:
    """Coefficient of variation over the places of maps (N, C, h, w): their standard deviation over
    their mean, channel by channel, then the mean over the channels; 0 for gates without places."""
    mean = maps.mean((2, 3))
    apart = (maps - mean[..., None, None]).square_().mean((2, 3)).sqrt()  # faster than torch.std
    return (apart / mean.clamp(min=1e-12)).mean(1).cpu()


def standard_mass(maps: Tensor, cells: Cells, spread: Tensor) -> Tensor:
    """The region's mean over the face's mean, in standard deviations `spread` (N,) of a map.

    It compares maps of other ranges, such as gates and activations. 0 for a constant map, which
    has no spread and no movement. NaN as in `log_mass`.
    """
    distance = mean_over(maps, cells.inside) - mean_over(maps, cells.face)
    scaled = torch.where(spread < FLAT, 0.0, distance / spread.clamp(min=FLAT))
    return _where(scaled, cells.defined)


def spatial_spread(maps: Tensor, cells: Cells) -> Tensor:
    """The map's standard deviation over the face's cells."""
    mean = mean_over(maps, cells.face)
    return mean_over((maps - mean[:, None, None]) ** 2, cells.face).sqrt()


def visible_gain(clean: Tensor, occluded: Tensor, cells: Cells) -> Tensor:
    """log[mean attention on the rest, occluded / clean]: above 0, the visible face gained.

    Its own values, not shares: those of the rest grow whenever the region's attention falls.
    """
    gain = (mean_over(occluded, cells.rest) / mean_over(clean, cells.rest)).clamp(min=FLOOR).log()
    return _where(gain, cells.defined)


def expressive_mass(maps: Tensor, cells: Cells, expressive: Tensor) -> Tensor:
    """log[(share of the visible face's attention on what carries the expression) / (its share of
    the visible area)], 0 for an even map.

    Args:
        expressive: (N, h, w), how far each cell carries it, from 0.

    NaN where nothing that carries it is visible, or all that is visible does.
    """
    carried = cells.rest * expressive
    defined = cells.defined & (area(carried) >= LEAST * expressive.flatten(1).amax(1).clamp(1e-9))
    defined &= area(carried) < 0.999 * area(cells.rest) * expressive.flatten(1).amax(1)
    relative = mean_over(maps, carried) / mean_over(maps, cells.rest)
    return _where(relative.clamp(min=FLOOR).log(), defined)


def movement(before: Tensor, after: Tensor) -> Tensor:
    """Earth mover's distance between two maps, each brought to a sum of 1, in picture widths.

    0 = the same distribution. Sliced: the mean of the exact distance between projections onto 12
    directions, times pi / 2, so that a map which is shifted as a whole scores the length of the
    shift, and any other at most what the plane's own distance is times pi / 2.

    Reference: Bonneel, Rabin, Peyre & Pfister, J. Math. Imaging and Vision 51, 2015.
    """
    change = (_shares(after) - _shares(before)).flatten(1)
    total = torch.zeros(len(before))
    for order, steps in _projections(*before.shape[1:]):
        total += (change[:, order].cumsum(1)[:, :-1].abs() * steps).sum(1)
    return total / DIRECTIONS * math.pi / 2


@lru_cache
def _projections(height: int, width: int) -> list[tuple[Tensor, Tensor]]:
    """Of each direction the cells in its order, and the steps between them."""
    x, y = positions(torch.empty(1, height, width))
    angles = [math.pi * step / DIRECTIONS for step in range(DIRECTIONS)]
    sorts = [(math.cos(a) * x + math.sin(a) * y).flatten().sort() for a in angles]
    return [(order, along.diff()) for along, order in sorts]


def away(before: Tensor, after: Tensor, region: Tensor) -> Tensor:
    """How far the map's centre moved away from the region's, in picture widths; below 0: to it.

    NaN without a region (N, h, w), or where both centres were in one place to begin with.
    """
    start, end, middle = (centre(_shares(one)) for one in (before, after, region.clamp(min=0)))
    direction = start - middle
    length = direction.norm(dim=1)
    moved = ((end - start) * direction).sum(1) / length.clamp(min=1e-9)
    return _where(moved, (area(region) > 0) & (length > 1e-3))


def centre(shares: Tensor) -> Tensor:
    """(N, 2): x and y of the centre of mass, in picture widths from the top left corner."""
    x, y = positions(shares)
    return torch.stack([area(shares * x), area(shares * y)], 1)


def positions(maps: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of the cells' centres, (h, w) each, 0 to 1."""
    height, width = maps.shape[1:]
    y, x = ((torch.arange(side) + 0.5) / side for side in (height, width))
    return x.expand(height, width), y[:, None].expand(height, width)


def _shares(maps: Tensor) -> Tensor:
    return maps / area(maps).clamp(min=1e-12)[:, None, None]


def _where(values: Tensor, defined: Tensor) -> Tensor:
    return torch.where(defined, values, torch.nan)
