"""Two nets on the same faces: the difference, and what is lost of the faces that both recognise.

Accuracy that a net does not have clean it can't lose: drops and ratios of errors find the worse of
two nets more robust. What is lost of the faces that *both* recognise clean is bounded by neither's
clean accuracy, and its interval is half as wide.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.engine.statistics import (
    RESAMPLES,
    column_intervals,
    holm,
    member_intervals,
    paired_permutation,
    resampling_counts,
)
from analysis.studies.occlusion.tables.groups import POOLED

LOST = "lost"
DIFFERENCES = ("difference", "difference_low", "difference_high", "p")


def intervals(values: np.ndarray, seed: int, photographs: np.ndarray | None) -> np.ndarray:
    """(columns, 3) mean, low and high of (training seeds, N, columns)."""
    counts = resampling_counts(values.shape[1], RESAMPLES, seed, photographs)
    return column_intervals(values, counts, seed)[:, :3]


def differences(
    values: np.ndarray, seed: int, photographs: np.ndarray | None
) -> dict[str, np.ndarray]:
    """DIFFERENCES of differences (training seeds, N, columns), each (columns,)."""
    p = [paired_permutation(column, seed=seed, photographs=photographs)
         for column in values.mean(0).T]
    return dict(zip(DIFFERENCES, [*intervals(values, seed, photographs).T, p], strict=True))


def lost(
    kinds: Mapping[str, int], own: Sequence[np.ndarray], other: Sequence[np.ndarray] | None,
    seed: int, photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """What a net loses of the faces that both it and another one recognise clean: one row per kind,
    the mean over them ("all", each as heavy) last.

    value: share of these faces that it no longer recognises, mean over the kind's levels and fills
        and over training seeds, each seed on its own faces; 0 to 1, lower = more robust. Without
        another net of the faces that it recognises itself.
    difference: that less the share of the same faces that the other net loses; -1 to 1, above 0 =
        less robust than the other.
    low, high, difference_low, difference_high: 95% intervals (`statistics.member_intervals`); NaN
        where some resample has no such face. All is NaN where there is none at all.
    p: by `paired_permutation`, the two nets exchanged face by face.
    n: faces that both recognise clean, mean over the training seeds.

    Args:
        kinds: {kind: how many conditions it has}.
        own, other: `kind_errors` (N, 1 + kinds) of both nets, one a training seed.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    levels = np.array(list(kinds.values()))
    known = np.stack([a[:, 0] + b[:, 0] == 0 for a, b in zip(own, other or own, strict=True)])
    mine, theirs = (np.stack([_shares(one, levels) for one in e]) for e in (own, other or own))
    beyond = mine - theirs
    counts = resampling_counts(known.shape[1], RESAMPLES, seed, photographs)
    found = np.split(member_intervals(np.concatenate([mine, beyond], 2), known, counts, seed), 2)
    table = pd.DataFrame(found[0], columns=["value", "low", "high"])
    table = table.assign(kind=[*kinds, POOLED], metric=LOST, conditions=[*levels, levels.sum()],
                         n=round(known.sum(1).mean()))
    if other is not None:
        table[list(DIFFERENCES[:3])] = found[1]
        with np.errstate(invalid="ignore"):  # NaN without such faces
            weights = known / known.mean(1, keepdims=True)  # so that the mean is the difference
        each = (weights[:, :, None] * beyond).mean(0)
        table["p"] = [paired_permutation(column, seed=seed, photographs=photographs)
                      if np.isfinite(column).all() else np.nan for column in each.T]
    return table


def _shares(errors: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(N, kinds + 1): the share of a kind's conditions with a wrong answer; the mean last."""
    each = errors[:, 1:] / levels
    return np.hstack([each, each.mean(1, keepdims=True)])


def with_holm(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `p_holm`: p adjusted over all rows of a metric, those of the kind "all" among
    themselves."""
    table = table.assign(p_holm=np.nan)
    for _, part in table.groupby([table["metric"], table["kind"] == POOLED]):
        table.loc[part.index, "p_holm"] = holm(part["p"])
    return table
