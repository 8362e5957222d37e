"""The expression that fares worst under each kind of condition."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.studies.occlusion.tables import grid
from analysis.studies.occlusion.tables.groups import POOLED, group_means

COLUMNS = ("kind", "expression", "metric", "value", "low", "high", "n", "conditions")


def worst_expressions(
    conditions: pd.DataFrame,
    correct: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per kind (clean, occluder, corruption): its expression of the lowest accuracy.

    worst_accuracy: accuracy over the kind's conditions and the faces of that expression, 0 to 1;
        of equals the first in class order; expressions without a face are passed over. The interval
        is of that expression, chosen once: it leaves out the chance in the choice, so look at n.

    Args:
        conditions: see `analysis.studies.occlusion.tables.grid.grid`.
        correct: (N, conditions) bool.
        labels: (N,) places in `classes`.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    rows = {grid.CLEAN_KIND: [grid.clean(conditions)], **grid.kinds(conditions)}
    features = np.stack([correct[:, own].mean(1) for own in rows.values()], 1)
    table = group_means(features, labels, classes, seed, photographs)
    single = table[table["expression"] != POOLED]
    table = single.loc[single.groupby("feature")["value"].idxmin()]
    names = pd.DataFrame({"kind": list(rows), "conditions": [len(own) for own in rows.values()]})
    return table.assign(metric="worst_accuracy").join(names, on="feature")[list(COLUMNS)]
