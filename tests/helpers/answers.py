"""Answers of a model that is right except where a test says, for the tests of tables."""

import numpy as np

from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.occlusion.tables.grid import grid


def conditions(*chosen):
    """The table of the clean pass and these, given as they are or as (occluder, fraction, fill).

    Only the sham covers nothing of the face.
    """
    chosen = [CLEAN, *(c if isinstance(c, Condition) else Condition(*c) for c in chosen)]
    covered = [0.0 if c.occluder in ("none", "sham") else c.fraction or 0.2 for c in chosen]
    return grid(chosen, covered)


def wrong_under(table, n: int, **wrong) -> np.ndarray:
    """(n, conditions): True but for `kind=images` (a slice, list or mask of the images)."""
    correct = np.ones((n, len(table)), bool)
    for kind, images in wrong.items():
        columns = np.flatnonzero(table["kind"] == kind)
        correct[np.ix_(np.arange(n)[images], columns)] = False
    return correct


def value_of(table, column: str = "value", **where):
    """The one cell of a long table."""
    rows = table
    for name, value in where.items():
        rows = rows[rows[name] == value]
    (found,) = rows[column]
    return found
