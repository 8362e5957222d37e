"""Which place of the face each expression leans on, as a matrix."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.figures.display import Display, chosen
from analysis.figures.names import OCCLUDERS, OVER_FACES, model_titles, one_per_family, title
from analysis.figures.style import DOUBLE_COLUMN, SIGNED, points

METRIC = "drop_beyond_box"
PANEL_COLUMNS = 11  # more occluders go to further panels below


def models(importance: pd.DataFrame) -> list[str]:
    """The models to draw, one training seed of each."""
    return one_per_family(importance.loc[importance["metric"] == METRIC, "model"])


@dataclass
class ImportanceMatrix(Display):
    """A row per expression (with its number of faces), a column per occluder: what is lost there.

    A cell is the points of accuracy that the occluder costs beyond random boxes of the same areas
    and fills; above 0 the expression leans on this place more than on an average one. Below it
    stands half the width of its 95% interval over images; bold: the interval excludes 0, each cell
    by itself. The colours of all models of one table have one scale. A panel for every eleven
    occluders.

    Attributes:
        importance: the table `importance.csv` of a benchmark.
        model: which of its models.
    """

    importance: pd.DataFrame
    model: str
    COLUMNS: ClassVar = {"importance": (
        "model", "expression", "occluder", "metric", "value", "low", "high", "n",
    )}

    def _own(self) -> pd.DataFrame:
        return chosen(self.importance, f"no occluder of model '{self.model}' has its random boxes "
                      "in this table", metric=METRIC, model=self.model)

    def _panels(self) -> list[np.ndarray]:
        occluders = list(dict.fromkeys(self._own()["occluder"]))
        return np.array_split(occluders, -(-len(occluders) // PANEL_COLUMNS))

    def size(self) -> tuple[float, float]:
        rows = self._own()["expression"].nunique()
        return DOUBLE_COLUMN, (7 * rows + 18) * len(self._panels()) + 14

    def draw(self, figure):
        own, panels = self._own(), self._panels()
        table = self.importance[self.importance["metric"] == METRIC]
        limit = 100 * table["value"].abs().max() or 1.0
        expressions = own.drop_duplicates("expression").sort_values(
            "expression", key=lambda names: names == "all", kind="stable"
        )  # the pooled row goes below
        axes = list(figure.subplots(len(panels), squeeze=False)[:, 0])
        for ax, names in zip(axes, panels, strict=True):
            image = self._panel(ax, own, expressions, names, limit)
            ax.set_xlim(-0.5, len(panels[0]) - 0.5)  # cells of all panels are of one size
        bar = figure.colorbar(image, ax=axes, location="bottom", fraction=0.04, aspect=60, pad=0.02)
        named = model_titles(table["model"])[self.model]
        bar.set_label(f"{named}: accuracy lost beyond the random box (points)\nbelow it: half the "
                      f"interval ({OVER_FACES}); bold: it excludes 0")
        bar.outline.set_visible(False)
        return axes

    def _panel(self, ax, own: pd.DataFrame, expressions: pd.DataFrame, names, limit: float):
        cells = own.set_index(["expression", "occluder"])[["value", "low", "high"]] * 100
        value, low, high = (
            cells[column].unstack().reindex(index=expressions["expression"], columns=names)
            .to_numpy() for column in cells
        )
        image = ax.imshow(value, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
        for row, column in np.ndindex(value.shape):
            found = value[row, column]
            certain = low[row, column] > 0 or high[row, column] < 0
            colour = readable_on(image.cmap(image.norm(found)))
            ax.text(column, row - 0.16, signed_points(found), ha="center", va="center",
                    fontsize=points(7), fontweight="bold" if certain else "normal", color=colour
                    )
            half = (high[row, column] - low[row, column]) / 2
            if np.isfinite(half):
                ax.text(column, row + 0.24, f"±{half:.1f}", ha="center", va="center",
                        fontsize=points(6), color=colour)
        titles = [title(name, OCCLUDERS) for name in names]
        ax.set_xticks(range(len(names)), titles, rotation=30, ha="left", rotation_mode="anchor")
        labels = [f"{row.expression} (n = {row.n})" for row in expressions.itertuples()]
        ax.set_yticks(range(len(labels)), labels)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        if "all" in set(expressions["expression"]):
            ax.plot([-0.5, len(names) - 0.5], [len(labels) - 1.5] * 2, color="black", linewidth=0.8)
        return image


def signed_points(value: float) -> str:
    """Signed, with one decimal and a true minus; "–" where undefined."""
    if np.isnan(value):
        return "–"
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def readable_on(colour) -> str:
    """Black or white, whichever is told from the colour (r, g, b, a) better."""
    luminance = np.dot(np.power(colour[:3], 2.2), [0.2126, 0.7152, 0.0722])
    return "black" if luminance > 0.18 or colour[3] == 0 else "white"
