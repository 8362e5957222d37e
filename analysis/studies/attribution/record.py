"""Long rows, one per image and measure, as they are collected."""

from array import array
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
        self.measured: list[tuple[int, dict[str, str]]] = []  # how many faces, and what of them
        self.faces, self.values, self.chances = array("q"), array("f"), array("f")

    def add(self, faces: np.ndarray, value: Tensor, chance: Tensor | None, **what: str) -> None:
        """One measure of some faces, beside its value with the map of another face.

        It goes into arrays that grow. Tables of each would lie scattered over the memory that the
        tensors of measures leave, so that larger ones found no room there.

        Args:
            value, chance: (n,); chance None where there is none.
            what: the columns that name the measure.
        """
        other = np.full(len(faces), np.nan, np.float32) if chance is None else _floats(chance)
        self.measured.append((len(faces), what))
        self.faces.frombytes(np.asarray(faces, np.int64).tobytes())
        self.values.frombytes(_floats(value).tobytes())
        self.chances.frombytes(other.tobytes())

    def rows(self) -> pd.DataFrame:
        faces = np.array(self.faces)
        names = dict.fromkeys(name for _, what in self.measured for name in what)
        return pd.DataFrame({
            "image_id": self.ids[faces], "label": self.labels[faces].astype(np.int16),
            **{name: _constant(value, len(faces)) for name, value in self.head.items()},
            **{name: self._texts(name) for name in names},
            "value": np.array(self.values), "chance": np.array(self.chances),
        })

    def _texts(self, name: str) -> pd.Categorical:
        """A column that names measures; of those that don't have it, nothing."""
        known = sorted({what[name] for _, what in self.measured if name in what})
        places = {None: -1, **{text: place for place, text in enumerate(known)}}
        codes = [places[what.get(name)] for _, what in self.measured]
        return pd.Categorical.from_codes(np.repeat(codes, [n for n, _ in self.measured]), known)

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
