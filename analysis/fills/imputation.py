"""Noisy linear imputation: hidden pixels as weighted means of their neighbours.

Rong, Leemann, Borisov, Kasneci & Kasneci, "A consistent and efficient evaluation strategy for
attribution methods" (ROAD), ICML 2022. Each hidden pixel equals the weighted mean of its eight
neighbours, 1/6 for the direct and 1/12 for the diagonal ones, and all of them are solved jointly.
Along the picture's border there are fewer neighbours, and their weights are divided by their sum;
written as `sum of weights x pixel = weighted sum of neighbours` the system is symmetric there too,
and positive definite if any pixel is known.

The authors solve a sparse system per picture. Here all pictures are solved at once by conjugate
gradients, preconditioned by one multigrid cycle: about six steps whatever the mask. There are only
elementwise operations, maxima and sums of a fixed order, and a picture that has converged no longer
moves: its pixels don't depend on what else is in the batch.
"""

import torch
from torch import Tensor

from analysis.fills.grid import Grid, grids, total_
from analysis.fills.scene import FILLS, Scene

NOISE_SD = 0.01  # of the range of grays, as in the authors' code
MAX_STEPS = 100  # about six are usual at 48 px, eleven at 224


@FILLS.register("imputed")
def imputed(scene: Scene) -> Tensor:
    """ROAD's fill: `impute`, then Gaussian noise of standard deviation 0.01, clipped to [0, 1].

    The noise keeps a perfectly smooth patch from telling where the mask is. A picture covered
    wholly is its own mean with that noise.
    """
    filled = impute(scene.images, scene.mask)
    noise = torch.empty_like(filled)
    for picture, generator in zip(noise, scene.generators, strict=True):
        picture.normal_(0, NOISE_SD, generator=generator)
    return filled.add_(noise).clamp_(0, 1)


def impute(images: Tensor, mask: Tensor, tolerance: float = 1e-5) -> Tensor:
    """(N, C, H, W): the images with each pixel under the mask as the mean of its neighbours.

    A picture covered wholly gets its own mean, channel by channel.

    Args:
        images: (N, C, H, W), values of the order of 1. What is under the mask has no influence,
            except for pictures covered wholly.
        mask: (N, H, W), or (1, H, W) for all of them: bool, True = hidden.
        tolerance: the largest difference that is left between a hidden pixel and the mean of its
            neighbours. The exact solution is further away: twenty times as far at worst with half
            a picture of 48 px hidden, sixty times with nearly all of it.

    Raises:
        ValueError: shapes that don't fit, or under 2 pixels a side.
        ArithmeticError: no convergence in 100 steps, which no mask has been seen to need.
    """
    count, channels, *size = images.shape
    if mask.dtype != torch.bool or list(mask.shape) not in ([count, *size], [1, *size]):
        raise ValueError(f"a bool mask of shape {(count, *size)} or {(1, *size)} is needed, not "
                         f"{mask.dtype} {tuple(mask.shape)}")  # fmt: skip
    if min(size) < 2:
        raise ValueError(f"imputation needs 2 pixels a side at least, not {tuple(size)}")
    # the pictures last: neighbours are then shifts of whole blocks of memory
    fields = images.permute(2, 3, 0, 1).reshape(*size, count * channels)
    hidden = mask.expand(count, *size).permute(1, 2, 0).repeat_interleave(channels, 2)
    wholly = hidden.flatten(0, 1).all(0)
    solved = _solve(fields, hidden & ~wholly, 12 * tolerance)
    if wholly.any():
        solved = torch.where(wholly, total_(fields.clone()) / (size[0] * size[1]), solved)
    return solved.view(*size, count, channels).permute(2, 3, 0, 1).contiguous()


def _solve(fields: Tensor, hidden: Tensor, tolerance: float) -> Tensor:
    """Preconditioned conjugate gradients on (H, W, K) fields, each with its own step sizes."""
    finest, *coarser = grids(hidden.to(fields.dtype))
    solution = fields.masked_fill(hidden, 0)
    mean = total_(solution.clone()) / total_(1 - finest.active)  # of what is known: the start
    solution += mean * finest.active
    residual = finest.apply(solution).mul_(finest.active).neg()
    direction, before = torch.zeros_like(fields), 1.0
    for _ in range(MAX_STEPS):
        moving = torch.abs(residual, out=finest.scratch).amax((0, 1)) > tolerance
        if not moving.any():
            return solution
        correction = _cycle(finest, coarser, residual)
        product = finest.dot(residual, correction)
        direction.mul_(torch.where(moving, product / before, 0)).add_(correction)
        applied = finest.apply(direction).mul_(finest.active)
        step = torch.where(moving, product / finest.dot(direction, applied), 0)
        residual -= applied.mul_(step)
        solution += torch.mul(direction, step, out=finest.scratch)
        before = product
    raise ArithmeticError(f"imputation leaves a residual above {tolerance / 12:g} after "
                          f"{MAX_STEPS} steps")  # fmt: skip


def _cycle(grid: Grid, coarser: list[Grid], residual: Tensor) -> Tensor:
    """The grid's `correction`: about the solution for this residual, one symmetric V-cycle."""
    correction = torch.mul(grid.inverse, residual, out=grid.correction)
    if coarser:
        rest = grid.apply(correction)
        grid.restrict(torch.sub(residual, rest, out=rest), coarser[0].residual)
        correction += grid.prolong(_cycle(coarser[0], coarser[1:], coarser[0].residual))
        rest = grid.apply(correction)
        correction += torch.sub(residual, rest, out=rest).mul_(grid.inverse)
    return correction
