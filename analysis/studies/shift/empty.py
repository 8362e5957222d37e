"""Maps that sum to zero: they have no shares, and nothing is said of where they go."""

from collections.abc import Sequence

import pandas as pd

from iram.errors import listing

EMPTY = "empty"
"""Beside the measures: 1 where a region has cells to compare but the map sums to zero, so that it
has no shares; 0 where it has; NaN without such cells."""
OF_SHARES = ("standard_change", "channels_leave")  # which cells hold as 0 of a map without shares


def with_empty(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a cell with `EMPTY`; where that is 1, no measure of shares has a value."""
    compared, shares = rows["standard_change"].notna(), rows["mass_change"].notna()
    hidden = {name: rows[name].where(shares) for name in OF_SHARES}
    return rows.assign(**hidden, **{EMPTY: (~shares).astype(float).where(compared)})


def empty_told(layers: Sequence[int]) -> str:
    return (f"its map sums to zero in layer {listing(layers)}: it has no shares there, and nothing "
            "is said of where it goes")
