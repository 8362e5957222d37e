"""What each occluder costs, over all its fractions and fills, against its random twin."""

import numpy as np
import pandas as pd

from analysis.engine.statistics import mean_intervals
from analysis.studies.occlusion.tables import grid

COLUMNS = ("occluder", "metric", "value", "low", "high", "n", "conditions")


def occluder_scores(
    conditions: pd.DataFrame, correct: np.ndarray, seed: int, photographs: np.ndarray | None = None
) -> pd.DataFrame:
    """One row per occluder and score, with its interval; `conditions` is how many it is a mean of.

    accuracy: mean over conditions and images, 0 to 1.
    drop: clean accuracy minus it, paired by image.
    drop_beyond_box: accuracy under the random boxes of the same areas and fills minus accuracy
        under the occluder, paired: what is lost by covering *this place*. Over those conditions
        that have such a box; left out without any.

    Args:
        conditions: see `analysis.studies.occlusion.tables.grid.grid`.
        correct: (N, conditions) bool.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    names, features = losses(conditions, correct)
    if names.empty:
        return pd.DataFrame(columns=COLUMNS)
    value, low, high = mean_intervals(features, seed, photographs)
    table = names.assign(value=value, low=low, high=high, n=len(features))
    return table[list(COLUMNS)]


def losses(conditions: pd.DataFrame, correct: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """The per-image scores behind `occluder_scores`: their names, and (N, scores)."""
    clean = correct[:, grid.clean(conditions)].astype(float)
    names, features = [], []
    for occluder, own in grid.occluders(conditions).items():
        twins = conditions["twin"].to_numpy()[own]
        matched, boxes = own[twins >= 0], twins[twins >= 0]
        accuracy = correct[:, own].mean(1)
        found = [("accuracy", accuracy, len(own)), ("drop", clean - accuracy, len(own))]
        if len(matched):
            beyond = correct[:, boxes].mean(1) - correct[:, matched].mean(1)
            found.append(("drop_beyond_box", beyond, len(matched)))
        names += [(occluder, metric, count) for metric, _, count in found]
        features += [feature for _, feature, _ in found]
    table = pd.DataFrame(names, columns=["occluder", "metric", "conditions"])
    return table, np.stack(features, 1) if features else np.zeros((len(clean), 0))
