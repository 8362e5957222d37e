"""Which place of the face each expression leans on, as a matrix."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import DOUBLE_COLUMN, MM, OCCLUDER_TITLES, STYLE, plt
from iram.errors import InputError

METRIC = "drop_beyond_box"
COLOURS = "PuOr_r"  # purple to orange: told apart by the colour-blind; in grey by the sign printed
PANEL_COLUMNS = 11  # more occluders go to further panels below


@dataclass
class ImportanceMatrix:
    """A row per expression (with its number of faces), a column per occluder: what is lost there.

    A cell is the points of accuracy that the occluder costs beyond random boxes of the same areas
    and fills; above 0 the expression leans on this place more than on an average one. Bold: the 95%
    interval over images excludes 0, each cell by itself. The colours of all models of one table
    have one scale.

    Attributes:
        importance: the table `importance.csv` of a benchmark.
        model: which of its models.
        figure_, axes_: after `plot`; a panel for every eleven occluders.
    """

    importance: pd.DataFrame
    model: str
    figure_: Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "ImportanceMatrix":
        table = self.importance[self.importance["metric"] == METRIC]
        own = table[table["model"] == self.model]
        if own.empty:
            raise InputError(f"no occluder of model '{self.model}' has its random boxes in this "
                             "table")  # fmt: skip
        expressions = own.drop_duplicates("expression").sort_values(
            "expression", key=lambda names: names == "all", kind="stable"
        )  # the pooled row goes below
        occluders = list(dict.fromkeys(own["occluder"]))
        panels = np.array_split(occluders, -(-len(occluders) // PANEL_COLUMNS))
        limit = 100 * table["value"].abs().max() or 1.0
        height = (5.5 * len(expressions) + 20) * len(panels) + 14
        with plt.style.context(STYLE):
            self.figure_, axes = plt.subplots(
                len(panels), figsize=(DOUBLE_COLUMN, height * MM), squeeze=False,
                layout="constrained",
            )  # fmt: skip
            self.axes_ = list(axes[:, 0])
            for axis, names in zip(self.axes_, panels, strict=True):
                image = self._panel(axis, own, expressions, names, limit)
                axis.set_xlim(-0.5, len(panels[0]) - 0.5)  # cells of all panels are of one size
            bar = self.figure_.colorbar(image, ax=self.axes_, location="bottom", fraction=0.04,
                                        aspect=60, pad=0.02)  # fmt: skip
            bar.set_label(f"{self.model}: accuracy lost beyond the random box (points); bold: 95% "
                          "interval excludes 0")  # fmt: skip
            bar.outline.set_visible(False)
        return self

    def _panel(self, axis, own: pd.DataFrame, expressions: pd.DataFrame, names, limit: float):
        cells = own.set_index(["expression", "occluder"])[["value", "low", "high"]] * 100
        value, low, high = (
            cells[column].unstack().reindex(index=expressions["expression"], columns=names)
            .to_numpy() for column in cells
        )  # fmt: skip
        image = axis.imshow(value, cmap=COLOURS, vmin=-limit, vmax=limit, aspect="auto")
        for row, column in np.ndindex(value.shape):
            found = value[row, column]
            certain = low[row, column] > 0 or high[row, column] < 0
            axis.text(column, row, _points(found), ha="center", va="center", fontsize=7,
                      fontweight="bold" if certain else "normal",
                      color=_readable_on(image.cmap(image.norm(found))))  # fmt: skip
        titles = [OCCLUDER_TITLES.get(name, name.replace("_", " ")) for name in names]
        axis.set_xticks(range(len(names)), titles, rotation=30, ha="left", rotation_mode="anchor")
        labels = [f"{row.expression} (n = {row.n})" for row in expressions.itertuples()]
        axis.set_yticks(range(len(labels)), labels)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        if "all" in set(expressions["expression"]):
            axis.axhline(len(labels) - 1.5, color="black", linewidth=0.8)
        return image


def _points(value: float) -> str:
    """Signed, with one decimal and a true minus; "–" where undefined."""
    if np.isnan(value):
        return "–"
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def _readable_on(colour) -> str:
    """Black or white, whichever is told from the colour (r, g, b, a) better."""
    luminance = np.dot(np.power(colour[:3], 2.2), [0.2126, 0.7152, 0.0722])
    return "black" if luminance > 0.18 or colour[3] == 0 else "white"
