"""From the suite's cells to tables: means over images beside chance, with intervals.

Every table is long and has, per measure:

- faces: which they are of (`analysis.engine.faces`);
- n: images on which the measure is defined;
- value, low, high: the mean over them, with its 95% bootstrap interval over images, copies of
  one photograph drawn together;
- chance: the mean with the map of another face, explained for the same class, in its place; empty
  where there is no such thing;
- beyond, beyond_low, beyond_high: the mean difference of the two, image by image.

`better` says which way is good: "higher", "lower", or "none" where neither is; `fails` which
identity of its own a method fails on the model, by which it is never ranked. Of predictions that
were asked against a class, `against` names it ("second" is the runner-up).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.engine.faces import FACES, groups_of
from analysis.engine.statistics import bootstrap
from analysis.figures.names import REFERENCE
from analysis.metrics import AGREEMENT, REGION_SCORES, better
from analysis.studies.attribution import interacting

if TYPE_CHECKING:
    from analysis.studies.attribution.plan import Suite

HEAD = ["dataset", "model", "seed"]
NUMBERS = ["n", "value", "low", "high", "chance", "beyond", "beyond_low", "beyond_high"]
TABLES = (
    "agreement", "faithfulness", "localisation", "sanity", "complexity", "ranking", "curves",
    "interactions",
)
KEYS = {  # what tells the rows of one measure from those of another
    "faithfulness": ["method", "metric", "fill"],
    "localisation": ["method", "metric", "region"],
    "complexity": ["method", "metric"],
    "curves": ["method", "metric", "fill", "order", "share"],
}
SANITY = ["method", "test", "layer", "metric"]
OTHER_WAY = {"higher": "lower", "lower": "higher"}
BLOCK = 400  # measures whose intervals are found together, so that memory stays flat


def attribution_tables(suite: "Suite") -> dict[str, pd.DataFrame]:
    """{name in TABLES: table} of a finished run, of each group of faces (`analysis.engine.faces`)
    one after the other."""
    photographs = pd.Series(suite.dataset.photographs(), suite.ids)
    found = [_of_faces(suite, name, photographs.iloc[places])
             for name, places in groups_of(suite.dataset).items()]
    return {name: pd.concat([part[name] for part in found], ignore_index=True)
            for name in TABLES}


def _of_faces(suite: "Suite", faces: str, photographs: pd.Series) -> dict[str, pd.DataFrame]:
    """The tables of the faces whose image_id `photographs` has."""
    scores = {family: [] for family in KEYS}
    agreement, sanity, order, together = [], [], [], []
    drawn = {"seed": suite.seed, "photographs": photographs}

    def of_these(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["image_id"].isin(photographs.index)]

    for subject in suite.subjects:
        for method in suite.methods_of(subject):
            rows, trials = suite.scores(subject, method), suite.trials(subject, method)
            for family, tables in scores.items():
                own = [table[table["family"] == family] for table in (rows, trials)]
                own = pd.concat([table for table in own if len(table)] or own[:1])
                tables.append(means(of_these(own), KEYS[family], **drawn))
            if some := sanity_rows(suite, subject, method):
                sanity.append(as_it_changes(means(of_these(pd.concat(some)), SANITY, **drawn)))
        rows = suite.agreement(subject)
        if rows is not None:
            keys = ["method", "other", "metric", "resolution"]
            agreement.append(means(of_these(rows), keys, **drawn))
        rows = of_these(interacting.rows(suite, subject))
        together.append(means(rows, interacting.KEYS, **drawn))
        told = of_these(rank_rows(suite, subject))
        order += [ranking(told[told["metric"] == metric], **drawn) for metric in ranked_by()]
    tables = {name: joined(parts) for name, parts in scores.items()}
    tables |= {"agreement": joined(agreement), "sanity": joined(sanity), "ranking": joined(order)}
    marks = {s.name: suite.marked(s) for s in suite.subjects}
    tables = {name: with_marks(table, marks) for name, table in tables.items()}
    tables["interactions"] = joined(together)
    for table in tables.values():
        table.insert(len(HEAD), FACES, faces)
    told = {"against": suite.against} if suite.against else {}
    return {name: table.assign(**told) for name, table in tables.items()}


def sanity_rows(suite: "Suite", subject, method: str) -> list[pd.DataFrame]:
    """The finished rows of a method's tests of sanity; a model may have no weights to lose."""
    trials = suite.trials(subject, method)
    told = [suite.read("sanity", subject, method), trials[trials["family"] == "sanity"]]
    return [rows for rows in told if rows is not None and len(rows)]


def as_it_changes(table: pd.DataFrame) -> pd.DataFrame:
    """The table of sanity with likeness the other way round: a map should change as weights do."""
    better = table["better"].mask(table["metric"].isin(AGREEMENT), table["better"].map(OTHER_WAY))
    return table.assign(better=better)


def with_marks(
    table: pd.DataFrame, marks: Mapping[str, Mapping[str, str]], of: str = "model"
) -> pd.DataFrame:
    """The table with a column `fails`: the identity of its own that a method fails on this model,
    from {model: {method: it}}; empty where it fails none.

    Args:
        of: the column that names the model.
    """
    names = [column for column in ("method", "other") if column in table]
    fails = ["; ".join(filter(None, (marks[getattr(row, of)].get(getattr(row, n)) for n in names)))
             for row in table.itertuples()]
    return table.assign(fails=pd.Series(fails, table.index, dtype=object))


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One below the other; of nothing, a table of the common columns without a row."""
    tables = [table for table in tables if len(table)]
    if not tables:
        return pd.DataFrame(columns=[*HEAD, "method", "metric", *NUMBERS])
    return pd.concat(tables, ignore_index=True)


def means(
    rows: pd.DataFrame, keys: Sequence[str], seed: int = 0, photographs: pd.Series | None = None
) -> pd.DataFrame:
    """A line per model and combination of `keys`, in the order in which the rows have them.

    Resampled are the images on which a measure was taken, which can be fewer than all.

    Args:
        rows: dataset, model, seed, image_id, the keys, value and chance.
        photographs: by image_id; see `analysis.engine.statistics`.
    """
    rows = rows.assign(**{name: rows[name].astype(str) for name in [*HEAD[:2], *keys]})
    groups = rows.groupby([*HEAD, *keys], sort=False)
    place = groups.ngroup().to_numpy()
    named = rows.iloc[np.unique(place, return_index=True)[1]] if len(rows) else rows
    table = named[[*HEAD, *keys]].reset_index(drop=True)
    if not len(rows):
        return table.assign(**dict.fromkeys(NUMBERS, np.nan), better="")
    images, ids = pd.factorize(rows["image_id"])
    drawn = None if photographs is None else photographs[ids].to_numpy()
    grid = np.full((2, images.max() + 1, len(table)), np.nan)
    grid[0, images, place], grid[1, images, place] = rows["value"], rows["chance"]
    present = np.zeros(grid.shape[1:], bool)
    present[images, place] = True
    numbers = pd.concat([
        _intervals(grid[:, faces][:, :, some], seed, None if drawn is None else drawn[faces])
        .set_index(some) for faces, some in _alike(present)]).sort_index()
    return pd.concat([table, numbers.assign(better=table["metric"].map(better))], axis=1)


def _alike(present: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(images, measures) of those measures that were taken on the same images, BLOCK at a time."""
    patterns, which = np.unique(present, axis=1, return_inverse=True)
    for number, faces in enumerate(patterns.T):
        measures = np.flatnonzero(which.ravel() == number)
        for start in range(0, len(measures), BLOCK):
            yield np.flatnonzero(faces), measures[start : start + BLOCK]


def _intervals(grid: np.ndarray, seed: int, photographs: np.ndarray | None) -> pd.DataFrame:
    """NUMBERS of values and chances (2, images, measures)."""
    value, chance = grid
    parts = [value, chance, value - chance]
    known = [np.isfinite(part) for part in parts]
    features = np.concatenate([*map(np.nan_to_num, parts), *known], 1)

    def ratio(sums: np.ndarray) -> np.ndarray:
        total, count = np.split(sums, 2, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / count

    mean, low, high = (part.reshape(3, -1) for part in bootstrap(
        features, ratio, seed=seed, photographs=photographs))
    columns = [known[0].sum(0), mean[0], low[0], high[0], mean[1], mean[2], low[2], high[2]]
    return pd.DataFrame(dict(zip(NUMBERS, columns, strict=True)))


def ranked_by() -> dict[str, str]:
    """{metric that methods are ranked by: what of a map it asks}."""
    return {m: means for m in REGION_SCORES if (means := REGION_SCORES.about(m).ranking)}


def rank_rows(suite: "Suite", subject) -> pd.DataFrame:
    """What a model's methods are ranked by: not the reference, nor what fails its own identity."""
    left_out = {REFERENCE, *suite.marked(subject)}
    rows = [suite.scores(subject, m) for m in suite.methods_of(subject) if m not in left_out]
    columns = [*HEAD, "image_id", "method", "metric", "value", "chance"]
    rows = [r.loc[r["metric"].isin(ranked_by()), columns] for r in rows]
    text = {"method": str, "metric": str}
    return pd.concat([r.astype(text) for r in rows] or [pd.DataFrame(columns=columns)])


def ranking(
    rows: pd.DataFrame, seed: int = 0, photographs: pd.Series | None = None
) -> pd.DataFrame:
    """Methods of one model by a measure, such as `shapley_rank`, the best first.

    The usual columns, and `behind_best` with its interval: by how much the best method's mean is
    better, on the images where both are defined, paired. The reference itself is left out, and
    so is a method that fails its own identity on the model.
    """
    if rows.empty:
        return rows
    table = means(rows, ["method", "metric"], seed, photographs)
    less = table["better"].iloc[0] == "lower"
    table = table.sort_values("value", ascending=less, kind="stable", ignore_index=True)
    wide = rows.pivot(index="image_id", columns="method", values="value")
    drawn = None if photographs is None else photographs[wide.index].to_numpy()
    wide = wide[list(table["method"])].to_numpy(dtype=float)
    behind = wide - wide[:, :1] if less else wide[:, :1] - wide
    behind = np.stack([behind, np.full_like(wide, np.nan)])
    found = _intervals(behind, seed, drawn)[["value", "low", "high"]]
    names = {"value": "behind_best", "low": "behind_best_low", "high": "behind_best_high"}
    return pd.concat([table, found.rename(columns=names)], axis=1)


def with_attention(agreement: pd.DataFrame, method: str = "attention") -> Iterator:
    """The lines of an agreement table that hold a method, as (the other method, line)."""
    for line in agreement.itertuples():
        if method in (line.method, line.other):
            yield (line.other if line.method == method else line.method), line
