"""What each kind of occlusion and corruption costs a module: all its training seeds together."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from analysis.engine.statistics import (
    RESAMPLES,
    column_intervals,
    holm,
    paired_permutation,
    resampling_counts,
)
from analysis.studies.occlusion.tables import grid
from analysis.studies.occlusion.tables.groups import POOLED
from analysis.subjects import Subject
from analysis.subjects.training import Training, training_of

COLUMNS = ("label", "reference", "kind", "metric", "value", "low", "high", "difference",
           "difference_low", "difference_high", "p", "p_holm", "seeds", "paired_seeds", "n",
           "conditions")


def groups(subjects: Iterable[Subject]) -> dict[str, dict[int, str]]:
    """Label -> training seed -> model, by the models' cards, or without one by their names.

    Models of one label that are no trainings of the same thing (another recipe, other data) are not
    taken together: the second is a label of its own, under its name.
    """
    found: dict[str, dict[int, str]] = {}
    first: dict[str, Training] = {}
    for subject in subjects:
        training, seed = training_of(subject), subject.seed
        label = training.label
        if first.setdefault(label, training) != training or seed in found.get(label, {}):
            label = subject.name
        found.setdefault(label, {})[seed] = subject.name
    return found


def modules(
    conditions: pd.DataFrame,
    errors: Mapping[str, np.ndarray],
    labels: Mapping[str, Mapping[int, str]],
    references: Mapping[str, str],
    seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per module (a label: its training seeds together), kind and metric.

    accuracy: mean over the kind's levels and fills, images and seeds, 0 to 1; also of the kind
        "clean".
    drop: clean accuracy minus it, paired by image.
    Of the kind "all" both are means over the kinds, each as heavy; not over "clean".
    low, high: the 95% interval of the hierarchical bootstrap, images within training seeds
        (`analysis.engine.statistics`); of one seed it is over images only.
    difference, difference_low, difference_high: the value minus that of the module's reference
        (`references`), over the training seeds that both have (`paired_seeds`), image by image.
    p: of the mean difference over these seeds, by `paired_permutation`; p_holm: adjusted over all
        modules and kinds of a metric, and for the kind "all" over the modules.

    Args:
        conditions: see `analysis.studies.occlusion.tables.grid.grid`.
        errors: model -> `kind_errors`; the same images in the same order.
        labels: see `groups`.
        references: label -> the label that it is compared with, of those that have one.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    kinds = grid.kinds(conditions)
    names = _names({kind: len(rows) for kind, rows in kinds.items()})
    levels = np.array([len(rows) for rows in kinds.values()])
    tables = []
    for label, own in labels.items():
        values = _values(errors, own, levels)
        table = names.assign(label=label, seeds=_listed(own), n=values.shape[1])
        table[["value", "low", "high"]] = _intervals(values, seed, photographs)
        reference = references.get(label)
        paired = [one for one in own if one in labels.get(reference, {})]
        if paired and reference != label:
            mine, theirs = (_values(errors, labels[one], levels, paired)
                            for one in (label, reference))
            table = table.assign(reference=reference, paired_seeds=_listed(paired),
                                 **_differences(mine - theirs, seed, photographs))
        tables.append(table)
    table = pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)
    for _, part in table.groupby([table["metric"], table["kind"] == POOLED]):
        table.loc[part.index, "p_holm"] = holm(part["p"])
    return table


def _values(errors, models: Mapping[int, str], levels: np.ndarray, seeds=None) -> np.ndarray:
    """(seeds, N, columns) of a label's models, of all of them by default."""
    return np.stack([_scores(errors[models[one]], levels) for one in seeds or models])


def _names(levels: Mapping[str, int]) -> pd.DataFrame:
    """kind, metric and number of conditions, in the order of `_scores`."""
    each = [*levels.items(), (POOLED, sum(levels.values()))] if levels else []
    rows = [(grid.CLEAN_KIND, "accuracy", 1)]
    rows += [(kind, metric, count) for metric in ("accuracy", "drop") for kind, count in each]
    return pd.DataFrame(rows, columns=["kind", "metric", "conditions"])


def _scores(errors: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(N, 1 + 2 x (kinds + 1)) of `kind_errors` (N, 1 + kinds)."""
    clean, covered = 1 - errors[:, :1], 1 - errors[:, 1:] / levels
    if not len(levels):
        return clean
    covered = np.hstack([covered, covered.mean(1, keepdims=True)])
    return np.hstack([clean, covered, clean - covered])


def _intervals(values: np.ndarray, seed: int, photographs) -> np.ndarray:
    """(columns, 3) of (seeds, N, columns)."""
    counts = resampling_counts(values.shape[1], RESAMPLES, seed, photographs)
    return column_intervals(values, counts, seed)[:, :3]


def _differences(differences: np.ndarray, seed: int, photographs) -> dict[str, np.ndarray]:
    found = _intervals(differences, seed, photographs).T
    p = [paired_permutation(column, seed=seed, photographs=photographs)
         for column in differences.mean(0).T]
    return dict(zip(["difference", "difference_low", "difference_high", "p"], [*found, p],
                    strict=True))


def _listed(seeds: Iterable[int]) -> str:
    return " ".join(map(str, seeds))
