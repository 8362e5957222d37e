"""Long rows, one per image and measure, as they are collected."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch import Tensor

from analysis.studies.attribution.plan import Suite
from analysis.subjects import Subject


class Record:
    """Measures of one model (by one method), turned into rows.

    Attributes:
        head: columns that hold one value for all rows.
    """

    def __init__(self, suite: Suite, subject: Subject, **head):
        names = {"dataset": suite.dataset.name, "model": subject.name, "seed": subject.seed}
        self.head = {**names, **head}
        self.ids, self.labels = suite.ids, suite.dataset.labels.numpy()
        self.parts: list[pd.DataFrame] = []

    def add(self, faces: np.ndarray, value: Tensor, chance: Tensor | None, **what: str) -> None:
        """One measure of some faces, beside its value with the map of another face.

        Args:
            value, chance: (n,); chance None where there is none.
            what: the columns that name the measure.
        """
        count = len(faces)
        other = np.full(count, np.nan, np.float32) if chance is None else _floats(chance)
        constant = {name: _constant(text, count) for name, text in what.items()}
        self.parts.append(pd.DataFrame(
            {"image_id": self.ids[faces], "label": self.labels[faces].astype(np.int16), **constant,
             "value": _floats(value), "chance": other}
        ))

    def rows(self) -> pd.DataFrame:
        rows = pd.concat(self.parts, ignore_index=True)
        names = [name for name in rows if name not in ("image_id", "label", "value", "chance")]
        rows[names] = rows[names].astype("category")
        head = {name: _constant(value, len(rows)) for name, value in self.head.items()}
        return rows.assign(**head)[["image_id", "label", *head, *names, "value", "chance"]]

    def add_all(self, faces, found: Mapping[str, tuple[Tensor, Tensor]], **what: str) -> None:
        """{metric: (value, chance)} at once."""
        for metric, (value, chance) in found.items():
            self.add(faces, value, chance, metric=metric, **what)


def _constant(value, count: int):
    if isinstance(value, str):
        return pd.Categorical.from_codes(np.zeros(count, np.int8), [value])
    return np.full(count, -1 if value is None else value, np.int32)


def _floats(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy().astype(np.float32)
