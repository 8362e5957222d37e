"""The grids on which imputation solves its system, from the picture's own to 3 pixels a side.

Fields are (H, W, K) arrays, the pictures last: neighbours are then shifts of whole blocks of
memory. Nothing is allocated while the system is solved (at these sizes fresh memory costs more than
the arithmetic): results lie in the grid's own buffers and hold until its next call. NumPy takes
half of torch's time here, as most of the grids are small and its calls cost less.
"""

import numpy as np

COARSEST = 3  # pixels a side


class Grid:
    """The system on one grid, times 12, which makes the neighbours' weights 1 and 2.

    Attributes:
        active: (H, W, K), 1 where there is something to solve for and 0 elsewhere.
        inverse: (H, W, K), one over the system's diagonal, 0 where nothing is hidden.
        correction, residual, scratch: (H, W, K) buffers.
    """

    def __init__(self, share: np.ndarray):
        """`share`: (H, W, K), 1 for a hidden pixel, 0 for a known one, between for one in part.

        A coarse pixel that is hidden in part is held towards zero by its known part: its diagonal
        grows as one over the share. With a yes or no per coarse pixel the known region seems to
        move by up to one of them, and up to four times as many steps are needed.
        """
        buffers = np.empty((4, *share.shape), share.dtype)
        self.scratch, self.correction, self.residual, self._out = buffers
        reach = _reach(share)
        self.active = (share > 0).astype(share.dtype)
        self.inverse = share / (reach - 4)
        self._centre = (reach - 4) / np.maximum(share, 1e-6) + 4
        self._spread = self.active / reach

    def smooth(self, field: np.ndarray) -> np.ndarray:
        """(1, 2, 1) x (1, 2, 1), zeros around: the neighbours' sum and 4 x the pixel itself."""
        _sum_three(field, self.scratch[:-1], self._out)
        columns = self._out.swapaxes(0, 1)
        _sum_three(columns, self.scratch[:, :-1].swapaxes(0, 1), columns)
        return self._out

    def apply(self, field: np.ndarray) -> np.ndarray:
        """The system's left side: sum of weights x pixel - weighted sum of neighbours."""
        smoothed = self.smooth(field)
        np.multiply(self._centre, field, out=self.scratch)
        return np.subtract(self.scratch, smoothed, out=smoothed)

    def restrict(self, field: np.ndarray, out: np.ndarray) -> None:
        """To the next grid: smoothed, then summed over 2 x 2, as `prolong` transposed.

        The field is used up.
        """
        field *= self._spread
        _sum_blocks(self.smooth(field), out)

    def prolong(self, coarse: np.ndarray) -> np.ndarray:
        """From the next grid: each pixel as 2 x 2, smoothed, which is linear between centres."""
        fine, (rows, columns) = self._out, self._out.shape[:2]
        fine[::2, ::2] = coarse
        fine[1::2, ::2] = coarse[: rows // 2]
        fine[:, 1::2] = fine[:, : columns // 2 * 2 : 2]
        smoothed = self.smooth(fine)
        smoothed *= self._spread
        return smoothed

    def dot(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(K,): the sums of products over the pixels."""
        return total_(np.multiply(one, other, out=self.scratch))


def grids(share: np.ndarray) -> list[Grid]:
    """The picture's grid, then ever coarser ones, each of half the side."""
    levels = [Grid(share)]
    while min(share.shape[:2]) > COARSEST:
        size = [(side + 1) // 2 for side in share.shape[:2]]
        hidden, pixels = (np.empty((*size, count), share.dtype) for count in (share.shape[2], 1))
        _sum_blocks(share.copy(), hidden)
        _sum_blocks(np.ones_like(share[..., :1]), pixels)
        share = (hidden / pixels) ** 2
        levels.append(Grid(share))
    return levels


def total_(field: np.ndarray) -> np.ndarray:
    """(K,): the sums over the pixels, by halves: their rounding can't depend on K.

    The field is used up.
    """
    values = field.reshape(-1, field.shape[-1])
    while len(values) > 1:
        half = len(values) // 2
        if len(values) % 2:
            values[0] += values[-1]
        values[:half] += values[half : 2 * half]
        values = values[:half]
    return values[0].copy()


def _reach(field: np.ndarray) -> np.ndarray:
    """(H, W, 1): what smoothing makes of ones, 16 inside and less along the border."""
    rows, columns = (np.full(side, 4, field.dtype) for side in field.shape[:2])
    rows[[0, -1]] = columns[[0, -1]] = 3
    return (rows[:, None] * columns)[..., None]


def _sum_three(field: np.ndarray, pairs: np.ndarray, out: np.ndarray) -> None:
    """Along the first axis: twice each value and both its neighbours; `out` may be `field`."""
    np.add(field[1:], field[:-1], out=pairs)
    np.add(field[0], pairs[0], out=out[0])
    np.add(field[-1], pairs[-1], out=out[-1])
    np.add(pairs[1:], pairs[:-1], out=out[1:-1])


def _sum_blocks(field: np.ndarray, out: np.ndarray) -> None:
    """Sums over 2 x 2 pixels (fewer at an odd end); the field is used up."""
    for _ in range(2):
        even, odd = field[::2], field[1::2]
        even[: len(odd)] += odd
        field = even.swapaxes(0, 1)
    out[:] = field
