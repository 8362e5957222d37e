"""The one place where attention is reduced, and where maps and pictures are resized."""

from torch import Tensor


def spatial_attention(attention: Tensor) -> Tensor:
    """(N, H, W): the mean over channels of an attention map (N, C, H, W), in (0, 1).

    A module that gates channels alone (SE, ECA) has a constant spatial attention: it says how much
    of the features passes, not where.
    """
    return attention.mean(1)


def gates_channels(attention: Tensor) -> bool:
    """Whether a map (N, C, H, W) was made for channels alone: one number, shown at every place."""
    return attention.stride()[2:] == (0, 0)
