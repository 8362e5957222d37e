"""The identity of methods whose contributions sum to the change of the logit."""

import warnings
from collections.abc import Callable

from torch import Tensor


class Incomplete(UserWarning):
    """A method's contributions do not sum to the change that they explain."""


def gaps(total: Tensor, change: Tensor, share: float, least: float) -> Tensor:
    """(N,): by how much the sums of contributions miss the changes; 0 where by no more than a share
    of the change, or than `least`."""
    gap = (total - change).abs()
    return gap.where(~(gap <= share * change.abs() + least), 0)


def warn_incomplete(
    method: str, total: Tensor, change: Tensor, share: float, least: float, cause: Callable | str
) -> None:
    """Warns where contributions miss more than `gaps` allows.

    Args:
        total, change: (N,) sums of contributions, and the logits' changes.
        cause: a text, or what finds it.
    """
    gap = gaps(total, change, share, least)
    missed = int((gap != 0).sum())
    if missed:
        worst = gap.nan_to_num(float("inf")).argmax()
        warnings.warn(
            Incomplete(f"{method}: contributions to {missed} of {len(gap)} pictures miss the "
                       f"logit's change (sum {float(total[worst]):.3g}, change "
                       f"{float(change[worst]):.3g}): {cause() if callable(cause) else cause}"),
            stacklevel=4,
        )
