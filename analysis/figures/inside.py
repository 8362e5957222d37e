"""What some nets can show of themselves: prototypes of classes, and the shares of streams."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.figures.attention import show_face
from analysis.figures.display import Display, chosen
from analysis.figures.importance import readable_on, signed_points
from analysis.figures.names import OCCLUDERS, OVER_FACES, model_titles, one_per_family, title
from analysis.figures.style import DOUBLE_COLUMN, SIGNED, points


def models(table: pd.DataFrame) -> list[str]:
    """The models to draw, one training seed of each."""
    return one_per_family(table["model"])


@dataclass
class Prototypes(Display):
    """A row per member of a bidirectional net, a column per expression: the face that it draws when
    it is told the class alone; above them the mean of the faces of the class.

    Attributes:
        prototypes: the table `prototypes.csv` of `iram zoo`.
        model: which of its models.
    """

    prototypes: pd.DataFrame
    model: str
    COLUMNS: ClassVar = {"prototypes": ("dataset", "model", "drawn_by", "expression", "pixels")}

    def _own(self) -> pd.DataFrame:
        return chosen(self.prototypes, f"no prototypes of model '{self.model}'", model=self.model)

    def size(self) -> tuple[float, float]:
        own = self._own()
        side = DOUBLE_COLUMN / (1 + own["expression"].nunique())
        return DOUBLE_COLUMN, side * own["drawn_by"].nunique() + 14

    def draw(self, figure):
        own = self._own()
        rows, columns = (list(dict.fromkeys(own[c])) for c in ("drawn_by", "expression"))
        grid = figure.subplots(len(rows), len(columns), squeeze=False)
        for told in own.itertuples():
            pixels = np.array(told.pixels.split(), int)
            side = round(len(pixels) ** 0.5)
            ax = grid[rows.index(told.drawn_by), columns.index(told.expression)]
            show_face(ax, pixels.reshape(side, side))
        for ax, name in zip(grid[0], columns, strict=True):
            ax.set_title(name)
        for ax, name in zip(grid[:, 0], rows, strict=True):
            ax.set_axis_on()
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.set_ylabel(name.replace("the faces", own["dataset"].iloc[0]))
        figure.suptitle(f"{model_titles([self.model])[self.model]}: the face that it draws of each "
                        "class", fontsize=points(8))
        return list(grid.flat)


@dataclass
class StreamShares(Display):
    """What each stream of a net adds to the logit of the face's own class, less the mean of what it
    adds to the others. Left: of clean faces, a row per expression; right: how that changes where a
    part of the face is covered, over all faces. Bold: the 95% interval excludes 0.

    Attributes:
        streams: the table `streams.csv` of `iram zoo`.
        model: which of its models.
    """

    streams: pd.DataFrame
    model: str
    COLUMNS: ClassVar = {"streams": ("model", "metric", "expression", "occluder", "stream", "value",
                                     "low", "high")}

    def _own(self, metric: str) -> pd.DataFrame:
        return chosen(self.streams, f"no streams of model '{self.model}'", model=self.model,
                      metric=metric)

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 7 * self._own("carried")["expression"].nunique() + 34

    def draw(self, figure):
        panels = list(figure.subplots(1, 2))
        tables = self._own("carried"), self._own("change")
        limit = max(table["value"].abs().max() for table in tables) or 1.0
        for ax, table, rows, names in zip(panels, tables, ("expression", "occluder"),
                                          ({}, OCCLUDERS), strict=True):
            image = _matrix(ax, table, rows, names, limit)
        panels[0].set_title("carried, by expression", pad=points(26))
        panels[1].set_title("change where it is covered", pad=points(26))
        bar = figure.colorbar(image, ax=panels, location="bottom", fraction=0.05, aspect=60)
        bar.set_label(f"{model_titles([self.model])[self.model]}: share in the logit of the face's "
                      f"class beyond the others\n(logits); bold: the interval ({OVER_FACES}) "
                      "excludes 0")
        bar.outline.set_visible(False)
        return panels


def _matrix(ax, table: pd.DataFrame, rows: str, names, limit: float):
    order, streams = (list(dict.fromkeys(table[column])) for column in (rows, "stream"))
    cells = table.set_index([rows, "stream"])[["value", "low", "high"]]
    value, low, high = (cells[column].unstack().reindex(index=order, columns=streams).to_numpy()
                        for column in cells)
    image = ax.imshow(value, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    for row, column in np.ndindex(value.shape):
        certain = low[row, column] > 0 or high[row, column] < 0
        ax.text(column, row, signed_points(value[row, column]), ha="center", va="center",
                fontsize=points(7), fontweight="bold" if certain else "normal",
                color=readable_on(image.cmap(image.norm(value[row, column]))))
    ax.set_xticks(range(len(streams)), streams, rotation=30, ha="left", rotation_mode="anchor")
    ax.set_yticks(range(len(order)), [title(name, names) for name in order])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return image
