"""Which region of the face each expression's recognition leans on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.studies.occlusion.tables import grid
from analysis.studies.occlusion.tables.groups import group_means
from analysis.studies.occlusion.tables.occluders import losses

COLUMNS = ("expression", "occluder", "metric", "value", "low", "high", "n", "conditions")
METRICS = ("drop", "drop_beyond_box")


def importance(
    conditions: pd.DataFrame,
    correct: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per expression, occluder and metric, with its interval and the number of faces.

    drop: clean accuracy minus accuracy under the occluder, mean over its fractions and fills and
        the faces of that expression; -1 to 1, higher = the model needs what was covered.
    drop_beyond_box: the drop minus that under random boxes of the same areas and fills on the same
        faces; -2 to 2. Above 0, the expression leans on this place more than on an average place of
        the face; below 0, less. 0 is chance. Over those conditions that have such a box; left out
        without any.

    The expression "all" pools the faces of all. Occluders that cover no part of a face (the sham)
    are left out. Intervals: see `analysis.studies.occlusion.tables.groups.group_means`.

    It is the question that Wegrzyn et al. (PLoS ONE 2017, 12(5): e0177239) put to people with
    masked faces: there, sad and fear leaned on the eyes, disgust and happy on the mouth. Theirs is
    a weight per uncovered tile, so the order of the regions compares, not the size.

    Args:
        conditions: see `analysis.studies.occlusion.tables.grid.grid`.
        correct: (N, conditions) bool.
        labels: (N,) places in `classes`.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    names, features = losses(conditions, correct)
    wanted = names["metric"].isin(METRICS) & names["occluder"].isin(grid.kinds(conditions))
    if not wanted.any():
        return pd.DataFrame(columns=COLUMNS)
    names = names[wanted].reset_index(drop=True)
    table = group_means(features[:, wanted.to_numpy()], labels, classes, seed, photographs)
    return table.join(names, on="feature")[list(COLUMNS)]
