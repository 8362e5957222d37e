"""Maps that sum to zero: they have no shares, and nothing is said of where they go."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.studies.shift.places import place_name
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


def empty_layers(evidence, reader) -> list[int]:
    """The layers whose map sums to zero on every face that has cells to compare."""
    found = np.concatenate([evidence.measured(reader, condition, place_name(condition), EMPTY)
                            for condition in evidence.conditions])
    return np.flatnonzero((found == 1).any(0) & ~(found == 0).any(0)).tolist()


def empty_told(layers: Sequence[int]) -> str:
    return (f"its map sums to zero in layer {listing(layers)}: it has no shares there, and nothing "
            "is said of where it goes")
