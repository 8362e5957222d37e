"""What holds of a module: all its training seeds together, and what other seeds would change.

The table `modules` has a line per module (a label: its training seeds together) and measure:

- family: where the seeds' own lines stand: "faithfulness", "sanity", "ranking", or of "agreement"
  those with a map of attention;
- seeds: the training seeds, one after the other; n: images on which each of them has the measure;
- value, low, high: the mean over seeds and images, with its 95% interval over both, that of the
  study's tests (`analysis.engine.inference`); over images alone where there is one seed;
- chance, beyond, beyond_low, beyond_high, better, fails: as in the other tables, `fails` of
  any seed;
- behind_best, behind_best_low, behind_best_high: of a ranking, by how much the best method's mean
  is better, paired by seed and image.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.engine.faces import FACES, groups_of
from analysis.engine.inference import column_means
from analysis.metrics import better
from analysis.studies.attribution.tables import (
    KEYS,
    SANITY,
    as_it_changes,
    rank_rows,
    ranked_by,
    sanity_rows,
    with_marks,
)
from analysis.subjects import Subject
from analysis.subjects.roles import groups

if TYPE_CHECKING:
    from analysis.studies.attribution.plan import Suite

ATTENTION = "attention"  # what the maps of attention are called, or begin with
PAIRS = ["method", "other", "metric", "resolution"]
NAMES = ["method", "other", "test", "layer", "metric", "fill", "resolution"]
BEHIND = ["behind_best", "behind_best_low", "behind_best_high"]
NUMBERS = ["value", "low", "high", "chance", "beyond", "beyond_low", "beyond_high", *BEHIND]
COLUMNS = ["dataset", "label", "seeds", FACES, "family", *NAMES, "n", *NUMBERS, "better",
           "fails"]


def modules(suite: "Suite") -> pd.DataFrame:
    """The table of a finished run (module docstring), of each group of faces."""
    subjects = {one.name: one for one in suite.subjects}
    labels = {label: [subjects[name] for name in own.values()]
              for label, own in groups(suite.subjects).items()}
    photographs, tables = pd.Series(suite.dataset.photographs(), suite.ids), []
    for label, own in labels.items():
        seeds = " ".join(str(one.seed) for one in own if one.seed is not None)
        rows = _rows(suite, own)
        for faces, places in groups_of(suite.dataset).items():
            found = _of_faces(rows, photographs.iloc[places])
            tables.append(found.assign(label=label, seeds=seeds, **{FACES: faces}))
    marks = {label: {method: why for one in own for method, why in suite.marked(one).items()}
             for label, own in labels.items()}
    table = with_marks(pd.concat(tables, ignore_index=True), marks, of="label")
    told = {"against": suite.against} if suite.against else {}
    return table.assign(dataset=suite.dataset.name)[COLUMNS].assign(**told)


def _rows(suite: "Suite", own: Sequence[Subject]) -> dict[str, list[pd.DataFrame]]:
    """{table: its rows of each seed}."""
    found: dict[str, list[pd.DataFrame]] = {}
    for subject in own:
        methods = suite.methods_of(subject)
        scores = pd.concat([suite.scores(subject, method) for method in methods])
        pairs = suite.agreement(subject)
        told = {"faithfulness": scores[scores["family"] == "faithfulness"],
                "sanity": [rows for method in methods
                           for rows in sanity_rows(suite, subject, method)],
                "ranking": rank_rows(suite, subject),
                "agreement": None if pairs is None else pairs[_with_attention(pairs)]}
        told["sanity"] = pd.concat(told["sanity"]) if told["sanity"] else None
        for table, rows in told.items():
            if rows is not None and len(rows):
                found.setdefault(table, []).append(rows)
    return {table: rows for table, rows in found.items() if len(rows) == len(own)}


def _with_attention(pairs: pd.DataFrame) -> pd.Series:
    return (pairs["method"].astype(str).str.startswith(ATTENTION)
            | pairs["other"].astype(str).str.startswith(ATTENTION))


def _of_faces(rows: Mapping[str, list[pd.DataFrame]], photographs: pd.Series) -> pd.DataFrame:
    tables = []
    for table, each in rows.items():
        own = [part[part["image_id"].isin(photographs.index)] for part in each]
        keys = {"faithfulness": KEYS["faithfulness"], "sanity": SANITY, "agreement": PAIRS,
                "ranking": ["metric", "method"]}[table]
        names, value, chance = _grid(own, keys, photographs.index)
        if not len(names):
            continue
        found = over_seeds(names, value, chance, photographs.to_numpy())
        if table == "sanity":
            found = as_it_changes(found)
        if table == "ranking":
            found = _behind(found, value, photographs.to_numpy())
        tables.append(found.assign(family=table))
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)


def _grid(
    each: Sequence[pd.DataFrame], keys: Sequence[str], ids: pd.Index
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The measures that all seeds have, and (seeds, images, measures) of values and of chances."""
    wide = []
    for rows in each:
        rows = rows.assign(**{key: rows[key].astype(str) for key in keys})
        wide.append(rows.pivot(index="image_id", columns=keys, values=["value", "chance"]))
    measures = [one for one in wide[0]["value"].columns
                if all(one in other["value"].columns for other in wide)]
    grids = [np.stack([one[kind].reindex(index=ids, columns=measures).to_numpy(float)
                       for one in wide]) for kind in ("value", "chance")]
    return pd.DataFrame(measures, columns=list(keys)), *grids


def over_seeds(
    names: pd.DataFrame, value: np.ndarray, chance: np.ndarray, photographs: np.ndarray
) -> pd.DataFrame:
    """The names of measures beside their numbers; see the module docstring.

    Args:
        value, chance: (seeds, images, measures), NaN where there is none.
        photographs: (images,) see `analysis.engine.statistics`.
    """
    of_values = column_means(value, photographs)
    beyond = column_means(value - chance, photographs)
    with_chance = np.where(np.isfinite(value - chance).all(0), chance, np.nan)
    found = pd.DataFrame({
        "n": of_values[:, 3].astype(int), "value": of_values[:, 0], "low": of_values[:, 1],
        "high": of_values[:, 2], "chance": column_means(with_chance, photographs)[:, 0],
        "beyond": beyond[:, 0], "beyond_low": beyond[:, 1], "beyond_high": beyond[:, 2],
    })
    return pd.concat([names, found], axis=1).assign(better=names["metric"].map(better))


def _behind(table: pd.DataFrame, value: np.ndarray, photographs: np.ndarray) -> pd.DataFrame:
    """Each metric's methods, the best first, with how far each is behind it."""
    parts = []
    for metric in ranked_by():
        places = np.flatnonzero(table["metric"] == metric)
        if not len(places):
            continue
        sign = -1 if table["better"].iloc[places[0]] == "lower" else 1
        order = places[np.argsort(-sign * table["value"].to_numpy()[places], kind="stable")]
        behind = sign * (value[..., order[:1]] - value[..., order])
        numbers = column_means(behind, photographs)[:, :3]
        parts.append(table.iloc[order].assign(**dict(zip(BEHIND, numbers.T, strict=True))))
    return pd.concat(parts, ignore_index=True)
