"""How the regions of the face work together, expression by expression."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.figures.display import Display, chosen, shared_panels
from analysis.figures.importance import readable_on
from analysis.figures.names import OVER_FACES, model_titles
from analysis.figures.style import DOUBLE_COLUMN, SIGNED, points

TOGETHER, COVERED = "together", "covered"
TITLES = {TOGETHER: "worth together beyond each alone (Shapley–Taylor, logits)",
          COVERED: "Shapley value that the column gains as the row is covered (logits)"}
COLUMNS = 4
EVERY = "all"
FEWEST = 10  # a bootstrap of fewer faces gives intervals that are too short


@dataclass
class InteractionMatrix(Display):
    """A panel per expression that is explained, and one of all; in each a cell per two regions.

    Orange is above 0: the two are worth more together, or one stands in for the other that is
    covered; purple below. The sign is printed where the 95% interval over FEWEST faces or more
    excludes 0, each cell by itself. All panels have one scale.

    Attributes:
        interactions: the table `interactions.csv` of the attribution suite.
        model: which of its models.
        metric: "together" or "covered".
    """

    interactions: pd.DataFrame
    model: str
    metric: str = TOGETHER
    COLUMNS: ClassVar = {"interactions": ("model", "expression", "metric", "region", "other",
                                          "value", "low", "high", "n")}

    def _own(self) -> pd.DataFrame:
        return chosen(self.interactions, f"no '{self.metric}' of model '{self.model}' in this "
                      "table", model=self.model, metric=self.metric)

    def _expressions(self, own: pd.DataFrame) -> list[str]:
        names = dict.fromkeys(own["expression"])
        return [*(name for name in names if name != EVERY), EVERY]

    def size(self) -> tuple[float, float]:
        rows = -(-len(self._expressions(self._own())) // COLUMNS)
        return DOUBLE_COLUMN, 42 * rows + 26

    def draw(self, figure):
        own = self._own()
        names = list(dict.fromkeys([*own["region"], *own["other"]]))
        expressions = self._expressions(own)
        limit = own.loc[own["expression"] == EVERY, "value"].abs().max() * 1.5 or 1.0
        panels = shared_panels(figure, len(expressions), COLUMNS)
        for ax, expression in zip(panels, expressions, strict=True):
            part = own[own["expression"] == expression]
            image = self._panel(ax, part, names, limit)
            ax.set_title(f"{expression} (n = {part['n'].max()})")
        bar = figure.colorbar(image, ax=panels, location="bottom", fraction=0.04, aspect=60,
                              pad=0.02, extend="both")
        named = model_titles(self.interactions["model"])[self.model]
        bar.set_label(f"{named}: {TITLES[self.metric]}\n"
                      f"signs: the interval ({OVER_FACES}, {FEWEST} or more) excludes 0")
        bar.outline.set_visible(False)
        return panels

    def _panel(self, ax, part: pd.DataFrame, names: list[str], limit: float):
        table = part.set_index(["region", "other"])[["value", "low", "high"]]
        value, low, high = (table[column].unstack().reindex(names, columns=names).to_numpy()
                            for column in table)
        if self.metric == TOGETHER:  # each pair stands in the table once
            value, low, high = (np.where(np.isnan(one), one.T, one) for one in (value, low, high))
        image = ax.imshow(value, cmap=SIGNED, vmin=-limit, vmax=limit)
        certain = ((low > 0) | (high < 0)) & (part["n"].max() >= FEWEST)
        for row, column in zip(*np.nonzero(certain), strict=True):
            found = value[row, column]
            ax.text(column, row, "+" if found > 0 else "−", ha="center", va="center",
                    fontsize=points(7), color=readable_on(image.cmap(image.norm(found))))
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(len(names)), names)
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        return image


@dataclass
class CoveredMatrix(InteractionMatrix):
    """The same of what a region (column) gains as another (row) is covered."""

    metric: str = COVERED
