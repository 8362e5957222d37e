"""The same faces under several conditions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.figures.display import Display
from analysis.figures.style import points
from iram.errors import InputError

TILE = 17  # mm: 100 pixels on paper


@dataclass
class ContactSheet(Display):
    """A contact sheet: a row per face, a column per condition.

    Attributes:
        faces: title of the condition -> its pictures (n, S, S) in [0, 1], as many and in the same
            order for every condition.
        names: one label per face, none if empty.
    """

    faces: Mapping[str, np.ndarray]
    names: tuple[str, ...] = ()

    def size(self) -> tuple[float, float]:
        rows, columns = self._shape()
        return TILE * columns + 12, TILE * rows + 8

    def draw(self, figure):
        rows, columns = self._shape()
        grid = figure.subplots(rows, columns, squeeze=False)
        figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
        for column, (title, pictures) in zip(grid.T, self.faces.items(), strict=True):
            column[0].set_title(title, fontsize=points(6))  # a tile is narrower than a word
            for ax, picture in zip(column, pictures, strict=True):
                ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_visible(False)
        for ax, name in zip(grid[:, 0], self.names, strict=False):
            ax.set_ylabel(name, fontsize=points(6))
        return list(grid.flat)

    def _shape(self) -> tuple[int, int]:
        shapes = {title: np.shape(pictures) for title, pictures in self.faces.items()}
        counts = {shape[0] for shape in shapes.values() if len(shape) == 3}
        if len(counts) != 1 or 0 in counts or any(len(shape) != 3 for shape in shapes.values()):
            raise InputError(f"pictures by condition of shapes {shapes}; expected (n, S, S) with "
                             "the same n, at least 1, for every condition")
        if self.names and len(self.names) != min(counts):
            raise InputError(f"{len(self.names)} names for {min(counts)} faces")
        return min(counts), len(self.faces)
