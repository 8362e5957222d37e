"""Marks in result tables: models of whose robustness nothing is to be read, and why.

A table has a column `mark` where one of its models is marked (see `analysis.subjects.judgement`);
it is empty for all others. Figures, printed tables and reports leave the marked models' robustness
out, and say so.
"""

from collections.abc import Mapping

import pandas as pd

MARK = "mark"


def marked(
    table: pd.DataFrame, marks: Mapping[str, str], name: str = "model", reference: str = "reference"
) -> pd.DataFrame:
    """The table with the mark of each row's model, or of what it is compared with; p values of
    marked rows are NaN. Without any mark it comes back as it is.

    Args:
        marks: {model: why}; "" or no entry for the others.
        name, reference: the columns of both.
    """
    own = table[name].map(marks).fillna("")
    if reference in table:
        other = table[reference].map(marks).fillna("")
        told = "compared with " + table[reference].astype(str) + ", which " + other
        own = own.where(own != "", told.where(other != "", ""))
    if not own.any():
        return table
    tests = [column for column in ("p", "p_holm") if column in table]
    table = table.assign(**{MARK: own})
    table.loc[own != "", tests] = float("nan")
    return table


def unmarked(table: pd.DataFrame) -> pd.DataFrame:
    """The rows without a mark."""
    return table[table[MARK].fillna("") == ""] if MARK in table else table


def reasons(table: pd.DataFrame, name: str = "model") -> dict[str, str]:
    """{model: why} of the marked ones."""
    if MARK not in table:
        return {}
    rows = table[table[MARK].fillna("") != ""]
    return dict(zip(rows[name], rows[MARK], strict=True))
