"""Scores on really occluded and turned faces, against the faces that no list names."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.studies.occlusion.real.matching import Drawn, drawn, interval, means
from analysis.studies.occlusion.tables.scores import scores
from iram.data.classes import canonical

COMPARISON = "not_listed"
TYPES = ("upper", "lower", "side", "glasses")
GROUPS = ("occluded", *TYPES, "pose_30", "pose_45", "occluded_not_turned", "turned_not_occluded",
          COMPARISON)
VALUES = ["metric", "value", "low", "high"]
COLUMNS = ["model", "group", "labels", *VALUES, "n", "left_out", "counts"]


def members(faces: pd.DataFrame, group: str) -> np.ndarray:
    """(N,) bool: which faces are in the group.

    occluded: of any type; upper, lower, side, glasses: of this type; pose_30, pose_45: turned over
    30 or 45 degrees; occluded_not_turned and turned_not_occluded: in the one list and not in
    pose_30, or the other way round; not_listed: in none of the lists, the comparison.
    """
    kinds = faces["real_occlusion"].to_numpy()
    occluded = kinds != "none"
    turned, far = faces["pose_30"].to_numpy(bool), faces["pose_45"].to_numpy(bool)
    if group in TYPES:
        return kinds == group
    return {
        "occluded": occluded,
        "pose_30": turned,
        "pose_45": far,
        "occluded_not_turned": occluded & ~turned,
        "turned_not_occluded": turned & ~occluded,
        COMPARISON: ~(occluded | turned | far),
    }[group]


def label_sets(faces: pd.DataFrame, own, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """The labels that answers are held against, each (N,) with -1 for a face that it leaves out.

    own: the data set's.
    ferplus: FERPlus's majority, where `faces` has it; without the faces that have no majority or
        one that `classes` lack (contempt).
    agreed: only the faces on which these two agree.

    All three are needed: nearly every listed face has a FERPlus majority, and of the others a fifth
    has none, so the data set's own labels are less sure among the faces that a drop is measured
    from; and the two sets differ most on the faces with a hand at the mouth.
    """
    sets = {"own": np.asarray(own, dtype=int)}
    if "ferplus_label" in faces:
        sets["ferplus"] = places(faces["ferplus_label"], classes)
        agree = sets["ferplus"] == sets["own"]
        if not agree[sets["ferplus"] >= 0].all():
            sets["agreed"] = np.where(agree, sets["own"], -1)
    return sets


def real_table(
    rows: Mapping[str, pd.DataFrame], faces: pd.DataFrame, classes: Sequence[str], seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """Long: one row per model, group (`GROUPS`), labels (`label_sets`) and metric.

    accuracy, macro_f1: as in `analysis.studies.occlusion.tables.scores`.
    drop_matched: accuracy of the not-listed faces, each class weighted as it occurs in the group,
        minus the group's accuracy; above 0 = the group is harder. A class of the group that no
        not-listed face has can't be compared: its faces are left out of both, and counted.

    Intervals are 95% percentile bootstrap over faces. For a drop the group and the not-listed
    faces are each drawn anew, independently; the weights are those of the drawn group.

    Args:
        rows: model -> rows of the clean pass, in the order of `faces`.
        faces: see `analysis.studies.occlusion.real.faces.real_groups`.
        photographs: (N,) see `analysis.engine.statistics`.

    Returns:
        Columns model, group, labels, metric, value, low, high, n (faces it is of), left_out (faces
        of the group it is not of), counts ("angry 12, disgust 1, ..."). Of an empty group n is 0
        and the value NaN.
    """
    photographs = np.arange(len(faces)) if photographs is None else photographs
    table = []
    for model, clean in rows.items():
        check_order(clean, faces)
        for name, labels in label_sets(faces, clean["label"], classes).items():
            judged = clean.assign(label=labels, correct=clean["prediction"] == labels)
            others = members(faces, COMPARISON) & (labels >= 0)
            comparison = draw_hits(judged[others], len(classes), seed, COMPARISON,
                                   photographs[others])
            for group in GROUPS:
                inside = members(faces, group)
                used = inside & (labels >= 0)
                found = _measured(judged[used], comparison, group, len(classes), seed,
                                  photographs[used])
                table += [
                    {"model": model, "group": group, "labels": name, **row, "n": len(of),
                     "left_out": int(inside.sum()) - len(of), "counts": class_counts(of, classes)}
                    for row, of in found
                ]
    return pd.DataFrame(table, columns=COLUMNS)


def draw_hits(
    rows: pd.DataFrame, num_classes: int, seed: int, group: str, photographs: np.ndarray
) -> Drawn:
    """Draws of a group of faces with one value each: whether the answer is right."""
    return drawn(rows["label"], rows[["correct"]], num_classes, seed, group, photographs)


def _measured(rows, comparison: Drawn, group: str, k: int, seed: int, photographs) -> list[tuple]:
    """The metrics of one group, each with the labels of the faces that it is of."""
    labels = rows["label"].to_numpy()
    found = [(row, labels) for row in _plain_scores(rows, k, seed, photographs)]
    if group != COMPARISON:
        reference, value = means(comparison, draw_hits(rows, k, seed, group, photographs))
        drop = interval((reference - value)[:, 0])
        shared = labels[comparison.counts[0][labels] > 0]
        found.append((dict(zip(VALUES, ("drop_matched", *drop), strict=True)), shared))
    return found


def _plain_scores(rows: pd.DataFrame, k: int, seed: int, photographs) -> list[dict]:
    names = ["accuracy", "macro_f1"]
    if rows.empty:
        return [dict(zip(VALUES, (name, np.nan, np.nan, np.nan), strict=True)) for name in names]
    table = scores(rows, rows, k, seed, photographs)
    return table[table["metric"].isin(names)][VALUES].to_dict("records")


def places(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """(N,) place of each class name among the classes, -1 for one that isn't there."""
    place = {canonical(name): i for i, name in enumerate(classes)}
    return np.array([place.get(canonical(name), -1) for name in names], dtype=int)


def check_order(rows: pd.DataFrame, faces: pd.DataFrame) -> None:
    """Raises ValueError unless the rows are of these faces in this order."""
    if rows["image_id"].tolist() != faces["image_id"].tolist():
        raise ValueError(f"{len(rows)} rows that are not of the {len(faces)} faces in their order")


def class_counts(labels: np.ndarray, classes: Sequence[str]) -> str:
    """ "angry 12, disgust 1": how often each class occurs, in label order, those that do."""
    counts = np.bincount(labels, minlength=len(classes))
    return ", ".join(f"{name} {n}" for name, n in zip(classes, counts, strict=True) if n)
