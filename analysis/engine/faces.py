"""Which faces a result is of: all of them, and without those that are copies of training faces.

Long tables of results say it in the column `faces`: "all", "without copies" (no exact copy of a
training face), "without near copies" (no near or mirrored one either); where there are no copies,
"all" alone. What else the column tells (of really occluded faces, whether turned ones count) stands
before it: "not turned, without copies".
"""

import numpy as np
import pandas as pd

from iram.data.copies import ALL_FACES, WITHOUT, copied_kinds, face_groups, find_copies
from iram.data.dataset import FaceDataset

FACES = "faces"


def groups_of(dataset: FaceDataset) -> dict[str, np.ndarray]:
    """"all", "without copies" and "without near copies", as far as they differ: the places of their
    faces among these."""
    find_copies(dataset, shown=True)
    return face_groups(copied_kinds(dataset))


def said_of(faces: str, group: str) -> str:
    """What the column holds of a group, where it also tells something else."""
    return faces if group == ALL_FACES else f"{faces}, {group}"


def of_all_faces(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that leave out no copies; every row of one that doesn't say."""
    if FACES not in table:
        return table
    without = table[FACES].astype(str).str.endswith(tuple(WITHOUT))
    return table[~without].reset_index(drop=True)

