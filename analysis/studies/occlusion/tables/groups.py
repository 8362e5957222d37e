"""Means over the images of each expression, with intervals from the same resamples."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.engine.statistics import bootstrap

POOLED = "all"


def group_means(
    features: np.ndarray, labels: np.ndarray, classes: Sequence[str], seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per expression and feature, the images of all expressions ("all") first.

    Columns: expression, feature (its column), value, low, high, n (images of that expression).
    All images are resampled together, so a difference between expressions or features is paired.
    The value is NaN without an image of the expression; the interval is NaN too where some resample
    has none, which happens below about eight images: too few for an interval.

    Args:
        features: (N, K) per image.
        labels: (N,) places in `classes`.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    count = features.shape[1]
    members = np.column_stack([np.ones(len(labels)), labels[:, None] == np.arange(len(classes))])
    sums = (members[:, :, None] * features[:, None]).reshape(len(labels), -1)  # (N, (1 + G) K)

    def means(totals: np.ndarray) -> np.ndarray:
        sizes = totals[:, -members.shape[1] :].repeat(count, axis=1)
        with np.errstate(invalid="ignore"):
            return totals[:, : -members.shape[1]] / sizes

    value, low, high = bootstrap(np.hstack([sums, members]), means, seed=seed,
                                 photographs=photographs)
    return pd.DataFrame({
        "expression": np.repeat([POOLED, *classes], count),
        "feature": np.tile(np.arange(count), members.shape[1]),
        "value": value, "low": low, "high": high,
        "n": members.sum(0).astype(int).repeat(count),
    })
