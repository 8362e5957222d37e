"""The conditions of a benchmark as a table: of which kind each is, and what it is compared with.

A kind is an occluder or a corruption, at any fraction or severity and with any fill, on faces that
are not turned. "clean" is the untouched picture. What is turned, or both occluded and corrupted, is
of no kind: its baseline is another one.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.stimuli.conditions import FRONTAL, Condition

TWIN = "box"  # with the same fraction and fill it is the area-matched random twin of an occluder
CLEAN_KIND = "clean"


def grid(conditions: Sequence[Condition], occlusion_fraction: Sequence[float]) -> pd.DataFrame:
    """One row per condition: `condition` (its name), its fields, `kind` ("" for none) and `twin`.

    twin: the row of its area-matched random box, -1 where there is none.

    Args:
        occlusion_fraction: measured, mean over the faces; what covers no part of a face, such as
            the sham, is known by it.
    """
    table = pd.DataFrame([{"condition": c.name, **c.to_dict()} for c in conditions])
    numbers = ["fraction", "yaw_deg", "pitch_deg"]
    table[numbers] = table[numbers].astype(float)
    table["occlusion_fraction"] = np.asarray(occlusion_fraction, float)
    table["kind"] = _kinds(table)
    table["twin"] = _twins(table)
    return table


def _kinds(table: pd.DataFrame) -> np.ndarray:
    turned = table["yaw_deg"].notna() | table["pitch_deg"].notna() | (table["roll_deg"] != 0)
    occluded, corrupted = table["occluder"] != "none", table["corruption"] != "none"
    cases = [turned | (occluded & corrupted), occluded, corrupted]
    return np.select(cases, ["", table["occluder"], table["corruption"]], CLEAN_KIND)


def turned(table: pd.DataFrame) -> pd.DataFrame | None:
    """The grid of what is turned in depth and no more: of the kinds "yaw" and "pitch", with the
    frontal pose for "clean". None where nothing is turned."""
    yaw, pitch = table["yaw_deg"].notna(), table["pitch_deg"].notna()
    covered = (table["occluder"] != "none") | (table["corruption"] != "none")
    plain = ~covered & (table["roll_deg"] == 0) & (yaw != pitch)
    frontal = table["condition"] == FRONTAL.name
    if not (plain & ~frontal).any() or not frontal.any():
        return None
    kinds = np.select([frontal, plain & yaw, plain & pitch], [CLEAN_KIND, "yaw", "pitch"], "")
    return table.assign(kind=kinds, twin=-1)


def _twins(table: pd.DataFrame) -> list[int]:
    boxes = table[table["kind"] == TWIN]
    places = dict(zip(zip(boxes["fraction"], boxes["fill"], strict=True), boxes.index, strict=True))
    other = (table["kind"] == table["occluder"]) & (table["kind"] != TWIN)
    wanted = zip(table["fraction"], table["fill"], strict=True)
    return [
        places.get(want, -1) if is_other else -1
        for want, is_other in zip(wanted, other, strict=True)
    ]


def clean(table: pd.DataFrame) -> int:
    """The row of the clean pass."""
    return int(np.flatnonzero(table["kind"] == CLEAN_KIND)[0])


def occluders(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Occluder -> the rows of its conditions, in the order of the grid."""
    rows = table[(table["kind"] != "") & (table["occluder"] != "none")]
    return {name: part.index.to_numpy() for name, part in rows.groupby("kind", sort=False)}


def kinds(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Occluder or corruption (of `turned` the axis) -> the rows of its conditions, without what
    covers no part of a face.

    The sham is a control for the presence of a patch, nothing that a model could be robust to.
    """
    rows = table[~table["kind"].isin(["", CLEAN_KIND])]
    covers = (rows["occlusion_fraction"] > 0) | (rows["occluder"] == "none")
    parts = rows[covers.groupby(rows["kind"]).transform("any")].groupby("kind", sort=False)
    return {name: part.index.to_numpy() for name, part in parts}
