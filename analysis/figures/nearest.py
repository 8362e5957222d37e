"""Of several fractions, the one to show."""

import pandas as pd


def nearest(table: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """Of each occluder in one model's rows of one type, the row nearest to the fraction; of an
    object, the one at its natural size if it is there."""
    table = table.reset_index(drop=True)
    distance = (table["fraction"].astype(float) - fraction).abs().fillna(-1)
    return table.loc[distance.groupby(table["occluder"], sort=False).idxmin()]
