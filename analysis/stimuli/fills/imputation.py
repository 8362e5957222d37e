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

import numpy as np
import torch
from torch import Tensor

from analysis.stimuli.fills.grid import Grid, grids, total_
from analysis.stimuli.fills.scene import FILLS, Scene

NOISE_SD = 0.01  # of the range of grays, as in the authors' code
MAX_STEPS = 100  # about six are usual at 48 px, eleven at 224


@FILLS.register("imputed", title="imputed pixels")
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
        images: (N, C, H, W) on the CPU, values of the order of 1. What is under the mask has no
            influence, except for pictures covered wholly.
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
                         f"{mask.dtype} {tuple(mask.shape)}")
    if min(size) < 2:
        raise ValueError(f"imputation needs 2 pixels a side at least, not {tuple(size)}")
    fields = _pictures_last(images.flatten(0, 1))
    hidden = _pictures_last(mask.expand(count, *size).repeat_interleave(channels, 0))
    wholly = hidden.all((0, 1))
    solved = _solve(fields, hidden & ~wholly, 12 * tolerance)
    if wholly.any():
        solved = np.where(wholly, total_(fields.copy()) / (size[0] * size[1]), solved)
    solved = torch.from_numpy(solved).permute(2, 0, 1)
    return solved.reshape(count, channels, *size).contiguous()


def _pictures_last(stack: Tensor) -> np.ndarray:
    """(K, H, W) as (H, W, K), in memory too."""
    return np.ascontiguousarray(stack.permute(1, 2, 0).numpy())


def _solve(fields: np.ndarray, hidden: np.ndarray, tolerance: float) -> np.ndarray:
    """Preconditioned conjugate gradients on (H, W, K) fields, each with its own step sizes."""
    finest, *coarser = grids(hidden.astype(fields.dtype))
    solution = np.where(hidden, 0, fields)
    mean = total_(solution.copy()) / total_(1 - finest.active)  # of what is known: the start
    solution += mean * finest.active
    residual = -finest.active * finest.apply(solution)
    direction, before = np.zeros_like(fields), np.ones_like(mean)
    for _ in range(MAX_STEPS):
        moving = np.abs(residual, out=finest.scratch).max((0, 1)) > tolerance
        if not moving.any():
            return solution
        correction = _cycle(finest, coarser, residual)
        product = finest.dot(residual, correction)
        direction *= _ratio(product, before, moving)
        direction += correction
        applied = finest.apply(direction)
        applied *= finest.active
        step = _ratio(product, finest.dot(direction, applied), moving)
        residual -= np.multiply(applied, step, out=applied)
        solution += np.multiply(direction, step, out=finest.scratch)
        before = product
    raise ArithmeticError(f"imputation leaves a residual above {tolerance / 12:g} after "
                          f"{MAX_STEPS} steps")


def _ratio(one: np.ndarray, other: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """one / other, 0 for a picture that has converged."""
    return np.divide(one, other, out=np.zeros_like(one), where=moving)


def _cycle(grid: Grid, coarser: list[Grid], residual: np.ndarray) -> np.ndarray:
    """The grid's `correction`: about the solution for this residual, one symmetric V-cycle."""
    correction = np.multiply(grid.inverse, residual, out=grid.correction)
    if coarser:
        rest = grid.apply(correction)
        grid.restrict(np.subtract(residual, rest, out=rest), coarser[0].residual)
        correction += grid.prolong(_cycle(coarser[0], coarser[1:], coarser[0].residual))
        rest = grid.apply(correction)
        np.subtract(residual, rest, out=rest)
        rest *= grid.inverse
        correction += rest
    return correction
