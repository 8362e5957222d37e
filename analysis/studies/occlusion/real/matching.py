"""Two groups of faces compared as if they had the same expressions, with draws of both.

An easy class that is common in one group and rare in the other would pass for an effect, so the
one group's classes are weighted as they occur in the other.
"""

import warnings
from typing import NamedTuple

import numpy as np

from analysis.engine.statistics import LEVEL, RESAMPLES, resampling_counts
from iram.seeds import derived_seed


class Drawn(NamedTuple):
    """Per-class sums over the faces of a group: as they are first, then one row per resample.

    Attributes:
        counts: (B, K) faces of each class.
        sums: (B, M, K) sums of M values per face within each class.
    """

    counts: np.ndarray
    sums: np.ndarray


def drawn(
    labels, values, num_classes: int, seed: int, group: str, photographs: np.ndarray | None = None
) -> Drawn:
    """Bootstrap draws of one group of faces, B = 1 + 1,000.

    Groups of other names are drawn independently; the same name, number and seed give the same
    draws, so what is computed from them is paired.

    Args:
        labels: (N,) classes 0 to K - 1.
        values: (N, M) numbers or truths per face.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    own = np.eye(num_classes)[np.asarray(labels, dtype=int)]
    values = np.asarray(values, dtype=np.float64)
    features = np.hstack([own, *(own * column[:, None] for column in values.T)])
    resamples = resampling_counts(len(own), RESAMPLES, derived_seed(seed, group), photographs)
    sums = [features.sum(0, keepdims=True), *(counts @ features for counts in resamples)]
    table = np.concatenate(sums).reshape(-1, 1 + values.shape[1], num_classes)
    return Drawn(table[:, 0], table[:, 1:])


def means(group: Drawn, like: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Means of the values with each class weighted as in `like`, and `like`'s own means.

    Both over the classes that `group` has, draw by draw: what it lacks can't be compared.

    Returns:
        (B, M) of `group`, (B, M') of `like`; NaN in a draw that leaves no class.
    """
    here = group.counts > 0
    weights = np.where(here, like.counts, 0)
    average = group.sums / np.where(here, group.counts, 1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(1, keepdims=True)
        weighted = (average * weights[:, None]).sum(2) / total
        return weighted, np.where(here[:, None], like.sums, 0).sum(2) / total


def interval(draws: np.ndarray) -> tuple[float, float, float]:
    """Value, low and high (95% percentile interval) of draws (B,), the first of them the value."""
    tail = (1 - LEVEL) / 2
    with warnings.catch_warnings():  # a group of no face has no value in any draw
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(draws[1:], [tail, 1 - tail])
    return float(draws[0]), float(low), float(high)
