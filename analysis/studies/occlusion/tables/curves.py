"""The area under accuracy against the occluded fraction."""

import numpy as np
import pandas as pd

from analysis.engine.statistics import mean_intervals
from analysis.studies.occlusion.tables import grid

COLUMNS = (
    "occluder", "fill", "metric", "value", "low", "high", "n", "fractions", "max_fraction",
)


def curve_areas(
    conditions: pd.DataFrame, correct: np.ndarray, seed: int, photographs: np.ndarray | None = None
) -> pd.DataFrame:
    """One row per occluder and fill: the mean height of its curve, with its interval.

    accuracy_area: trapezoids over the asked fractions from 0 (the clean pass) to the largest,
        divided by that; 0 to 1, higher = more robust. So it is a mean accuracy, and occluders that
        go to other fractions have it in the same unit; but one that goes further is measured on
        harder pictures, so compare areas of equal `max_fraction`.

    `fractions` is how many there are besides 0. A curve has at least two; an object at its natural
    size is no point of one.

    Args:
        conditions: see `analysis.studies.occlusion.tables.grid.grid`.
        correct: (N, conditions) bool.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    names, features = [], []
    for occluder, own in grid.occluders(conditions).items():
        for fill, curve in conditions.loc[own].groupby("fill", sort=False):
            points = curve[curve["fraction"] > 0].sort_values("fraction")
            if len(points) < 2:
                continue
            weights = _trapezoid_weights([0.0, *points["fraction"]])
            features.append(correct[:, [grid.clean(conditions), *points.index]] @ weights)
            names.append((occluder, fill, len(points), points["fraction"].iloc[-1]))
    if not names:
        return pd.DataFrame(columns=COLUMNS)
    features = np.stack(features, 1)
    value, low, high = mean_intervals(features, seed, photographs)
    table = pd.DataFrame(names, columns=["occluder", "fill", "fractions", "max_fraction"])
    table = table.assign(metric="accuracy_area", value=value, low=low, high=high, n=len(features))
    return table[list(COLUMNS)]


def _trapezoid_weights(x: list[float]) -> np.ndarray:
    """What each of the points (rising x) adds to the mean height of the curve; their sum is 1."""
    steps = np.diff(x) / (x[-1] - x[0])
    return (np.append(steps, 0) + np.append(0, steps)) / 2
