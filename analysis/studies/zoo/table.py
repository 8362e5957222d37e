"""From the tables of finished runs to `zoo.csv`: one row a net, its training seeds together.

- label, work, trained: what it is; whose net it is like, and how near (`iram.zoo`); "here" by a
  recipe of this package, or "elsewhere", as the nets that users bring;
- seeds, reference, images: training seeds, the net that it is compared with, the faces;
- parameters; passes_per_second, and the least and the most over the turns (`zoo.speed`);
- of each measure in MEASURES its value, low and high, and where it is compared with the reference
  on the same faces _difference, _difference_low, _difference_high (and _p_holm, of painted
  occluders and turned heads), as in the table it is from;
- best_method, shapley_rank: the attribution method whose maps rank the parts of the face most as
  exact Shapley values do, and how well;
- explained_seeds: training seeds that the measures of attribution are of;
- published: what the work's own text says, which is of other data or other nets, and no target.

What no run has measured is empty. All is of all faces, but for accuracy_without_copies.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.attributions import ATTRIBUTIONS
from analysis.engine.marks import MARK
from analysis.engine.store import read_table
from analysis.subjects import Subject
from analysis.subjects.roles import groups
from iram.backbones import BACKBONES
from iram.data.copies import ALL_FACES
from iram.errors import InputError

OCCLUSION, POSES = "occlusion/modules.csv", "occlusion/poses.csv"
REAL, ATTRIBUTION = "occlusion/real_modules.csv", "attribution/modules.csv"
TABLES = (OCCLUSION, POSES, REAL, ATTRIBUTION)
ATTENTION = {"family": "agreement", "method": "attention", "metric": "spearman",
             "resolution": "common"}
MEASURES = {  # measure: the table it is in, and which rows of it
    "accuracy": (OCCLUSION, {"kind": "clean", "metric": "accuracy"}),
    "accuracy_without_copies": (OCCLUSION, {"kind": "clean", "metric": "accuracy",
                                            "faces": "without copies"}),
    "lost": (OCCLUSION, {"kind": "all", "metric": "lost"}),
    "drop": (OCCLUSION, {"kind": "all", "metric": "drop"}),
    "lost_turned": (POSES, {"kind": "all", "metric": "lost"}),
    "drop_turned": (POSES, {"kind": "all", "metric": "drop"}),
    "accuracy_really_occluded": (REAL, {"labels": "own", "group": "occluded",
                                        "metric": "accuracy"}),
    "drop_really_occluded": (REAL, {"labels": "own", "group": "occluded",
                                    "metric": "drop_matched"}),
    "drop_really_turned": (REAL, {"labels": "own", "group": "pose_30", "metric": "drop_matched"}),
    "attention_and_gradcam": (ATTRIBUTION, {**ATTENTION, "other": "gradcam"}),
}
SHAPLEY = {"family": "ranking", "metric": "shapley_rank"}
ENDS = ("value", "low", "high")
BESIDE = ("difference", "difference_low", "difference_high")


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Those of TABLES that are in the folder of runs."""
    return {name: read_table(folder / name) for name in TABLES if (folder / name).is_file()}


def zoo_table(
    subjects: Sequence[Subject], tables: Mapping[str, pd.DataFrame],
    speeds: Mapping[str, tuple[float, float, float]],
) -> pd.DataFrame:
    """The table (module docstring), in the order of the models.

    Args:
        tables: of `read_tables`.
        speeds: of `zoo.speed.passes_per_second`, of one training seed of each net at least.

    Raises:
        InputError: a table holds other training seeds of a net than are given here.
    """
    given, rows = {subject.name: subject for subject in subjects}, []
    for label, own in groups(subjects).items():
        seeds = " ".join(str(seed) for seed in own)
        row = {"label": label, **_about(given[next(iter(own.values()))]), "seeds": seeds}
        row |= _told(label, seeds, tables.get(OCCLUSION))
        speed = next((speeds[name] for name in own.values() if name in speeds), (np.nan,) * 3)
        row |= zip(("passes_per_second", "passes_least", "passes_most"), speed, strict=True)
        for measure, (table, where) in MEASURES.items():
            row |= _measured(measure, _rows(tables.get(table), label, where))
        row |= _most_faithful(_rows(tables.get(ATTRIBUTION), label, SHAPLEY))
        rows.append(row)
    table = pd.DataFrame(rows)
    last = [name for name in ("published", MARK) if name in table]
    return table[[*table.columns.drop(last), *last]].astype({"parameters": "Int64"})


def _about(subject: Subject) -> dict:
    """What is known of a net without any run."""
    model = subject.model
    told = BACKBONES.about(getattr(getattr(model, "architecture", None), "backbone", ""))
    count = sum(weight.numel() for weight in getattr(model, "parameters", tuple)())
    return {"work": getattr(told, "work", ""), "published": getattr(told, "published", ""),
            "trained": "elsewhere" if subject.spec else "here", "parameters": count or None}


def _told(label: str, seeds: str, table: pd.DataFrame | None) -> dict:
    """What the benchmark says of a net beside its measures."""
    found = _rows(table, label, MEASURES["accuracy"][1])
    if found.empty:
        return {"reference": None, "images": np.nan}
    row = found.iloc[0]
    if str(row["seeds"]) != seeds:
        raise InputError(f"{OCCLUSION} has {label} of the training seeds {row['seeds']}, and "
                         f"--models those of {seeds}: name the same to iram bench and here")
    marked = {MARK: row[MARK]} if MARK in found and isinstance(row[MARK], str) else {}
    return {"reference": row["reference"], "images": row["n"], **marked}


def _rows(table: pd.DataFrame | None, label: str, where: Mapping[str, str]) -> pd.DataFrame:
    if table is None:
        return pd.DataFrame()
    for column, wanted in {"label": label, "faces": ALL_FACES, **where}.items():
        table = table[table[column] == wanted]
    return table


def _measured(measure: str, found: pd.DataFrame) -> dict:
    columns = dict(zip(ENDS, (measure, f"{measure}_low", f"{measure}_high"), strict=True))
    table = MEASURES[measure][0]
    beside = () if table == ATTRIBUTION else BESIDE if table == REAL else (*BESIDE, "p_holm")
    columns |= {name: f"{measure}_{name}" for name in beside}
    row = found.iloc[0] if len(found) else {}
    return {column: row.get(name, np.nan) for name, column in columns.items()}


def _most_faithful(ranked: pd.DataFrame) -> dict:
    named = ("shapley_rank", "shapley_rank_low", "shapley_rank_high")
    if len(ranked):
        trusted = ~ranked["method"].isin(ATTRIBUTIONS.where(trivial=True)) & ranked["fails"].isna()
        ranked = ranked[trusted & ranked["value"].notna()].sort_values("value", ascending=False)
    if ranked.empty:
        return {"best_method": None, **dict.fromkeys(named, np.nan), "explained_seeds": None}
    best = ranked.iloc[0]
    return {"best_method": best["method"], **dict(zip(named, best[list(ENDS)], strict=True)),
            "explained_seeds": best["seeds"]}
