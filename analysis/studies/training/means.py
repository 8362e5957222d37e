"""From ledgers to `means.csv`: the accuracy of each label over its training seeds, and what it has
over a reference's, whatever sets them apart (a recipe, a size)."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from scipy import stats

from analysis.engine.faces import FACES
from analysis.engine.statistics import LEVEL
from analysis.engine.store import read_table
from iram.data.copies import ALL_FACES, WITHOUT
from iram.errors import InputError, listing

SCORES = {("validation", ALL_FACES): "validation", ("test", ALL_FACES): "test"} | {
    ("test", name): f"test_{name.replace(' ', '_')}" for name in WITHOUT}
COLUMNS = ("label", "recipe", "split", FACES, "seeds", "accuracy", "low", "high", "reference",
           "reference_seeds", "difference", "difference_low", "difference_high")


def read_ledger(path: Path) -> pd.DataFrame:
    """A ledger.csv.

    Raises:
        InputError: missing, no table, or without a column that `means` needs.
    """
    table = read_table(path)
    wanted = ["name", "label", "recipe", "data", "status", "validation", "test"]
    if missing := [column for column in wanted if column not in table]:
        raise InputError(f"{path} is no ledger.csv of `iram models --ledger`: it lacks "
                         f"{listing(missing)}")
    return table


def means(ledgers: Sequence[pd.DataFrame], reference: str) -> pd.DataFrame:
    """One row per label of the first ledger, split and faces, of the cells that are done.

    split: "validation", that the epoch was chosen on, or "test".
    accuracy, low, high: the mean over training seeds, and its 95% interval (Student's t); of one
        seed none.
    difference, difference_low, difference_high: accuracy minus the reference's, of the same split
        and faces, with the 95% interval of Welch's t; the seeds of both are taken for independent.

    Args:
        ledgers: as `analysis.studies.training.ledger.ledger` makes them; the reference may be in
            any.

    Raises:
        InputError: no done cell has the reference's label; data sets differ.
    """
    done = [table[table["status"] == "done"] for table in ledgers]
    every = pd.concat(done, ignore_index=True).drop_duplicates("name")
    against = every[every["label"] == reference]
    if against.empty:
        raise InputError(f"--reference {reference}: no such label is done in the ledgers "
                         f"({listing(dict.fromkeys(every['label']))})")
    asked = every[every["label"].isin([*done[0]["label"], reference])]
    if len(data := dict.fromkeys(asked["data"])) > 1:
        raise InputError(f"--means: accuracies on several data sets ({listing(data)}) can't be "
                         "set side by side")
    rows = []
    for label, cells in asked.groupby("label", sort=False):
        for (split, faces), column in SCORES.items():
            if not cells.get(column, pd.Series(dtype=float)).notna().any():
                continue  # a ledger of before copies were counted
            rows.append({
                "label": label, "recipe": cells["recipe"].iloc[0], "split": split, FACES: faces,
                **_mean(cells[column].dropna().to_numpy(float)),
                **({} if label == reference else _difference(cells, against, column, reference)),
            })
    return pd.DataFrame(rows, columns=COLUMNS)


def _mean(values) -> dict:
    low = high = float("nan")
    if len(values) > 1:
        low, high = stats.ttest_1samp(values, 0).confidence_interval(LEVEL)
    return {"seeds": len(values), "accuracy": values.mean(), "low": low, "high": high}


def _difference(cells: pd.DataFrame, against: pd.DataFrame, column: str, reference: str) -> dict:
    mine, theirs = (table[column].dropna().to_numpy(float) for table in (cells, against))
    if not len(theirs):
        return {}
    low = high = float("nan")
    if min(len(mine), len(theirs)) > 1:
        low, high = stats.ttest_ind(mine, theirs, equal_var=False).confidence_interval(LEVEL)
    return {"reference": reference, "reference_seeds": len(theirs),
            "difference": mine.mean() - theirs.mean(), "difference_low": low,
            "difference_high": high}
