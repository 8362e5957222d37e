"""What each kind of occlusion and corruption costs a module: all its training seeds together."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from analysis.studies.occlusion.tables import grid
from analysis.studies.occlusion.tables.groups import POOLED
from analysis.studies.occlusion.tables.paired import differences, intervals, lost, with_holm

COLUMNS = ("label", "reference", "kind", "metric", "value", "low", "high", "difference",
           "difference_low", "difference_high", "p", "p_holm", "seeds", "paired_seeds", "n",
           "conditions")


def modules(
    conditions: pd.DataFrame,
    errors: Mapping[str, np.ndarray],
    labels: Mapping[str, Mapping[int, str]],
    references: Mapping[str, str],
    seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per module (a label: its training seeds together), kind and metric.

    lost: the main measure: what is lost of the faces that it and its reference both recognise
        clean, over the seeds that both have (`tables.paired.lost`), of which `n` tells how many
        they are. Of a module without a reference, or that is one, of what it recognises itself.
    accuracy: mean over the kind's levels and fills, images and seeds, 0 to 1; also of the kind
        "clean".
    drop: clean accuracy minus it, paired by image: at most what accuracy there was.
    Of the kind "all" all are means over the kinds, each as heavy; not over "clean".
    low, high: the 95% interval of the hierarchical bootstrap, images within training seeds
        (`analysis.engine.statistics`); of one seed it is over images only.
    difference, difference_low, difference_high: the value minus that of the module's reference
        (`references`), over the training seeds that both have (`paired_seeds`), image by image.
    p: of the mean difference over these seeds, by `paired_permutation`; p_holm: adjusted over all
        modules and kinds of a metric, and for the kind "all" over the modules.

    Args:
        conditions: see `analysis.studies.occlusion.tables.grid.grid`.
        errors: model -> `kind_errors`; the same images in the same order.
        labels: see `analysis.subjects.roles.groups`.
        references: label -> the label that it is compared with, of those that have one.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    kinds = {kind: len(rows) for kind, rows in grid.kinds(conditions).items()}
    names, levels, tables = _names(kinds), np.array(list(kinds.values())), []
    for label, own in labels.items():
        reference = references.get(label)
        paired = [one for one in own if one in labels.get(reference, {}) and reference != label]
        values = _values(errors, own, levels)
        table = names.assign(n=values.shape[1])
        table[["value", "low", "high"]] = intervals(values, seed, photographs)
        beside = {}
        if paired:
            mine, theirs = (_values(errors, labels[one], levels, paired)
                            for one in (label, reference))
            table = table.assign(**differences(mine - theirs, seed, photographs))
            beside = {"reference": reference, "paired_seeds": _listed(paired)}
        if kinds:
            found = lost(kinds, [errors[own[one]] for one in paired or own],
                         [errors[labels[reference][one]] for one in paired] or None, seed,
                         photographs)
            table = pd.concat([table, found])
        tables.append(table.assign(label=label, seeds=_listed(own), **beside))
    return with_holm(pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS))


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


def _listed(seeds: Iterable[int]) -> str:
    return " ".join(map(str, seeds))
