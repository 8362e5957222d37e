"""How far a map moves beside how far the picture, its representation or the logits do.

The largest relative change of the map over perturbed pictures x' of which the prediction is that of
the face x, over the change of what it is held against:

    log10 max over x' of |(map(x') - map(x)) / map(x)| / max(change, 1e-6)

Euclidean norms over all pixels, features or classes, as in the paper; *lower* = more stable. The
logarithm, since the ratio is spread over orders of magnitude: a mean over faces is one of ratios.
It is at least -6, which is that of a map that does not move at all: a stable map need not be right.
x' is x plus Gaussian noise with a standard deviation of 0.05 in every pixel, 10 a face.

Divided is element by element; an element below 1% of the largest one of its map, picture or
representation counts as that 1%. (In the paper only zeros are replaced, and one pixel that is
almost 0 decides.) NaN where no prediction stays, and where a map is all zero or not finite.

Reference: Agarwal, Johnson, Pawelczyk, Krishna, Saxena, Zitnik & Lakkaraju, Rethinking Stability
for Attribution-based Explanations, arXiv 2203.06877, 2022 (they draw 50 pictures).
"""

import torch
from torch import Tensor

from analysis.metrics.trials import STABLE, TRIALS, Case

FLOOR = 0.01  # of the largest element
LEAST = 1e-6
_ABOUT = {"better": "lower", "test": "noise", "quick": True}
_COST = {"maps": STABLE, "passes": STABLE + 1}  # of the first that is asked: they share pictures


@TRIALS.register("relative_input_stability", title="log relative input stability (RIS)", **_ABOUT,
                 **_COST)
def relative_input_stability(case: Case) -> tuple[Tensor, Tensor]:
    """Held against the relative change of the picture. A map proportional to the picture has 0."""
    return _stability(case, relative_change(case.near.pictures, case.images[:, None]))


@TRIALS.register("relative_representation_stability", needs=("layers",), maps=0,
                 passes=STABLE + 1, title="log relative representation stability (RRS)", **_ABOUT)
def relative_representation_stability(case: Case) -> tuple[Tensor, Tensor]:
    """Held against the relative change of what class activation maps read: the last features with
    places."""
    both = torch.cat([case.images[:, None], case.near.pictures], 1)
    features = case.answered(both, case.features)
    return _stability(case, relative_change(features[:, 1:], features[:, :1]))


@TRIALS.register("relative_output_stability", title="log relative output stability (ROS)", maps=0,
                 **_ABOUT)
def relative_output_stability(case: Case) -> tuple[Tensor, Tensor]:
    """Held against the change of the logits, which is not relative: nets differ in their scale."""
    logits = case.near.logits
    return _stability(case, (logits[:, 1:] - logits[:, :1]).norm(dim=2))


def relative_change(new: Tensor, old: Tensor, floor: float = FLOOR) -> Tensor:
    """(N, n): the norm of (new - old) / old, of new (N, n, ...) and old (N, 1 or n, ...).

    NaN where old is all zero, or something is not finite.

    Args:
        floor: in shares of the largest element of old, what its others at least count for.
    """
    new, old = (values.double().flatten(2) for values in (new, old))
    size = old.abs()
    size = size.maximum(floor * size.amax(2, keepdim=True))
    return ((new - old) / size.where(size > 0, torch.nan)).norm(dim=2)


def _stability(case: Case, change: Tensor) -> tuple[Tensor, Tensor]:
    """Value and chance, from how far (N, n) it is to each perturbed picture."""
    maps, stays = case.maps[:, None], case.near.stays
    moved = (relative_change(values, maps) for values in (
        case.near.maps, case.others(case.maps)[:, None]))
    return tuple(_largest(one / change.clamp_min(LEAST), stays) for one in moved)


def _largest(ratio: Tensor, stays: Tensor) -> Tensor:
    largest = ratio.masked_fill(~stays, -torch.inf).amax(1)
    return largest.clamp_min(LEAST).log10().where(stays.any(1), torch.nan)
