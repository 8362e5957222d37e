"""The same faces under several conditions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.style import MM, STYLE, plt
from iram.errors import InputError

TILE = 14 * MM


@dataclass
class ContactSheet:
    """A contact sheet: a row per face, a column per condition.

    Attributes:
        faces: title of the condition -> its pictures (n, S, S) in [0, 1], as many and in the same
            order for every condition.
        names: one label per face, none if empty.
        figure_, axes_: after `plot`.
    """

    faces: Mapping[str, np.ndarray]
    names: tuple[str, ...] = ()
    figure_: Figure = field(default=None, repr=False)
    axes_: np.ndarray = field(default=None, repr=False)

    def plot(self) -> "ContactSheet":
        rows, columns = self._shape()
        with plt.style.context(STYLE):
            self.figure_, self.axes_ = plt.subplots(
                rows, columns, figsize=(TILE * columns + 12 * MM, TILE * rows + 8 * MM),
                squeeze=False, layout="constrained",
            )  # fmt: skip
            self.figure_.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
            for column, (title, pictures) in zip(self.axes_.T, self.faces.items(), strict=True):
                column[0].set_title(title, fontsize=6)  # a tile is narrower than a word
                for axis, picture in zip(column, pictures, strict=True):
                    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
                    axis.set(xticks=[], yticks=[])
                    axis.spines[:].set_visible(False)
            for axis, name in zip(self.axes_[:, 0], self.names, strict=False):
                axis.set_ylabel(name)
        return self

    def _shape(self) -> tuple[int, int]:
        shapes = {title: np.shape(pictures) for title, pictures in self.faces.items()}
        counts = {shape[0] for shape in shapes.values() if len(shape) == 3}
        if len(counts) != 1 or 0 in counts or any(len(shape) != 3 for shape in shapes.values()):
            raise InputError(f"pictures by condition of shapes {shapes}; expected (n, S, S) with "
                             "the same n, at least 1, for every condition")  # fmt: skip
        if self.names and len(self.names) != min(counts):
            raise InputError(f"{len(self.names)} names for {min(counts)} faces")
        return min(counts), len(self.faces)
