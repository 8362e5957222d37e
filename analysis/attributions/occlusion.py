"""Occlusion: what the logit loses as a window slides over the picture."""

import torch
from torch import Tensor

from analysis.attributions.base import attribution
from analysis.attributions.masking import Passes, masked_logits
from iram.errors import InputError


@attribution("occlusion", cost="dear")
def occlusion(
    model, x, target, window: int | None = None, stride: int | None = None,
    baseline: str = "mean", batch_size: int = 32, bf16: bool = False, passes: Passes | None = None,
) -> Tensor:
    """Per pixel, the mean loss of logit over the windows that cover it.

    Zeiler & Fergus, ECCV 2014, who plot what is left instead. Equal to Captum's Occlusion; windows
    at the far edges may be smaller. One forward pass per window, and one for the picture.

    Args:
        window: its side in pixels; by default a sixth of the picture's shorter side.
        stride: between windows, in pixels; by default half a window.
        baseline: what the window shows: "black", "mean" or "blur"; see `masking.baseline`.
        batch_size, bf16, passes: see `masking.masked_logits`.

    Raises:
        InputError: a window that is larger than the picture, or a stride that leaves gaps.
    """
    window, stride = _sizes(window, stride, min(x.shape[2:]))
    rows, columns = (covered(side, window, stride).to(x.device) for side in x.shape[2:])
    windows = len(rows) * len(columns)
    hidden = torch.cat([rows, torch.zeros_like(rows[:1])])  # a last one hides nothing

    def keep(pictures: Tensor, numbers: Tensor) -> Tensor:
        down, along = numbers.div(len(columns), rounding_mode="floor"), numbers % len(columns)
        return ~(hidden[down][:, :, None] & columns[along][:, None, :])

    # The last variant is the picture itself.
    logits = masked_logits(model, x, target, windows + 1, keep, baseline, batch_size, bf16, passes)
    losses = (logits[:, -1:] - logits[:, :-1]).unflatten(1, (len(rows), len(columns)))
    rows, columns = rows.float(), columns.float()
    return (rows.T @ losses @ columns) / (rows.sum(0)[:, None] * columns.sum(0)[None])


def covered(side: int, window: int, stride: int) -> Tensor:
    """(places, side) bool: what each window covers along one axis."""
    places = -(-(side - window) // stride) + 1
    start = torch.arange(places)[:, None] * stride
    pixel = torch.arange(side)[None]
    return (pixel >= start) & (pixel < start + window)


def _sizes(window: int | None, stride: int | None, side: int) -> tuple[int, int]:
    window = max(1, side // 6) if window is None else window
    stride = max(1, window // 2) if stride is None else stride
    for name, size, most in (("window", window, side), ("stride", stride, window)):
        if not isinstance(size, int) or not 1 <= size <= most:
            raise InputError(f"occlusion: {name} is {size!r}; it must be 1 to {most} pixels")
    return window, stride
