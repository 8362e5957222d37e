"""Do painted occluders predict what real ones cost? One beside the other, by type."""

from collections.abc import Callable, Iterable, Sequence
from math import factorial

import numpy as np
import pandas as pd

from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.occlusion.real.matching import drawn, interval, means
from analysis.studies.occlusion.real.table import (
    COMPARISON,
    TYPES,
    check_order,
    label_sets,
    members,
)

SYNTHETIC = {
    "upper": ("upper_half", "hair", "hand"),
    "lower": ("lower_half", "surgical_mask", "cup", "microphone", "hand"),
    "side": ("left_half", "right_half", "hand"),
    "glasses": ("spectacles", "sunglasses", "eyes"),
}  # the painted occluders that stand for each real type
COLUMNS = [
    "model", "labels", "type", "occluder", "fraction", "occlusion_fraction", "fills",
    "synthetic_drop", "synthetic_low", "synthetic_high", "real_drop", "real_low", "real_high",
    "difference", "difference_low", "difference_high", "n", "n_not_listed",
]
CORRELATION = ["model", "labels", "n", "pearson", "spearman", "smallest_p"]


def synthetic_against_real(
    read: Callable[[str, Condition], pd.DataFrame],
    models: Iterable[str],
    conditions: Sequence[Condition],
    faces: pd.DataFrame,
    classes: Sequence[str],
    seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per model, labels (`table.label_sets`), real type, occluder that
    stands for it (`SYNTHETIC`) and fraction; none for a type that no face here has.

    synthetic_drop: what the painted occluder costs the not-listed faces: their accuracy on the
        clean picture minus that on the covered one, each class weighted as among the faces of the
        real type; mean over the fills.
    real_drop: `drop_matched` of `analysis.studies.occlusion.real.table.real_table`.
    difference: synthetic minus real; above 0 = the painted occluder costs more.

    Each with its 95% percentile bootstrap interval (`..._low`, `..._high`): the faces of the type
    and the not-listed ones are drawn independently, and the same draws serve all three, so that
    the difference is paired. The weights are those of the drawn faces of the type.

    Args:
        read: the rows of a model under a condition, in the order of `faces`.
        conditions: those of the run; only upright ones with an occluder of `SYNTHETIC` are read.
        photographs: (N,) see `analysis.engine.statistics`.

    Returns:
        Also the mean `occlusion_fraction` that was reached, the `fills`, `n` faces of the type
        and `n_not_listed`. Empty if no condition of the run stands for a type.
    """
    photographs = np.arange(len(faces)) if photographs is None else photographs
    wanted = _wanted(conditions)
    others, table = members(faces, COMPARISON), []
    for model in models:
        clean = read(model, CLEAN)
        check_order(clean, faces)
        answers, reached = [clean[["prediction"]].to_numpy()], []
        for group in wanted.values():
            rows = [read(model, condition) for condition in group]
            answers.append(np.stack([one["prediction"] for one in rows], 1))
            reached.append(float(rows[0]["occlusion_fraction"][others].mean()))
        for name, labels in label_sets(faces, clean["label"], classes).items():
            hits = np.stack([(given == labels[:, None]).mean(1) for given in answers], 1)
            used = others & (labels >= 0)
            comparison = drawn(labels[used], hits[used], len(classes), seed, COMPARISON,
                               photographs[used])
            for kind in TYPES:
                inside = members(faces, kind) & (labels >= 0)
                own = drawn(labels[inside], hits[inside, :1], len(classes), seed, kind,
                            photographs[inside])
                found = _beside(own, comparison, wanted, reached, SYNTHETIC[kind])
                head = {"model": model, "labels": name, "type": kind}
                table += [head | row for row in found]
    return pd.DataFrame(table, columns=COLUMNS)


def _wanted(conditions: Sequence[Condition]) -> dict[tuple, list[Condition]]:
    """(occluder, fraction) -> its conditions, one per fill."""
    names = {name for occluders in SYNTHETIC.values() for name in occluders}
    wanted = {}
    for condition in conditions:
        upright = not condition.in_depth and not condition.roll_deg
        if upright and condition.occluder in names:
            wanted.setdefault((condition.occluder, condition.fraction), []).append(condition)
    return wanted


def _beside(own, comparison, wanted, reached, occluders) -> list[dict]:
    """The rows of one type: its real drop beside each occluder's."""
    if not own.counts[0].any():
        return []
    reference, real = means(comparison, like=own)
    real_drop = reference[:, 0] - real[:, 0]
    compared = own.counts[0][comparison.counts[0] > 0].sum()
    table = []
    for place, ((occluder, fraction), conditions) in enumerate(wanted.items()):
        if occluder not in occluders:
            continue
        painted = reference[:, 0] - reference[:, 1 + place]
        row = {"occluder": occluder, "fraction": fraction, "occlusion_fraction": reached[place],
               "fills": ", ".join(condition.fill for condition in conditions),
               "n": int(compared), "n_not_listed": int(comparison.counts[0].sum())}
        for name, draws in {"synthetic": painted, "real": real_drop,
                            "difference": painted - real_drop}.items():
            value = name if name == "difference" else f"{name}_drop"
            row[value], row[f"{name}_low"], row[f"{name}_high"] = interval(draws)
        table.append(row)
    return sorted(table, key=lambda row: (occluders.index(row["occluder"]), row["fraction"] or 0))


def type_correlation(table: pd.DataFrame) -> pd.DataFrame:
    """Per model and labels: do types that cost more when painted also cost more in reality?

    Each type is one point: its real drop, and the synthetic drop averaged over the type's occluders
    (each first over its fractions). Only where there are at least four types with both.

    Returns:
        Columns model, labels, n (types), pearson, spearman (-1 to 1; NaN if one side is constant),
        and smallest_p: the least two-sided p-value that a rank correlation of n points can have,
        2/n!.
    """
    from scipy.stats import pearsonr, spearmanr  # half a second

    rows = []
    for (model, labels), own in table.groupby(["model", "labels"], sort=False):
        each = own.groupby(["type", "occluder"], sort=False)[["synthetic_drop", "real_drop"]].mean()
        points = each.groupby("type", sort=False).mean()
        n = len(points)
        if n < 4:
            continue
        x, y = points["synthetic_drop"].to_numpy(), points["real_drop"].to_numpy()
        varies = np.ptp(x) > 0 and np.ptp(y) > 0
        pair = (pearsonr(x, y)[0], spearmanr(x, y)[0]) if varies else (np.nan, np.nan)
        rows.append((model, labels, n, *pair, 2 / factorial(n)))
    return pd.DataFrame(rows, columns=CORRELATION)
