"""Which tables compare with the net that a reader names, and which must be made again for that."""

from collections.abc import Iterable

import pandas as pd

from analysis.figures.make import Results
from analysis.figures.names import label_of
from iram.errors import InputError
from iram.registry import unknown

NAMES = ("model", "label")  # columns that hold the nets of a table


def compared_otherwise(table, reference: str) -> str:
    """What a table that holds the net compares with in its place; "" where it compares with it, or
    holds no such net, or compares nothing."""
    if not isinstance(table, pd.DataFrame) or "reference" not in table:
        return ""
    used = {str(name) for name in table["reference"].dropna()}
    if not used or reference not in _nets(table):
        return ""
    return "" if any(reference in (name, label_of(name)) for name in used) else ", ".join(
        sorted(used))


def check_reference(results: Results, tables: Iterable[str], reference: str) -> None:
    """Raises InputError where no table of comparisons holds such a net."""
    found = [results.read(name) for name in dict.fromkeys(tables)
             if name.endswith(".csv") and results.holds(name)]
    known = {net for table in found if "reference" in table for net in _nets(table)}
    if reference not in known:
        told = unknown("model of these results", reference, sorted(known))
        raise InputError(f"--reference: {told}")


def _nets(table: pd.DataFrame) -> set[str]:
    names = {str(name) for column in NAMES if column in table for name in table[column].dropna()}
    return names | {label_of(name) for name in names}
