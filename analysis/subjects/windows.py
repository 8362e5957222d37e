"""Attention within windows, as of Swin transformers, put back in its places.

A layer cuts a square grid of patches into W windows of ws x ws; its softmax puts out (N * W, heads,
T, T), T = ws * ws: pictures first, then windows row by row. The grid is padded to whole windows
first, right and below; a layer that shifts then rolls it up and to the left by `shift`
patches. Where patches of opposite edges so meet in a window, masks keep them from looking at each
other: by that a wrong shift is found.

The map (N, heads, h, w) is the attention that each patch gets, the mean over the queries of its
window, padding aside. Every query's shares sum to 1, so that each window has the same sum, wherever
the face is: a layer can move attention within its windows, never from one to another.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from iram.errors import InputError

NOTHING = 1e-6  # what masks leave of a share; no share is divided by less


class Windows(NamedTuple):
    """How a layer cuts its grid: `grid` patches a side, windows of `side`, rolled by `shift`."""

    grid: int
    side: int
    shift: int

    @property
    def count(self) -> int:
        """Windows along a side of the padded grid."""
        return -(-self.grid // self.side)

    @property
    def padded(self) -> int:
        return self.count * self.side

    def cut(self, patches: Tensor) -> Tensor:
        """(N * W, C, T) of (N, C, padded, padded)."""
        rolled = patches.roll((-self.shift, -self.shift), (2, 3))
        cut = rolled.unflatten(3, (self.count, self.side)).unflatten(2, (self.count, self.side))
        return cut.permute(0, 2, 4, 1, 3, 5).flatten(4).flatten(0, 2)

    def joined(self, windows: Tensor) -> Tensor:
        """(N, C, grid, grid) of (N * W, C, T)."""
        cut = windows.unflatten(2, 2 * [self.side]).unflatten(0, (-1, self.count, self.count))
        rolled = cut.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
        return rolled.roll((self.shift, self.shift), (2, 3))[:, :, : self.grid, : self.grid]

    def real(self, like: Tensor) -> Tensor:
        """(W, 1, T): 1 for a patch, 0 for padding."""
        places = like.new_zeros(1, 1, self.padded, self.padded)
        places[:, :, : self.grid, : self.grid] = 1
        return self.cut(places)

    def meet(self, shift: int) -> Tensor:
        """(W, T, T): whether two patches of a window come from opposite edges by this shift."""
        rows = torch.arange(self.padded) < shift
        edges = (2 * rows[:, None] + rows[None, :])[None, None]
        own = self._replace(shift=shift).cut(edges)[:, 0]
        return own[:, :, None] != own[:, None, :]


def windows_of(output: Tensor, grid: int, shift: int) -> Windows:
    """How the grid was cut into what a layer puts out.

    Raises:
        InputError: windows that are no squares, or that don't make up such a grid.
    """
    side = math.isqrt(output.shape[3])
    if side * side != output.shape[3] or side < 2:
        raise InputError(f"windows of {output.shape[3]} patches are no squares")
    found = Windows(grid, side, shift)
    if shift >= side:
        raise InputError(f"shift = {shift}; it must be less than the {side} patches of a window")
    if output.shape[0] % found.count**2:
        raise InputError(f"grid = {grid} makes {found.count**2} windows of {side} x {side} a "
                         f"picture, which {output.shape[0]} windows are no multiple of")
    return found


def read_windows(output: Tensor, grid: int, shift: int) -> Tensor:
    """(N, heads, grid, grid) of (N * W, heads, T, T)."""
    cut = windows_of(output, grid, shift)
    queries = _of_all(cut.real(output), output)  # (N * W, 1, T)
    got = (output * queries[..., None]).sum(2) / queries.sum(2, keepdim=True).clamp(min=1)
    return cut.joined(got)


def write_windows(output: Tensor, new: Tensor, grid: int, shift: int) -> Tensor:
    """What the layer puts out, each share by the ratio of the new map to its own; the shares of a
    query keep their sum."""
    cut = windows_of(output, grid, shift)
    ratio = new / read_windows(output, grid, shift).clamp(min=NOTHING)
    padded = torch.nn.functional.pad(ratio, 2 * (0, cut.padded - grid), value=1.0)
    shares = output * cut.cut(padded)[:, :, None]
    return shares * (output.sum(3, keepdim=True) / shares.sum(3, keepdim=True).clamp(min=NOTHING))


def check_windows(
    output: Tensor, grid: int, shift: int, around: tuple[int, int] | None = None
) -> None:
    """Raises InputError where the masks in what a layer puts out are those of another shift, or the
    block around it, if its places are known, has another grid."""
    if around and around != (grid, grid):
        raise InputError(f"grid = {grid}, but the block around it has {around[0]} x {around[1]} "
                         "places")
    cut = windows_of(output, grid, shift)
    found = [other for other in range(1, cut.side) if _kept_apart(output, cut, other)]
    if found != [shift] * bool(shift):
        told = f"as by shift = {found[0]}" if found else "nowhere"
        raise InputError(f"shift = {shift}, but patches of opposite edges are kept apart {told}")


def _kept_apart(output: Tensor, cut: Windows, shift: int) -> bool:
    meet = _of_all(cut.meet(shift).to(output), output)
    return bool((output.amax(1) * meet).amax() < NOTHING)


def _of_all(windows: Tensor, output: Tensor) -> Tensor:
    """The same for the windows of every picture."""
    return windows.repeat(len(output) // len(windows), *[1] * (windows.ndim - 1))
