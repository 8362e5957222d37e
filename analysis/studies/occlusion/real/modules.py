"""Scores on really occluded and turned faces of a module: all its training seeds together."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.engine.statistics import hierarchical_bootstrap, interval_over_seeds
from analysis.studies.occlusion.real.matching import drawn, means
from analysis.studies.occlusion.real.table import COMPARISON, GROUPS, label_sets, members

COLUMNS = ["label", "reference", "group", "labels", "metric", "value", "low", "high", "difference",
           "difference_low", "difference_high", "seeds", "paired_seeds", "n"]
UNKNOWN = (np.nan, np.nan, np.nan)


def real_modules(
    rows: Mapping[str, pd.DataFrame], faces: pd.DataFrame, classes: Sequence[str],
    labels: Mapping[str, Mapping[int, str]], references: Mapping[str, str], seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per module, group, labels and metric, each as in `real.table.real_table`: accuracy,
    and drop_matched.

    value, low, high: the mean over training seeds and faces, with its 95% interval over both.
    difference, difference_low, difference_high: that less the reference's on the same faces, over
        the training seeds that both have (`paired_seeds`).

    Args:
        rows, faces, photographs: as of `real_table`.
        labels, references: as of `tables.modules.modules`.
    """
    first = next(iter(rows.values()))
    photographs = np.arange(len(faces)) if photographs is None else photographs
    table = []
    for name, truth in label_sets(faces, first["label"], classes).items():
        hits = {model: (own["prediction"] == truth).to_numpy(float) for model, own in rows.items()}
        for label, own in labels.items():
            other = labels.get(references.get(label), {})
            paired = [one for one in own if one in other] if references.get(label) != label else []
            values = {"": [hits[model] for model in own.values()],
                      "difference": [hits[own[one]] - hits[other[one]] for one in paired]}
            head = {"label": label, "labels": name, "seeds": " ".join(map(str, own))}
            if paired:
                head |= {"reference": references[label], "paired_seeds": " ".join(map(str, paired))}
            scores = {start: _scores(np.stack(one), truth, faces, len(classes), seed, photographs)
                      for start, one in values.items() if one}
            for (group, metric), (n, _) in scores[""].items():
                row = head | {"group": group, "metric": metric, "n": n}
                for start, found in scores.items():
                    ends = (f"{start}_low".strip("_"), f"{start}_high".strip("_"))
                    row |= zip((start or "value", *ends), found[group, metric][1], strict=True)
                table.append(row)
    return pd.DataFrame(table, columns=COLUMNS)


def _scores(values: np.ndarray, truth, faces, k: int, seed: int, photographs) -> dict:
    """{(group, metric): (faces, (value, low, high))} of values (seeds, N)."""

    def draws(inside, group: str):
        return drawn(truth[inside], values[:, inside].T, k, seed, group, photographs[inside])

    others = members(faces, COMPARISON) & (truth >= 0)
    comparison, found = draws(others, COMPARISON), {}
    for group in GROUPS:
        used = members(faces, group) & (truth >= 0)
        mean = hierarchical_bootstrap(values[:, used], seed=seed, photographs=photographs[used]
                                      ) if used.any() else UNKNOWN
        found[group, "accuracy"] = int(used.sum()), mean
        if group != COMPARISON:
            reference, value = means(comparison, draws(used, group))
            drop = reference - value
            known = np.isfinite(drop).all(1)
            told = interval_over_seeds(drop[known], seed) if known[0] else UNKNOWN
            shared = int((comparison.counts[0][truth[used]] > 0).sum())
            found[group, "drop_matched"] = shared, told
    return found
