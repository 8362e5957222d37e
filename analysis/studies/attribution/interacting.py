"""How the regions of the face work together, by expression: from the cells of the reference."""

from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from torch import Tensor

from analysis.attributions import FACE_REGIONS
from analysis.subjects import Subject

if TYPE_CHECKING:
    from analysis.studies.attribution.plan import Suite

TOGETHER, COVERED = "together", "covered"
KEYS = ["expression", "metric", "region", "other"]
EVERY = "all"  # expressions
PLACES = {  # column of a cell -> what it is of
    **{f"{a}+{b}": (TOGETHER, a, b) for a, b in combinations(FACE_REGIONS, 2)},
    **{f"{a}|{b}": (COVERED, a, b) for a, b in permutations(FACE_REGIONS, 2)},
}


def columns(pairs: Tensor, covered: Tensor) -> dict[str, np.ndarray]:
    """{column of PLACES: (N,)} of tables (N, k, k) as `Interactions` has them, of FACE_REGIONS."""
    tables, number = {TOGETHER: pairs, COVERED: covered}, FACE_REGIONS.index
    return {name: tables[metric][:, number(a), number(b)].numpy()
            for name, (metric, a, b) in PLACES.items()}


def rows(suite: "Suite", subject: Subject) -> pd.DataFrame:
    """A row per face and place, once for the class that is explained and once for all classes.

    together: the Shapley-Taylor index of region and other, in logits. covered: what the Shapley
    value of `other` gains as `region` is covered.
    """
    cell = suite.read("reference", subject)
    names = np.array(suite.dataset.classes)
    explained = names[suite.targets(subject)[suite.some(suite.sizes.reference)]]
    long = cell.assign(expression=explained).melt(
        ["image_id", "expression"], list(PLACES), "place", "value")
    for key, part in zip(KEYS[1:], zip(*long["place"].map(PLACES), strict=True), strict=True):
        long[key] = part
    long = pd.concat([long, long.assign(expression=EVERY)], ignore_index=True)
    return long.assign(dataset=suite.dataset.name, model=subject.name,
                       seed=-1 if subject.seed is None else subject.seed, chance=np.nan)
